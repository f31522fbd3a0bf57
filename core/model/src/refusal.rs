//! Every "no" that a person reads: what happened, where, what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who must act before it can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Nobody: trying again later may work by itself.
    Transient,
    /// The sender: the same input will never work.
    Permanent,
    /// The administrator: a setting, password, permission or server is wrong.
    Operator,
}

/// A refusal or failure in a person's words. The same value feeds the command line, the API's problem+json
/// (`title`, `detail`, `instance`, `next`), pages and reply mails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A stable name for programs, in kebab case: `unknown-mailbox`.
    pub code: String,
    /// What happened, one sentence, without the final full stop.
    pub what: String,
    /// Mailbox, server, item, or file and line; empty when `what` says it all.
    #[serde(rename = "where", default, skip_serializing_if = "String::is_empty")]
    pub where_: String,
    /// One step that helps, with the exact command where there is one.
    pub next: String,
    /// Who must act.
    pub class: Class,
}

impl Refusal {
    /// A refusal that the same input will always meet.
    pub fn permanent(code: &str, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(Class::Permanent, code, what, next)
    }

    /// A failure that may pass by itself.
    pub fn transient(code: &str, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(Class::Transient, code, what, next)
    }

    /// A failure that the administrator must mend.
    pub fn operator(code: &str, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(Class::Operator, code, what, next)
    }

    fn new(class: Class, code: &str, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { code: code.to_owned(), what: what.into(), where_: String::new(), next: next.into(), class }
    }

    /// Says where it happened.
    #[must_use]
    pub fn at(mut self, where_: impl Into<String>) -> Self {
        self.where_ = where_.into();
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.where_.is_empty() {
            write!(f, " ({})", self.where_)?;
        }
        write!(f, ". Next: {}", self.next)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_where_and_next() {
        let refusal =
            Refusal::operator("wrong-password", "Exchange refused the service account", "tieline secret set")
                .at("mail01:443");
        assert_eq!(
            refusal.to_string(),
            "Exchange refused the service account (mail01:443). Next: tieline secret set"
        );
    }
}
