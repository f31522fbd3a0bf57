//! How people sign in, from the configuration.

use http::HeaderName;
use jiff::SignedDuration;
use secrecy::SecretString;
use tieline_model::Refusal;
use tieline_web::{OpenIdPolicy, ProxyPolicy, PublicUrl, SignIn, SignInPolicy};

use super::read_file;
use super::trust_files::TrustFiles;
use crate::config;

/// Prepares signing in; nothing is contacted yet.
pub(super) fn sign_in(config: &config::SignIn, trust_files: &TrustFiles) -> Result<SignIn, Refusal> {
    SignIn::new(SignInPolicy {
        local: config.local_accounts,
        idle: SignedDuration::from_mins(config.idle_minutes as i64),
        lasts: SignedDuration::from_hours(config.session_hours as i64),
        public_url: config.public_url.as_deref().map(PublicUrl::parse).transpose()?,
        proxy: config.proxy.as_ref().map(proxy).transpose()?,
        openid: config.openid.as_ref().map(|config| openid(config, trust_files)).transpose()?,
        ..SignInPolicy::default()
    })
}

fn proxy(config: &config::Proxy) -> Result<ProxyPolicy, Refusal> {
    let bad = |what: String| {
        let next = "write peers as 10.0.0.5 or 10.0.0.0/28, and headers as X-Remote-User";
        Refusal::operator("config-invalid", what, next).at("[sign_in.proxy]")
    };
    let header = |name: &Option<String>| -> Result<Option<HeaderName>, Refusal> {
        let parsed = name.as_ref().map(|name| name.parse::<HeaderName>());
        parsed
            .transpose()
            .map_err(|_| bad(format!("{:?} is not a header's name", name.as_deref().unwrap_or_default())))
    };
    let peers = config.peers.iter().map(|peer| {
        peer.parse().map_err(|error| bad(format!("{peer:?} is not an address or network: {error}")))
    });
    Ok(ProxyPolicy {
        peers: peers.collect::<Result<_, _>>()?,
        user_header: header(&config.user_header)?,
        display_header: header(&config.display_header)?,
        administrators: config.administrators.iter().map(|name| name.to_lowercase()).collect(),
    })
}

fn openid(config: &config::OpenId, trust_files: &TrustFiles) -> Result<OpenIdPolicy, Refusal> {
    let text =
        |file: &std::path::PathBuf| read_file(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let secret = config.client_secret_file.as_ref().map(text).transpose()?;
    Ok(OpenIdPolicy {
        label: config.label.clone(),
        issuer: config.issuer.clone(),
        client_id: config.client_id.clone(),
        client_secret: secret.map(|text| SecretString::from(text.lines().next().unwrap_or_default())),
        scopes: config.scopes.clone(),
        name_claim: config.name_claim.clone(),
        groups_claim: config.groups_claim.clone(),
        technicians: config.technicians.clone(),
        administrators: config.administrators.clone(),
        trust_store: trust_files.store(config.ca_file.as_deref())?,
    })
}
