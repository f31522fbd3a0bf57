//! The primitives in the shapes that [MS-NLMP] section 6 uses them in.

use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest, Md4};
use md5::Md5;
use rc4::{Rc4, StreamCipher};
use zeroize::Zeroizing;

use crate::wire::encode_utf16;

/// The MD4 of a password (NTOWFv1): as good as the password itself, so it is wiped and never printed.
#[derive(Clone)]
pub struct NtHash(pub(crate) Zeroizing<[u8; 16]>);

impl NtHash {
    /// Of a password in clear.
    #[must_use]
    pub fn of(password: &str) -> Self {
        let utf16 = Zeroizing::new(encode_utf16(password));
        Self(Zeroizing::new(Md4::digest(utf16.as_slice()).into()))
    }

    /// NTOWFv2, section 3.3.2: the key that proofs are made with. The user's name counts without case, the domain's
    /// as it is written.
    pub(crate) fn response_key(&self, user: &str, domain: &str) -> Zeroizing<[u8; 16]> {
        let name = encode_utf16(&format!("{}{domain}", user.to_uppercase()));
        Zeroizing::new(hmac_md5(&self.0, &[&name]))
    }
}

impl std::fmt::Debug for NtHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NtHash(…)")
    }
}

fn mac(key: &[u8; 16], pieces: &[&[u8]]) -> Hmac<Md5> {
    // A key shorter than the block is filled up with zeros (RFC 2104 section 2).
    let mut block = [0; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut mac = Hmac::<Md5>::new(&block.into());
    for piece in pieces {
        mac.update(piece);
    }
    mac
}

pub(crate) fn hmac_md5(key: &[u8; 16], pieces: &[&[u8]]) -> [u8; 16] {
    mac(key, pieces).finalize().into_bytes().into()
}

/// Compares without telling by its time where the difference is.
pub(crate) fn hmac_md5_is(key: &[u8; 16], pieces: &[&[u8]], expected: &[u8]) -> bool {
    mac(key, pieces).verify_slice(expected).is_ok()
}

pub(crate) fn md5(pieces: &[&[u8]]) -> [u8; 16] {
    let mut md5 = Md5::new();
    for piece in pieces {
        md5.update(piece);
    }
    md5.finalize().into()
}

/// RC4 with a 128-bit key. The cipher repeats its key, so that the key twice is the same key.
pub(crate) fn rc4(key: &[u8; 16]) -> Rc4 {
    let mut twice = Zeroizing::new([0; 32]);
    for (place, byte) in twice.iter_mut().zip(key.iter().cycle()) {
        *place = *byte;
    }
    Rc4::new(&(*twice).into())
}

/// Encrypts or decrypts a session key.
pub(crate) fn rc4_key(key: &[u8; 16], mut session_key: [u8; 16]) -> [u8; 16] {
    rc4(key).apply_keystream(&mut session_key);
    session_key
}
