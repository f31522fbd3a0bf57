//! Which address to ask next, and what to believe on the way. No clock, no I/O.
//!
//! The order is Microsoft's: the mail domain itself, then `autodiscover.` before it, SOAP before plain XML at each; then
//! an unauthenticated question by http, whose only useful answer is a redirection to https. DNS SRV records are not
//! looked up, and the service connection point in Active Directory is for machines of the domain.
//!
//! Traps that are known and closed: credentials never go out without TLS; a redirection that came without TLS is followed
//! only to a host that a person has confirmed; loops end (each address is asked once for each mailbox, and ten
//! redirections are enough); one 401 is no wrong password, since a web site at the mail domain may want one of its own; a
//! web page in place of an answer is skipped.

use std::collections::{HashSet, VecDeque};

use tieline_model::{Refusal, SmtpAddress};

/// The most redirections that are followed.
const MAX_HOPS: u32 = 10;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// POST `GetUserSettings`.
    Soap(String),
    /// POST the plain XML request.
    Pox(String),
    /// GET without credentials, for a redirection.
    Probe(String),
}

impl Step {
    /// The question that fits an address.
    fn at(url: String) -> Self {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        if path.to_ascii_lowercase().ends_with(".svc") { Self::Soap(url) } else { Self::Pox(url) }
    }

    pub(super) fn url(&self) -> &str {
        match self {
            Self::Soap(url) | Self::Pox(url) | Self::Probe(url) => url,
        }
    }
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// The address of EWS.
    Found(String),
    /// Ask for this mail address instead.
    RedirectAddress(String),
    /// Ask there instead, said by a body or a status.
    RedirectUrl(String),
    /// The server wants other credentials.
    Unauthorized,
    /// It has no such mailbox.
    UnknownMailbox,
    /// Anything else, in words.
    Unusable(String),
}

/// Where things stand after a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Found(String),
    GoOn,
    Stop(Refusal),
}

/// One search.
#[derive(Debug)]
pub(super) struct Search {
    address: SmtpAddress,
    candidates: Vec<String>,
    confirmed: Vec<String>,
    queue: VecDeque<Step>,
    asked: HashSet<(String, Step)>,
    hops: u32,
    refused: bool,
    unknown: bool,
    tried: Vec<String>,
}

impl Search {
    /// `candidates` are addresses with `{domain}` in them; those with http are only probed. `confirmed` are hosts to which
    /// a redirection that came without TLS may lead.
    pub(super) fn new(address: SmtpAddress, candidates: Vec<String>, confirmed: Vec<String>) -> Self {
        let mut search = Self {
            address,
            candidates,
            confirmed,
            queue: VecDeque::new(),
            asked: HashSet::new(),
            hops: 0,
            refused: false,
            unknown: false,
            tried: Vec::new(),
        };
        search.fill();
        search
    }

    fn fill(&mut self) {
        let domain = self.address.domain().to_lowercase();
        self.queue = self
            .candidates
            .iter()
            .map(|candidate| candidate.replace("{domain}", &domain))
            .map(|url| if is_secure(&url) { Step::at(url) } else { Step::Probe(url) })
            .collect();
    }

    /// The mail address to ask for.
    pub(super) fn address(&self) -> &SmtpAddress {
        &self.address
    }

    /// The next question; `None` when there is none left.
    pub(super) fn next(&mut self) -> Option<Step> {
        loop {
            let step = self.queue.pop_front()?;
            if self.asked.insert((self.address.key(), step.clone())) {
                return Some(step);
            }
        }
    }

    /// Takes what came of a question.
    pub(super) fn told(&mut self, step: &Step, reply: Reply) -> Verdict {
        match reply {
            Reply::Found(url) if is_secure(&url) => return Verdict::Found(url),
            Reply::Found(url) => self.note(step, &format!("it names {url}, which is without TLS")),
            Reply::Unauthorized => {
                self.refused = true;
                self.note(step, "it wants other credentials (401)");
            }
            Reply::UnknownMailbox => {
                self.unknown = true;
                self.note(step, "it knows no such mailbox");
            }
            Reply::Unusable(why) => self.note(step, &why),
            Reply::RedirectAddress(_) | Reply::RedirectUrl(_) if self.hops >= MAX_HOPS => {
                self.note(step, "one redirection too many");
            }
            Reply::RedirectAddress(address) => {
                self.hops += 1;
                match address.parse::<SmtpAddress>() {
                    Ok(address) => {
                        self.note(step, &format!("it says to ask for {address}"));
                        self.address = address;
                        self.fill();
                    }
                    Err(_) => self.note(step, "it redirects to what is no mail address"),
                }
            }
            Reply::RedirectUrl(url) => return self.redirected(step, url),
        }
        Verdict::GoOn
    }

    fn redirected(&mut self, step: &Step, url: String) -> Verdict {
        self.hops += 1;
        let url = absolute(step.url(), &url);
        if !is_secure(&url) {
            self.note(step, &format!("it leads to {url}, which is without TLS"));
            return Verdict::GoOn;
        }
        let host = host(&url).to_owned();
        let confirmed = self.confirmed.iter().any(|known| known.eq_ignore_ascii_case(&host));
        if matches!(step, Step::Probe(_)) && !confirmed {
            return Verdict::Stop(Refusal::operator(
                "redirect-to-confirm",
                format!(
                    "{} leads to {host}, but said so without TLS, where anybody could have said it",
                    step.url()
                ),
                format!("if {host} is your mail server or your provider's, repeat with --confirm {host}"),
            ));
        }
        self.note(step, &format!("it leads to {url}"));
        self.queue.push_front(Step::at(url));
        Verdict::GoOn
    }

    fn note(&mut self, step: &Step, what: &str) {
        self.tried.push(format!("{}: {what}", step.url()));
    }

    /// What to say when nothing was found.
    pub(super) fn give_up(self) -> Refusal {
        let tried = self.tried.join("; ");
        if self.unknown {
            return Refusal::operator(
                "unknown-mailbox",
                format!("Autodiscover knows no mailbox {} ({tried})", self.address),
                "check the address; it must be the primary address or an alias in Exchange",
            );
        }
        if self.refused {
            return Refusal::operator(
                "wrong-password",
                format!("Autodiscover for {} does not accept these credentials ({tried})", self.address),
                "check user name and password of the service account",
            );
        }
        Refusal::operator(
            "nothing-discovered",
            format!(
                "Autodiscover for {} leads nowhere ({tried}); DNS SRV records were not looked up",
                self.address
            ),
            "name the server yourself: tieline endpoint add NAME ews:mail.corp.example",
        )
    }

    /// What to say when the time was over first.
    pub(super) fn too_slow(self, seconds: u64) -> Refusal {
        Refusal::transient(
            "autodiscover-slow",
            format!(
                "Autodiscover for {} found nothing within {seconds} s ({})",
                self.address,
                self.tried.join("; ")
            ),
            "try again, or name the server yourself: tieline endpoint add NAME ews:mail.corp.example",
        )
    }
}

fn is_secure(url: &str) -> bool {
    url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// A `Location` may be a path on the same server.
fn absolute(base: &str, target: &str) -> String {
    let target = target.trim();
    match base.find("://").and_then(|scheme| base.get(scheme + 3..)) {
        Some(rest) if target.starts_with('/') && !target.starts_with("//") => {
            let authority = rest.split('/').next().unwrap_or_default();
            let scheme = base.get(..base.len() - rest.len()).unwrap_or_default();
            format!("{scheme}{authority}{target}")
        }
        _ => target.to_owned(),
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(confirmed: &[&str]) -> Search {
        let candidates = super::super::candidates();
        let confirmed = confirmed.iter().map(|host| (*host).to_owned()).collect();
        Search::new("Alice@Corp.Example".parse().unwrap(), candidates, confirmed)
    }

    fn soap(url: &str) -> Step {
        Step::Soap(url.to_owned())
    }

    fn pox(url: &str) -> Step {
        Step::Pox(url.to_owned())
    }

    fn to(url: &str) -> Reply {
        Reply::RedirectUrl(url.to_owned())
    }

    #[test]
    fn the_order_is_microsofts() {
        let mut search = search(&[]);
        let asked: Vec<_> = std::iter::from_fn(|| search.next()).collect();
        let probe = Step::Probe("http://autodiscover.corp.example/autodiscover/autodiscover.xml".to_owned());
        assert_eq!(
            asked,
            [
                soap("https://corp.example/autodiscover/autodiscover.svc"),
                pox("https://corp.example/autodiscover/autodiscover.xml"),
                soap("https://autodiscover.corp.example/autodiscover/autodiscover.svc"),
                pox("https://autodiscover.corp.example/autodiscover/autodiscover.xml"),
                probe,
            ]
        );
    }

    #[test]
    fn a_redirection_is_asked_next_and_a_loop_ends() {
        let mut search = search(&[]);
        let first = search.next().unwrap();
        let there = "https://mail.corp.example:443/Autodiscover/Autodiscover.xml";
        assert_eq!(search.told(&first, to(there)), Verdict::GoOn);
        assert_eq!(search.next(), Some(pox(there)));
        assert_eq!(search.told(&pox(there), to("/other/Autodiscover.svc")), Verdict::GoOn);
        let other = soap("https://mail.corp.example:443/other/Autodiscover.svc");
        assert_eq!(search.next(), Some(other.clone()), "a path on the same server");
        assert_eq!(search.told(&other, to(there)), Verdict::GoOn);
        assert_eq!(
            search.next(),
            Some(pox("https://corp.example/autodiscover/autodiscover.xml")),
            "asked already"
        );
    }

    #[test]
    fn ten_redirections_are_enough() {
        let mut search = search(&[]);
        let mut followed = 0;
        while let Some(step) = search.next() {
            followed += u32::from(!step.url().contains("corp.example"));
            if !matches!(step, Step::Probe(_)) {
                search.told(&step, to(&format!("https://h{followed}.example/a.svc")));
            }
        }
        assert_eq!(followed, MAX_HOPS);
        assert!(search.give_up().what.contains("one redirection too many"));
    }

    #[test]
    fn another_address_begins_anew_and_two_that_point_at_each_other_end() {
        let mut search = search(&[]);
        let mut steps = 0;
        while let Some(step) = search.next() {
            steps += 1;
            let other = if search.address().domain() == "hosted.example" {
                "alice@corp.example"
            } else {
                "a@hosted.example"
            };
            assert_eq!(search.told(&step, Reply::RedirectAddress(other.to_owned())), Verdict::GoOn);
            assert!(steps < 30, "without end");
        }
    }

    #[test]
    fn what_was_said_without_tls_needs_a_persons_word() {
        let probe = Step::Probe("http://autodiscover.corp.example/autodiscover/autodiscover.xml".to_owned());
        let there = "https://autodiscover-s.outlook.example/autodiscover/autodiscover.xml";
        let Verdict::Stop(refusal) = search(&[]).told(&probe, to(there)) else { panic!("followed") };
        assert_eq!(refusal.code, "redirect-to-confirm");
        assert!(refusal.next.contains("--confirm autodiscover-s.outlook.example"), "{refusal}");
        let mut confirmed = search(&["Autodiscover-S.outlook.example"]);
        assert_eq!(confirmed.told(&probe, to(there)), Verdict::GoOn);
        assert_eq!(confirmed.next(), Some(pox(there)));
    }

    #[test]
    fn credentials_and_addresses_without_tls_are_refused() {
        let mut search = search(&[]);
        let first = search.next().unwrap();
        assert_eq!(search.told(&first, to("http://mail.corp.example/a.svc")), Verdict::GoOn);
        let second = search.next().unwrap();
        assert_eq!(second, pox("https://corp.example/autodiscover/autodiscover.xml"));
        let plain = Reply::Found("http://mail.corp.example/EWS/Exchange.asmx".to_owned());
        assert_eq!(search.told(&second, plain), Verdict::GoOn);
        let refusal = search.give_up();
        assert_eq!(refusal.code, "nothing-discovered");
        assert_eq!(refusal.what.matches("which is without TLS").count(), 2, "{refusal}");
    }

    #[test]
    fn a_401_is_no_wrong_password_as_long_as_there_is_somebody_else_to_ask() {
        let mut search = search(&[]);
        let first = search.next().unwrap();
        assert_eq!(search.told(&first, Reply::Unauthorized), Verdict::GoOn);
        let second = search.next().unwrap();
        let found = "https://mail.corp.example/EWS/Exchange.asmx".to_owned();
        assert_eq!(search.told(&second, Reply::Found(found.clone())), Verdict::Found(found));
        assert_eq!(search.give_up().code, "wrong-password");
    }
}
