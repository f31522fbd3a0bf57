//! Whether a form was sent by one of our own pages.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use sha2::{Digest, Sha256};
use tieline_model::Refusal;

use super::SignInPolicy;

/// Refuses a form that another site made the browser send. Browsers of today say where a request comes from; older ones
/// are told by the token that only our page and this browser's cookie know.
pub(crate) fn check(
    policy: &SignInPolicy,
    headers: &HeaderMap,
    expected: &str,
    sent: &str,
) -> Result<(), Refusal> {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    let elsewhere = site.is_some_and(|site| site != b"same-origin" && site != b"none");
    if elsewhere || foreign_origin(policy, headers) || !same(expected, sent) {
        return Err(Refusal::permanent(
            "form-refused",
            "the form did not come from this browser's own page",
            "open the page anew and send it again; cookies must be allowed",
        ));
    }
    Ok(())
}

/// What makes a link of one of our pages good for more than looking, in the browser of whom it was made for alone: another
/// site cannot know it.
pub(crate) fn seal(form_token: &str, parts: &[&str]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, form_token.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.sign())
}

/// Whether a link carries the seal that [`seal`] gave it.
pub(crate) fn is_sealed(form_token: &str, parts: &[&str], sent: &str) -> bool {
    same(&seal(form_token, parts), sent)
}

/// Whether the header `Origin` names somebody else, or refuses to say.
fn foreign_origin(policy: &SignInPolicy, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let Ok(origin) = origin.to_str() else { return true };
    if policy.public_url.as_ref().is_some_and(|public| public.origin().eq_ignore_ascii_case(origin)) {
        return false;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = host.filter(|_| policy.public_url.is_none());
    own.is_none_or(|host| !origin.split_once("://").is_some_and(|(_, o)| o.eq_ignore_ascii_case(host)))
}

/// Compares without telling by the time it takes where texts differ.
fn same(expected: &str, sent: &str) -> bool {
    Sha256::digest(expected.as_bytes()) == Sha256::digest(sent.as_bytes())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::sign_in::PublicUrl;

    fn verdict(public: Option<&str>, lines: &[(&'static str, &'static str)], sent: &str) -> bool {
        let public_url = public.map(|url| PublicUrl::parse(url).unwrap());
        let policy = SignInPolicy { public_url, ..SignInPolicy::default() };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        check(&policy, &headers, "token", sent).is_ok()
    }

    #[test]
    fn a_seal_is_good_for_what_it_was_made_for() {
        let made = seal("token", &["sip:a@x", "1"]);
        assert!(is_sealed("token", &["sip:a@x", "1"], &made));
        for (token, parts) in
            [("other", ["sip:a@x", "1"]), ("token", ["sip:a@x", "2"]), ("token", ["sip:a@x1", ""])]
        {
            assert!(!is_sealed(token, &parts, &made), "{parts:?}");
        }
        assert!(!is_sealed("token", &["sip:a@x", "1"], ""));
    }

    #[test]
    fn only_our_own_pages_send_our_forms() {
        let host = ("host", "127.0.0.1:8480");
        assert!(verdict(None, &[host], "token"), "an old browser says nothing");
        assert!(!verdict(None, &[host], "guessed") && !verdict(None, &[host], ""));
        assert!(verdict(None, &[host, ("origin", "http://127.0.0.1:8480")], "token"));
        assert!(verdict(None, &[host, ("sec-fetch-site", "same-origin")], "token"));
        assert!(!verdict(None, &[host, ("sec-fetch-site", "cross-site")], "token"));
        assert!(!verdict(None, &[host, ("sec-fetch-site", "same-site")], "token"));
        assert!(!verdict(None, &[host, ("origin", "https://evil.example")], "token"));
        assert!(!verdict(None, &[host, ("origin", "null")], "token"));
        let public = Some("https://tieline.corp.example");
        assert!(verdict(public, &[host, ("origin", "https://tieline.corp.example")], "token"));
        assert!(!verdict(public, &[host, ("origin", "http://127.0.0.1:8480")], "token"));
    }
}
