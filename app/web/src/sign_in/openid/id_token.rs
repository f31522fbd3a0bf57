//! The ID token: a signed statement about who signed in (OpenID Connect Core 1.0, sections 2 and 3.1.3.7).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use tieline_model::Refusal;

use super::keys::Keys;
use super::refused;

/// What the token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// Clocks may differ by so much, in seconds.
const LEEWAY: f64 = 120.0;
/// A token is younger than this, in seconds: it was made for this sign-in.
const OLDEST: f64 = 1800.0;
/// The longest text that a claim may bring in, in characters.
const LONGEST: usize = 256;
/// The most groups that are looked at.
const MOST_GROUPS: usize = 1000;

#[derive(Deserialize)]
pub(super) struct Header {
    alg: String,
    pub(super) kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// What the provider says about the person.
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// The token's header, unverified: it says which key to look for.
pub(super) fn header(token: &str) -> Result<Header, Refusal> {
    let part = token.split('.').next().unwrap_or_default();
    decode(part)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| refused("the ID token is not a JWT"))
}

/// The token's claims, if signature and contents hold.
pub(super) fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, Refusal> {
    let header = header(token)?;
    let broken = || refused("the ID token is not a signed JWT");
    let (signed, signature) = token.rsplit_once('.').ok_or_else(broken)?;
    let payload = signed.split_once('.').map(|(_, payload)| payload).ok_or_else(broken)?;
    let signature = decode(signature).ok_or_else(broken)?;
    if header.crit.is_some() {
        return Err(refused("the ID token demands something unknown"));
    }
    if !keys.verify(&header.alg, header.kid.as_deref(), signed.as_bytes(), &signature) {
        return Err(refused("the ID token's signature is not the provider's"));
    }
    let payload = decode(payload).ok_or_else(broken)?;
    let claims: Claims =
        serde_json::from_slice(&payload).map_err(|_| refused("the ID token lacks a claim"))?;
    claims.check(expected)?;
    Ok(claims)
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

impl Claims {
    fn check(&self, expected: &Expected<'_>) -> Result<(), Refusal> {
        if self.iss != expected.issuer {
            return Err(refused("the ID token is another provider's"));
        }
        let (for_us, others) = match &self.aud {
            Audience::One(one) => (one == expected.audience, false),
            Audience::Several(all) => (all.iter().any(|one| one == expected.audience), all.len() > 1),
        };
        let party = self.azp.as_deref();
        if !for_us || (others && party.is_none()) || party.is_some_and(|party| party != expected.audience) {
            return Err(refused("the ID token is for another application"));
        }
        let now = expected.now.as_millisecond() as f64 / 1000.0;
        let early = self.iat.max(self.nbf.unwrap_or(self.iat)) > now + LEEWAY;
        if early || now > self.exp + LEEWAY || now > self.iat + OLDEST {
            let next = "check the clocks of this server and of the provider, then begin again";
            let what = "the ID token has expired or is not valid yet";
            return Err(Refusal::operator("sign-in-refused", what, next));
        }
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err(refused("the ID token is for another sign-in"));
        }
        if self.sub.is_empty() {
            return Err(refused("the ID token names nobody"));
        }
        Ok(())
    }

    /// The person's name: the configured claim, else the mail address, else the provider's own id.
    pub(super) fn name(&self, claim: &str) -> String {
        let name = self.text(claim).or_else(|| self.text("email")).unwrap_or(&self.sub);
        name.chars().take(LONGEST).filter(|c| !c.is_control()).collect::<String>().to_lowercase()
    }

    /// What people see.
    pub(super) fn display_name(&self) -> Option<&str> {
        self.text("name")
            .filter(|name| name.chars().count() <= LONGEST && !name.chars().any(char::is_control))
    }

    /// Groups or roles. A dot in the claim's name leads into an object: `realm_access.roles`.
    pub(super) fn groups(&self, claim: &str) -> Vec<String> {
        let inner = || {
            let mut keys = claim.split('.');
            let first = self.more.get(keys.next()?)?;
            keys.try_fold(first, |at, key| at.get(key))
        };
        match self.more.get(claim).or_else(inner) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(all)) => {
                all.iter().filter_map(Value::as_str).take(MOST_GROUPS).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.more.get(claim).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-01-05T09:00:00Z";

    /// A provider that signs whatever it is told to.
    struct Signer(EcdsaKeyPair);

    impl Signer {
        fn new() -> Self {
            let random = SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
            Self(key.unwrap())
        }

        fn keys(&self, more: Value) -> Keys {
            let point = self.0.public_key().as_ref();
            let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
            let mut key = json!({ "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "x": x, "y": y });
            key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let other = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "one" });
            Keys::parse(json!({ "keys": [other, key] }).to_string().as_bytes()).unwrap()
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(header), part(claims));
            let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn claims() -> Value {
        let now = NOW.parse::<Timestamp>().unwrap().as_second();
        json!({
            "iss": "https://login.corp.example", "aud": "tieline", "sub": "7f3c", "nonce": "n-1",
            "iat": now, "exp": now + 300, "preferred_username": "Dana@corp.example", "name": "Dana Desk",
            "groups": ["service-desk"], "realm_access": { "roles": ["agent", "lead"] }
        })
    }

    fn judged(token: &str, keys: &Keys) -> Result<Claims, Refusal> {
        let now = NOW.parse().unwrap();
        let expected =
            Expected { issuer: "https://login.corp.example", audience: "tieline", nonce: "n-1", now };
        verify(token, keys, &expected)
    }

    #[test]
    fn a_token_that_holds_says_who_it_is() {
        let signer = Signer::new();
        let token = signer.sign(&json!({ "alg": "ES256", "kid": "one" }), &claims());
        let claims = judged(&token, &signer.keys(json!({}))).unwrap();
        assert_eq!(claims.name("preferred_username"), "dana@corp.example");
        assert_eq!(claims.name("missing"), "7f3c", "the provider's own id when there is nothing better");
        assert_eq!(claims.display_name(), Some("Dana Desk"));
        assert_eq!(claims.groups("groups"), ["service-desk"]);
        assert_eq!(claims.groups("realm_access.roles"), ["agent", "lead"]);
        assert!(claims.groups("realm_access.none").is_empty() && claims.groups("x.y.z").is_empty());
    }

    #[test]
    fn a_token_that_breaks_any_one_rule_is_refused() {
        let signer = Signer::new();
        let keys = signer.keys(json!({}));
        let header = json!({ "alg": "ES256", "kid": "one" });
        let now = NOW.parse::<Timestamp>().unwrap().as_second();
        let with = |name: &str, value: Value| {
            let mut claims = claims();
            claims[name] = value;
            signer.sign(&header, &claims)
        };
        for (name, value) in [
            ("iss", json!("https://login.corp.example/")),
            ("iss", json!("https://evil.example")),
            ("aud", json!("another")),
            ("aud", json!(["another"])),
            ("aud", json!(["tieline", "another"])),
            ("azp", json!("another")),
            ("exp", json!(now - 121)),
            ("iat", json!(now + 121)),
            ("iat", json!(now - 1801)),
            ("nbf", json!(now + 121)),
            ("nonce", json!("n-2")),
            ("nonce", Value::Null),
            ("sub", json!("")),
            ("sub", json!(7)),
        ] {
            assert!(judged(&with(name, value.clone()), &keys).is_err(), "{name} {value}");
        }
        assert!(judged(&with("exp", json!(now - 60)), &keys).is_ok(), "clocks differ a little");
        assert!(judged(&with("aud", json!(["tieline"])), &keys).is_ok());
    }

    #[test]
    fn a_signature_counts_only_from_the_providers_key_with_a_public_key_algorithm() {
        let (signer, stranger) = (Signer::new(), Signer::new());
        let keys = signer.keys(json!({}));
        let token = |header: Value| signer.sign(&header, &claims());
        let good = token(json!({ "alg": "ES256", "kid": "one" }));
        assert!(judged(&good, &keys).is_ok());
        assert!(judged(&stranger.sign(&json!({ "alg": "ES256", "kid": "one" }), &claims()), &keys).is_err());
        for header in [
            json!({ "alg": "none" }),
            json!({ "alg": "HS256", "kid": "one" }),
            json!({ "alg": "RS256", "kid": "one" }),
            json!({ "alg": "ES256", "kid": "two" }),
            json!({ "alg": "ES256", "kid": "one", "crit": ["b64"] }),
        ] {
            assert!(judged(&token(header.clone()), &keys).is_err(), "{header}");
        }
        let (signed, _) = good.rsplit_once('.').unwrap();
        for broken in
            [format!("{signed}."), signed.to_owned(), String::new(), "a.b.c".to_owned(), "....".to_owned()]
        {
            assert!(judged(&broken, &keys).is_err(), "{broken}");
        }
        let altered = good.replacen('.', ".e30", 1);
        assert!(judged(&altered, &keys).is_err());
        assert!(judged(&good, &signer.keys(json!({ "use": "enc" }))).is_err(), "a key for another purpose");
        assert!(
            judged(&good, &signer.keys(json!({ "alg": "ES384" }))).is_err(),
            "a key for another algorithm"
        );
    }
}
