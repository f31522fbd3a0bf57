//! Signing and sealing with the keys of a finished handshake, section 3.4. Extended session security only.

use rc4::{Rc4, StreamCipher};
use zeroize::Zeroizing;

use crate::crypto::{hmac_md5, md5, rc4};
use crate::error::NtlmError;
use crate::flags::NegotiateFlags;

/// NTLMSSP_MESSAGE_SIGNATURE, section 2.2.2.9.2: version, checksum, sequence number.
pub type Signature = [u8; 16];

/// Which end this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It sent the AUTHENTICATE message.
    Client,
    /// It sent the CHALLENGE message.
    Server,
}

/// How messages are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One after the other; each side counts, and the key stream goes on.
    Stream,
    /// Each by itself, with a number that both ends know ([MS-SIPAE]: always 100); a fresh key stream each.
    Datagram,
}

/// The keys of one direction.
struct Direction {
    signing: Zeroizing<[u8; 16]>,
    sealing: Zeroizing<[u8; 16]>,
    stream: Rc4,
    sequence: u32,
}

impl Direction {
    fn new(key: &[u8; 16], flags: NegotiateFlags, sender: Role) -> Self {
        let (signing_magic, sealing_magic): (&[u8], &[u8]) = match sender {
            Role::Client => (
                b"session key to client-to-server signing key magic constant\0",
                b"session key to client-to-server sealing key magic constant\0",
            ),
            Role::Server => (
                b"session key to server-to-client signing key magic constant\0",
                b"session key to server-to-client sealing key magic constant\0",
            ),
        };
        let strength = if flags.contains(NegotiateFlags::KEY_128) {
            16
        } else if flags.contains(NegotiateFlags::KEY_56) {
            7
        } else {
            5
        };
        let weakened = key.get(..strength).unwrap_or(key);
        let sealing = Zeroizing::new(md5(&[weakened, sealing_magic]));
        Self {
            signing: Zeroizing::new(md5(&[key, signing_magic])),
            stream: rc4(&sealing),
            sealing,
            sequence: 0,
        }
    }

    /// A key stream for one datagram (section 3.4.4).
    fn datagram(&self, sequence: u32) -> Rc4 {
        rc4(&md5(&[self.sealing.as_slice(), &sequence.to_le_bytes()]))
    }

    fn checksum(&self, sequence: u32, message: &[u8]) -> [u8; 8] {
        let digest = hmac_md5(&self.signing, &[&sequence.to_le_bytes(), message]);
        let (checksum, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        *checksum
    }
}

fn signature(checksum: [u8; 8], sequence: u32) -> Signature {
    let mut signature = [0; 16];
    let [version, rest @ ..] = &mut signature;
    *version = 1;
    let (_, rest) = rest.split_at_mut(3);
    let bytes = checksum.into_iter().chain(sequence.to_le_bytes());
    for (place, byte) in rest.iter_mut().zip(bytes) {
        *place = byte;
    }
    signature
}

/// The keys of a finished handshake.
pub struct Session {
    own: Direction,
    peer: Direction,
    /// Checksums are encrypted only where the client chose the key.
    encrypts_checksum: bool,
    mode: Mode,
}

impl Session {
    /// From the exported session key.
    #[must_use]
    pub fn new(key: &[u8; 16], flags: NegotiateFlags, role: Role) -> Self {
        let (own, peer) = match role {
            Role::Client => (Role::Client, Role::Server),
            Role::Server => (Role::Server, Role::Client),
        };
        let datagram = flags.contains(NegotiateFlags::DATAGRAM);
        Self {
            own: Direction::new(key, flags, own),
            peer: Direction::new(key, flags, peer),
            encrypts_checksum: flags.contains(NegotiateFlags::KEY_EXCH),
            mode: if datagram { Mode::Datagram } else { Mode::Stream },
        }
    }

    /// How messages are numbered.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Signs the next message of a stream.
    pub fn sign(&mut self, message: &[u8]) -> Signature {
        let encrypts = self.encrypts_checksum;
        sign_next(&mut self.own, encrypts, message)
    }

    /// Checks the next message of a stream.
    ///
    /// # Errors
    /// [`NtlmError::BadSignature`]; the stream cannot go on then.
    pub fn verify(&mut self, message: &[u8], signature: &Signature) -> Result<(), NtlmError> {
        let encrypts = self.encrypts_checksum;
        equal(&sign_next(&mut self.peer, encrypts, message), signature)
    }

    /// Encrypts the next message of a stream in place, and signs it.
    pub fn seal(&mut self, message: &mut [u8]) -> Signature {
        let sequence = self.own.sequence;
        let mut checksum = self.own.checksum(sequence, message);
        self.own.stream.apply_keystream(message);
        if self.encrypts_checksum {
            self.own.stream.apply_keystream(&mut checksum);
        }
        self.own.sequence = sequence.wrapping_add(1);
        signature(checksum, sequence)
    }

    /// Decrypts the next message of a stream in place, and checks it.
    ///
    /// # Errors
    /// [`NtlmError::BadSignature`]; the stream cannot go on then, and the message is not to be believed.
    pub fn unseal(&mut self, message: &mut [u8], expected: &Signature) -> Result<(), NtlmError> {
        self.peer.stream.apply_keystream(message);
        let encrypts = self.encrypts_checksum;
        equal(&sign_next(&mut self.peer, encrypts, message), expected)
    }

    /// Signs a datagram.
    #[must_use]
    pub fn sign_datagram(&self, sequence: u32, message: &[u8]) -> Signature {
        sign_one(&self.own, self.encrypts_checksum, sequence, message)
    }

    /// Checks a datagram.
    ///
    /// # Errors
    /// [`NtlmError::BadSignature`].
    pub fn verify_datagram(
        &self,
        sequence: u32,
        message: &[u8],
        expected: &Signature,
    ) -> Result<(), NtlmError> {
        equal(&sign_one(&self.peer, self.encrypts_checksum, sequence, message), expected)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("mode", &self.mode).finish_non_exhaustive()
    }
}

fn sign_next(direction: &mut Direction, encrypts: bool, message: &[u8]) -> Signature {
    let sequence = direction.sequence;
    let mut checksum = direction.checksum(sequence, message);
    if encrypts {
        direction.stream.apply_keystream(&mut checksum);
    }
    direction.sequence = sequence.wrapping_add(1);
    signature(checksum, sequence)
}

fn sign_one(direction: &Direction, encrypts: bool, sequence: u32, message: &[u8]) -> Signature {
    let mut checksum = direction.checksum(sequence, message);
    if encrypts {
        direction.datagram(sequence).apply_keystream(&mut checksum);
    }
    signature(checksum, sequence)
}

/// Compares without telling by its time where the difference is.
fn equal(ours: &Signature, theirs: &Signature) -> Result<(), NtlmError> {
    let difference = ours.iter().zip(theirs).fold(0, |all, (a, b)| all | (a ^ b));
    if difference == 0 { Ok(()) } else { Err(NtlmError::BadSignature) }
}
