//! What an administrator decides about signing in.

use std::net::IpAddr;

use jiff::SignedDuration;
use secrecy::SecretString;
use tieline_model::Refusal;
use tieline_store::UserRole;
use tieline_transport::{Endpoint, Network, Scheme, TrustStore};

/// What an administrator decides about signing in.
#[derive(Debug, Clone)]
pub struct SignInPolicy {
    /// Local accounts may sign in.
    pub local: bool,
    /// A session ends when nothing was asked for so long.
    pub idle: SignedDuration,
    /// A session ends after this time at the latest.
    pub lasts: SignedDuration,
    /// How long a sign-in may be under way.
    pub pending: SignedDuration,
    /// The address that browsers use.
    pub public_url: Option<PublicUrl>,
    /// A reverse proxy whose word is taken.
    pub proxy: Option<ProxyPolicy>,
    /// An OpenID provider.
    pub openid: Option<OpenIdPolicy>,
}

impl Default for SignInPolicy {
    fn default() -> Self {
        Self {
            local: true,
            idle: SignedDuration::from_mins(60),
            lasts: SignedDuration::from_hours(12),
            pending: SignedDuration::from_mins(10),
            public_url: None,
            proxy: None,
            openid: None,
        }
    }
}

/// Scheme, host and port under which browsers find this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    https: bool,
}

impl PublicUrl {
    /// # Errors
    /// When it is not `http://…` or `https://…`, or has a path.
    pub fn parse(url: &str) -> Result<Self, Refusal> {
        let bad = |what: String| {
            let next = "write it as https://tieline.corp.example, without a path";
            Refusal::operator("config-invalid", what, next).at("[sign_in] public_url")
        };
        let endpoint = Endpoint::parse(url).map_err(|error| bad(error.what()))?;
        if endpoint.path() != "/" {
            return Err(bad(format!("{url:?} has a path")));
        }
        let https = endpoint.scheme() == Scheme::Https;
        let scheme = if https { "https" } else { "http" };
        Ok(Self { origin: format!("{scheme}://{}", endpoint.authority()), https })
    }

    /// `https://tieline.corp.example`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether cookies may be kept to encrypted connections.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }
}

/// A reverse proxy that signs people in and says in a header who they are.
#[derive(Debug, Clone)]
pub struct ProxyPolicy {
    /// Only requests from these addresses are believed.
    pub peers: Vec<Network>,
    /// The header with the person's name; `None` when the proxy only forwards addresses.
    pub user_header: Option<http::HeaderName>,
    /// The header with what people see of it.
    pub display_header: Option<http::HeaderName>,
    /// Who is an administrator, lower case; everybody else is a technician.
    pub administrators: Vec<String>,
}

impl ProxyPolicy {
    /// Whether this address is one of the proxy's.
    #[must_use]
    pub fn believes(&self, peer: IpAddr) -> bool {
        self.peers.iter().any(|network| network.contains(peer))
    }
}

/// An OpenID provider (OpenID Connect Core 1.0, authorization code with PKCE).
#[derive(Debug, Clone)]
pub struct OpenIdPolicy {
    /// What the button says.
    pub label: String,
    /// The issuer, exactly as the provider writes it.
    pub issuer: String,
    /// Who we are to the provider.
    pub client_id: String,
    /// Our secret there; public clients have none.
    pub client_secret: Option<SecretString>,
    /// What is asked for; `openid` is always among it.
    pub scopes: Vec<String>,
    /// The claim with the person's name.
    pub name_claim: String,
    /// The claim with the person's groups or roles: a list or a text.
    pub groups_claim: String,
    /// Members of these may sign in; everybody when empty.
    pub technicians: Vec<String>,
    /// Members of these are administrators.
    pub administrators: Vec<String>,
    /// Whose certificates are believed beside those of the operating system's authorities.
    pub trust_store: TrustStore,
}

impl OpenIdPolicy {
    /// What somebody with these groups may do; `None`: not sign in.
    #[must_use]
    pub fn role(&self, groups: &[String]) -> Option<UserRole> {
        let among = |wanted: &[String]| groups.iter().any(|group| wanted.contains(group));
        if among(&self.administrators) {
            Some(UserRole::Administrator)
        } else if self.technicians.is_empty() || among(&self.technicians) {
            Some(UserRole::Technician)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_scheme_host_and_port() {
        let url = PublicUrl::parse("https://Tieline.corp.example/").unwrap();
        assert_eq!((url.origin(), url.is_https()), ("https://tieline.corp.example", true));
        assert_eq!(PublicUrl::parse("http://127.0.0.1:8480").unwrap().origin(), "http://127.0.0.1:8480");
        for wrong in ["tieline", "ftp://x", "https://x/tieline", "https://u:p@x"] {
            assert!(PublicUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
