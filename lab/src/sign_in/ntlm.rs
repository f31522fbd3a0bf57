//! NTLM on a connection: hello, challenge, answer; then the connection is somebody's.

use base64::{Engine, engine::general_purpose::STANDARD};
use tieline_proto_ntlm::{FileTime, Mode, NtHash, Pending, Server as Ntlm, TargetNames};

use super::{Connection, Scheme, SignedIn, Stranger};
use crate::{
    account::{Account, DOMAIN, PASSWORD},
    server::Server,
};

/// How far the handshake of a connection has come.
#[derive(Debug, Default)]
pub(super) enum Handshake {
    #[default]
    None,
    Challenged(Box<Pending>),
    Known(Account, Scheme),
}

impl Handshake {
    pub(super) fn known(&self) -> Option<SignedIn> {
        match self {
            Self::Known(account, by) => Some(SignedIn { account: account.clone(), by: *by }),
            _ => None,
        }
    }
}

fn server() -> Ntlm {
    let names = TargetNames {
        netbios_domain: "LAB".to_owned(),
        netbios_computer: "LAB-BE1".to_owned(),
        dns_domain: DOMAIN.to_owned(),
        dns_computer: format!("mail.{DOMAIN}"),
    };
    Ntlm::new(names, Mode::Stream)
}

/// Takes one message of the client. A new hello begins anew, whoever the connection belonged to.
pub(super) fn step(
    lab: &Server,
    connection: &Connection,
    scheme: Scheme,
    proof: &str,
) -> Result<SignedIn, Stranger> {
    let mut handshake = connection.handshake();
    let message = STANDARD.decode(proof).map_err(|_| Stranger::default())?;
    let answered = match std::mem::take(&mut *handshake) {
        Handshake::Challenged(pending) if message.get(8) == Some(&3) => Some(pending),
        _ => None,
    };
    let Some(pending) = answered else {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| Stranger::default())?;
        let now = FileTime::from_unix_ms(lab.clock.now_ms());
        let pending = server().challenge(Some(&message), random, now).map_err(refused)?;
        let challenge = format!("{} {}", scheme.offer(), STANDARD.encode(pending.message()));
        *handshake = Handshake::Challenged(Box::new(pending));
        return Err(Stranger::told(&challenge));
    };
    let mut found = None;
    let password_of = |user: &str, domain: &str| {
        let logon = if domain.is_empty() { user.to_owned() } else { format!("{domain}\\{user}") };
        found = lab.directory.by_logon(&logon).cloned();
        found.as_ref().map(|_| NtHash::of(PASSWORD))
    };
    pending
        .accept(&message, password_of, lab.settings.extended_protection, connection.binding)
        .map_err(refused)?;
    let account = found.ok_or_else(Stranger::default)?;
    *handshake = Handshake::Known(account.clone(), scheme);
    Ok(SignedIn { account, by: scheme })
}

/// The client hears only that it is refused; the reason is in the log.
fn refused(error: tieline_proto_ntlm::NtlmError) -> Stranger {
    tracing::debug!(%error, "lab: NTLM refused");
    Stranger::default()
}
