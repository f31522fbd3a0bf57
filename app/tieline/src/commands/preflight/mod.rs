//! `tieline preflight`: the whole way to the mail server, before anything is relied on, and the cmdlets that prepare it.

mod assignments;
mod cmdlets;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use tieline_model::Refusal;

use super::{endpoint, given};
use crate::api::{Api, segment};
use crate::output::{Output, items, text};

#[derive(Debug, Args)]
pub(crate) struct Preflight {
    /// The feature group whose service account goes the way; all groups without it.
    group: Option<String>,
    /// A mailbox that is not in the group and that the service account should not be able to open.
    #[arg(long, value_name = "ADDRESS", requires = "group")]
    outside: Option<String>,
    /// Try again for so many minutes while the role is not in force yet: a new one may take up to 30.
    #[arg(long, value_name = "MINUTES", requires = "group")]
    wait: Option<u64>,
    /// Print what must be done in Exchange, for PowerShell and for the admin center, and do nothing else.
    #[arg(long)]
    cmdlets: bool,
    /// The distribution group of the users that Tieline serves, for --cmdlets.
    #[arg(long, value_name = "NAME", default_value = "UM-Users", requires = "cmdlets")]
    users: String,
    /// Also read what Exchange said of the role assignments: the output of the last cmdlets of --cmdlets, as JSON.
    #[arg(long, value_name = "FILE", requires = "group")]
    assignments: Option<PathBuf>,
}

/// Between two tries while a role is not in force yet.
const PAUSE: Duration = Duration::from_secs(3);

pub(crate) async fn run(command: &Preflight, api: &Api, out: Output) -> Result<(), Refusal> {
    let groups = groups(command, api).await?;
    if command.cmdlets {
        let scripts: Vec<_> = groups.iter().map(|group| cmdlets::steps(group, &command.users)).collect();
        let answer = json!({ "items": scripts.iter().map(cmdlets::Steps::json).collect::<Vec<_>>() });
        out.show(&answer, |_| scripts.iter().map(cmdlets::Steps::text).collect::<Vec<_>>().join("\n"));
        return Ok(());
    }
    let mut flown = Vec::new();
    for group in &groups {
        flown.push(fly(command, api, out, &text(group, "name")).await?);
    }
    let assignments = match &command.assignments {
        Some(file) => Some(assignments::read(file)?),
        None => None,
    };
    let mut answer = json!({ "items": flown });
    if let (Some(assignments), Some(answer)) = (&assignments, answer.as_object_mut()) {
        answer.insert("assignments".to_owned(), json!(assignments));
    }
    out.show(&answer, |answer| shown(out, answer));
    if let (Some(assignments), Some(account)) = (&assignments, flown.first().map(|one| text(one, "account")))
    {
        if !out.json() {
            out.line(&assignments::shown(assignments));
        }
        assignments::judge(assignments, &account)?;
    }
    flown.iter().try_for_each(endpoint::failed)
}

async fn groups(command: &Preflight, api: &Api) -> Result<Vec<Value>, Refusal> {
    if let Some(group) = &command.group {
        return Ok(vec![api.get(&format!("/api/v1/feature-groups/{}", segment(group))).await?]);
    }
    let listed = api.get("/api/v1/feature-groups").await?;
    if items(&listed).is_empty() {
        let next = "tieline feature-group add Sales --endpoint corp --account svc-tieline@corp.example --password-file FILE";
        return Err(Refusal::operator(
            "no-feature-group",
            "there is no feature group with a service account",
            next,
        ));
    }
    Ok(items(&listed).to_vec())
}

/// One group's way. Tried again while only the role is missing, if that was asked for.
async fn fly(command: &Preflight, api: &Api, out: Output, group: &str) -> Result<Value, Refusal> {
    let path = format!("/api/v1/feature-groups/{}/preflight", segment(group));
    let body = given([("outside", command.outside.clone().map(Into::into))]);
    let until = command.wait.map(|minutes| Instant::now() + Duration::from_secs(minutes * 60));
    let mut tries = 1;
    loop {
        let mut answer = api.post(&path, &body).await?;
        if !waits_for_role(&answer) || until.is_none_or(|until| Instant::now() + PAUSE > until) {
            if let Some(answer) = answer.as_object_mut() {
                answer.insert("group".to_owned(), group.into());
                answer.insert("tries".to_owned(), tries.into());
            }
            return Ok(answer);
        }
        if !out.json() {
            out.line(&format!(
                "{group}: the role is not in force yet (try {tries}); a new member of a role group may take up to 30 minutes"
            ));
        }
        tokio::time::sleep(PAUSE).await;
        tries += 1;
    }
}

/// Whether nothing is missing but the role's arrival on every server.
fn waits_for_role(answer: &Value) -> bool {
    let findings = answer.get("findings").and_then(Value::as_array);
    let failed = findings.into_iter().flatten().filter(|finding| text(finding, "state") == "failed");
    let names: Vec<_> = failed.map(|finding| text(finding, "name")).collect();
    !names.is_empty() && names.iter().all(|name| name == "impersonation" || name == "role assignment")
}

fn shown(out: Output, answer: &Value) -> String {
    let groups = items(answer).iter().map(|group| {
        let title =
            format!("{}: {} at {}", text(group, "group"), text(group, "account"), text(group, "server"));
        format!("{}\n{}", out.heading(&title), endpoint::findings(out, group))
    });
    groups.collect::<Vec<_>>().join("\n\n")
}
