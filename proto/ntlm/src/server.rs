//! The server's side of the handshake, section 3.2.5.

use zeroize::Zeroizing;

use crate::authenticate::AuthenticateMessage;
use crate::av_pair::{AvId, AvPairs};
use crate::challenge::ChallengeMessage;
use crate::channel_binding::ChannelBinding;
use crate::crypto::{NtHash, hmac_md5_is, rc4_key};
use crate::error::NtlmError;
use crate::flags::NegotiateFlags;
use crate::negotiate::NegotiateMessage;
use crate::response::{self, ClientBlob};
use crate::session::{Mode, Role, Session};
use crate::time::FileTime;
use crate::wire::Version;

/// How a server names itself and its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetNames {
    pub netbios_domain: String,
    pub netbios_computer: String,
    pub dns_domain: String,
    pub dns_computer: String,
}

/// Whether answers must be bound to their TLS connection. As the setting of IIS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExtendedProtection {
    /// Bindings are not looked at.
    #[default]
    None,
    /// A wrong binding is refused, none is taken.
    Allow,
    /// A binding must be there, and be the right one.
    Require,
}

/// A server, for as many handshakes as come.
#[derive(Debug, Clone)]
pub struct Server {
    names: TargetNames,
    mode: Mode,
    /// The most by which the client's clock may differ, in milliseconds.
    max_skew_ms: u64,
}

impl Server {
    /// Windows allows 36 hours ([MS-NLMP] appendix B).
    const MAX_SKEW_MS: u64 = 36 * 3600 * 1000;
    const OFFERED: NegotiateFlags = NegotiateFlags(
        NegotiateFlags::UNICODE.0
            | NegotiateFlags::REQUEST_TARGET.0
            | NegotiateFlags::SIGN.0
            | NegotiateFlags::SEAL.0
            | NegotiateFlags::NTLM.0
            | NegotiateFlags::ALWAYS_SIGN.0
            | NegotiateFlags::EXTENDED_SESSION_SECURITY.0
            | NegotiateFlags::IDENTIFY.0
            | NegotiateFlags::KEY_128.0
            | NegotiateFlags::KEY_56.0
            | NegotiateFlags::KEY_EXCH.0,
    );

    #[must_use]
    pub fn new(names: TargetNames, mode: Mode) -> Self {
        Self { names, mode, max_skew_ms: Self::MAX_SKEW_MS }
    }

    /// Makes the challenge. `negotiate` is the client's hello; `None` in a connectionless handshake, which has none.
    ///
    /// # Errors
    /// [`NtlmError`] when the hello is malformed, or from a client that speaks version 1 only.
    pub fn challenge(
        &self,
        negotiate: Option<&[u8]>,
        server_challenge: [u8; 8],
        now: FileTime,
    ) -> Result<Pending, NtlmError> {
        let wanted = match negotiate {
            Some(bytes) => NegotiateMessage::parse(bytes)?.flags,
            None => Self::OFFERED | NegotiateFlags::DATAGRAM,
        };
        if !wanted.contains(NegotiateFlags::EXTENDED_SESSION_SECURITY) {
            return Err(NtlmError::Version1Only);
        }
        let unicode = wanted.contains(NegotiateFlags::UNICODE);
        let flags = (wanted & Self::OFFERED)
            .with(NegotiateFlags::OEM, !unicode)
            .with(NegotiateFlags::TARGET_TYPE_DOMAIN, true)
            .with(NegotiateFlags::DATAGRAM, self.mode == Mode::Datagram);
        let message = ChallengeMessage {
            flags,
            target_name: self.names.netbios_domain.clone(),
            server_challenge,
            target_info: Some(self.target_info(now)),
            version: Some(Version::WINDOWS_10),
        };
        Ok(Pending {
            hello: negotiate.unwrap_or_default().to_owned(),
            message: message.encode()?,
            server_challenge,
            now,
            max_skew_ms: self.max_skew_ms,
        })
    }

    fn target_info(&self, now: FileTime) -> AvPairs {
        let mut info = AvPairs::default();
        info.set_text(AvId::NB_DOMAIN_NAME, &self.names.netbios_domain);
        info.set_text(AvId::NB_COMPUTER_NAME, &self.names.netbios_computer);
        info.set_text(AvId::DNS_DOMAIN_NAME, &self.names.dns_domain);
        info.set_text(AvId::DNS_COMPUTER_NAME, &self.names.dns_computer);
        info.set_text(AvId::DNS_TREE_NAME, &self.names.dns_domain);
        info.set(AvId::TIMESTAMP, now.0.to_le_bytes().to_vec());
        info
    }
}

/// A challenge that waits for its answer.
#[derive(Debug, Clone)]
pub struct Pending {
    hello: Vec<u8>,
    message: Vec<u8>,
    server_challenge: [u8; 8],
    now: FileTime,
    max_skew_ms: u64,
}

/// Somebody who proved who they are.
#[derive(Debug)]
pub struct Accepted {
    /// As the client wrote it.
    pub user: String,
    /// As the client wrote it; empty for a user principal name.
    pub domain: String,
    /// The client machine.
    pub workstation: String,
    /// The service that the client meant.
    pub target: Option<String>,
    /// For what follows.
    pub session: Session,
}

impl Pending {
    #[cfg(test)]
    pub(crate) fn of_example(message: Vec<u8>, server_challenge: [u8; 8]) -> Self {
        let max_skew_ms = Server::MAX_SKEW_MS;
        Self { hello: Vec::new(), message, server_challenge, now: FileTime(0), max_skew_ms }
    }

    /// The CHALLENGE message.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Judges the answer. `password_of` finds the hash for user and domain; `binding` is that of the TLS connection
    /// which carries the answer.
    ///
    /// # Errors
    /// [`NtlmError`] with the reason. Tell the client no more than that it was refused.
    pub fn accept(
        &self,
        authenticate: &[u8],
        password_of: impl FnOnce(&str, &str) -> Option<NtHash>,
        protection: ExtendedProtection,
        binding: Option<ChannelBinding>,
    ) -> Result<Accepted, NtlmError> {
        let message = AuthenticateMessage::parse(authenticate)?;
        if message.user.is_empty() && message.nt_response.is_empty() {
            return Err(NtlmError::Anonymous);
        }
        let (proof, blob) = response::split(&message.nt_response)?;
        let password = password_of(&message.user, &message.domain).ok_or(NtlmError::WrongPassword)?;
        let key = password.response_key(&message.user, &message.domain);
        let base = response::check(&key, self.server_challenge, proof, blob);
        let base = base.ok_or(NtlmError::WrongPassword)?;
        // Only now is anything in the blob to be believed.
        let blob = ClientBlob::parse(blob)?;
        if blob.time.distance_ms(self.now) > self.max_skew_ms {
            return Err(NtlmError::ClockSkew);
        }
        let exported = exported_key(&message, base)?;
        if blob.av_pairs.flags() & AvPairs::FLAG_MIC != 0 {
            self.check_mic(&message, authenticate, &exported)?;
        }
        check_binding(&blob.av_pairs, protection, binding)?;
        Ok(Accepted {
            target: blob.av_pairs.text(AvId::TARGET_NAME),
            session: Session::new(&exported, message.flags, Role::Server),
            user: message.user,
            domain: message.domain,
            workstation: message.workstation,
        })
    }

    fn check_mic(
        &self,
        message: &AuthenticateMessage,
        bytes: &[u8],
        key: &[u8; 16],
    ) -> Result<(), NtlmError> {
        let mic = message.mic.ok_or(NtlmError::MessageIntegrity)?;
        let bare = AuthenticateMessage::without_mic(bytes);
        let fits = hmac_md5_is(key, &[&self.hello, &self.message, &bare], &mic);
        if fits { Ok(()) } else { Err(NtlmError::MessageIntegrity) }
    }
}

fn exported_key(
    message: &AuthenticateMessage,
    base: Zeroizing<[u8; 16]>,
) -> Result<Zeroizing<[u8; 16]>, NtlmError> {
    if !message.flags.contains(NegotiateFlags::KEY_EXCH) {
        return Ok(base);
    }
    let encrypted = <[u8; 16]>::try_from(message.encrypted_session_key.as_slice());
    let encrypted = encrypted.map_err(|_| NtlmError::Truncated { field: "EncryptedRandomSessionKey" })?;
    Ok(Zeroizing::new(rc4_key(&base, encrypted)))
}

fn check_binding(
    pairs: &AvPairs,
    protection: ExtendedProtection,
    binding: Option<ChannelBinding>,
) -> Result<(), NtlmError> {
    let sent = pairs.get(AvId::CHANNEL_BINDINGS).filter(|sent| sent.iter().any(|byte| *byte != 0));
    let expected = binding.as_ref().map(|binding| binding.0.as_slice());
    let good = match protection {
        ExtendedProtection::None => true,
        // Where there is no TLS there is nothing to be bound to.
        ExtendedProtection::Allow => sent.is_none() || expected.is_none() || sent == expected,
        ExtendedProtection::Require => sent.is_some() && sent == expected,
    };
    if good { Ok(()) } else { Err(NtlmError::ChannelBinding) }
}
