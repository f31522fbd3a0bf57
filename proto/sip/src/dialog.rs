//! The state of a dialog (RFC 3261 section 12), serialisable.

use serde::{Deserialize, Serialize};

use crate::{Address, Error, Headers, Method, Name, Request, Response, Uri, list, malformed};

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

fn contact(headers: &Headers) -> Result<Uri, Error> {
    let value = headers.first(Name::CONTACT).ok_or(Error::Missing("Contact"))?;
    Address::parse(list(value).next().unwrap_or_default())?.uri.parse()
}

fn routes(headers: &Headers) -> Result<Vec<Uri>, Error> {
    let routes = headers.all(Name::RECORD_ROUTE).flat_map(list);
    let routes: Vec<Uri> =
        routes.take(MAX_ROUTES + 1).map(|r| Address::parse(r)?.uri.parse()).collect::<Result<_, _>>()?;
    if routes.len() > MAX_ROUTES {
        return Err(Error::TooLarge { what: "route set", limit: MAX_ROUTES });
    }
    Ok(routes)
}

impl Dialog {
    /// The dialog that answering `request` opens (RFC 3261 section 12.1.1).
    ///
    /// # Errors
    /// When a field that the dialog needs is missing or malformed.
    pub fn answering(request: &Request, local_tag: &str) -> Result<Self, Error> {
        request.check()?;
        let route_set = routes(&request.headers)?;
        let (from, to) = (request.from()?, request.to()?);
        Ok(Self {
            call_id: request.call_id()?.to_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: from.tag().unwrap_or_default().to_owned(),
            local: bare(&to),
            remote: bare(&from),
            remote_target: contact(&request.headers)?,
            route_set,
            local_cseq: 0,
            remote_cseq: request.cseq()?.0,
        })
    }

    /// The dialog that the answer to our `request` opens (RFC 3261 section 12.1.2).
    ///
    /// # Errors
    /// When a field that the dialog needs is missing or malformed.
    pub fn answered(request: &Request, answer: &Response) -> Result<Self, Error> {
        let (from, to) = (answer.from()?, answer.to()?);
        let mut route_set = routes(&answer.headers)?;
        route_set.reverse();
        Ok(Self {
            call_id: request.call_id()?.to_owned(),
            local_tag: request.from()?.tag().unwrap_or_default().to_owned(),
            remote_tag: to.tag().ok_or(Error::Missing("To tag"))?.to_owned(),
            local: bare(&from),
            remote: bare(&to),
            remote_target: contact(&answer.headers)?,
            route_set,
            local_cseq: request.cseq()?.0,
            remote_cseq: 0,
        })
    }

    /// The ACK for the 2xx that opened this dialog, without Via: a transaction of its own with the number of the INVITE
    /// (RFC 3261 section 13.2.2.4).
    #[must_use]
    pub fn ack(&self) -> Request {
        let mut same = self.clone();
        same.local_cseq = self.local_cseq.saturating_sub(1);
        same.request(Method::Ack)
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
            self.remote_target = contact(&request.headers)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, cseq: &str) -> Request {
        let mut request = Request::new(method, "sip:7042@vmr.example");
        for (name, value) in [
            (Name::VIA, "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKa"),
            (Name::FROM, "\"Bob\" <sip:bob@lab.example>;tag=77"),
            (Name::TO, "<sip:7042@vmr.example>"),
            (Name::CALL_ID, "x1"),
            (Name::CSEQ, cseq),
            (Name::CONTACT, "<sip:bob@10.0.0.9>"),
        ] {
            request.headers.push(name, value);
        }
        request
    }

    /// Both sides of one call know it as the same dialog, and the caller's routes are the callee's in reverse.
    #[test]
    fn caller_and_callee_share_a_dialog() {
        let mut invite = request(Method::Invite, "4 INVITE");
        invite.headers.push(Name::RECORD_ROUTE, "<sip:p2;lr>, <sip:p1;lr>");
        let mut answer = invite.respond(200, "b1");
        answer.headers.push(Name::CONTACT, "<sip:7042@10.0.0.8:5070>");
        answer.headers.push(Name::RECORD_ROUTE, "<sip:p2;lr>, <sip:p1;lr>");
        let mut callee = Dialog::answering(&invite, "b1").unwrap();
        let mut caller = Dialog::answered(&invite, &answer).unwrap();
        let ack = caller.ack();
        assert_eq!((ack.cseq().unwrap(), ack.uri.as_str()), ((4, "ACK"), "sip:7042@10.0.0.8:5070"));
        assert_eq!(ack.headers.all(Name::ROUTE).collect::<Vec<_>>(), ["<sip:p1;lr>", "<sip:p2;lr>"]);
        let bye = caller.request(Method::Bye);
        assert_eq!(bye.cseq().unwrap(), (5, "BYE"));
        assert!(callee.owns(&ack) && callee.owns(&bye));
        callee.receive(&bye).unwrap();
        assert!(caller.owns(&callee.request(Method::Bye)));
        assert_eq!(callee.next_hop().as_str(), "sip:p2;lr");
    }

    #[test]
    fn an_answer_without_tag_or_contact_opens_nothing() {
        let invite = request(Method::Invite, "4 INVITE");
        assert!(Dialog::answered(&invite, &invite.respond(200, "b1")).is_err());
        let mut untagged = invite.respond(100, "");
        untagged.headers.push(Name::CONTACT, "<sip:a@b>");
        assert!(Dialog::answered(&invite, &untagged).is_err());
    }
}
