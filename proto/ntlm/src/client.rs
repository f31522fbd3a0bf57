//! The client's side of the handshake, section 3.1.5.

use zeroize::Zeroizing;

use crate::authenticate::AuthenticateMessage;
use crate::av_pair::{AvId, AvPairs};
use crate::challenge::ChallengeMessage;
use crate::channel_binding::ChannelBinding;
use crate::crypto::{NtHash, hmac_md5, rc4_key};
use crate::error::NtlmError;
use crate::flags::NegotiateFlags;
use crate::negotiate::NegotiateMessage;
use crate::response::{ClientBlob, prove, prove_lm};
use crate::session::{Mode, Role, Session};
use crate::time::FileTime;
use crate::wire::Version;

/// Who signs in.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `alice`, or `alice@lab.example` with an empty domain.
    pub user: String,
    /// NetBIOS or DNS name of the user's domain.
    pub domain: String,
    /// The hash of the password.
    pub password: NtHash,
}

impl Identity {
    /// From a logon name in one of its forms: `DOMAIN\user`, `user@domain`, `user`.
    #[must_use]
    pub fn new(logon: &str, password: &str) -> Self {
        let (domain, user) = logon.split_once('\\').unwrap_or(("", logon));
        Self { user: user.to_owned(), domain: domain.to_owned(), password: NtHash::of(password) }
    }
}

/// The random numbers and the time of one handshake.
#[derive(Clone)]
pub struct Fresh {
    /// Random.
    pub client_challenge: [u8; 8],
    /// Random; becomes the session key.
    pub session_key: Zeroizing<[u8; 16]>,
    /// Now; used when the server names no time of its own.
    pub time: FileTime,
}

/// One handshake as a client.
#[derive(Debug, Clone)]
pub struct Client {
    identity: Identity,
    flags: NegotiateFlags,
    hello: Vec<u8>,
}

/// The end of a handshake.
#[derive(Debug)]
pub struct Authenticated {
    /// The AUTHENTICATE message.
    pub message: Vec<u8>,
    /// For what follows.
    pub session: Session,
}

impl Client {
    /// What every handshake asks for.
    const WANTED: NegotiateFlags = NegotiateFlags(
        NegotiateFlags::UNICODE.0
            | NegotiateFlags::REQUEST_TARGET.0
            | NegotiateFlags::SIGN.0
            | NegotiateFlags::NTLM.0
            | NegotiateFlags::ALWAYS_SIGN.0
            | NegotiateFlags::EXTENDED_SESSION_SECURITY.0
            | NegotiateFlags::TARGET_INFO.0
            | NegotiateFlags::VERSION.0
            | NegotiateFlags::KEY_128.0
            | NegotiateFlags::KEY_EXCH.0,
    );

    #[must_use]
    pub fn new(identity: Identity, mode: Mode) -> Self {
        let flags = Self::WANTED.with(NegotiateFlags::DATAGRAM, mode == Mode::Datagram);
        Self { identity, flags, hello: Vec::new() }
    }

    /// The NEGOTIATE message. A connectionless handshake has none and begins with the server's challenge.
    ///
    /// # Errors
    /// None in practice: the message holds no names.
    pub fn negotiate(&mut self) -> Result<Vec<u8>, NtlmError> {
        let message = NegotiateMessage {
            flags: self.flags | NegotiateFlags::OEM,
            domain: None,
            workstation: None,
            version: Some(Version::WINDOWS_10),
        };
        self.hello = message.encode()?;
        Ok(self.hello.clone())
    }

    /// Answers the server's challenge. `target` is the service that is meant, as `HTTP/mail.example`.
    ///
    /// # Errors
    /// [`NtlmError`] when the challenge is malformed, or from a server that speaks version 1 only.
    pub fn authenticate(
        &self,
        challenge: &[u8],
        fresh: &Fresh,
        binding: Option<ChannelBinding>,
        target: Option<&str>,
    ) -> Result<Authenticated, NtlmError> {
        let theirs = ChallengeMessage::parse(challenge)?;
        let info = theirs.target_info.as_ref().ok_or(NtlmError::Version1Only)?;
        if !theirs.flags.contains(NegotiateFlags::EXTENDED_SESSION_SECURITY) {
            return Err(NtlmError::Version1Only);
        }
        // A server that names its time can check a MIC, and expects no LMv2 (section 3.1.5.1.2).
        let server_time = info.timestamp();
        let blob = ClientBlob {
            time: server_time.unwrap_or(fresh.time),
            client_challenge: fresh.client_challenge,
            av_pairs: own_pairs(info, server_time.is_some(), binding, target),
        };
        let key = self.identity.password.response_key(&self.identity.user, &self.identity.domain);
        let proof = prove(&key, theirs.server_challenge, &blob.encode()?);
        let lm_response = match server_time {
            Some(_) => vec![0; 24],
            None => prove_lm(&key, theirs.server_challenge, fresh.client_challenge),
        };
        let flags = self.flags & theirs.flags;
        let (exported, encrypted) = if flags.contains(NegotiateFlags::KEY_EXCH) {
            (fresh.session_key.clone(), rc4_key(&proof.session_base_key, *fresh.session_key).to_vec())
        } else {
            (proof.session_base_key.clone(), Vec::new())
        };
        let message = AuthenticateMessage {
            lm_response,
            nt_response: proof.nt_response,
            domain: self.identity.domain.clone(),
            user: self.identity.user.clone(),
            workstation: String::new(),
            encrypted_session_key: encrypted,
            flags,
            version: Some(Version::WINDOWS_10),
            mic: server_time.map(|_| [0; 16]),
        };
        let message = with_mic(message, &exported, &self.hello, challenge)?;
        Ok(Authenticated { message, session: Session::new(&exported, flags, Role::Client) })
    }
}

/// The server's pairs, with what the client adds.
fn own_pairs(
    theirs: &AvPairs,
    with_mic: bool,
    binding: Option<ChannelBinding>,
    target: Option<&str>,
) -> AvPairs {
    let mut pairs = theirs.clone();
    if with_mic {
        let flags = pairs.flags() | AvPairs::FLAG_MIC;
        pairs.set(AvId::FLAGS, flags.to_le_bytes().to_vec());
    }
    // Without a TLS connection the pair is there all the same, with zeros: the client knows of bindings and has none.
    pairs.set(AvId::CHANNEL_BINDINGS, binding.map_or([0; 16], |binding| binding.0).to_vec());
    if let Some(target) = target {
        pairs.set_text(AvId::TARGET_NAME, target);
    }
    pairs
}

fn with_mic(
    mut message: AuthenticateMessage,
    key: &[u8; 16],
    hello: &[u8],
    challenge: &[u8],
) -> Result<Vec<u8>, NtlmError> {
    let bytes = message.encode()?;
    if message.mic.is_none() {
        return Ok(bytes);
    }
    message.mic = Some(hmac_md5(key, &[hello, challenge, &bytes]));
    message.encode()
}
