//! Our soft state at a presence server (RFC 3903): initial, refresh, modify, and what to do when it has forgotten us.

use serde::{Deserialize, Serialize};

use crate::headers::{sip_etag, sip_if_match};
use crate::{
    MESSAGE_SUMMARY_EVENT, MESSAGE_SUMMARY_TYPE, Method, Name, PRESENCE_EVENT, PRESENCE_TYPE, Request,
    Response, Uri,
};

/// What kind of state is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Package {
    /// Waiting messages (RFC 3842).
    #[default]
    MessageSummary,
    /// Presence (RFC 3856).
    Presence,
}

impl Package {
    /// The name of the event package.
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Self::MessageSummary => MESSAGE_SUMMARY_EVENT,
            Self::Presence => PRESENCE_EVENT,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::MessageSummary => MESSAGE_SUMMARY_TYPE,
            Self::Presence => PRESENCE_TYPE,
        }
    }
}

/// What to do now.
#[derive(Debug)]
pub enum PublicationStep {
    /// Send this, then tell the answer to [`Publication::answered`]. Credentials and Via are added by the sender.
    Publish(Request),
    /// Nothing before this time (ms), unless the state changes.
    Wait(i64),
    /// Nothing until the state is known.
    Idle,
}

/// State published for one address of record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Whose state this is: Request-URI, To and From.
    pub user: Uri,
    #[serde(default)]
    package: Package,
    call_id: String,
    tag: String,
    cseq: u32,
    /// How long a publication is asked to last, in seconds.
    lifetime: u32,
    /// What the presence server calls our state, while it remembers it.
    etag: Option<String>,
    expires_at: i64,
    refresh_at: i64,
    /// The body that the presence server has.
    published: Option<String>,
    /// The body it should have; `None` while the state is unknown.
    wanted: Option<String>,
    /// The body of the request in flight.
    #[serde(skip)]
    sent: Option<String>,
}

impl Publication {
    /// Nothing published yet. `lifetime` is asked for in seconds.
    #[must_use]
    pub fn new(package: Package, user: Uri, call_id: &str, tag: &str, lifetime: u32) -> Self {
        Self {
            user,
            package,
            call_id: call_id.to_owned(),
            tag: tag.to_owned(),
            cseq: 0,
            lifetime: lifetime.max(60),
            etag: None,
            expires_at: 0,
            refresh_at: 0,
            published: None,
            wanted: None,
            sent: None,
        }
    }

    /// The state that the presence server should hold. `None` (unknown) claims nothing new and is not refreshed:
    /// what was published lapses with its lifetime.
    pub fn want(&mut self, body: Option<String>) {
        self.wanted = body;
    }

    /// Whether the presence server holds what it should.
    #[must_use]
    pub fn is_current(&self, now: i64) -> bool {
        self.wanted.is_some() && self.remembered(now) && self.published == self.wanted
    }

    fn remembered(&self, now: i64) -> bool {
        self.etag.is_some() && now < self.expires_at
    }

    /// What to do at `now`.
    pub fn step(&mut self, now: i64) -> PublicationStep {
        let Some(wanted) = self.wanted.clone() else { return PublicationStep::Idle };
        if self.is_current(now) && now < self.refresh_at {
            return PublicationStep::Wait(self.refresh_at);
        }
        self.cseq = self.cseq.saturating_add(1);
        let mut request = Request::new(Method::Publish, self.user.as_str());
        request.headers.push(Name::MAX_FORWARDS, "70");
        request.headers.push(Name::FROM, format!("<{}>;tag={}", self.user, self.tag));
        request.headers.push(Name::TO, format!("<{}>", self.user));
        request.headers.push(Name::CALL_ID, &self.call_id);
        request.headers.push(Name::CSEQ, format!("{} PUBLISH", self.cseq));
        request.headers.push(Name::EVENT, self.package.event());
        request.headers.push(Name::EXPIRES, self.lifetime.to_string());
        if self.remembered(now)
            && let Some(etag) = &self.etag
        {
            request.headers.push(sip_if_match(), etag);
        }
        // A refresh carries no body (RFC 3903 section 4.1); anything else does.
        if !self.is_current(now) {
            request.headers.push(Name::CONTENT_TYPE, self.package.content_type());
            request.body = wanted.clone().into_bytes();
        }
        self.sent = Some(wanted);
        PublicationStep::Publish(request)
    }

    /// Notes that the request in flight went out under a higher number, since it was sent again with credentials.
    pub fn renumbered(&mut self, cseq: u32) {
        self.cseq = self.cseq.max(cseq);
    }

    /// When the presence server forgets the state, in ms since the epoch.
    #[must_use]
    pub const fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// Takes in a final answer. `true`: call [`Publication::step`] again at once, since the presence server had
    /// forgotten our state (412) or asks for a longer lifetime (423).
    pub fn answered(&mut self, response: &Response, now: i64) -> bool {
        let sent = self.sent.take();
        match response.code {
            200..=299 => {
                self.etag = response.headers.first(sip_etag()).filter(|e| !e.is_empty()).map(str::to_owned);
                let granted = i64::from(response.expires().unwrap_or(self.lifetime).max(1)) * 1000;
                self.expires_at = now.saturating_add(granted);
                self.refresh_at = now.saturating_add(granted - (granted / 5).min(60_000));
                self.published = sent;
                false
            }
            412 => {
                self.published = None;
                self.etag.take().is_some()
            }
            423 => {
                let min =
                    response.headers.first(Name::MIN_EXPIRES).and_then(|v| v.trim().parse::<u32>().ok());
                let longer = min.filter(|min| *min > self.lifetime);
                self.lifetime = longer.unwrap_or(self.lifetime);
                longer.is_some()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counts, MessageClass, MessageSummary};

    const NOW: i64 = 1_800_000_000_000;

    fn publication() -> Publication {
        Publication::new(Package::MessageSummary, "sip:alice@lab.test".parse().unwrap(), "c", "t", 600)
    }

    fn summary(new: u32) -> MessageSummary {
        MessageSummary::of(None, [(MessageClass::VoiceMessage, Counts::new(new, 0))])
    }

    fn publish(publication: &mut Publication, now: i64) -> Request {
        match publication.step(now) {
            PublicationStep::Publish(request) => request,
            other => panic!("PUBLISH was expected, not {other:?}"),
        }
    }

    fn answer(request: &Request, code: u16, headers: &[(Name, &str)]) -> Response {
        let mut response = request.respond(code, "s");
        for (name, value) in headers {
            response.headers.push(name.clone(), value);
        }
        response
    }

    /// Covers: AV-13 (PUBLISH, refresh and modify)
    #[test]
    fn initial_refresh_and_modify() {
        let mut publication = publication();
        assert!(matches!(publication.step(NOW), PublicationStep::Idle));
        publication.want(Some(summary(1).to_string()));
        let first = publish(&mut publication, NOW);
        assert!(first.headers.first(sip_if_match()).is_none() && !first.body.is_empty());
        let ok = answer(&first, 200, &[(sip_etag(), "e1"), (Name::EXPIRES, "600")]);
        assert!(!publication.answered(&ok, NOW));
        assert!(matches!(publication.step(NOW + 1), PublicationStep::Wait(at) if at == NOW + 540_000));

        let refresh = publish(&mut publication, NOW + 540_000);
        assert_eq!(refresh.headers.first(sip_if_match()), Some("e1"));
        assert!(refresh.body.is_empty() && refresh.headers.first(Name::CONTENT_TYPE).is_none());
        publication.answered(&answer(&refresh, 200, &[(sip_etag(), "e2")]), NOW + 540_000);

        publication.want(Some(summary(0).to_string()));
        let modify = publish(&mut publication, NOW + 541_000);
        assert_eq!(modify.headers.first(sip_if_match()), Some("e2"));
        assert_eq!(MessageSummary::parse(&modify.body).unwrap(), summary(0));
        assert_eq!(modify.cseq().unwrap().0, 3);
    }

    #[test]
    fn a_forgotten_state_is_published_anew_and_a_longer_life_is_granted() {
        let mut publication = publication();
        publication.want(Some(summary(1).to_string()));
        let first = publish(&mut publication, NOW);
        publication.answered(&answer(&first, 200, &[(sip_etag(), "e1"), (Name::EXPIRES, "600")]), NOW);
        publication.want(Some(summary(2).to_string()));
        let modify = publish(&mut publication, NOW + 1_000);
        assert!(publication.answered(&answer(&modify, 412, &[]), NOW + 1_000));
        let anew = publish(&mut publication, NOW + 1_000);
        assert!(anew.headers.first(sip_if_match()).is_none() && !anew.body.is_empty());
        assert!(publication.answered(&answer(&anew, 423, &[(Name::MIN_EXPIRES, "1800")]), NOW + 1_000));
        let longer = publish(&mut publication, NOW + 1_000);
        assert_eq!(longer.expires(), Some(1_800));
        // The same answer twice must not loop.
        assert!(!publication.answered(&answer(&longer, 423, &[(Name::MIN_EXPIRES, "1800")]), NOW + 1_000));
    }

    /// Covers: AV-13 (unknown, PUBLISH)
    #[test]
    fn an_unknown_state_is_neither_published_nor_refreshed() {
        let mut publication = publication();
        publication.want(Some(summary(1).to_string()));
        let first = publish(&mut publication, NOW);
        publication.answered(&answer(&first, 200, &[(sip_etag(), "e1"), (Name::EXPIRES, "600")]), NOW);
        publication.want(None);
        assert!(matches!(publication.step(NOW + 590_000), PublicationStep::Idle));
        publication.want(Some(summary(1).to_string()));
        let late = publish(&mut publication, NOW + 700_000);
        assert!(late.headers.first(sip_if_match()).is_none() && !late.body.is_empty());
    }

    /// Covers: AV-73 (PUBLISH)
    #[test]
    fn presence_goes_out_under_its_own_package() {
        let user = "sip:alice@lab.test".parse().unwrap();
        let mut publication = Publication::new(Package::Presence, user, "c", "t", 600);
        publication.want(Some("<presence/>".to_owned()));
        let first = publish(&mut publication, NOW);
        assert_eq!(first.headers.first(Name::EVENT), Some("presence"));
        assert_eq!(first.headers.first(Name::CONTENT_TYPE), Some("application/pidf+xml"));
    }

    #[test]
    fn survives_a_restart() {
        let mut publication = publication();
        publication.want(Some(summary(1).to_string()));
        let first = publish(&mut publication, NOW);
        publication.answered(&answer(&first, 200, &[(sip_etag(), "e1"), (Name::EXPIRES, "600")]), NOW);
        let record = serde_json::to_string(&publication).unwrap();
        let restored: Publication = serde_json::from_str(&record).unwrap();
        assert_eq!(restored, publication);
    }
}
