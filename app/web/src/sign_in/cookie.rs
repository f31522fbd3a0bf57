//! The two cookies: session and visit. `__Host-` ties them to this host over https; the browser shows them to no script.

use axum::http::{HeaderMap, HeaderValue, header};
use tieline_store::BrowserToken;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Somebody is signed in.
    Session,
    /// A browser looks at pages.
    Visit,
}

/// How cookies are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies {
    /// Browsers come over https.
    pub(crate) secure: bool,
}

impl Cookies {
    fn name(self, cookie: Cookie) -> &'static str {
        match (cookie, self.secure) {
            (Cookie::Session, true) => "__Host-tieline-session",
            (Cookie::Session, false) => "tieline-session",
            (Cookie::Visit, true) => "__Host-tieline-visit",
            (Cookie::Visit, false) => "tieline-visit",
        }
    }

    /// The token that the browser sent, if it can be one.
    pub(crate) fn read(self, headers: &HeaderMap, cookie: Cookie) -> Option<BrowserToken> {
        let name = self.name(cookie);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim());
        // Two of one name: somebody planted one. Neither is believed.
        let value = values.next()?;
        if values.next().is_some() { None } else { BrowserToken::parse(value) }
    }

    /// Makes the browser keep a token until it is closed.
    pub(crate) fn set(self, cookie: Cookie, token: &BrowserToken) -> HeaderValue {
        self.line(cookie, token.expose(), "")
    }

    /// Makes the browser forget it.
    pub(crate) fn clear(self, cookie: Cookie) -> HeaderValue {
        self.line(cookie, "", "; Max-Age=0")
    }

    fn line(self, cookie: Cookie, value: &str, more: &str) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", self.name(cookie));
        let mut value = HeaderValue::from_str(&line).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(line: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(line).unwrap());
        headers
    }

    #[test]
    fn a_cookie_is_read_as_it_was_set_and_a_planted_one_is_not_believed() {
        let token = BrowserToken::draw().unwrap();
        let secure = Cookies { secure: true };
        let line = secure.set(Cookie::Session, &token);
        let line = line.to_str().unwrap();
        assert!(
            line.starts_with("__Host-tieline-session=")
                && line.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure")
        );
        let sent = format!("a=b; {}", line.split(';').next().unwrap());
        assert_eq!(secure.read(&headers(&sent), Cookie::Session).unwrap().hash(), token.hash());
        assert!(secure.read(&headers(&sent), Cookie::Visit).is_none());
        let bare = sent.replace("__Host-", "");
        assert!(secure.read(&headers(&bare), Cookie::Session).is_none(), "set over http");
        let twice = format!("{sent}; __Host-tieline-session={}", "x".repeat(43));
        assert!(secure.read(&headers(&twice), Cookie::Session).is_none());
    }
}
