//! A person as the directory knows one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{PhoneNumber, SipAddress, SmtpAddress};

/// The directory's own id of a person, which survives renaming: `objectGUID` or `entryUUID`, in the usual text form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DirectoryId(String);

impl DirectoryId {
    /// Takes the directory's text, lower case; `None` when it is empty or longer than 255 bytes.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        (!text.is_empty() && text.len() <= 255).then_some(Self(text))
    }

    /// `5a1e…`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person. What the directory does not say is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The directory's id.
    pub id: DirectoryId,
    /// The name people see.
    pub display_name: String,
    /// The primary mail address.
    pub mail: Option<SmtpAddress>,
    /// The other mail addresses under which mail arrives (`proxyAddresses`).
    pub proxy_addresses: Vec<SmtpAddress>,
    /// SIP addresses, the primary one first. Often not the mail address.
    pub sip: Vec<SipAddress>,
    /// Log-on name (`userPrincipalName`, `uid`).
    pub login: Option<String>,
    /// Telephone numbers.
    pub phones: Vec<PhoneNumber>,
    /// Department.
    pub department: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// The account is switched off (`userAccountControl`).
    pub disabled: bool,
}

impl Person {
    /// A person of whom only id and name are known.
    #[must_use]
    pub fn named(id: DirectoryId, display_name: impl Into<String>) -> Self {
        Self {
            id,
            display_name: display_name.into(),
            mail: None,
            proxy_addresses: Vec::new(),
            sip: Vec::new(),
            login: None,
            phones: Vec::new(),
            department: None,
            company: None,
            disabled: false,
        }
    }

    /// Whether mail to this address reaches the person.
    #[must_use]
    pub fn has_mail_address(&self, address: &SmtpAddress) -> bool {
        self.mail.iter().chain(&self.proxy_addresses).any(|own| own == address)
    }
}
