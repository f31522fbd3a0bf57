//! Requests and responses (RFC 3261 section 7): reading, writing, and the fields that every message carries.

use std::fmt;
use std::net::SocketAddr;

use crate::headers::header_name;
use crate::{
    Address, Error, Headers, MAX_HEAD, MAX_HEADERS, MAX_MESSAGE, Method, Name, Via, list, malformed,
};

/// A parsed message.
#[derive(Debug, Clone)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The Request-URI as written.
    pub uri: String,
    /// Header lines.
    pub headers: Headers,
    /// The body; its length is written for us.
    pub body: Vec<u8>,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Response {
    /// 100 to 699.
    pub code: u16,
    /// The reason phrase.
    pub reason: String,
    /// Header lines.
    pub headers: Headers,
    /// The body; its length is written for us.
    pub body: Vec<u8>,
}

/// What makes two requests the same transaction (RFC 3261 section 17.2.3). Requests without the magic branch, as
/// Lync-era clients send inside dialogs, are told apart by Call-ID, CSeq, From tag and Request-URI (RFC 2543).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TransactionKey(String);

/// Where head and body meet: (end of the last header line, start of the body). `from` is where to resume the search.
pub(crate) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut line_start = from;
    loop {
        let rest = bytes.get(line_start..)?;
        let length = rest.iter().position(|b| *b == b'\n')?;
        let line = rest.get(..length)?;
        line_start += length + 1;
        if matches!(line, b"" | b"\r") {
            return Some(line_start);
        }
    }
}

/// The start line and headers in `head`, which ends with the empty line.
pub(crate) fn parse_head(head: &[u8]) -> Result<Message, Error> {
    if head.len() > MAX_HEAD {
        return Err(Error::TooLarge { what: "message head", limit: MAX_HEAD });
    }
    let text = std::str::from_utf8(head).map_err(|_| malformed("head", "not UTF-8"))?;
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let mut message = parse_start_line(lines.next().unwrap_or_default())?;
    let headers = match &mut message {
        Message::Request(request) => &mut request.headers,
        Message::Response(response) => &mut response.headers,
    };
    let mut pending: Option<(Name, String)> = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            let (_, value) = pending.as_mut().ok_or_else(|| malformed("head", "folded before any header"))?;
            value.push(' ');
            value.push_str(line.trim());
            continue;
        }
        if let Some((name, value)) = pending.take() {
            headers.push(name, value);
        }
        if headers.len() >= MAX_HEADERS {
            return Err(Error::TooLarge { what: "number of header lines", limit: MAX_HEADERS });
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("header", "no colon"))?;
        let name = name.trim_end();
        if !is_token(name) {
            return Err(malformed("header", "the name is no token"));
        }
        pending = Some((header_name(name), value.trim().to_owned()));
    }
    if let Some((name, value)) = pending {
        headers.push(name, value);
    }
    Ok(message)
}

pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c))
}

fn parse_start_line(line: &str) -> Result<Message, Error> {
    let mut words = line.splitn(3, ' ');
    let (first, second, third) = match (words.next(), words.next(), words.next()) {
        (Some(a), Some(b), Some(c)) => (a, b, c),
        // Leniency "no reason phrase": a status line that ends after the code.
        (Some(a), Some(b), None) => (a, b, ""),
        _ => return Err(malformed("start line", "neither request line nor status line")),
    };
    if first.eq_ignore_ascii_case("SIP/2.0") {
        let code = second.trim().parse().ok().filter(|c| (100..700).contains(c));
        let code = code.ok_or_else(|| malformed("status line", "the code is none of 100 to 699"))?;
        let reason = third.trim().to_owned();
        return Ok(Message::Response(Response { code, reason, headers: Headers::new(), body: Vec::new() }));
    }
    if !third.trim().eq_ignore_ascii_case("SIP/2.0") {
        return Err(malformed("request line", "not method, URI, SIP/2.0"));
    }
    if !is_token(first) || second.is_empty() || second.contains(char::is_control) {
        return Err(malformed("request line", "method or URI is not usable"));
    }
    let (method, uri) = (Method::from(first), second.to_owned());
    Ok(Message::Request(Request { method, uri, headers: Headers::new(), body: Vec::new() }))
}

/// The value of Content-Length, if the header is there. Two that differ are an attack on framing.
pub(crate) fn content_length(headers: &Headers) -> Result<Option<usize>, Error> {
    let mut found = None;
    for value in headers.all(Name::CONTENT_LENGTH) {
        let length =
            value.trim().parse::<usize>().map_err(|_| malformed("Content-Length", "not a number"))?;
        if length > MAX_MESSAGE {
            return Err(Error::TooLarge { what: "body", limit: MAX_MESSAGE });
        }
        if found.is_some_and(|seen| seen != length) {
            return Err(malformed("Content-Length", "two different values"));
        }
        found = Some(length);
    }
    Ok(found)
}

impl Message {
    /// Reads a datagram. Without Content-Length the body reaches to the end; bytes beyond it are dropped
    /// (RFC 3261 section 18.3).
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::Malformed`]; a body that is shorter than announced is malformed.
    pub fn parse_datagram(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_MESSAGE {
            return Err(Error::TooLarge { what: "message", limit: MAX_MESSAGE });
        }
        // Leniency "line ends before the start line" (RFC 3261 section 7.5).
        let leading = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let bytes = bytes.get(leading..).unwrap_or_default();
        let end = head_end(bytes, 0).ok_or_else(|| malformed("head", "no empty line after the headers"))?;
        let (head, body) = bytes.split_at_checked(end).ok_or_else(|| malformed("head", "out of range"))?;
        let mut message = parse_head(head)?;
        let body = match content_length(message.headers())? {
            Some(length) => body.get(..length).ok_or_else(|| malformed("body", "shorter than announced"))?,
            None => body,
        };
        *message.body_mut() = body.to_vec();
        Ok(message)
    }

    /// Header lines.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    pub(crate) const fn body_mut(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Request(request) => &mut request.body,
            Self::Response(response) => &mut response.body,
        }
    }
}

fn write(start: fmt::Arguments<'_>, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut out = format!("{start}\r\n");
    for (name, value) in headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length")) {
        out.push_str(name);
        out.push_str(": ");
        out.push_str(value);
        out.push_str("\r\n");
    }
    out.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut out = out.into_bytes();
    out.extend_from_slice(body);
    out
}

/// The number and method of CSeq.
fn cseq(headers: &Headers) -> Result<(u32, &str), Error> {
    let value = headers.first(Name::CSEQ).ok_or(Error::Missing("CSeq"))?;
    let (number, method) =
        value.split_once(char::is_whitespace).ok_or_else(|| malformed("CSeq", "not number and method"))?;
    let number = number.parse().map_err(|_| malformed("CSeq", "the number exceeds 32 bits or is none"))?;
    Ok((number, method.trim()))
}

fn address<'a>(headers: &'a Headers, name: Name, word: &'static str) -> Result<Address<'a>, Error> {
    Address::parse(headers.first(name).ok_or(Error::Missing(word))?)
}

/// Fields common to requests and responses.
macro_rules! common_fields {
    ($message:ty) => {
        impl $message {
            /// `Call-ID`.
            ///
            /// # Errors
            /// [`Error::Missing`].
            pub fn call_id(&self) -> Result<&str, Error> {
                self.headers.first(Name::CALL_ID).filter(|id| !id.is_empty()).ok_or(Error::Missing("Call-ID"))
            }

            /// `CSeq`: number and method.
            ///
            /// # Errors
            /// [`Error::Missing`] or [`Error::Malformed`].
            pub fn cseq(&self) -> Result<(u32, &str), Error> {
                cseq(&self.headers)
            }

            /// `From`.
            ///
            /// # Errors
            /// [`Error::Missing`] or [`Error::Malformed`].
            pub fn from(&self) -> Result<Address<'_>, Error> {
                address(&self.headers, Name::FROM, "From")
            }

            /// `To`.
            ///
            /// # Errors
            /// [`Error::Missing`] or [`Error::Malformed`].
            pub fn to(&self) -> Result<Address<'_>, Error> {
                address(&self.headers, Name::TO, "To")
            }

            /// The topmost Via element.
            ///
            /// # Errors
            /// [`Error::Missing`] or [`Error::Malformed`].
            pub fn top_via(&self) -> Result<Via<'_>, Error> {
                let value = self.headers.first(Name::VIA).ok_or(Error::Missing("Via"))?;
                Via::parse(list(value).next().unwrap_or_default())
            }

            /// `Expires`, in seconds. A value beyond 32 bits is the longest possible (RFC 3261 section 20.19).
            #[must_use]
            pub fn expires(&self) -> Option<u32> {
                let value = self.headers.first(Name::EXPIRES)?.trim();
                let digits = !value.is_empty() && value.chars().all(|c| c.is_ascii_digit());
                digits.then(|| value.parse().unwrap_or(u32::MAX))
            }
        }
    };
}

common_fields!(Request);
common_fields!(Response);

impl Request {
    /// A request with nothing but its first line.
    #[must_use]
    pub fn new(method: Method, uri: impl Into<String>) -> Self {
        Self { method, uri: uri.into(), headers: Headers::new(), body: Vec::new() }
    }

    /// As on the wire, Content-Length included.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        write(format_args!("{} {} SIP/2.0", self.method, self.uri), &self.headers, &self.body)
    }

    /// Checks what RFC 3261 section 8.1.1 makes mandatory, and that CSeq names this method.
    ///
    /// # Errors
    /// The first field that is missing or malformed.
    pub fn check(&self) -> Result<(), Error> {
        self.top_via()?;
        self.to()?;
        self.call_id()?;
        if self.from()?.tag().is_none() {
            return Err(Error::Missing("From tag"));
        }
        if self.cseq()?.1 != self.method.as_str() {
            return Err(malformed("CSeq", "names another method than the request line"));
        }
        Ok(())
    }

    /// The transaction that this request belongs to; an ACK belongs to its INVITE.
    ///
    /// # Errors
    /// When a field that the key needs is missing or malformed.
    pub fn transaction_key(&self) -> Result<TransactionKey, Error> {
        self.key_as(if self.method == Method::Ack { "INVITE" } else { self.method.as_str() })
    }

    /// The transaction of the INVITE that a CANCEL is about (RFC 3261 section 9.2).
    ///
    /// # Errors
    /// When a field that the key needs is missing or malformed.
    pub fn invite_key(&self) -> Result<TransactionKey, Error> {
        self.key_as("INVITE")
    }

    fn key_as(&self, method: &str) -> Result<TransactionKey, Error> {
        let via = self.top_via()?;
        let sent_by = via.sent_by.to_ascii_lowercase();
        let key = match via.params.value("branch").filter(|branch| branch.starts_with("z9hG4bK")) {
            Some(branch) => format!("{branch}\n{sent_by}\n{method}"),
            None => {
                let tag = self.from()?.tag().unwrap_or_default();
                format!("\n{sent_by}\n{method}\n{}\n{}\n{tag}\n{}", self.call_id()?, self.cseq()?.0, self.uri)
            }
        };
        Ok(TransactionKey(key))
    }

    /// Notes in the topmost Via where the request really came from (RFC 3261 section 18.2.1, RFC 3581).
    pub fn note_source(&mut self, source: SocketAddr) {
        let mut values = self.headers.remove(Name::VIA).into_iter();
        let first = values.next().unwrap_or_default();
        let mut elements = list(&first);
        let top = elements.next().unwrap_or_default();
        let asks_rport = Via::parse(top).is_ok_and(|via| via.params.has("rport"));
        let mut noted: String = top
            .split(';')
            .filter(|part| {
                let name = part.split('=').next().unwrap_or_default().trim();
                !name.eq_ignore_ascii_case("received") && !name.eq_ignore_ascii_case("rport")
            })
            .collect::<Vec<_>>()
            .join(";");
        noted.push_str(&format!(";received={}", source.ip()));
        if asks_rport {
            noted.push_str(&format!(";rport={}", source.port()));
        }
        for rest in elements {
            noted.push_str(", ");
            noted.push_str(rest);
        }
        self.headers.push(Name::VIA, noted);
        for value in values {
            self.headers.push(Name::VIA, value);
        }
    }

    /// A response to this request (RFC 3261 section 8.2.6). `to_tag` is added when To has none yet.
    #[must_use]
    pub fn respond(&self, code: u16, to_tag: &str) -> Response {
        let mut headers = Headers::new();
        for name in [Name::VIA, Name::FROM] {
            for value in self.headers.all(name.clone()) {
                headers.push(name.clone(), value);
            }
        }
        if let Some(to) = self.headers.first(Name::TO) {
            let tagged = Address::parse(to).is_ok_and(|address| address.tag().is_some());
            match tagged || to_tag.is_empty() || code == 100 {
                true => headers.push(Name::TO, to),
                // Without brackets a parameter would join the URI's: they are put on.
                false if to.contains('<') => headers.push(Name::TO, format!("{to};tag={to_tag}")),
                false => headers.push(Name::TO, format!("<{to}>;tag={to_tag}")),
            }
        }
        for name in [Name::CALL_ID, Name::CSEQ] {
            if let Some(value) = self.headers.first(name.clone()) {
                headers.push(name, value);
            }
        }
        Response { code, reason: reason_phrase(code).to_owned(), headers, body: Vec::new() }
    }

    /// The `Event` header: package, and `id` parameter.
    #[must_use]
    pub fn event(&self) -> Option<(&str, Option<&str>)> {
        let (package, params) = crate::Params::of(self.headers.first(Name::EVENT)?);
        Some((package, params.value("id")))
    }
}

impl Response {
    /// As on the wire, Content-Length included.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        write(format_args!("SIP/2.0 {} {}", self.code, self.reason), &self.headers, &self.body)
    }

    /// `Retry-After` in seconds, comment and parameters left aside.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        let value = self.headers.first(Name::RETRY_AFTER)?;
        let digits: String = value.trim().chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then(|| digits.parse().unwrap_or(u32::MAX))
    }
}

/// The usual phrase of a status code.
#[must_use]
pub fn reason_phrase(code: u16) -> &'static str {
    match code {
        // Phrases that RFC 6665 and RFC 3903 add.
        202 => "Accepted",
        412 => "Conditional Request Failed",
        423 => "Interval Too Brief",
        489 => "Bad Event",
        other => ezk_sip_types::StatusCode::from(other).text().unwrap_or("Unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIBE: &str = "SUBSCRIBE sip:alice@lab.test SIP/2.0\r\n\
        v: SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKa;rport, SIP/2.0/UDP 10.0.0.1\r\n\
        From: \"Phone\" <sip:alice@lab.test>;tag=77\r\nTo: sip:alice@lab.test\r\ni: x1\r\n\
        CSeq: 4 SUBSCRIBE\r\nSubject: folded\r\n  twice\r\n\tover\r\nX-Unknown: kept\r\nl: 2\r\n\r\nhi and more";

    fn request(text: &str) -> Request {
        match Message::parse_datagram(text.as_bytes()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a request was expected"),
        }
    }

    #[test]
    fn reads_compact_names_folding_and_the_announced_body() {
        let request = request(SUBSCRIBE);
        request.check().unwrap();
        assert_eq!(request.body, b"hi");
        assert_eq!(request.headers.first(Name::SUBJECT), Some("folded twice over"));
        assert_eq!(request.from().unwrap().tag(), Some("77"));
        assert_eq!(request.cseq().unwrap(), (4, "SUBSCRIBE"));
    }

    #[test]
    fn the_source_is_noted_and_echoed() {
        let mut request = request(SUBSCRIBE);
        request.note_source("192.0.2.7:1234".parse().unwrap());
        let response = request.respond(401, "t1");
        let via = response.headers.first(Name::VIA).unwrap();
        assert_eq!(
            via,
            "SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKa;received=192.0.2.7;rport=1234, SIP/2.0/UDP 10.0.0.1"
        );
        assert_eq!(response.headers.first(Name::TO), Some("<sip:alice@lab.test>;tag=t1"));
        let text = String::from_utf8(response.to_bytes()).unwrap();
        assert!(text.starts_with("SIP/2.0 401 Unauthorized\r\n"));
        assert!(text.ends_with("Content-Length: 0\r\n\r\n"));
    }

    /// Requests without a branch, as Lync-era clients send them inside dialogs, are told apart all the same.
    #[test]
    fn a_missing_branch_falls_back_to_the_dialog_fields() {
        let old = SUBSCRIBE.replace(";branch=z9hG4bKa", "");
        let next = old.replace("CSeq: 4", "CSeq: 5");
        let key = |text: &str| request(text).transaction_key().unwrap();
        assert_eq!(key(&old), key(&old));
        assert_ne!(key(&old), key(&next));
        assert_ne!(key(&old), key(SUBSCRIBE));
    }

    #[test]
    fn a_method_is_read_whole() {
        let text = SUBSCRIBE.replace("SUBSCRIBE", "SUBSCRIBEX");
        assert_eq!(request(&text).method, Method::Other("SUBSCRIBEX".into()));
    }

    #[test]
    fn refused() {
        let long = format!("SUBSCRIBE sip:a SIP/2.0\r\n{}\r\n", "A: b\r\n".repeat(MAX_HEADERS + 1));
        let two = SUBSCRIBE.replace("l: 2", "l: 2\r\nContent-Length: 3");
        let short = SUBSCRIBE.replace("l: 2", "l: 200");
        for bad in [
            "",
            "\r\n",
            "SUBSCRIBE sip:a SIP/2.0",
            "SUBSCRIBE sip:a SIP/2.0\r\nnocolon\r\n\r\n",
            "SIP/2.0 99 No\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            " folded\r\n\r\n",
            &long,
            &two,
            &short,
        ] {
            assert!(Message::parse_datagram(bad.as_bytes()).is_err(), "{bad:?}");
        }
        // What made another stack panic: line ends of two kinds.
        assert!(Message::parse_datagram(b"OPTIONS sip:a SIP/2.0\nX: y\n\r\nzzzzzz").is_ok());
    }

    #[test]
    fn written_and_read_back() {
        let first = request(SUBSCRIBE);
        let second = match Message::parse_datagram(&first.to_bytes()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a request was expected"),
        };
        assert_eq!(first.to_bytes(), second.to_bytes());
    }
}
