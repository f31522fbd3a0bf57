//! Groups of mailboxes that share settings and a service account.

mod change;
mod check;
mod create;
mod list;
mod password;
mod preflight;
mod remove;
mod show;

use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tieline_model::{Endpoint, FeatureGroup, FeatureGroupId, Refusal, SmtpAddress, SyncSettings};
use tieline_ports::MailAccount;
use tieline_store::MailboxFilter;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{PAGE, endpoints, schema, unknown};
use crate::extract::object;
use crate::problem::Refused;
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(show::show, change::change, remove::remove))
        .routes(routes!(password::password))
        .routes(routes!(check::check))
        .routes(routes!(preflight::preflight))
}

/// A feature group. The service account's password can be written, not read.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GroupView {
    /// `fg_…`
    id: String,
    /// Its name.
    name: String,
    /// "IMAP Server": `ep_…`
    endpoint: String,
    /// The mail server's name.
    endpoint_name: String,
    /// "IMAP Account": the service account.
    account: String,
    /// Whether its password is stored.
    password_stored: bool,
    /// "Synchronization Options" and "Mailbox Options", as far as the group says anything.
    #[schema(value_type = schema::Settings)]
    settings: SyncSettings,
    /// How many mailboxes are in it.
    mailboxes: usize,
    /// What a person should know although it was saved.
    #[schema(value_type = Vec<schema::Refusal>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Refusal>,
}

impl GroupView {
    async fn new(web: &Web, group: FeatureGroup, warnings: Vec<Refusal>) -> Result<Self, Refused> {
        let endpoint = web.store.endpoint(group.endpoint).await?;
        let password_stored = web.store.secret(&secret_name(group.id)).await?.is_some();
        let filter = MailboxFilter { feature_group: Some(group.id), ..MailboxFilter::default() };
        let mailboxes = web.store.mailboxes(&filter, PAGE).await?.len();
        Ok(Self {
            id: group.id.to_string(),
            name: group.name,
            endpoint: group.endpoint.to_string(),
            endpoint_name: endpoint.map(|endpoint| endpoint.name).unwrap_or_default(),
            account: group.account.to_string(),
            password_stored,
            settings: group.settings,
            mailboxes,
            warnings,
        })
    }
}

/// What is said of a group; what is left out keeps its value or default.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupBody {
    /// Its name.
    name: Option<String>,
    /// The mail server, by name or id.
    endpoint: Option<String>,
    /// The service account, as user@domain.
    account: Option<String>,
    /// Its password; only when the group is made.
    #[schema(write_only)]
    password: Option<String>,
    /// The same once more.
    #[schema(write_only)]
    password_confirm: Option<String>,
    /// Settings; what they do not say is inherited.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<schema::Settings>)]
    settings: Option<SyncSettings>,
}

impl GroupBody {
    async fn apply(&self, web: &Web, group: &mut FeatureGroup) -> Result<(), Refused> {
        if let Some(name) = &self.name {
            super::check_name("a feature group", name)?;
            group.name.clone_from(name);
        }
        if let Some(endpoint) = &self.endpoint {
            group.endpoint = endpoints::find(web, endpoint).await?.id;
        }
        if let Some(account) = &self.account {
            group.account = address(account)?;
        }
        if let Some(settings) = &self.settings {
            group.settings = merged(&group.settings, settings);
        }
        Ok(())
    }
}

/// What the newer settings say, and otherwise what the older ones said.
pub(super) fn merged(older: &SyncSettings, newer: &SyncSettings) -> SyncSettings {
    SyncSettings {
        kinds: newer.kinds.or(older.kinds),
        calendar_mode: newer.calendar_mode.or(older.calendar_mode),
        folders: newer.folders.clone().or_else(|| older.folders.clone()),
        change_location: newer.change_location.or(older.change_location),
        save_contacts: newer.save_contacts.or(older.save_contacts),
        subject: newer.subject.clone().or_else(|| older.subject.clone()),
    }
}

pub(super) fn address(text: &str) -> Result<SmtpAddress, Refused> {
    text.parse().map_err(|_: tieline_model::AddressError| {
        let what = format!("{:?} is not a mail address", text.chars().take(80).collect::<String>());
        Refusal::permanent("bad-address", what, "write it in full, as alice@corp.example").into()
    })
}

/// By id or name.
pub(super) async fn find(web: &Web, reference: &str) -> Result<FeatureGroup, Refused> {
    let found = match reference.parse() {
        Ok(id) => web.store.feature_group(id).await?,
        Err(_) => web.store.feature_group_by_name(reference).await?,
    };
    found.ok_or_else(|| unknown("feature group", reference))
}

/// Where the store keeps a group's password.
pub(super) fn secret_name(id: FeatureGroupId) -> String {
    tieline_messaging::password_of(id)
}

/// The service accounts of the groups that use this server and whose passwords are stored, by the group's name.
pub(super) async fn accounts_of(
    web: &Web,
    endpoint: &Endpoint,
) -> Result<Vec<(String, MailAccount)>, Refused> {
    let mut accounts = Vec::new();
    for group in web.store.feature_groups().await? {
        if group.endpoint != endpoint.id {
            continue;
        }
        if let Some(password) = web.store.secret(&secret_name(group.id)).await? {
            let account = MailAccount { endpoint: endpoint.clone(), user: group.account, password };
            accounts.push((group.name, account));
        }
    }
    Ok(accounts)
}

/// The password, when both entries are the same and not empty (AV-41).
pub(super) fn confirmed(password: String, confirm: Option<&str>) -> Result<SecretString, Refusal> {
    if password.is_empty() {
        return Err(Refusal::permanent(
            "password-empty",
            "the password is empty",
            "type the service account's password",
        ));
    }
    if confirm != Some(password.as_str()) {
        let next = "type the same password in both fields";
        return Err(Refusal::permanent("passwords-differ", "the two passwords are not the same", next));
    }
    Ok(password.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AV-41
    #[test]
    fn both_entries_of_the_password_must_match() {
        assert!(confirmed("secret".into(), Some("secret")).is_ok());
        for (password, confirm) in [("secret", Some("Secret")), ("secret", None), ("", Some(""))] {
            assert!(confirmed(password.into(), confirm).is_err());
        }
    }
}
