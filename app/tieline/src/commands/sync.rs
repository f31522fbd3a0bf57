//! `tieline sync …`: contacts and calendars in step with the mail server.

use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
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
    /// contacts, calendar, or all: contacts first, then the calendar, as far as they are switched on.
    #[arg(long, default_value = "contacts")]
    kind: String,
}

impl Which {
    fn path(&self) -> String {
        path(&self.mailbox)
    }

    /// The kinds that are meant, in their order, each by itself.
    async fn each(&self, api: &Api) -> Result<Vec<Self>, Refusal> {
        if self.kind != "all" {
            return Ok(vec![self.clone()]);
        }
        let answer = api.get(&self.path()).await?;
        let on = |kind: &&Value| kind["off"].is_null();
        let one = |kind: &Value| Self { mailbox: self.mailbox.clone(), kind: text(kind, "kind") };
        let all: Vec<Self> = items(&answer).iter().filter(on).map(one).collect();
        if all.is_empty() {
            let why = items(&answer).first().map(|kind| text(kind, "off")).unwrap_or_default();
            let next = "switch contacts or calendar on: tieline feature-group edit, or tieline mailbox edit";
            return Err(Refusal::permanent("not-synchronized", why, next).at(&self.mailbox));
        }
        Ok(all)
    }

    async fn status(&self, api: &Api) -> Result<Value, Refusal> {
        let answer = api.get(&self.path()).await?;
        let found = items(&answer).iter().find(|one| one["kind"] == self.kind.as_str()).cloned();
        found.ok_or_else(|| {
            let what = format!("{:?} is neither contacts nor calendar nor all", self.kind);
            Refusal::permanent("bad-kind", what, "write --kind contacts, --kind calendar or --kind all")
        })
    }

    /// Says something and waits until a pass has ended that began since.
    async fn say(&self, api: &Api, out: Output, mut body: Value) -> Result<Value, Refusal> {
        body["kind"] = json!(self.kind);
        let answer = api.post(&self.path(), &body).await?;
        let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let said = time(&answer["said"]);
        let begun = Instant::now();
        let progress = Progress::new(&self.kind, out);
        loop {
            let now = self.status(api).await?;
            // A pass that was under way at the time says nothing about what came since.
            if said.is_none() || time(&now["heard"]) >= said {
                return Ok(now);
            }
            if let Some(why) = now["off"].as_str() {
                let next = "switch it on in the feature group or the mailbox: tieline mailbox edit";
                return Err(Refusal::permanent("not-synchronized", why, next).at(&self.mailbox));
            }
            progress.show(&now);
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

/// How far a pass is, while somebody looks at the terminal.
struct Progress(ProgressBar);

impl Progress {
    fn new(kind: &str, out: Output) -> Self {
        let bar = if out.json() { ProgressBar::hidden() } else { ProgressBar::no_length() };
        // Drawn on standard error, and only on a terminal.
        let style = ProgressStyle::with_template("{msg}  {bar:30}  {pos} of {len}  {elapsed}");
        Self(
            style
                .map_or_else(|_| ProgressBar::hidden(), |style| bar.with_style(style))
                .with_message(kind.to_owned()),
        )
    }

    fn show(&self, status: &Value) {
        self.0.set_length(status["links"].as_u64().unwrap_or_default());
        self.0.set_position(status["linked"].as_u64().unwrap_or_default());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn path(mailbox: &str) -> String {
    format!("/api/v1/mailboxes/{}/sync", segment(mailbox))
}

pub(crate) async fn run(command: SyncCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    match command {
        SyncCommand::Status { mailbox } => {
            let answer = api.get(&path(&mailbox)).await?;
            out.show(&answer, |a| shown(items(a)));
        }
        SyncCommand::Plan(which) | SyncCommand::Run(which) => {
            each(&which, api, out, async |one| one.say(api, out, json!({"word": "run"})).await).await?;
        }
        SyncCommand::Retry(which) => {
            each(&which, api, out, async |one| one.say(api, out, json!({"word": "retry"})).await).await?;
        }
        SyncCommand::Apply { which, plan } => {
            let whole = which.kind == "all";
            each(&which, api, out, async |one| {
                let waiting = one.status(api).await?;
                let fingerprint =
                    plan.clone().or_else(|| waiting["plan"]["fingerprint"].as_str().map(str::to_owned));
                match fingerprint {
                    Some(plan) => one.say(api, out, json!({"word": "apply", "plan": plan})).await,
                    // Of all, one may be in step already.
                    None if whole => Ok(waiting),
                    None => Err(Refusal::permanent(
                        "no-such-plan",
                        "no plan waits for approval",
                        "make one: tieline sync plan",
                    )),
                }
            })
            .await?;
        }
        SyncCommand::Resume { which, accept, .. } => {
            let body = match accept {
                Some(deletes) => json!({"word": "accept", "deletes": deletes, "edits": deletes}),
                None => json!({"word": "rejoin"}),
            };
            out.show(&which.say(api, out, body).await?, show);
        }
    }
    Ok(())
}

/// Says it to each kind that is meant, and shows where it stands then; of all as a list.
async fn each(
    which: &Which,
    api: &Api,
    out: Output,
    say: impl AsyncFn(Which) -> Result<Value, Refusal>,
) -> Result<(), Refusal> {
    let mut said = Vec::new();
    for one in which.each(api).await? {
        said.push(say(one).await?);
    }
    match which.kind.as_str() {
        "all" => out.show(&json!({ "items": said }), |a| shown(items(a))),
        _ => said.iter().for_each(|one| out.show(one, show)),
    }
    Ok(())
}

fn shown(all: &[Value]) -> String {
    all.iter().map(show).collect::<Vec<_>>().join("\n\n")
}

fn show(status: &Value) -> String {
    let mut pairs = vec![("kind", text(status, "kind"))];
    match text(status, "off").as_str() {
        "–" => pairs.push(("state", text(status, "standing"))),
        why => pairs.push(("state", format!("off: {why}"))),
    }
    pairs.push(("since", time(&text(status, "at"))));
    let (linked, links) = (text(status, "linked"), text(status, "links"));
    pairs.push(("linked", if linked == links { linked } else { format!("{linked} of {links}") }));
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
