//! Who we are towards a server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// An identity. Secrets are wiped when dropped and never printed.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// No `Authorization` header.
    #[default]
    Anonymous,
    /// RFC 7617, sent with the first request. The user may be `DOMAIN\user`, a UPN or an e-mail address.
    Basic { user: String, password: SecretString },
    /// RFC 6750.
    Bearer { token: SecretString },
}

impl Credentials {
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { user: user.into(), password: SecretString::from(password.into()) }
    }

    /// The name to show in messages; never the secret.
    pub fn user(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Basic { user, .. } => user,
            Self::Bearer { .. } => "bearer token",
        }
    }

    /// Checks that the credentials can be put into a header at all.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Anonymous => Ok(()),
            Self::Basic { user, .. } if user.contains(':') => Err("a user name cannot contain a colon"),
            Self::Basic { .. } => Ok(()),
            Self::Bearer { token } => match HeaderValue::from_str(token.expose_secret()) {
                Ok(_) => Ok(()),
                Err(_) => Err("the token contains characters that no header can carry"),
            },
        }
    }
}

/// The authentication state of one connection. Basic and Bearer prove themselves with each request and keep
/// none; a scheme that authenticates the connection keeps its handshake here, which is why every connection
/// owns one.
#[derive(Debug)]
pub(crate) enum Authenticator {
    Silent,
    EachRequest(HeaderValue),
}

impl Authenticator {
    pub(crate) fn begin(credentials: &Credentials) -> Self {
        let text = match credentials {
            Credentials::Anonymous => return Self::Silent,
            Credentials::Basic { user, password } => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose_secret())))
            }
            Credentials::Bearer { token } => format!("Bearer {}", token.expose_secret()),
        };
        match HeaderValue::from_str(&text) {
            Ok(mut value) => {
                value.set_sensitive(true);
                Self::EachRequest(value)
            }
            Err(_) => Self::Silent,
        }
    }

    /// The `Authorization` header of the next request on this connection.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        match self {
            Self::Silent => None,
            Self::EachRequest(value) => Some(value.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_the_example_of_rfc_7617() {
        let header = Authenticator::begin(&Credentials::basic("Aladdin", "open sesame")).authorization();
        assert_eq!(header.unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn secrets_are_never_printed() {
        let credentials = Credentials::basic("svc", "hunter2");
        let authenticator = Authenticator::begin(&credentials);
        let printed = format!("{credentials:?} {authenticator:?}");
        assert!(printed.contains("svc"));
        assert!(!printed.contains("hunter2") && !printed.contains("c3ZjOmh1bnRlcjI"), "{printed}");
    }

    #[test]
    fn a_colon_in_the_user_name_is_refused_because_it_would_shift_the_password() {
        assert!(Credentials::basic("a:b", "x").check().is_err());
        assert!(Credentials::basic("LAB\\svc", "a:b").check().is_ok());
        assert!(Credentials::Bearer { token: "a\nb".to_owned().into() }.check().is_err());
    }
}
