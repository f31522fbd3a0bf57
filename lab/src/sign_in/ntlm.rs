//! NTLM on a connection: hello, challenge, answer; then the connection is somebody's.

use base64::{Engine, engine::general_purpose::STANDARD};
use tieline_proto_ntlm::{
    Accepted, FileTime, Mode, NegState, NtHash, NtlmError, Pending, Server as Ntlm, Spnego, TargetNames,
};

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
    /// The client began with another mechanism, and this was its list.
    Chosen(Vec<u8>),
    /// The list of mechanisms stands here when the messages go in SPNEGO.
    Challenged(Box<Pending>, Option<Vec<u8>>),
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
    let proof = STANDARD.decode(proof).map_err(|_| Stranger::default())?;
    let wrapped = Wrapped::read(scheme, proof)?;
    let Some(message) = wrapped.message else {
        // The client began with another mechanism than the one that is spoken here.
        let mechanisms = wrapped.mechanisms.ok_or_else(Stranger::default)?;
        *handshake = Handshake::Chosen(mechanisms);
        let choice = Spnego::Response {
            state: Some(NegState::RequestMic),
            chooses_ntlm: true,
            token: None,
            mic: None,
        };
        return Err(Stranger::told(&format!("{} {}", scheme.offer(), STANDARD.encode(choice.encode()))));
    };
    let mut mechanisms = wrapped.mechanisms;
    let answered = match std::mem::take(&mut *handshake) {
        Handshake::Challenged(pending, mechanisms) if message.get(8) == Some(&3) => {
            Some((pending, mechanisms))
        }
        Handshake::Chosen(list) => {
            mechanisms = Some(list);
            None
        }
        _ => None,
    };
    let Some((pending, mechanisms)) = answered else {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| Stranger::default())?;
        let now = FileTime::from_unix_ms(lab.clock.now_ms());
        let pending = server().challenge(Some(&message), random, now).map_err(refused)?;
        let token = match mechanisms {
            None => pending.message().to_vec(),
            Some(_) => Spnego::Response {
                state: Some(NegState::AcceptIncomplete),
                chooses_ntlm: true,
                token: Some(pending.message().to_vec()),
                mic: None,
            }
            .encode(),
        };
        *handshake = Handshake::Challenged(Box::new(pending), mechanisms);
        return Err(Stranger::told(&format!("{} {}", scheme.offer(), STANDARD.encode(token))));
    };
    let mut found = None;
    let password_of = |user: &str, domain: &str| {
        let logon = if domain.is_empty() { user.to_owned() } else { format!("{domain}\\{user}") };
        found = lab.directory.by_logon(&logon).cloned();
        found.as_ref().map(|_| NtHash::of(PASSWORD))
    };
    let mut accepted = pending
        .accept(&message, password_of, lab.settings.extended_protection, connection.binding)
        .map_err(refused)?;
    if let (Some(mechanisms), Some(mic)) = (mechanisms, wrapped.mic) {
        check_list(&mut accepted, &mechanisms, &mic).map_err(refused)?;
    }
    let account = found.ok_or_else(Stranger::default)?;
    *handshake = Handshake::Known(account.clone(), scheme);
    Ok(SignedIn { account, by: scheme })
}

/// A message as it came, with what was around it.
struct Wrapped {
    /// The NTLM message, if there is one.
    message: Option<Vec<u8>>,
    /// The client's list of mechanisms, in its first token.
    mechanisms: Option<Vec<u8>>,
    /// The signature over that list, in its last.
    mic: Option<Vec<u8>>,
}

impl Wrapped {
    /// Under `Negotiate` the message may be in SPNEGO, or bare.
    fn read(scheme: Scheme, proof: Vec<u8>) -> Result<Self, Stranger> {
        if scheme == Scheme::Ntlm || Spnego::is_bare(&proof) {
            return Ok(Self { message: Some(proof), mechanisms: None, mic: None });
        }
        Ok(match Spnego::parse(&proof).map_err(refused)? {
            Spnego::Init { mechanisms, ntlm_first, token } => {
                Self { message: token.filter(|_| ntlm_first), mechanisms: Some(mechanisms), mic: None }
            }
            Spnego::Response { token, mic, .. } => Self { message: token, mechanisms: None, mic },
        })
    }
}

/// Whether nobody changed the list of mechanisms on its way.
fn check_list(accepted: &mut Accepted, mechanisms: &[u8], mic: &[u8]) -> Result<(), NtlmError> {
    let mic = mic.try_into().map_err(|_| NtlmError::MessageIntegrity)?;
    accepted.session.verify(mechanisms, &mic)
}

/// The client hears only that it is refused; the reason is in the log.
fn refused(error: NtlmError) -> Stranger {
    tracing::debug!(%error, "lab: NTLM refused");
    Stranger::default()
}
