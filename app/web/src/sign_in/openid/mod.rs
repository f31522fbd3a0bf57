//! OpenID Connect Core 1.0: authorization code flow with PKCE (RFC 7636), and the provider's answer held against every
//! rule of section 3.1.3.7. Redirects of the provider's servers are not followed.

mod id_token;
mod keys;
mod provider;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tieline_model::Refusal;
use tieline_store::{BrowserToken, PendingSignIn, SignInWay};

use super::{OpenIdPolicy, Proven, PublicUrl};
use crate::url;
use provider::Provider;

/// Where the provider sends the browser back to.
pub(crate) const CALLBACK: &str = "/sign-in/openid/callback";

/// Our side of an OpenID provider.
pub(crate) struct OpenId {
    policy: OpenIdPolicy,
    redirect_uri: String,
    provider: Provider,
}

impl OpenId {
    pub(super) fn new(policy: OpenIdPolicy, public: &PublicUrl) -> Result<Self, Refusal> {
        let provider = Provider::new(&policy)?;
        Ok(Self { redirect_uri: format!("{}{CALLBACK}", public.origin()), provider, policy })
    }

    /// What the button says.
    pub(crate) fn label(&self) -> &str {
        &self.policy.label
    }

    /// Where to send the browser; adds nonce and verifier to the sign-in under way.
    pub(crate) async fn authorization_url(
        &self,
        state: &BrowserToken,
        pending: &mut PendingSignIn,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let endpoints = self.provider.endpoints(now).await?;
        let nonce = BrowserToken::draw()?.expose().to_owned();
        let verifier = BrowserToken::draw()?.expose().to_owned();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let mut scopes = self.policy.scopes.clone();
        if !scopes.iter().any(|scope| scope == "openid") {
            scopes.insert(0, "openid".to_owned());
        }
        let query = url::query(&[
            ("response_type", "code"),
            ("client_id", &self.policy.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &scopes.join(" ")),
            ("state", state.expose()),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        pending.nonce = Some(nonce);
        pending.verifier = Some(SecretString::from(verifier));
        let glue = if endpoints.authorization.contains('?') { '&' } else { '?' };
        Ok(format!("{}{glue}{query}", endpoints.authorization))
    }

    /// Exchanges the code for an ID token and holds it against the rules.
    pub(crate) async fn prove(
        &self,
        code: &str,
        issuer: Option<&str>,
        pending: &PendingSignIn,
        now: Timestamp,
    ) -> Result<Proven, Refusal> {
        // RFC 9207: an answer from another issuer is not for us.
        if issuer.is_some_and(|issuer| issuer != self.policy.issuer) {
            return Err(refused("the answer comes from another provider"));
        }
        let (Some(nonce), Some(verifier)) = (&pending.nonce, &pending.verifier) else {
            return Err(refused("this sign-in was not begun with the provider"));
        };
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", verifier.expose_secret()),
        ];
        let token = self.provider.token(&form, now).await?;
        let expected =
            id_token::Expected { issuer: &self.policy.issuer, audience: &self.policy.client_id, nonce, now };
        let claims = self.provider.claims(&token, &expected).await?;
        let name = claims.name(&self.policy.name_claim);
        let groups = claims.groups(&self.policy.groups_claim);
        let Some(role) = self.policy.role(&groups) else {
            let what = format!("{name} is known to {}, but may not use Tieline", self.policy.label);
            let next =
                format!("ask an administrator for one of the groups {}", self.policy.technicians.join(", "));
            return Err(Refusal::operator("not-allowed", what, next));
        };
        let display_name = claims.display_name().unwrap_or(&name).to_owned();
        Ok(Proven { name, display_name, role, way: SignInWay::OpenId })
    }
}

/// The provider's answer is not what it must be.
fn refused(what: &str) -> Refusal {
    Refusal::permanent("sign-in-refused", what, "begin again from the page you wanted")
}
