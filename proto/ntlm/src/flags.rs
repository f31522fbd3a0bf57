//! NEGOTIATE flags, section 2.2.2.5.

use std::ops::{BitAnd, BitOr, Not};

/// A set of capabilities; unknown bits are kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct NegotiateFlags(pub u32);

impl NegotiateFlags {
    /// A: names are UTF-16.
    pub const UNICODE: Self = Self(0x0000_0001);
    /// B: names are in a code page.
    pub const OEM: Self = Self(0x0000_0002);
    /// C: the challenge is to name the target.
    pub const REQUEST_TARGET: Self = Self(0x0000_0004);
    /// D: messages are to be signed.
    pub const SIGN: Self = Self(0x0000_0010);
    /// E: messages are to be sealed.
    pub const SEAL: Self = Self(0x0000_0020);
    /// F: connectionless.
    pub const DATAGRAM: Self = Self(0x0000_0040);
    /// G: LAN Manager session keys; refused.
    pub const LM_KEY: Self = Self(0x0000_0080);
    /// H: NTLM session security.
    pub const NTLM: Self = Self(0x0000_0200);
    /// J: anonymous.
    pub const ANONYMOUS: Self = Self(0x0000_0800);
    /// K: the NEGOTIATE message names a domain.
    pub const OEM_DOMAIN_SUPPLIED: Self = Self(0x0000_1000);
    /// L: the NEGOTIATE message names a workstation.
    pub const OEM_WORKSTATION_SUPPLIED: Self = Self(0x0000_2000);
    /// M: a signature block even where nothing is signed.
    pub const ALWAYS_SIGN: Self = Self(0x0000_8000);
    /// N: the target is a domain.
    pub const TARGET_TYPE_DOMAIN: Self = Self(0x0001_0000);
    /// O: the target is a server.
    pub const TARGET_TYPE_SERVER: Self = Self(0x0002_0000);
    /// P: NTLMv2 session security.
    pub const EXTENDED_SESSION_SECURITY: Self = Self(0x0008_0000);
    /// Q: an identify-level token.
    pub const IDENTIFY: Self = Self(0x0010_0000);
    /// R: LAN Manager session key without NT.
    pub const NON_NT_SESSION_KEY: Self = Self(0x0040_0000);
    /// S: the challenge carries AV pairs.
    pub const TARGET_INFO: Self = Self(0x0080_0000);
    /// T: the message carries a version.
    pub const VERSION: Self = Self(0x0200_0000);
    /// U: 128-bit keys.
    pub const KEY_128: Self = Self(0x2000_0000);
    /// V: the client chooses the session key.
    pub const KEY_EXCH: Self = Self(0x4000_0000);
    /// W: 56-bit keys.
    pub const KEY_56: Self = Self(0x8000_0000);

    /// Whether all of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set and `other`, or this set without it.
    #[must_use]
    pub const fn with(self, other: Self, present: bool) -> Self {
        if present { Self(self.0 | other.0) } else { Self(self.0 & !other.0) }
    }
}

impl BitOr for NegotiateFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for NegotiateFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for NegotiateFlags {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl std::fmt::Debug for NegotiateFlags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NegotiateFlags({:#010x})", self.0)
    }
}
