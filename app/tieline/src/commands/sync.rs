//! `tieline sync …`: contacts and calendars in step with the mail server.

use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tieline_model::Refusal;

use crate::api::{Api, segment};
use crate::output::{Output, fields, items, lasting, text, time};

/// How long a command waits for the pass that it began.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, Subcommand)]
pub(crate) enum SyncCommand {
    /// Shows where a mailbox's contacts and calendar stand.
    Status {
        /// The mailbox, by number, address or id.
        #[arg(long)]
        mailbox: String,
    },
    /// Makes a dry run and shows what would be done; nothing is written.
    Plan(Which),
    /// Approves the plan and carries it out; from then on both sides are kept in step.
    Apply {
        #[command(flatten)]
        which: Which,
        /// Only the plan with this fingerprint; the one that waits without it.
        #[arg(long)]
        plan: Option<String>,
    },
    /// Begins a pass now and waits for its end.
    Run(Which),
    /// The same, with the items that were put aside.
    Retry(Which),
    /// Answers a pause.
    Resume {
        #[command(flatten)]
        which: Which,
        /// What is there is right: so many more deletions are believed.
        #[arg(long, value_name = "DELETIONS", conflicts_with = "rejoin")]
        accept: Option<u32>,
        /// Join both sides anew, with a dry run; nothing is deleted.
        #[arg(long, required_unless_present = "accept")]
        rejoin: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Which {
    /// The mailbox, by number, address or id.
    #[arg(long)]
    mailbox: String,
    /// contacts or calendar.
    #[arg(long, default_value = "contacts")]
    kind: String,
}

impl Which {
    fn path(&self) -> String {
        path(&self.mailbox)
    }

    async fn status(&self, api: &Api) -> Result<Value, Refusal> {
        let answer = api.get(&self.path()).await?;
        let found = items(&answer).iter().find(|one| one["kind"] == self.kind.as_str()).cloned();
        found.ok_or_else(|| {
            let what = format!("{:?} is neither contacts nor calendar", self.kind);
            Refusal::permanent("bad-kind", what, "write --kind contacts or --kind calendar")
        })
    }

    /// Says something and waits until a pass has ended since.
    async fn say(&self, api: &Api, mut body: Value) -> Result<Value, Refusal> {
        let before = self.status(api).await?;
        body["kind"] = json!(self.kind);
        api.post(&self.path(), &body).await?;
        let begun = Instant::now();
        loop {
            let now = self.status(api).await?;
            // A pass that is under way commits as well: only one that has come to an end counts.
            let ended = now["at"] != before["at"] && now["busy"] == json!(false);
            if ended {
                return Ok(now);
            }
            if begun.elapsed() > PATIENCE {
                let what = format!("the pass takes longer than {} minutes", PATIENCE.as_secs() / 60);
                return Err(Refusal::transient(
                    "sync-under-way",
                    what,
                    "tieline sync status shows how far it is",
                ));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn path(mailbox: &str) -> String {
    format!("/api/v1/mailboxes/{}/sync", segment(mailbox))
}

pub(crate) async fn run(command: SyncCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    match command {
        SyncCommand::Status { mailbox } => {
            let answer = api.get(&path(&mailbox)).await?;
            out.show(&answer, |a| items(a).iter().map(show).collect::<Vec<_>>().join("\n\n"));
        }
        SyncCommand::Plan(which) | SyncCommand::Run(which) => {
            out.show(&which.say(api, json!({"word": "run"})).await?, show);
        }
        SyncCommand::Retry(which) => {
            out.show(&which.say(api, json!({"word": "retry"})).await?, show);
        }
        SyncCommand::Apply { which, plan } => {
            let waiting = which.status(api).await?;
            let plan = plan
                .or_else(|| waiting["plan"]["fingerprint"].as_str().map(str::to_owned))
                .ok_or_else(|| {
                    Refusal::permanent(
                        "no-such-plan",
                        "no plan waits for approval",
                        "make one: tieline sync plan",
                    )
                })?;
            out.show(&which.say(api, json!({"word": "apply", "plan": plan})).await?, show);
        }
        SyncCommand::Resume { which, accept, .. } => {
            let body = match accept {
                Some(deletes) => json!({"word": "accept", "deletes": deletes, "edits": deletes}),
                None => json!({"word": "rejoin"}),
            };
            out.show(&which.say(api, body).await?, show);
        }
    }
    Ok(())
}

fn show(status: &Value) -> String {
    let mut pairs = vec![("kind", text(status, "kind"))];
    match text(status, "off").as_str() {
        "–" => pairs.push(("state", text(status, "standing"))),
        why => pairs.push(("state", format!("off: {why}"))),
    }
    pairs.push(("since", time(&text(status, "at"))));
    pairs.push(("linked", text(status, "linked")));
    if text(status, "pause") != "–" {
        pairs.push(("why", text(status, "pause")));
        pairs.push(("next", "tieline sync resume --accept N, or --rejoin".to_owned()));
    }
    if let Some(plan) = status.get("plan").filter(|plan| plan.is_object()) {
        let actions = plan["actions"].as_object().into_iter().flatten();
        let counts: Vec<String> = actions.map(|(name, count)| format!("{count} {name}")).collect();
        pairs.push(("plan", if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") }));
        for sample in plan["samples"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            pairs.push(("", sample.to_owned()));
        }
        pairs.push(("next", "tieline sync apply".to_owned()));
    }
    pairs.push(("snapshot", time(&text(status, "snapshot"))));
    pairs.push(("conflicts", text(status, "conflicts")));
    for (way, lag) in status["lag"].as_object().into_iter().flatten() {
        let of = |name: &str| lasting(lag.get(name).unwrap_or(&Value::Null));
        let measured = format!("half within {}, 99 % within {}", of("p50_ms"), of("p99_ms"));
        pairs.push((if way == "to-mail" { "lag to mail" } else { "lag to Tieline" }, measured));
    }
    for (link, why) in status["aside"].as_object().into_iter().flatten() {
        pairs.push(("put aside", format!("{link}: {}", why.as_str().unwrap_or_default())));
    }
    fields(&pairs)
}
