//! How requests to a mail server prove who sends them.

use serde::{Deserialize, Serialize};

use crate::Refusal;

/// The way to sign in with the service account of a feature group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Authentication {
    /// Basic, or NTLM where the server takes no Basic.
    #[default]
    Automatic,
    /// User and password with every request, which TLS protects.
    Basic,
    /// NTLM version 2, bound to the TLS connection.
    Ntlm,
    /// Tokens for an application (client credentials); its secret is the password of the feature group.
    #[serde(rename = "oauth2")]
    OAuth2 {
        /// Where tokens are issued, as `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`.
        token_url: String,
        /// The application.
        client_id: String,
        /// What tokens are for.
        #[serde(default = "Authentication::exchange_online")]
        scope: String,
    },
}

impl Authentication {
    /// The scope of Exchange Online, with all rights that were granted to the application.
    pub const EXCHANGE_ONLINE: &'static str = "https://outlook.office365.com/.default";

    fn exchange_online() -> String {
        Self::EXCHANGE_ONLINE.to_owned()
    }

    /// The setting's name, as in commands and API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Basic => "basic",
            Self::Ntlm => "ntlm",
            Self::OAuth2 { .. } => "oauth2",
        }
    }

    /// Whether it can work at all.
    ///
    /// # Errors
    /// A refusal that says what is missing, or that the secret would travel in clear.
    pub fn check(&self) -> Result<(), Refusal> {
        let Self::OAuth2 { token_url, client_id, scope } = self else { return Ok(()) };
        let bad = |what: &str, next: &str| Err(Refusal::permanent("bad-authentication", what, next));
        let here = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        if !token_url.starts_with("https://") && !here.iter().any(|here| token_url.starts_with(here)) {
            return bad(
                "the issuer of tokens must be reached by https",
                "write its address as https://login.microsoftonline.com/TENANT/oauth2/v2.0/token",
            );
        }
        if client_id.is_empty() || scope.is_empty() {
            return bad(
                "OAuth2 needs a client id and a scope",
                "name the application that was registered for Tieline",
            );
        }
        Ok(())
    }
}

impl std::fmt::Display for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_written() {
        let application = Authentication::OAuth2 {
            token_url: "https://login.example/t/oauth2/v2.0/token".to_owned(),
            client_id: "app".to_owned(),
            scope: Authentication::EXCHANGE_ONLINE.to_owned(),
        };
        for kind in
            [Authentication::Automatic, Authentication::Basic, Authentication::Ntlm, application.clone()]
        {
            let json = serde_json::to_value(&kind).unwrap();
            assert_eq!(json["kind"], kind.name());
            assert_eq!(serde_json::from_value::<Authentication>(json).unwrap(), kind);
        }
        let short =
            r#"{"kind":"oauth2","token_url":"https://login.example/t/oauth2/v2.0/token","client_id":"app"}"#;
        assert_eq!(serde_json::from_str::<Authentication>(short).unwrap(), application);
    }

    #[test]
    fn a_secret_is_not_sent_in_clear() {
        let at = |token_url: &str| Authentication::OAuth2 {
            token_url: token_url.to_owned(),
            client_id: "app".to_owned(),
            scope: "x/.default".to_owned(),
        };
        assert!(at("https://login.example/token").check().is_ok());
        assert!(at("http://127.0.0.1:8080/token").check().is_ok());
        assert_eq!(at("http://login.example/token").check().unwrap_err().code, "bad-authentication");
    }
}
