use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_model::{ContactAddress, FeatureGroup, Mailbox, Refusal};
use tieline_ports::{AccountFacts, AccountPolicy, MailAccount, MailTarget, PasswordEnd};
use tieline_store::MailboxFilter;
use utoipa::ToSchema;

use super::check::{impersonation, scope};
use super::{address, find, secret_name};
use crate::api::v1::endpoints::Finding;
use crate::api::v1::{PAGE, unknown};
use crate::extract::{Body, Segment};
use crate::problem::{Problem, Refused};
use crate::web::Web;

/// How far a preflight goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreflightBody {
    /// A mailbox that is not in the group and that the service account should not be able to open.
    outside: Option<String>,
    /// Leave out the item that is written, read back and removed.
    #[serde(default)]
    without_item: bool,
}

/// What was seen, in the order in which it was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Preflown {
    /// The service account that was looked at.
    account: String,
    /// The mail server.
    server: String,
    findings: Vec<Finding>,
    /// For whom the account may act, as it was tried.
    may_act_for: Vec<String>,
    /// For whom it may not.
    may_not_act_for: Vec<String>,
}

/// So many mailboxes are opened on behalf of.
const SAMPLE: usize = 50;
/// From so many days on people are warned of a password's end.
const PASSWORD_DAYS: i64 = 14;

/// Goes the whole way to the mail server with the service account, step by step, and says what it saw: name, port,
/// certificate, sign-in, version, the account's own mailbox, its password and policy, for whom it may act, and a first
/// item. Stops where it cannot go on. Nothing is changed.
#[utoipa::path(post, path = "/feature-groups/{group}/preflight", tag = "feature groups", request_body = PreflightBody,
    params(("group" = String, Path, description = "Its name or id")),
    responses((status = 200, body = Preflown), (status = "4XX", body = Problem)))]
pub(super) async fn preflight(
    State(web): State<Arc<Web>>,
    Segment(group): Segment,
    Body(body): Body<PreflightBody>,
) -> Result<Json<Preflown>, Refused> {
    let group = find(&web, &group).await?;
    let outside = body.outside.as_deref().map(address).transpose()?;
    let endpoint = web.store.endpoint(group.endpoint).await?;
    let endpoint = endpoint.ok_or_else(|| unknown("endpoint", &group.endpoint.to_string()))?;
    let mut seen = Preflown {
        account: group.account.to_string(),
        server: endpoint.url(),
        findings: vec![role(&web).await?],
        may_act_for: Vec::new(),
        may_not_act_for: Vec::new(),
    };
    let password = web.store.secret(&secret_name(group.id)).await?;
    let account = Arc::new(MailAccount {
        endpoint,
        user: group.account.clone(),
        password: password.clone().unwrap_or_else(|| String::new().into()),
    });
    if !way(&web, &account, &mut seen).await {
        return Ok(Json(seen));
    }
    if password.is_none() {
        let next = format!("tieline feature-group set-password {:?} --password-file FILE", group.name);
        let missing = Refusal::operator("no-password", "the service account's password is not stored", next);
        seen.findings.push(Finding::bad("sign in", missing));
        return Ok(Json(seen));
    }
    match web.preflight.account(&account).await {
        Ok(facts) => of_account(&web, &group, &facts, &mut seen).await,
        Err(error) => {
            seen.findings.push(Finding::bad("sign in", error.refusal()));
            policy(&web, &group, None, &mut seen).await;
            return Ok(Json(seen));
        }
    }
    let filter = MailboxFilter { feature_group: Some(group.id), ..MailboxFilter::default() };
    let mailboxes = web.store.mailboxes(&filter, PAGE).await?;
    let first = acting(&web, &account, &mailboxes, &mut seen).await;
    if outside.is_some() {
        let found = scope(&web, &account, &group, outside.zip(mailboxes.first())).await;
        seen.findings.push(found);
    }
    if let Some(target) = first.filter(|_| !body.without_item) {
        seen.findings.push(match web.preflight.rehearse(&target).await {
            Ok(()) => {
                Finding::good("first item", format!("written, read back and removed for {}", target.address))
            }
            Err(error) => Finding::bad("first item", error.refusal()),
        });
    }
    Ok(Json(seen))
}

/// Whether this node exchanges anything at all, and for how many (AV-14).
async fn role(web: &Web) -> Result<Finding, Refused> {
    let enabled = web.enabled_mailboxes().await?;
    if web.exchanges {
        return Ok(Finding::good(
            "role",
            format!("this node exchanges with mail servers; {enabled} mailboxes are enabled"),
        ));
    }
    let what =
        format!("this node exchanges nothing with mail servers; {enabled} mailboxes wait for one that does");
    Ok(Finding::bad(
        "role",
        Refusal::operator("role-off", what, "set [delivery] enabled = true and restart it"),
    ))
}

/// Name, port, certificate. False when it ended before the server.
async fn way(web: &Web, account: &MailAccount, seen: &mut Preflown) -> bool {
    for step in web.preflight.way(account).await {
        let arrived = step.outcome.is_ok();
        seen.findings.push(match step.outcome {
            Ok(detail) => Finding::good(step.name, detail),
            Err(refusal) => Finding::bad(step.name, refusal),
        });
        if !arrived {
            return false;
        }
    }
    true
}

/// What the server says of the account.
async fn of_account(web: &Web, group: &FeatureGroup, facts: &AccountFacts, seen: &mut Preflown) {
    seen.findings.push(Finding::good("sign in", format!("the server lets {} in", group.account)));
    let build = &facts.server.build;
    seen.findings.push(match facts.server.version {
        Some(version) => Finding::good("version", format!("{}, build {build}: EWS it is", version.label())),
        None => {
            let what = format!("build {build} is older than Exchange 2007, which has no EWS");
            Finding::bad("version", Refusal::operator("version-too-old", what, "upgrade the server"))
        }
    });
    seen.findings.push(match &facts.mailbox {
        Ok(own) => {
            let alias = match own.address.eq_ignore_ascii_case(group.account.as_str()) {
                true => String::new(),
                false => format!(", whose own address is {}", own.address),
            };
            let size = own.bytes.map(|bytes| format!(", {} MB", bytes >> 20)).unwrap_or_default();
            Finding::good("own mailbox", format!("{:?}{alias}: {} items{size}", own.name, own.items))
        }
        Err(refusal) => Finding::doubtful("own mailbox", refusal.clone()),
    });
    policy(web, group, Some(&facts.password), seen).await;
}

/// What would lock the account out: the directory's word, and Exchange's about the password (AV-21, AV-22).
async fn policy(web: &Web, group: &FeatureGroup, told: Option<&PasswordEnd>, seen: &mut Preflown) {
    let now = web.clock.now();
    let policy = match &web.directory {
        Some(directory) => directory.account_policy(group.account.as_str()).await,
        None => Ok(None),
    };
    let policy = match policy {
        Ok(policy) => policy,
        Err(error) => {
            seen.findings.push(Finding::doubtful("policy", error.refusal()));
            None
        }
    };
    if let Some(policy) = &policy {
        let trouble = locked_out(policy, now);
        if trouble.is_empty() {
            seen.findings.push(Finding::good("policy", format!("{}: nothing locks it out", policy.name)));
        }
        seen.findings.extend(trouble);
    }
    seen.findings.push(password(policy.as_ref(), told, now));
}

fn locked_out(policy: &AccountPolicy, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut bad = |code: &str, what: String, next: &str| {
        found.push(Finding::bad("policy", Refusal::operator(code, what, next).at(&policy.name)));
    };
    if policy.disabled {
        bad("account-disabled", "the directory has switched the account off".to_owned(), "Enable-ADAccount");
    }
    if let Some(since) = policy.locked_since {
        bad(
            "account-locked",
            format!("the account is locked since {since}"),
            "Unlock-ADAccount; then look for what still has the old password",
        );
    }
    if policy.must_change_password {
        bad(
            "password-must-change",
            "the password must be changed at the next sign-in, which a service cannot do".to_owned(),
            "Set-ADUser -ChangePasswordAtLogon $false",
        );
    }
    match policy.ends {
        Some(end) if end <= now => {
            bad("account-ended", format!("the account ended at {end}"), "Clear-ADAccountExpiration");
        }
        Some(end) => {
            let refusal = Refusal::operator(
                "account-ends",
                format!("the account ends at {end}"),
                "Clear-ADAccountExpiration",
            );
            found.push(Finding::doubtful("policy", refusal.at(&policy.name)));
        }
        None => {}
    }
    if let Some(hours) = policy.hours {
        let what = format!("the account may sign in during {hours} of the week's 168 hours only");
        let next = "allow all hours: Set-ADUser -Replace @{logonHours = [byte[]](,0xFF * 21)}";
        found
            .push(Finding::doubtful("policy", Refusal::operator("logon-hours", what, next).at(&policy.name)));
    }
    found
}

fn password(policy: Option<&AccountPolicy>, told: Option<&PasswordEnd>, now: Timestamp) -> Finding {
    let never = policy.is_some_and(|policy| policy.password_never_ends);
    let end = match told {
        Some(PasswordEnd::At(end)) => Some(*end),
        _ => policy.and_then(|policy| policy.password_ends),
    };
    let next =
        "change it in Active Directory, then: tieline feature-group set-password GROUP --password-file FILE";
    match (end, told) {
        (Some(end), _) if !never => {
            let days = end.duration_since(now).as_secs().div_euclid(24 * 3600);
            let end = |what: String| Refusal::operator("password-ends", what, next);
            if days < 0 {
                Finding::bad("password", end("the password has ended".to_owned()))
            } else if days <= PASSWORD_DAYS {
                Finding::doubtful("password", end(format!("the password ends in {days} days")))
            } else {
                Finding::good("password", format!("ends in {days} days; warned {PASSWORD_DAYS} days before"))
            }
        }
        (_, Some(PasswordEnd::Never)) => Finding::good("password", "never ends; rotate it all the same"),
        _ if never => Finding::good("password", "never ends; rotate it all the same"),
        (_, Some(PasswordEnd::Unknown(refusal))) => {
            let what = format!("nobody tells when the password ends: {}", refusal.what);
            let next =
                "look with Get-ADUser -Properties PasswordNeverExpires, msDS-UserPasswordExpiryTimeComputed";
            Finding::doubtful("password", Refusal::operator("password-end-unknown", what, next))
        }
        _ => {
            let next = "look with Get-ADUser -Properties PasswordNeverExpires, PasswordLastSet";
            Finding::doubtful(
                "password",
                Refusal::operator("password-end-unknown", "nobody tells when the password ends", next),
            )
        }
    }
}

/// For whom the account may act, tried on the group's mailboxes: the effective role with its scope, whatever assignments
/// make it up (AV-27, AV-29). The first for whom it may.
async fn acting(
    web: &Web,
    account: &Arc<MailAccount>,
    mailboxes: &[Mailbox],
    seen: &mut Preflown,
) -> Option<MailTarget> {
    let wanted: Vec<_> =
        mailboxes.iter().filter(|mailbox| mailbox.may_synchronize().unwrap_or(false)).take(SAMPLE).collect();
    let mut first = None;
    for mailbox in &wanted {
        let finding = impersonation(web, account, mailbox).await;
        if finding.ok {
            seen.may_act_for.push(mailbox.address.to_string());
            first.get_or_insert_with(|| MailTarget {
                account: Arc::clone(account),
                mailbox: mailbox.id,
                address: mailbox.address.clone(),
            });
        } else {
            let answered = finding.refusal.as_ref().is_some_and(|refusal| {
                ["impersonation-denied", "unknown-mailbox"].contains(&refusal.code.as_str())
            });
            seen.may_not_act_for.push(mailbox.address.to_string());
            seen.findings.push(finding);
            if !answered {
                // The server fails otherwise; the others would only wait for it as well.
                break;
            }
        }
    }
    let tried = wanted.len();
    seen.findings.push(match (tried, seen.may_act_for.len()) {
        (0, _) => {
            let next = "tieline mailbox add 1001 alice@corp.example --group GROUP";
            let what = "the group has no enabled mailbox to try the role with";
            Finding::doubtful("role assignment", Refusal::operator("nobody-to-act-for", what, next))
        }
        (_, 0) => Finding::bad("role assignment", not_yet(account)),
        (_, may) if may == tried => Finding::good(
            "role assignment",
            format!("ApplicationImpersonation holds for all {tried} mailboxes tried"),
        ),
        (_, may) => {
            let what = format!("ApplicationImpersonation holds for {may} of {tried} mailboxes tried");
            let next = "widen its scope to the others: tieline preflight GROUP --cmdlets";
            Finding::bad("role assignment", Refusal::operator("scope-too-narrow", what, next))
        }
    });
    first
}

/// A role that was just given is not known to every server at once (AV-28).
fn not_yet(account: &MailAccount) -> Refusal {
    Refusal::operator(
        "no-role-yet",
        format!(
            "{} may act for nobody: no ApplicationImpersonation assignment is in force for it",
            account.user
        ),
        "if it was given just now, it may take up to 30 minutes until every server knows: tieline preflight GROUP --wait 30; \
         else tieline preflight GROUP --cmdlets prints how to give it",
    )
}

impl Web {
    /// Mailboxes that are switched on and may exchange with their mail system.
    pub(crate) async fn enabled_mailboxes(&self) -> Result<usize, Refused> {
        let mut filter = MailboxFilter::default();
        let mut enabled = 0;
        loop {
            let page = self.store.mailboxes(&filter, PAGE).await?;
            enabled += page.iter().filter(|mailbox| mailbox.may_synchronize().unwrap_or(false)).count();
            match page.last() {
                Some(last) if page.len() == PAGE as usize => filter.after = Some(last.number.clone()),
                _ => return Ok(enabled),
            }
        }
    }

    /// Whether the directory knows whose mailbox this is (AV-48). A mailbox of somebody else's would get their messages.
    pub(crate) async fn doubts_about(&self, mailbox: &Mailbox) -> Vec<Refusal> {
        let Some(directory) = &self.directory else { return Vec::new() };
        let contact = ContactAddress::Mail(mailbox.address.clone());
        let warning = |what: String, next: String| {
            vec![Refusal::operator("user-name-doubtful", what, next).at(mailbox.address.as_str())]
        };
        let check = "compare the User Name with the directory: a wrong one sends messages to somebody else"
            .to_owned();
        match directory.resolve(&contact).await.found {
            tieline_ports::Found::One(person) => {
                let named = mailbox.display_name.trim();
                if named.is_empty() || named.eq_ignore_ascii_case(person.display_name.trim()) {
                    return Vec::new();
                }
                warning(
                    format!(
                        "the directory has {} as {}, not as {named}",
                        mailbox.address, person.display_name
                    ),
                    check,
                )
            }
            tieline_ports::Found::Several(people) => warning(
                format!("{} belongs to {} people in the directory", mailbox.address, people.len()),
                check,
            ),
            tieline_ports::Found::Nobody { nearest } => {
                let next =
                    nearest.first().map(|person| format!("did you mean {}? {check}", person.display_name));
                warning(
                    format!("the directory knows nobody with the address {}", mailbox.address),
                    next.unwrap_or(check),
                )
            }
            // Not asked: the directory's own check says so.
            tieline_ports::Found::Unknown { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    /// Covers: AV-22
    #[test]
    fn the_end_of_a_password_is_told_14_days_ahead() {
        let at = |end: &str| PasswordEnd::At(end.parse().unwrap());
        let of = |end: &str| password(None, Some(&at(end)), now());
        assert_eq!(of("2026-12-25T12:00:00Z").state, "ok");
        let soon = of("2026-12-07T12:00:00Z");
        assert_eq!((soon.state, soon.detail.as_str()), ("warning", "the password ends in 14 days"));
        assert_eq!(of("2026-11-23T11:00:00Z").state, "failed");
        assert!(password(None, Some(&PasswordEnd::Never), now()).detail.contains("rotate"));
        // Where Exchange does not tell, the directory may.
        let unknown = PasswordEnd::Unknown(Refusal::operator("x", "too old", "y"));
        assert_eq!(password(None, Some(&unknown), now()).state, "warning");
        let policy = AccountPolicy {
            password_ends: Some("2026-11-30T12:00:00Z".parse().unwrap()),
            ..AccountPolicy::default()
        };
        assert_eq!(password(Some(&policy), Some(&unknown), now()).detail, "the password ends in 7 days");
        let never = AccountPolicy { password_never_ends: true, ..AccountPolicy::default() };
        assert_eq!(password(Some(&never), Some(&unknown), now()).state, "ok");
    }

    /// Covers: AV-21
    #[test]
    fn every_way_in_which_policy_locks_an_account_out_is_named() {
        let states = |policy: AccountPolicy| -> Vec<(&str, String)> {
            let found = locked_out(&policy, now()).into_iter();
            found
                .map(|one| (one.state, one.refusal.map(|refusal| refusal.code).unwrap_or_default()))
                .collect()
        };
        assert!(states(AccountPolicy::default()).is_empty());
        let all = AccountPolicy {
            disabled: true,
            locked_since: Some(now()),
            must_change_password: true,
            ends: Some(now()),
            hours: Some(40),
            ..AccountPolicy::default()
        };
        let expected =
            ["account-disabled", "account-locked", "password-must-change", "account-ended", "logon-hours"];
        assert_eq!(states(all).iter().map(|(_, code)| code.as_str()).collect::<Vec<_>>(), expected);
        let later =
            AccountPolicy { ends: Some("2027-01-01T00:00:00Z".parse().unwrap()), ..AccountPolicy::default() };
        assert_eq!(states(later), [("warning", "account-ends".to_owned())]);
    }
}
