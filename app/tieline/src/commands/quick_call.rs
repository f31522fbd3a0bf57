//! `tieline quick-call …`: from a contact in Lync to a pre-filled ticket.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use tieline_model::Refusal;

use super::{given, query};
use crate::api::{Api, segment};
use crate::output::{Output, fields, items, table, text};

#[derive(Debug, Subcommand)]
pub(crate) enum QuickCallCommand {
    /// The ticket forms that quick calls open.
    #[command(subcommand)]
    Target(TargetCommand),
    /// Tries a quick call: prints every step and the final address, secrets masked. Nobody is sent anywhere.
    Test {
        /// As the client writes it, "Contacts=<sip:alice@corp.example>", or a bare address.
        contact: String,
        /// The target's name or id; may be left out when there is only one.
        #[arg(long)]
        target: Option<String>,
    },
    /// Writes .reg files that add the commands to the clients' menus, and remove them.
    Reg(Rollout),
    /// Writes group policy files: ADMX, and its texts in English and German.
    Admx(Rollout),
    /// Writes a PowerShell script that adds the commands, and removes them with -Remove.
    Powershell(Rollout),
    /// Compares the directory with the ticket system: who is missing here, who there.
    Reconcile {
        /// The target's name or id; may be left out when there is only one.
        #[arg(long)]
        target: Option<String>,
        /// How many of each kind are named.
        #[arg(long, default_value_t = 20)]
        sample: usize,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TargetCommand {
    /// Adds a target.
    Add {
        /// What people call it; the menu entry's address names it.
        name: String,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Changes a target.
    Edit {
        /// Its name or id.
        target: String,
        /// A new name; menu entries must be rolled out again.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Lists the targets.
    List,
    /// Shows one target.
    Show {
        /// Its name or id.
        target: String,
    },
    /// Removes a target with its link and token.
    Remove {
        /// Its name or id.
        target: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// A form that comes ready: easyvista, servicenow, glpi, zammad, itop, jira.
    #[arg(long, value_name = "PRODUCT", requires = "host_name")]
    ready: Option<String>,
    /// The ready form's host, as companyname.easyvista.com.
    #[arg(long = "host", id = "host_name", value_name = "HOST")]
    host: Option<String>,
    /// EasyVista method 1: the page's address, ending in url_requestor=.
    #[arg(long, value_name = "URL")]
    method1: Option<String>,
    /// EasyVista method 2: read the auto connection link from this file, - for standard input.
    #[arg(long, value_name = "FILE")]
    link_file: Option<PathBuf>,
    /// Any other form, as "https://itsm.corp.example/new?caller={mail}".
    #[arg(long, value_name = "URL")]
    template: Option<String>,
    /// Technicians may be sent to this host; can be repeated. The form's own unless said otherwise.
    #[arg(long = "allow-host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Which database tickets land in.
    #[arg(long, value_enum)]
    environment: Option<EnvironmentName>,
    /// EasyVista runs on the company's own servers, in this version: 2016.
    #[arg(long, value_name = "YEAR", conflicts_with = "saas")]
    on_premises: Option<u16>,
    /// EasyVista runs at its maker's.
    #[arg(long)]
    saas: bool,
    /// The menu's text.
    #[arg(long)]
    menu_text: Option<String>,
    /// What the ticket system knows people by.
    #[arg(long, value_enum)]
    person_key: Option<PersonKeyName>,
    /// Send people who are nobody to this log-in page; empty for a page that says so.
    #[arg(long, value_name = "URL")]
    log_in_url: Option<String>,
    /// The ticket system's REST API: glpi or zammad; empty for none.
    #[arg(long, value_name = "PRODUCT")]
    api: Option<String>,
    /// Where the product answers, as https://glpi.corp.example.
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// Trust this certificate authority for the API, in addition to the system's, PEM.
    #[arg(long, value_name = "FILE")]
    api_ca: Option<PathBuf>,
    /// Read the API's token from the first line of this file, - for standard input. GLPI: USER_TOKEN or
    /// APP_TOKEN:USER_TOKEN.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Whether a person's latest tickets come before the form.
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    tickets_first: Option<bool>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum EnvironmentName {
    /// Real tickets.
    Production,
    /// Tickets for practice.
    Sandbox,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PersonKeyName {
    /// The mail address.
    Mail,
    /// The SIP address.
    Sip,
    /// The log-on name.
    Login,
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("say yes or no".to_owned()),
    }
}

/// What is rolled out, and to whom.
#[derive(Debug, Args)]
pub(crate) struct Rollout {
    /// How technicians' browsers reach Tieline, as https://tieline.corp.example.
    #[arg(long, value_name = "URL")]
    address: String,
    /// Only this target; can be repeated.
    #[arg(long, value_name = "TARGET")]
    target: Vec<String>,
    /// Only this client; can be repeated.
    #[arg(long, value_enum)]
    client: Vec<ClientName>,
    /// For the user's own registry, which needs no administrator, instead of the machine's.
    #[arg(long)]
    user: bool,
    /// Which of Windows' two registry views.
    #[arg(long, value_enum, default_value_t = BitsName::Both)]
    bits: BitsName,
    /// The entry's address also says who the client's user is. It is recorded and never believed.
    #[arg(long)]
    with_user: bool,
    /// Write the files into this folder.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ClientName {
    /// Communicator 2007 R2 and Lync 2010.
    #[value(name = "lync-2010")]
    Lync2010,
    /// Lync 2013.
    #[value(name = "lync-2013")]
    Lync2013,
    /// Skype for Business 2015.
    #[value(name = "sfb-2015")]
    Sfb2015,
    /// Skype for Business 2016 and later.
    #[value(name = "sfb-2016")]
    Sfb2016,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BitsName {
    /// Both views, for computers of either kind.
    Both,
    /// 64-bit clients, and any client on 32-bit Windows.
    Native,
    /// 32-bit clients on 64-bit Windows.
    Wow64,
}

/// A value's word, as the API takes it.
fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

pub(crate) async fn run(command: QuickCallCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    match command {
        QuickCallCommand::Target(command) => target(command, api, out).await,
        QuickCallCommand::Test { contact, target } => {
            let body = json!({ "contact": contact, "target": target.unwrap_or_default() });
            let answer = api.post("/api/v1/quick-call/test", &body).await?;
            out.show(&answer, |answer| tested(out, answer));
            match answer.get("refusal").filter(|_| text(&answer, "outcome") == "refused") {
                Some(refusal) => Err(serde_json::from_value(refusal.clone()).unwrap_or_else(|_| {
                    Refusal::operator("test-failed", "the quick call was refused", "read the steps above")
                })),
                None => Ok(()),
            }
        }
        QuickCallCommand::Reg(rollout) => write(&rollout, api, out, &["reg", "reg-removal"]).await,
        QuickCallCommand::Admx(rollout) => write(&rollout, api, out, &["admx", "adml-en", "adml-de"]).await,
        QuickCallCommand::Powershell(rollout) => write(&rollout, api, out, &["powershell"]).await,
        QuickCallCommand::Reconcile { target, sample } => {
            let asked = query(&[("target", target), ("sample", Some(sample.to_string()))]);
            let answer = api.get(&format!("/api/v1/quick-call/reconcile{asked}")).await?;
            out.show(&answer, reconciled);
            Ok(())
        }
    }
}

async fn target(command: TargetCommand, api: &Api, out: Output) -> Result<(), Refusal> {
    const TARGETS: &str = "/api/v1/quick-call/targets";
    let path = |reference: &str| format!("{TARGETS}/{}", segment(reference));
    match command {
        TargetCommand::Add { name, settings } => {
            let answer = api.post(TARGETS, &settings.json(Some(name))?).await?;
            out.show(&answer, |a| {
                let next = "tieline quick-call reg --address https://…";
                format!("Added {} target {}. Next: {next}", text(a, "environment"), text(a, "name"))
            });
        }
        TargetCommand::Edit { target, name, settings } => {
            out.show(&api.patch(&path(&target), &settings.json(name)?).await?, show);
        }
        TargetCommand::List => out.show(&api.get(TARGETS).await?, list),
        TargetCommand::Show { target } => out.show(&api.get(&path(&target)).await?, show),
        TargetCommand::Remove { target } => {
            api.delete(&path(&target)).await?;
            out.show(&json!({"removed": target}), |_| format!("Removed quick-call target {target}"));
        }
    }
    Ok(())
}

impl Settings {
    fn json(&self, name: Option<String>) -> Result<Value, Refusal> {
        let hosting = match (self.on_premises, self.saas) {
            (Some(_), _) => Some("on-premises"),
            (None, true) => Some("saas"),
            (None, false) => None,
        };
        let link = self.link_file.as_deref().map(|file| secret(file, "auto connection link")).transpose()?;
        let token = self.token_file.as_deref().map(|file| secret(file, "API's token")).transpose()?;
        let tls = match &self.api_ca {
            Some(file) => Some(json!({"trust": "ca", "pem": read(file, "certificate")?})),
            None => None,
        };
        Ok(given([
            ("name", name.map(Into::into)),
            ("ready", self.ready.clone().map(Into::into)),
            ("host", self.host.clone().map(Into::into)),
            ("method1", self.method1.clone().map(Into::into)),
            ("link", link.map(Into::into)),
            ("template", self.template.clone().map(Into::into)),
            ("hosts", (!self.hosts.is_empty()).then(|| json!(self.hosts))),
            ("environment", self.environment.map(|environment| word(&environment).into())),
            ("hosting", hosting.map(Into::into)),
            ("version", self.on_premises.map(Into::into)),
            ("menu_text", self.menu_text.clone().map(Into::into)),
            ("person_key", self.person_key.map(|key| word(&key).into())),
            ("log_in_url", self.log_in_url.clone().map(Into::into)),
            ("api", self.api.clone().map(Into::into)),
            ("api_url", self.api_url.clone().map(Into::into)),
            ("api_tls", tls),
            ("token", token.map(Into::into)),
            ("tickets_first", self.tickets_first.map(Into::into)),
        ]))
    }
}

/// A file's first line that is not empty: links and tokens do not belong on the command line, which other users of the
/// machine can see.
fn secret(file: &Path, what: &str) -> Result<String, Refusal> {
    let text = read(file, what)?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.map(str::to_owned).ok_or_else(|| {
        Refusal::permanent("file-empty", format!("the {what} is empty"), "write it on the first line")
            .at(file.display().to_string())
    })
}

fn read(file: &Path, what: &str) -> Result<String, Refusal> {
    let unreadable = |error: std::io::Error| {
        let what = format!("the {what} cannot be read: {error}");
        Refusal::permanent("file-unreadable", what, "name a readable file, or - for standard input")
            .at(file.display().to_string())
    };
    if file.as_os_str() != "-" {
        return std::fs::read_to_string(file).map_err(unreadable);
    }
    let mut text = String::new();
    std::io::stdin().lock().take(64 << 10).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// Writes files of the kit, each under its usual name.
async fn write(rollout: &Rollout, api: &Api, out: Output, files: &[&str]) -> Result<(), Refusal> {
    let some = |list: Vec<String>| (!list.is_empty()).then(|| list.join(","));
    let asked = query(&[
        ("address", Some(rollout.address.clone())),
        ("targets", some(rollout.target.clone())),
        ("clients", some(rollout.client.iter().map(word).collect())),
        ("hive", Some(if rollout.user { "user" } else { "machine" }.to_owned())),
        ("bits", Some(word(&rollout.bits))),
        ("with_user", rollout.with_user.then(|| "true".to_owned())),
    ]);
    let mut written = Vec::new();
    for file in files {
        let content = api.bytes(&format!("/api/v1/quick-call/kit/{file}{asked}")).await?;
        let path = rollout.out.join(file_name(file));
        let folder = path.parent().unwrap_or(&rollout.out);
        let failed = |error: std::io::Error| {
            let what = format!("the file cannot be written: {error}");
            Refusal::permanent("file-not-written", what, "name a folder with --out")
                .at(path.display().to_string())
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        std::fs::write(&path, &content).map_err(failed)?;
        written.push(path.display().to_string());
    }
    out.show(&json!({ "files": written }), |_| {
        let next = "Roll them out to the technicians' computers, not to the Lync server; the client reads its menus when it starts.";
        format!("{}\n{next}", written.iter().map(|path| format!("Wrote {path}")).collect::<Vec<_>>().join("\n"))
    });
    Ok(())
}

fn file_name(file: &str) -> &'static str {
    match file {
        "reg" => "tieline-quick-call.reg",
        "reg-removal" => "tieline-quick-call-remove.reg",
        "admx" => "TielineQuickCall.admx",
        "adml-en" => "en-US/TielineQuickCall.adml",
        "adml-de" => "de-DE/TielineQuickCall.adml",
        _ => "Tieline-QuickCall.ps1",
    }
}

fn list(answer: &Value) -> String {
    let rows = items(answer)
        .iter()
        .map(|t| {
            vec![
                text(t, "name"),
                text(t, "environment"),
                text(t, "way"),
                hosts(t),
                text(t, "menu_text"),
                text(t, "api.product"),
            ]
        })
        .collect();
    let empty = "No quick-call targets yet. Add one: tieline quick-call target add easyvista --ready easyvista \
                 --host companyname.easyvista.com";
    table(&["name", "environment", "way", "hosts", "menu text", "api"], rows, empty)
}

fn hosts(target: &Value) -> String {
    let hosts = target.get("hosts").and_then(Value::as_array).into_iter().flatten();
    hosts.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn show(t: &Value) -> String {
    let hosting = match text(t, "version") {
        version if version == "–" => text(t, "hosting"),
        version => format!("{} {version}", text(t, "hosting")),
    };
    fields(&[
        ("id", text(t, "id")),
        ("name", text(t, "name")),
        ("menu text", text(t, "menu_text")),
        ("menu GUID", text(t, "menu_guid")),
        ("environment", text(t, "environment")),
        ("hosting", hosting),
        ("way", text(t, "way")),
        ("form", text(t, "url")),
        ("link stored", text(t, "link_stored")),
        ("hosts", hosts(t)),
        ("sent as person", text(t, "person_key")),
        (
            "nobody",
            match text(t, "log_in_url") {
                url if url == "–" => "a page that says so".to_owned(),
                url => format!("log-in page {url}"),
            },
        ),
        ("api", text(t, "api.product")),
        ("api address", text(t, "api.url")),
        ("token stored", text(t, "token_stored")),
        ("tickets first", text(t, "api.tickets_first")),
    ])
}

/// The steps, then where they lead.
fn tested(out: Output, answer: &Value) -> String {
    let steps = answer.get("steps").and_then(Value::as_array).into_iter().flatten();
    let names: Vec<(String, String)> = steps.map(|step| (text(step, "name"), text(step, "detail"))).collect();
    let pairs: Vec<(&str, String)> =
        names.iter().map(|(name, detail)| (name.as_str(), detail.clone())).collect();
    let mut lines = if pairs.is_empty() { Vec::new() } else { vec![fields(&pairs)] };
    let (ok, outcome) = match text(answer, "outcome").as_str() {
        "form" => (true, format!("The form opens: {}", text(answer, "url"))),
        "tickets" => (true, "The person's tickets are shown first:".to_owned()),
        "choice" => (true, "The technician chooses:".to_owned()),
        "log-in" => (false, "No form can be opened for this contact; the log-in page opens".to_owned()),
        "unknown" => (false, "No form can be opened for this contact; a page says so".to_owned()),
        _ => return lines.join("\n"),
    };
    lines.push(format!("{} {outcome}", out.mark(ok)));
    if let Some(reason) =
        answer.get("refusal").and_then(|r| serde_json::from_value::<Refusal>(r.clone()).ok())
    {
        lines.push(format!("  {reason}"));
    }
    let choices = answer.get("choices").and_then(Value::as_array).into_iter().flatten();
    lines.extend(choices.filter_map(Value::as_str).map(|choice| format!("    {choice}")));
    lines.join("\n")
}

fn reconciled(r: &Value) -> String {
    let mut lines = vec![fields(&[
        ("in the directory", text(r, "in_directory")),
        ("in the ticket system", text(r, "in_itsm")),
        ("in both", text(r, "in_both")),
        ("in the directory only", text(r, "only_in_directory")),
        ("in the ticket system only", text(r, "only_in_itsm")),
        ("directory, no mail address", text(r, "without_mail")),
        ("ticket system, no mail address", text(r, "itsm_without_mail")),
        ("directory as of", text(r, "as_of")),
    ])];
    for (title, name) in [
        ("In the directory only:", "only_in_directory_sample"),
        ("In the ticket system only:", "only_in_itsm_sample"),
    ] {
        let people: Vec<&str> =
            r.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        if !people.is_empty() {
            lines.push(title.to_owned());
            lines.extend(people.iter().map(|person| format!("    {person}")));
        }
    }
    let shared: Vec<String> = r
        .get("shared")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|one| {
            format!("    {} ({} people, {})", text(one, "address"), text(one, "people"), text(one, "in"))
        })
        .collect();
    if !shared.is_empty() {
        lines.push("Addresses of several people:".to_owned());
        lines.extend(shared);
    }
    lines.join("\n")
}
