//! The state of a dialog at the side that answered (RFC 3261 section 12), serialisable.

use serde::{Deserialize, Serialize};

use crate::{Address, Error, Method, Name, Request, Uri, list, malformed};

/// No more Record-Route elements than this are followed.
const MAX_ROUTES: usize = 16;

/// Who talks to whom, where to, and which numbers come next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialog {
    /// `Call-ID`.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag.
    pub remote_tag: String,
    /// Our address: To of the request that opened the dialog, without parameters. For a watcher it is the mailbox.
    pub local: String,
    /// The peer's address: From of that request, without its tag.
    pub remote: String,
    /// Where requests go: the peer's latest Contact.
    pub remote_target: Uri,
    /// Proxies that stay in the path, nearest first.
    pub route_set: Vec<Uri>,
    /// CSeq of our latest request.
    pub local_cseq: u32,
    /// CSeq of the peer's latest request.
    pub remote_cseq: u32,
}

/// `display <uri>` without header parameters.
fn bare(address: &Address<'_>) -> String {
    match address.display {
        "" => format!("<{}>", address.uri),
        display => format!("{display} <{}>", address.uri),
    }
}

fn contact(request: &Request) -> Result<Uri, Error> {
    let value = request.headers.first(Name::CONTACT).ok_or(Error::Missing("Contact"))?;
    Address::parse(list(value).next().unwrap_or_default())?.uri.parse()
}

impl Dialog {
    /// The dialog that answering `request` opens (RFC 3261 section 12.1.1).
    ///
    /// # Errors
    /// When a field that the dialog needs is missing or malformed.
    pub fn answering(request: &Request, local_tag: &str) -> Result<Self, Error> {
        request.check()?;
        let routes = request.headers.all(Name::RECORD_ROUTE).flat_map(list);
        let route_set: Vec<Uri> =
            routes.take(MAX_ROUTES + 1).map(|r| Address::parse(r)?.uri.parse()).collect::<Result<_, _>>()?;
        if route_set.len() > MAX_ROUTES {
            return Err(Error::TooLarge { what: "route set", limit: MAX_ROUTES });
        }
        let (from, to) = (request.from()?, request.to()?);
        Ok(Self {
            call_id: request.call_id()?.to_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: from.tag().unwrap_or_default().to_owned(),
            local: bare(&to),
            remote: bare(&from),
            remote_target: contact(request)?,
            route_set,
            local_cseq: 0,
            remote_cseq: request.cseq()?.0,
        })
    }

    /// Whether `request` claims to belong here.
    #[must_use]
    pub fn owns(&self, request: &Request) -> bool {
        request.call_id().is_ok_and(|id| id == self.call_id)
            && request.to().is_ok_and(|to| to.tag() == Some(&self.local_tag))
            && request.from().is_ok_and(|from| from.tag() == Some(&self.remote_tag))
    }

    /// Takes in a later request of the peer: its number must rise, its Contact becomes the target.
    ///
    /// # Errors
    /// [`Error::Malformed`] when CSeq does not rise: the request is old (answer 500, RFC 3261 section 12.2.2).
    pub fn receive(&mut self, request: &Request) -> Result<(), Error> {
        let (cseq, _) = request.cseq()?;
        if cseq <= self.remote_cseq {
            return Err(malformed("CSeq", "not higher than that of an earlier request in the dialog"));
        }
        self.remote_cseq = cseq;
        // Leniency "no Contact on refresh": the target stays.
        if request.headers.first(Name::CONTACT).is_some() {
            self.remote_target = contact(request)?;
        }
        Ok(())
    }

    /// The next request inside the dialog, without Via, which is the transaction's (RFC 3261 section 12.2.1.1).
    pub fn request(&mut self, method: Method) -> Request {
        self.local_cseq = self.local_cseq.saturating_add(1);
        let first = self.route_set.first();
        // A strict router expects itself in the Request-URI and the target at the end of the route.
        let strict = first.filter(|route| !route.is_loose_route());
        let mut request = Request::new(method, strict.unwrap_or(&self.remote_target).as_str());
        let mut routes: Vec<&Uri> = self.route_set.iter().skip(usize::from(strict.is_some())).collect();
        if strict.is_some() {
            routes.push(&self.remote_target);
        }
        for route in routes {
            request.headers.push(Name::ROUTE, format!("<{route}>"));
        }
        request.headers.push(Name::MAX_FORWARDS, "70");
        request.headers.push(Name::FROM, format!("{};tag={}", self.local, self.local_tag));
        request.headers.push(Name::TO, format!("{};tag={}", self.remote, self.remote_tag));
        request.headers.push(Name::CALL_ID, &self.call_id);
        request.headers.push(Name::CSEQ, format!("{} {}", self.local_cseq, request.method));
        request
    }

    /// Where the next request is sent: the first route, or the target.
    #[must_use]
    pub fn next_hop(&self) -> &Uri {
        self.route_set.first().unwrap_or(&self.remote_target)
    }

    /// A name for this dialog, unique while it lives.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{};{};{}", self.call_id, self.local_tag, self.remote_tag)
    }
}
