//! Who we are towards a server.

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::token::TokenSource;

/// An identity. Secrets are wiped when dropped and never printed.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// No `Authorization` header.
    #[default]
    Anonymous,
    /// RFC 7617, sent with the first request. The user may be `DOMAIN\user`, a UPN or an e-mail address.
    Basic { user: String, password: SecretString },
    /// NTLM version 2, which authenticates a connection. The same forms of user.
    Ntlm { user: String, password: SecretString },
    /// Basic, or NTLM where the server says that it takes no Basic.
    Password { user: String, password: SecretString },
    /// RFC 6750, a token that somebody else keeps fresh.
    Bearer { token: SecretString },
    /// RFC 6750, a token that is fetched and renewed as it is needed.
    Tokens(TokenSource),
}

impl Credentials {
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { user: user.into(), password: SecretString::from(password.into()) }
    }

    /// The name to show in messages; never the secret.
    pub fn user(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Basic { user, .. } | Self::Ntlm { user, .. } | Self::Password { user, .. } => user,
            Self::Bearer { .. } => "bearer token",
            Self::Tokens(source) => source.client_id(),
        }
    }

    /// Checks that the credentials can be put into a header at all.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Anonymous | Self::Ntlm { .. } | Self::Tokens(_) => Ok(()),
            Self::Basic { user, .. } | Self::Password { user, .. } if user.contains(':') => {
                Err("a user name cannot contain a colon")
            }
            Self::Basic { .. } | Self::Password { .. } => Ok(()),
            Self::Bearer { token } => match HeaderValue::from_str(token.expose_secret()) {
                Ok(_) => Ok(()),
                Err(_) => Err("the token contains characters that no header can carry"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_in_the_user_name_is_refused_because_it_would_shift_the_password() {
        assert!(Credentials::basic("a:b", "x").check().is_err());
        assert!(Credentials::basic("LAB\\svc", "a:b").check().is_ok());
        assert!(Credentials::Bearer { token: "a\nb".to_owned().into() }.check().is_err());
    }
}
