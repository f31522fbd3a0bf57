//! How an operation ended (`LDAPResult`, RFC 4511 section 4.1.9).

use crate::ber::{BerError, Reader, Writer, tag};

/// A result code of RFC 4511 appendix A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResultCode(pub u32);

impl ResultCode {
    pub const SUCCESS: Self = Self(0);
    pub const OPERATIONS_ERROR: Self = Self(1);
    pub const PROTOCOL_ERROR: Self = Self(2);
    pub const TIME_LIMIT_EXCEEDED: Self = Self(3);
    pub const SIZE_LIMIT_EXCEEDED: Self = Self(4);
    pub const AUTH_METHOD_NOT_SUPPORTED: Self = Self(7);
    pub const STRONGER_AUTH_REQUIRED: Self = Self(8);
    pub const REFERRAL: Self = Self(10);
    pub const ADMIN_LIMIT_EXCEEDED: Self = Self(11);
    pub const UNAVAILABLE_CRITICAL_EXTENSION: Self = Self(12);
    pub const CONFIDENTIALITY_REQUIRED: Self = Self(13);
    pub const NO_SUCH_OBJECT: Self = Self(32);
    pub const INVALID_DN_SYNTAX: Self = Self(34);
    pub const INAPPROPRIATE_AUTHENTICATION: Self = Self(48);
    pub const INVALID_CREDENTIALS: Self = Self(49);
    pub const INSUFFICIENT_ACCESS_RIGHTS: Self = Self(50);
    pub const BUSY: Self = Self(51);
    pub const UNAVAILABLE: Self = Self(52);
    pub const UNWILLING_TO_PERFORM: Self = Self(53);
    pub const OTHER: Self = Self(80);

    /// RFC 4511's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "success",
            1 => "operationsError",
            2 => "protocolError",
            3 => "timeLimitExceeded",
            4 => "sizeLimitExceeded",
            7 => "authMethodNotSupported",
            8 => "strongerAuthRequired",
            10 => "referral",
            11 => "adminLimitExceeded",
            12 => "unavailableCriticalExtension",
            13 => "confidentialityRequired",
            16 => "noSuchAttribute",
            17 => "undefinedAttributeType",
            18 => "inappropriateMatching",
            21 => "invalidAttributeSyntax",
            32 => "noSuchObject",
            34 => "invalidDNSyntax",
            48 => "inappropriateAuthentication",
            49 => "invalidCredentials",
            50 => "insufficientAccessRights",
            51 => "busy",
            52 => "unavailable",
            53 => "unwillingToPerform",
            80 => "other",
            _ => "unnamed",
        }
    }
}

impl std::fmt::Display for ResultCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

/// A result code with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What came of it.
    pub code: ResultCode,
    /// The nearest entry that exists, after `noSuchObject`.
    pub matched_dn: String,
    /// The server's own words.
    pub message: String,
    /// Where else to ask, after `referral`.
    pub referral: Vec<String>,
}

impl Outcome {
    /// It worked.
    #[must_use]
    pub const fn success() -> Self {
        Self {
            code: ResultCode::SUCCESS,
            matched_dn: String::new(),
            message: String::new(),
            referral: Vec::new(),
        }
    }

    /// It did not.
    #[must_use]
    pub fn failure(code: ResultCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), ..Self::success() }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.number(tag::ENUMERATED, i64::from(self.code.0));
        writer.octets(&self.matched_dn);
        writer.octets(&self.message);
        if !self.referral.is_empty() {
            writer.around(tag::context_constructed(3), |list| {
                self.referral.iter().for_each(|uri| list.octets(uri))
            });
        }
    }

    /// The words may be in any encoding when a server is old: they are read leniently, they are for people.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, BerError> {
        let code =
            u32::try_from(reader.number(tag::ENUMERATED)?).map_err(|_| BerError::Range("a result code"))?;
        let matched_dn = String::from_utf8_lossy(reader.expect(tag::OCTETS)?).into_owned();
        // Active Directory ends its diagnostic messages with a zero byte.
        let message = String::from_utf8_lossy(reader.expect(tag::OCTETS)?).trim_end_matches('\0').to_owned();
        let mut referral = Vec::new();
        if let Some(content) = reader.optional(tag::context_constructed(3))? {
            let mut list = Reader::new(content);
            while !list.is_empty() {
                referral.push(list.text()?);
            }
        }
        Ok(Self { code: ResultCode(code), matched_dn, message, referral })
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message.trim()) }
    }
}
