//! What can be wrong with a message, or with the one who sent it.

/// Why a message was not understood, or not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NtlmError {
    /// The bytes are no NTLM message of the expected kind.
    #[error("not an NTLM {expected} message")]
    NotThisMessage {
        /// `NEGOTIATE`, `CHALLENGE` or `AUTHENTICATE`.
        expected: &'static str,
    },
    /// The message is longer than any that an honest peer sends.
    #[error("the NTLM message is longer than {max} bytes")]
    TooLong {
        /// The most that is read, in bytes.
        max: usize,
    },
    /// A field lies outside the message, or the message ends in the middle of one.
    #[error("the NTLM message is cut short in {field}")]
    Truncated {
        /// Name of the field in [MS-NLMP].
        field: &'static str,
    },
    /// A name that cannot be put into a message.
    #[error("the {field} is too long for an NTLM message")]
    NameTooLong {
        /// Which name.
        field: &'static str,
    },
    /// The peer offers or sends NTLM version 1 only.
    #[error("the peer speaks NTLM version 1 only, which reveals the password; it must allow NTLMv2")]
    Version1Only,
    /// The peer wants neither to sign in nor to be asked.
    #[error("an anonymous sign-in is not accepted")]
    Anonymous,
    /// No such user, or another password.
    #[error("user name or password is wrong")]
    WrongPassword,
    /// The message integrity code does not fit: somebody changed a message on its way.
    #[error("the messages were changed on their way (MIC)")]
    MessageIntegrity,
    /// The answer is not bound to the TLS connection that carried it, or to another one.
    #[error("the answer is not bound to this TLS connection (Extended Protection)")]
    ChannelBinding,
    /// The clocks differ by more than the server allows.
    #[error("the clocks of client and server differ too much")]
    ClockSkew,
    /// The signature of a message does not fit.
    #[error("the signature of the message does not fit")]
    BadSignature,
}
