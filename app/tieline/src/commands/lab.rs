//! `tieline lab`: an Exchange server for tests, on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tieline_lab::{ExtendedProtection, Lab, LabConfig, Release, Scheme, ServerVersion, Settings};
use tieline_model::Refusal;

use crate::output::Output;
use crate::signals;

#[derive(Debug, Args)]
pub(crate) struct LabCommand {
    /// Where mailboxes are kept; the same folder brings them back.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// EWS over http.
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,
    /// EWS over https, with a self-signed certificate.
    #[arg(long, value_name = "ADDRESS:PORT")]
    https: Option<SocketAddr>,
    /// Desk phones over SIP; alice's at this port, bob's and carol's at the next ones; port 0 takes free ones.
    #[arg(long, value_name = "ADDRESS:PORT")]
    sip: Option<SocketAddr>,
    /// The directory over plain LDAP, as Active Directory speaks it.
    #[arg(long, value_name = "ADDRESS:PORT")]
    ldap: Option<SocketAddr>,
    /// Mail over SMTP: to lab users from everybody, to others from those who sign in.
    #[arg(long, value_name = "ADDRESS:PORT")]
    smtp: Option<SocketAddr>,
    /// Where mail for addresses outside the lab goes, over SMTP; without it such mail is dropped.
    #[arg(long, value_name = "ADDRESS:PORT")]
    smart_host: Option<SocketAddr>,
    /// Which Exchange it is: 2007, 2007-sp1, 2010, 2010-sp1, 2010-sp2, 2013, 2013-sp1, 2016, 2019 or se.
    #[arg(long, value_name = "VERSION", default_value = "2016", value_parser = release)]
    exchange: Release,
    /// The service account may act for this mailbox only; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    impersonation_scope: Vec<String>,
    /// How many users: alice, bob, carol, then user4 and so on.
    #[arg(long, default_value_t = 3)]
    users: usize,
    /// A JSON file with every address and account, written when all listen.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// How clients may sign in, as a 401 lists it: negotiate, ntlm, basic, bearer.
    #[arg(long, value_name = "SCHEME", value_delimiter = ',', default_values_t = ["ntlm", "basic", "bearer"].map(String::from))]
    authentication: Vec<String>,
    /// Whether NTLM over TLS must be bound to its connection: none, allow or require.
    #[arg(long, value_name = "SETTING", default_value = "allow", value_parser = ["none", "allow", "require"])]
    extended_protection: String,
    /// Keep every request and answer here, for checking them against a schema.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

fn release(name: &str) -> Result<Release, String> {
    let known = Release::ALL.into_iter().find(|release| release.name().eq_ignore_ascii_case(name));
    known.ok_or_else(|| {
        let names: Vec<_> = Release::ALL.iter().map(|release| release.name()).collect();
        format!("no version of Exchange; choose one of {}", names.join(", "))
    })
}

const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Desk phones for alice, bob and carol, on ports one after the other, or on any when the first one is 0.
pub(crate) fn phones(first: SocketAddr) -> Vec<(String, SocketAddr)> {
    let users = ["alice", "bob", "carol"];
    let port = |index: u16| if first.port() == 0 { 0 } else { first.port().saturating_add(index) };
    (0..)
        .zip(users)
        .map(|(index, user)| (user.to_owned(), SocketAddr::new(first.ip(), port(index))))
        .collect()
}

/// The conference bridge, on the port after the phones'.
pub(crate) fn bridge(first: SocketAddr) -> SocketAddr {
    let port = if first.port() == 0 { 0 } else { first.port().saturating_add(3) };
    SocketAddr::new(first.ip(), port)
}

fn settings(command: &LabCommand) -> Result<Settings, Refusal> {
    let schemes = command.authentication.iter().map(|text| text.parse::<Scheme>());
    let authentication = schemes.collect::<Result<Vec<_>, _>>().map_err(|error| {
        Refusal::operator("unknown-scheme", error, "write for example --authentication ntlm,basic")
    })?;
    let extended_protection = match command.extended_protection.as_str() {
        "none" => ExtendedProtection::None,
        "require" => ExtendedProtection::Require,
        _ => ExtendedProtection::Allow,
    };
    Ok(Settings { authentication, extended_protection, ..Settings::default() })
}

pub(crate) async fn run(command: LabCommand, out: Output) -> Result<(), Refusal> {
    // Without any address it offers EWS over http on a free port.
    let http = if command.https.is_none() { command.http.or(Some(ANY)) } else { command.http };
    let settings = settings(&command)?;
    let config = LabConfig {
        http,
        https: command.https,
        phones: command.sip.map(phones).unwrap_or_default(),
        bridge: command.sip.map(bridge),
        ldap: command.ldap,
        smtp: command.smtp,
        settings: Settings {
            smart_host: command.smart_host,
            version: ServerVersion::of(command.exchange),
            impersonation_scope: Some(command.impersonation_scope).filter(|scope| !scope.is_empty()),
            ..settings
        },
        users: command.users,
        ready_file: command.ready_file,
        record_dir: command.record,
        ..LabConfig::new(command.state)
    };
    let lab = Lab::start(config).await.map_err(|error| {
        let next = "choose free loopback ports and a writable --state";
        Refusal::operator("lab-failed", error.to_string(), next)
    })?;
    let ready = serde_json::to_value(lab.ready()).unwrap_or_default();
    out.show(&json!({ "ready": ready }), |_| {
        let urls =
            ["ews_https", "ews_http"].iter().filter_map(|name| ready.get(*name).and_then(|url| url.as_str()));
        format!("Lab Exchange at {}\nStop it with Ctrl-C.", urls.collect::<Vec<_>>().join(" and "))
    });
    signals::stop().await;
    lab.shutdown().await;
    Ok(())
}
