//! The role assignments as Exchange lists them: `Get-ManagementRoleAssignment … | ConvertTo-Json`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_model::Refusal;

use crate::output::table;

/// One assignment of the role ApplicationImpersonation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Assignment {
    /// Its name.
    pub(super) name: String,
    /// Whom it makes able to impersonate; a member of a role group has it by that group.
    #[serde(default)]
    effective_user_name: String,
    /// `Organization`, `CustomRecipientScope` and the like.
    #[serde(default)]
    recipient_write_scope: String,
    /// The management scope that limits it.
    #[serde(default)]
    custom_recipient_write_scope: Option<String>,
}

/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

pub(super) fn read(file: &Path) -> Result<Vec<Assignment>, Refusal> {
    let at = |refusal: Refusal| refusal.at(file.display().to_string());
    let next = "write it with the last lines of: tieline preflight GROUP --cmdlets";
    let unreadable = |error: String| at(Refusal::permanent("assignments-unreadable", error, next));
    let size = std::fs::metadata(file).map_err(|error| unreadable(error.to_string()))?.len();
    if size > LARGEST {
        return Err(unreadable("the file is larger than any list of assignments".to_owned()));
    }
    let bytes = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    parse(&text_of(&bytes))
        .map_err(|error| unreadable(format!("the file is no list of assignments: {error}")))
}

/// Windows PowerShell writes files in UTF-16.
fn text_of(bytes: &[u8]) -> String {
    let wide = |read: fn([u8; 2]) -> u16| -> String {
        let pairs = bytes.chunks_exact(2).skip(1).filter_map(|pair| pair.try_into().ok());
        String::from_utf16_lossy(&pairs.map(read).collect::<Vec<u16>>())
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').to_owned(),
    }
}

/// A single assignment comes without brackets.
fn parse(text: &str) -> Result<Vec<Assignment>, serde_json::Error> {
    match serde_json::from_str(text)? {
        one @ Value::Object(_) => Ok(vec![serde_json::from_value(one)?]),
        many => serde_json::from_value(many),
    }
}

pub(super) fn shown(assignments: &[Assignment]) -> String {
    let rows = assignments.iter().map(|one| {
        let scope = one.custom_recipient_write_scope.clone().unwrap_or_default();
        vec![one.name.clone(), one.effective_user_name.clone(), one.recipient_write_scope.clone(), scope]
    });
    let headers = ["role assignment", "effective for", "reaches", "scope"];
    table(&headers, rows.collect(), "Exchange has no assignment of ApplicationImpersonation.")
}

/// Whether the account is among those that the role is in force for, and that its reach is limited.
pub(super) fn judge(assignments: &[Assignment], account: &str) -> Result<(), Refusal> {
    let alias = account.split('@').next().unwrap_or_default();
    let is = |one: &&Assignment| {
        let name = one.effective_user_name.rsplit(['/', '\\']).next().unwrap_or_default();
        name.eq_ignore_ascii_case(alias) || name.eq_ignore_ascii_case(account)
    };
    let own: Vec<_> = assignments.iter().filter(is).collect();
    if own.is_empty() {
        let what = format!(
            "Exchange lists no assignment of ApplicationImpersonation that is effective for {account}"
        );
        return Err(Refusal::operator("no-assignment", what, "tieline preflight GROUP --cmdlets"));
    }
    let wide =
        own.iter().find(|one| one.custom_recipient_write_scope.as_deref().unwrap_or_default().is_empty());
    match wide {
        Some(wide) => {
            let what = format!("the assignment {} reaches every mailbox of the organization", wide.name);
            let next = "limit it: Set-ManagementRoleAssignment -CustomRecipientWriteScope; see tieline preflight GROUP --cmdlets";
            Err(Refusal::operator("scope-too-wide", what, next))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"[{"Name":"Tieline Sales","EffectiveUserName":"corp.example/Service/svc-tieline",
        "RecipientWriteScope":"CustomRecipientScope","CustomRecipientWriteScope":"Tieline Sales","IsValid":true},
        {"Name":"Old","EffectiveUserName":"backup","RecipientWriteScope":"Organization","CustomRecipientWriteScope":null}]"#;

    /// Covers: AV-29 (as Exchange lists them), AV-27 (as Exchange lists them)
    #[test]
    fn exchanges_own_list_is_read_shown_and_judged() {
        let list = parse(LIST).unwrap();
        judge(&list, "svc-tieline@corp.example").unwrap();
        assert!(shown(&list).contains("Tieline Sales"));
        assert_eq!(judge(&list, "backup@corp.example").unwrap_err().code, "scope-too-wide");
        assert_eq!(judge(&list, "nobody@corp.example").unwrap_err().code, "no-assignment");
        let single = r#"{"Name":"One","EffectiveUserName":"svc-tieline"}"#;
        assert_eq!(parse(single).unwrap().len(), 1);
        let wide: Vec<u8> =
            [0xfeff_u16].into_iter().chain(LIST.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(parse(&text_of(&wide)).unwrap(), list);
        assert!(parse("{}").is_err() && parse("[1]").is_err() && parse("").is_err());
    }
}
