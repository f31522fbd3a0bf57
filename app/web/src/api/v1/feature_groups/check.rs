use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_model::{Class, FeatureGroup, Mailbox, Refusal};
use tieline_ports::{MailAccount, MailTarget, PortError};
use tieline_store::MailboxFilter;
use utoipa::ToSchema;

use super::{address, find, secret_name};
use crate::api::v1::endpoints::Finding;
use crate::api::v1::{PAGE, unknown};
use crate::extract::{Body, Segment};
use crate::problem::{Problem, Refused};
use crate::web::Web;

/// What to look at besides the group itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupCheckBody {
    /// A mailbox that is not in the group and that the service account should not be able to open.
    outside: Option<String>,
}

/// What a check found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GroupChecked {
    findings: Vec<Finding>,
    /// How many of the three precautions are taken: a scoped role, a user without privileges, a rotated password.
    precautions: u8,
}

/// A password that is older was hardly rotated.
const ROTATED_WITHIN_DAYS: i64 = 180;
/// So many mailboxes are opened on behalf of.
const SAMPLE: usize = 20;

/// Checks the service account: that it signs in and may act for the group's mailboxes, and what it could do in wrong hands.
#[utoipa::path(post, path = "/feature-groups/{group}/check", tag = "feature groups", request_body = GroupCheckBody,
    params(("group" = String, Path, description = "Its name or id")),
    responses((status = 200, body = GroupChecked), (status = "4XX", body = Problem)))]
pub(super) async fn check(
    State(web): State<Arc<Web>>,
    Segment(group): Segment,
    Body(body): Body<GroupCheckBody>,
) -> Result<Json<GroupChecked>, Refused> {
    let group = find(&web, &group).await?;
    let outside = body.outside.as_deref().map(address).transpose()?;
    let endpoint = web.store.endpoint(group.endpoint).await?;
    let endpoint = endpoint.ok_or_else(|| unknown("endpoint", &group.endpoint.to_string()))?;
    let Some(password) = web.store.secret(&secret_name(group.id)).await? else {
        let next = format!("tieline feature-group set-password {:?} --password-file FILE", group.name);
        let missing = Refusal::operator("no-password", "the service account's password is not stored", next);
        return Ok(Json(GroupChecked { findings: vec![Finding::bad("sign in", missing)], precautions: 0 }));
    };
    let account = Arc::new(MailAccount { endpoint, user: group.account.clone(), password });
    let mut findings = vec![match web.mail.probe(&account).await {
        Ok(info) => Finding::good("sign in", format!("{} at build {}", group.account, info.build)),
        Err(error) => Finding::bad("sign in", error.refusal()),
    }];
    let filter = MailboxFilter { feature_group: Some(group.id), ..MailboxFilter::default() };
    let mailboxes = web.store.mailboxes(&filter, PAGE).await?;
    for mailbox in mailboxes.iter().take(SAMPLE) {
        findings.push(impersonation(&web, &account, mailbox).await);
    }
    let precautions = [
        scope(&web, &account, &group, outside.zip(mailboxes.first())).await,
        process_user(),
        rotation(&web, &group).await?,
    ];
    let taken = precautions.iter().filter(|finding| finding.ok).count();
    findings.extend(precautions);
    Ok(Json(GroupChecked { findings, precautions: u8::try_from(taken).unwrap_or(0) }))
}

pub(super) async fn impersonation(web: &Web, account: &Arc<MailAccount>, mailbox: &Mailbox) -> Finding {
    let target =
        MailTarget { account: Arc::clone(account), mailbox: mailbox.id, address: mailbox.address.clone() };
    match web.mail.check(&target).await {
        Ok(()) => Finding::good("impersonation", format!("may act for {}", mailbox.address)),
        Err(error) => Finding::bad("impersonation", error.refusal()),
    }
}

/// Rights over every mailbox are what a thief wants: the role should reach the group's mailboxes only.
pub(super) async fn scope(
    web: &Web,
    account: &Arc<MailAccount>,
    group: &FeatureGroup,
    outside: Option<(tieline_model::SmtpAddress, &Mailbox)>,
) -> Finding {
    let Some((address, inside)) = outside else {
        let next = format!("tieline feature-group check {:?} --outside SOMEBODY@ELSEWHERE", group.name);
        let what = "nobody said which mailbox the service account must not open";
        return Finding::bad("scope", Refusal::operator("scope-unknown", what, next));
    };
    let target = MailTarget { account: Arc::clone(account), mailbox: inside.id, address: address.clone() };
    match web.mail.check(&target).await {
        Ok(()) => {
            let what = format!("{} may also act for {address}, who is not in the group", group.account);
            let next =
                "limit its role in Exchange: New-ManagementRoleAssignment with -CustomRecipientWriteScope";
            Finding::bad("scope", Refusal::operator("scope-too-wide", what, next))
        }
        Err(PortError::Failed { refusal, .. }) if refusal.class == Class::Transient => {
            Finding::bad("scope", refusal)
        }
        Err(_) => Finding::good("scope", format!("may not act for {address}")),
    }
}

/// The source document makes the account an administrator of the machine; nothing here needs that (AV-65).
fn process_user() -> Finding {
    match std::fs::metadata("/proc/self").map(|process| process.uid()) {
        Ok(0) => {
            let next = "run it as a user of its own, as with User=tieline in its systemd unit";
            let what = "the server runs as root, which it has no use for";
            Finding::bad("process user", Refusal::operator("runs-as-root", what, next))
        }
        Ok(uid) => {
            Finding::good("process user", format!("the server runs as user {uid}, without privileges"))
        }
        Err(error) => {
            let what = format!("the server's user cannot be told: {error}");
            Finding::bad("process user", Refusal::operator("user-unknown", what, "mount /proc"))
        }
    }
}

async fn rotation(web: &Web, group: &FeatureGroup) -> Result<Finding, Refused> {
    let name = secret_name(group.id);
    let known = web.store.secrets().await?.into_iter().find(|secret| secret.name == name);
    let set = known.map_or(Timestamp::UNIX_EPOCH, |secret| secret.set);
    let days = web.clock.now().duration_since(set).as_hours() / 24;
    if days <= ROTATED_WITHIN_DAYS {
        return Ok(Finding::good("password", format!("set {days} days ago")));
    }
    let what = format!("the service account's password was set {days} days ago");
    let next =
        format!("change it in Active Directory, then: tieline feature-group set-password {:?}", group.name);
    Ok(Finding::bad("password", Refusal::operator("password-old", what, next)))
}
