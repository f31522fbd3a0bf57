//! Bearer tokens: what the lab's issuer signs and its Exchange believes. A token says for which resource it is, until
//! when, and that its application may act as any mailbox (`full_access_as_app`).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Scheme, SignedIn, Stranger};
use crate::{account::SERVICE_ACCOUNT, server::Server};

/// The lab's directory tenant; its domain name is another name of it.
pub const TENANT: &str = "6c616200-0000-4000-8000-000000000001";
/// The application that may act as any mailbox.
pub const CLIENT_ID: &str = "6c616200-0000-4000-8000-000000000002";
/// Its secret.
pub const CLIENT_SECRET: &str = "lab-secret";
/// What a token must be for.
pub const RESOURCE: &str = "https://outlook.office365.com";
/// The role that lets an application act as any mailbox.
const ROLE: &str = "full_access_as_app";

/// How a server with modern authentication presents itself.
pub(super) const OFFER: &str = "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", \
    trusted_issuers=\"6c616200-0000-4000-8000-000000000001@lab.example\", token_types=\"app_asserted_user_v1\", \
    authorization_uri=\"http://lab.example/common/oauth2/authorize\"";

/// Signs tokens; made anew at each start, so that a restart voids all tokens.
#[derive(Clone)]
pub(crate) struct SigningKey([u8; 32]);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    pub(crate) fn generate() -> Self {
        let mut key = [0; 32];
        // Without randomness the lab still works: its secrets are public anyway.
        getrandom::fill(&mut key).ok();
        Self(key)
    }

    fn mac(&self, text: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(text.as_bytes());
        Some(mac)
    }

    /// A JSON web token (RFC 7519) with HS256.
    pub(super) fn sign(&self, claims: &Claims) -> Option<String> {
        let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
        let head = part(br#"{"typ":"JWT","alg":"HS256"}"#.to_vec());
        let signed = format!("{head}.{}", part(serde_json::to_vec(claims).ok()?));
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&signed)?.finalize().into_bytes());
        Some(format!("{signed}.{signature}"))
    }

    fn read(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        self.mac(signed)?.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let (_, claims) = signed.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) aud: String,
    pub(super) iss: String,
    /// Seconds since 1970.
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) appid: String,
    pub(super) tid: String,
    pub(super) roles: Vec<String>,
}

impl Claims {
    pub(super) fn new(resource: &str, now: i64, lifetime: i64) -> Self {
        Self {
            aud: resource.to_owned(),
            iss: format!("https://sts.lab.example/{TENANT}/"),
            iat: now,
            exp: now + lifetime,
            appid: CLIENT_ID.to_owned(),
            tid: TENANT.to_owned(),
            roles: vec![ROLE.to_owned()],
        }
    }
}

/// Whether a token opens the mailboxes, as Exchange judges it.
pub(super) fn check(server: &Server, token: &str) -> Result<SignedIn, Stranger> {
    let refused =
        |diagnostics: &str| Stranger::told(&format!("{OFFER}, error=\"invalid_token\"")).because(diagnostics);
    let claims = server.signing_key.read(token).ok_or_else(|| {
        refused("2000001;reason=\"The token has an invalid signature.\";error_category=\"invalid_signature\"")
    })?;
    if claims.exp <= server.clock.now().as_second() {
        return Err(refused("2000001;reason=\"The token has expired.\";error_category=\"token_expired\""));
    }
    if claims.aud.trim_end_matches('/') != RESOURCE {
        return Err(refused(&format!(
            "2000003;reason=\"The audience claim value is invalid '{}'.\";error_category=\"invalid_resource\"",
            claims.aud.chars().filter(|c| c.is_ascii_graphic() && *c != '\'').collect::<String>()
        )));
    }
    let account = server.directory.accounts().iter().find(|account| account.alias == SERVICE_ACCOUNT);
    let account = account.filter(|_| claims.roles.iter().any(|role| role == ROLE));
    let mut account = account.cloned().ok_or_else(Stranger::default)?;
    account.app_only = true;
    Ok(SignedIn { account, by: Scheme::Bearer })
}
