//! The use case: a contact comes in, and the technician goes to a form, a choice, a page that says why not.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tieline_model::{
    ContactAddress, Decision, DirectoryId, Environment, Person, QuickCallTarget, Refusal, TraceId,
    UnknownPerson,
};
use tieline_ports::{Age, Answer, Found, ItsmPerson, ItsmTicket};

use crate::address::SecretUrl;
use crate::contact::parse_contacts_as;
use crate::target::{Opened, find};
use crate::template::key_of;
use crate::{QuickCall, Technician};

/// How long a ticket system may take before the form is opened without its answer.
const ITSM_PATIENCE: Duration = Duration::from_secs(3);
/// Tickets shown before the form.
const TICKETS: usize = 5;

/// Where a quick call leads. `target` says which database, and whether it is the sandbox.
#[derive(Debug, Clone)]
pub enum Resolution {
    /// To the form: answer 302 with `Cache-Control: no-store`, and [`SecretUrl::expose`] in `Location` only.
    Redirect {
        /// The form's address.
        url: SecretUrl,
        /// The requestor.
        person: Box<Person>,
        /// Where to.
        target: Arc<QuickCallTarget>,
        /// The journey.
        trace: TraceId,
    },
    /// To a chooser: several contacts, or several people behind one. Each choice with a person is opened by
    /// [`QuickCall::resolve_person`].
    Choose {
        /// In the order of the contacts.
        choices: Vec<Choice>,
        /// Where to.
        target: Arc<QuickCallTarget>,
        /// The journey.
        trace: TraceId,
    },
    /// Nobody, or nobody that could be asked for.
    Unknown {
        /// What was looked for, as people write it; empty when the contact could not be read.
        address: String,
        /// "Did you mean": whose names are alike, the most alike first.
        nearest: Vec<Person>,
        /// The log-in page, when the target says to go there (302). Never while the directory could not be asked.
        login_url: Option<String>,
        /// Why there is no answer, when the directory or the ticket system did not simply say "nobody".
        reason: Option<Refusal>,
        /// Where to.
        target: Arc<QuickCallTarget>,
        /// The journey.
        trace: TraceId,
    },
    /// The person's latest tickets first; a new one is opened by [`QuickCall::resolve_person`] with `new`.
    Tickets {
        /// The requestor.
        person: Box<Person>,
        /// The last changed first.
        tickets: Vec<ItsmTicket>,
        /// Where to.
        target: Arc<QuickCallTarget>,
        /// The journey.
        trace: TraceId,
    },
}

impl Resolution {
    /// Where it leads.
    #[must_use]
    pub fn target(&self) -> &QuickCallTarget {
        match self {
            Self::Redirect { target, .. }
            | Self::Choose { target, .. }
            | Self::Unknown { target, .. }
            | Self::Tickets { target, .. } => target,
        }
    }

    /// Production or sandbox.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.target().environment
    }

    /// The journey, for `tieline explain`.
    #[must_use]
    pub const fn trace(&self) -> TraceId {
        match self {
            Self::Redirect { trace, .. }
            | Self::Choose { trace, .. }
            | Self::Unknown { trace, .. }
            | Self::Tickets { trace, .. } => *trace,
        }
    }
}

/// One line of a chooser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The contact as people write it.
    pub address: String,
    /// Who is behind it; `None` when nobody is known.
    pub person: Option<Person>,
    /// This technician meant this person by this contact the last time.
    pub meant_before: bool,
}

/// One step of a resolution, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What was looked at.
    pub name: &'static str,
    /// What came of it.
    pub detail: String,
}

/// What [`QuickCall::test`] found.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Step by step.
    pub steps: Vec<Step>,
    /// Where it leads.
    pub resolution: Result<Resolution, Refusal>,
}

impl Tested {
    /// The form's address with what is secret left out.
    #[must_use]
    pub fn masked_url(&self) -> Option<&str> {
        match &self.resolution {
            Ok(Resolution::Redirect { url, .. }) => Some(url.masked()),
            _ => None,
        }
    }
}

/// The steps taken so far.
#[derive(Default)]
struct Trail(Vec<Step>);

impl Trail {
    fn step(&mut self, name: &'static str, detail: impl Into<String>) {
        self.0.push(Step { name, detail: detail.into() });
    }
}

/// Which person is meant.
enum Whom<'a> {
    /// Who asks may have said before who is meant by it.
    Contact(&'a str, Option<&'a Technician>),
    Person {
        id: &'a DirectoryId,
        new: bool,
    },
}

impl QuickCall {
    /// Says where a contact leads: `contact_id` exactly as the client wrote it, `target` by name or id (empty when
    /// there is only one). Recorded with technician and requestor.
    ///
    /// # Errors
    /// When the target is not there or not usable, or the contact cannot be read; in words for the technician.
    pub async fn resolve(
        &self,
        target: &str,
        contact_id: &str,
        technician: &Technician,
    ) -> Result<Resolution, Refusal> {
        self.carry_out(target, Whom::Contact(contact_id, Some(technician)), technician).await
    }

    /// Goes on with a person who was chosen. `new`: past the tickets, to the form.
    ///
    /// # Errors
    /// As [`Self::resolve`]; also when the person is not in the directory any more.
    pub async fn resolve_person(
        &self,
        target: &str,
        person: &DirectoryId,
        new: bool,
        technician: &Technician,
    ) -> Result<Resolution, Refusal> {
        self.carry_out(target, Whom::Person { id: person, new }, technician).await
    }

    /// The same, step by step and past the tickets; nothing is recorded and nobody is sent anywhere.
    pub async fn test(&self, target: &str, contact_id: &str) -> Tested {
        let mut trail = Trail::default();
        let trace = TraceId::from_uuid(self.ids.uuid());
        let resolution = self.find_out(target, &Whom::Contact(contact_id, None), trace, &mut trail).await;
        Tested { steps: trail.0, resolution }
    }

    async fn carry_out(
        &self,
        target: &str,
        whom: Whom<'_>,
        technician: &Technician,
    ) -> Result<Resolution, Refusal> {
        let trace = TraceId::from_uuid(self.ids.uuid());
        let mut trail = Trail::default();
        let resolution = self.find_out(target, &whom, trace, &mut trail).await;
        let (rule, outcome) = match &resolution {
            Ok(Resolution::Redirect { person, target, .. }) => (
                "quick-call-form",
                format!("the form of {} was opened for {}", target.name, person.display_name),
            ),
            Ok(Resolution::Choose { choices, .. }) => {
                ("quick-call-choice", format!("{} choices were offered", choices.len()))
            }
            Ok(Resolution::Unknown { login_url: Some(_), .. }) => {
                ("quick-call-unknown", "nobody was found; the log-in page was opened".to_owned())
            }
            Ok(Resolution::Unknown { nearest, .. }) => (
                "quick-call-unknown",
                format!("nobody was found; {} similar names were shown", nearest.len()),
            ),
            Ok(Resolution::Tickets { person, tickets, .. }) => (
                "quick-call-tickets",
                format!("{} tickets of {} were shown", tickets.len(), person.display_name),
            ),
            Err(refusal) => ("quick-call-refused", refusal.what.clone()),
        };
        metrics::counter!("tieline_quick_calls_total", "rule" => rule).increment(1);
        let subject = match &resolution {
            Ok(resolution) => resolution.target().id.to_string(),
            Err(_) => "quick-call".to_owned(),
        };
        let mut decision = Decision::new(trace, subject, self.clock.now(), rule, outcome)
            .input("technician", shown(&technician.id));
        for step in trail.0 {
            decision = decision.input(step.name, step.detail);
        }
        self.record(decision).await;
        // The page shows the reason with the journey, so that "explain" has something to go by.
        resolution.map_err(
            |refusal| if refusal.where_.is_empty() { refusal.at(trace.to_string()) } else { refusal },
        )
    }

    async fn find_out(
        &self,
        target: &str,
        whom: &Whom<'_>,
        trace: TraceId,
        trail: &mut Trail,
    ) -> Result<Resolution, Refusal> {
        let opened = self.opened().await?;
        let opened = find(&opened, target)?;
        let target = &opened.target;
        trail.step("target", format!("{} ({})", target.name, target.environment.name()));
        if let Err(refusal) = &opened.form {
            return Err(refusal.clone());
        }
        let call = Call { service: self, opened, trace };
        match whom {
            Whom::Person { id, new } => {
                let person = self.directory.person(id).ok_or_else(|| {
                    let next = "choose the command on the person again";
                    Refusal::permanent("unknown-person", "the person is not in the directory any more", next)
                })?;
                call.person(person, *new, trail).await
            }
            Whom::Contact(raw, technician) => call.contact(raw, *technician, trail).await,
        }
    }
}

/// One call to one target.
struct Call<'a> {
    service: &'a QuickCall,
    opened: &'a Opened,
    trace: TraceId,
}

impl Call<'_> {
    async fn contact(
        &self,
        raw: &str,
        technician: Option<&Technician>,
        trail: &mut Trail,
    ) -> Result<Resolution, Refusal> {
        trail.step("contact", shown(raw));
        let contacts = match parse_contacts_as(raw, &self.service.dial_plan) {
            Ok(contacts) => contacts,
            // Where unknown people are sent to the log-in page, so are contacts that are none (EV-30).
            Err(refusal) if self.log_in().is_some() => {
                trail.step("addresses", refusal.what.clone());
                return Ok(self.unknown(String::new(), Vec::new(), Some(refusal), true));
            }
            Err(refusal) => return Err(refusal),
        };
        let listed: Vec<String> = contacts.iter().map(ToString::to_string).collect();
        trail.step("addresses", listed.join(", "));
        let directory = &self.service.directory;
        let answers = join_all(contacts.iter().map(|contact| directory.resolve(contact))).await;
        let [contact] = contacts.as_slice() else {
            return Box::pin(self.several(&contacts, answers, trail)).await;
        };
        let Some(answer) = answers.into_iter().next() else {
            return Ok(self.unknown(contact.to_string(), Vec::new(), None, false));
        };
        let before = match technician {
            Some(technician) => self.service.meant_before(technician, contact).await?,
            None => None,
        };
        let age = age(&answer);
        match answer.found {
            found if before.as_ref().is_some_and(|before| !is_only(&found, before)) => {
                trail.step("directory", format!("{}: {age}", summed_up(&found)));
                Ok(self.as_before(contact, before, found, trail))
            }
            Found::One(person) => {
                trail.step("directory", format!("{}: {age}", person.display_name));
                self.person(*person, false, trail).await
            }
            Found::Several(people) => {
                trail.step("directory", format!("{} people have this address: {age}", people.len()));
                let address = contact.to_string();
                let choice =
                    |person| Choice { address: address.clone(), person: Some(person), meant_before: false };
                Ok(self.choose(people.into_iter().map(choice).collect()))
            }
            Found::Nobody { nearest } => {
                trail.step("directory", format!("nobody has this address: {age}"));
                Ok(self.unknown(contact.to_string(), nearest, None, true))
            }
            Found::Unknown { reason, nearest } => {
                trail.step("directory", format!("could not be asked: {}", reason.what));
                Ok(self.unknown(contact.to_string(), nearest, Some(reason), false))
            }
        }
    }

    /// The technician said before who is meant by this contact, and the directory says something else: both are offered.
    fn as_before(
        &self,
        contact: &ContactAddress,
        before: Option<Person>,
        found: Found,
        trail: &mut Trail,
    ) -> Resolution {
        let address = contact.to_string();
        let others = match found {
            Found::One(person) => vec![*person],
            Found::Several(people) => people,
            Found::Nobody { .. } | Found::Unknown { .. } => Vec::new(),
        };
        let others =
            others.into_iter().filter(|one| before.as_ref().is_none_or(|before| before.id != one.id));
        let others: Vec<Person> = others.collect();
        if let Some(before) = &before {
            trail.step("chosen before", shown(&before.display_name));
        }
        let choice =
            |person, meant_before| Choice { address: address.clone(), person: Some(person), meant_before };
        let first = before.map(|before| choice(before, true));
        self.choose(first.into_iter().chain(others.into_iter().map(|other| choice(other, false))).collect())
    }

    /// Several contacts, as in a group chat (EV-57): the technician chooses, unless all of them are one person.
    async fn several(
        &self,
        contacts: &[ContactAddress],
        answers: Vec<Answer>,
        trail: &mut Trail,
    ) -> Result<Resolution, Refusal> {
        let mut choices: Vec<Choice> = Vec::new();
        for (contact, answer) in contacts.iter().zip(answers) {
            let people = match answer.found {
                Found::One(person) => vec![Some(*person)],
                Found::Several(people) => people.into_iter().map(Some).collect(),
                Found::Nobody { .. } | Found::Unknown { .. } => vec![None],
            };
            for person in people {
                let again = |choice: &Choice| {
                    person
                        .as_ref()
                        .is_some_and(|one| choice.person.as_ref().is_some_and(|other| other.id == one.id))
                };
                if !choices.iter().any(again) {
                    choices.push(Choice { address: contact.to_string(), person, meant_before: false });
                }
            }
        }
        let known = choices.iter().filter(|choice| choice.person.is_some()).count();
        trail.step("directory", format!("{} contacts, {known} people known", contacts.len()));
        if choices.len() == 1
            && let Some(Choice { person: Some(person), .. }) = choices.pop()
        {
            return self.person(person, false, trail).await;
        }
        Ok(self.choose(choices))
    }

    /// The requestor is known: tickets or form.
    async fn person(&self, person: Person, new: bool, trail: &mut Trail) -> Result<Resolution, Refusal> {
        let key = key_of(&person, self.opened.target.person_key).unwrap_or_else(|| "–".to_owned());
        trail.step("requestor", format!("{} <{key}>", shown(&person.display_name)));
        let form = self.opened.form.as_ref().map_err(Clone::clone)?;
        let tickets_first = self.opened.itsm.as_ref().is_some_and(|itsm| itsm.api.tickets_first) && !new;
        let mut itsm_id = None;
        if form.needs_itsm_id() || tickets_first {
            match Box::pin(self.in_itsm(&person, trail)).await {
                Ok(Some(known)) => {
                    if tickets_first && let Some(tickets) = Box::pin(self.tickets(&known, trail)).await {
                        let (target, trace) = (Arc::clone(&self.opened.target), self.trace);
                        return Ok(Resolution::Tickets { person: Box::new(person), tickets, target, trace });
                    }
                    itsm_id = Some(known.id);
                }
                Ok(None) if form.needs_itsm_id() => {
                    let what = format!("{} is not known to the ticket system", person.display_name);
                    let next =
                        "have the person entered there; tieline quick-call reconcile lists who is missing";
                    let reason = Refusal::permanent("not-in-itsm", what, next);
                    return Ok(self.unknown(key, Vec::new(), Some(reason), true));
                }
                Err(reason) if form.needs_itsm_id() => return Err(reason),
                Ok(None) | Err(_) => {}
            }
        }
        let url = form.address(&self.opened.target, &person, itsm_id.as_deref())?;
        trail.step("form", url.masked());
        let (target, trace) = (Arc::clone(&self.opened.target), self.trace);
        Ok(Resolution::Redirect { url, person: Box::new(person), target, trace })
    }

    /// The person as the ticket system knows one, by mail address.
    async fn in_itsm(&self, person: &Person, trail: &mut Trail) -> Result<Option<ItsmPerson>, Refusal> {
        let asked = self.ask_for(person).await;
        let detail = match &asked {
            Ok(Some(known)) => format!("{} is number {}", shown(&known.name), shown(&known.id)),
            Ok(None) => "does not know this mail address".to_owned(),
            Err(refusal) => format!("could not be asked: {}", refusal.what),
        };
        trail.step("ticket system", detail);
        asked
    }

    async fn ask_for(&self, person: &Person) -> Result<Option<ItsmPerson>, Refusal> {
        let target = &self.opened.target;
        let account = self.opened.itsm.as_ref().ok_or_else(|| {
            let next = format!("tieline quick-call target edit {} --token-file FILE", target.name);
            Refusal::operator("no-api-token", "the token of the ticket system's API is not stored", next)
        })?;
        let Some(mail) = &person.mail else { return Ok(None) };
        let asked = self.service.itsm.people_with(account, mail);
        let people = tokio::time::timeout(ITSM_PATIENCE, asked).await.map_err(|_| late())?;
        let mut people = people.map_err(|error| error.refusal())?;
        if people.len() > 1 {
            let what = format!("{} people have the mail address {mail} in the ticket system", people.len());
            return Err(Refusal::operator("shared-in-itsm", what, "merge them there").at(&target.name));
        }
        Ok(people.pop())
    }

    /// `None` when there are none, or they could not be had: then the form is opened, which is what was asked for.
    async fn tickets(&self, person: &ItsmPerson, trail: &mut Trail) -> Option<Vec<ItsmTicket>> {
        let account = self.opened.itsm.as_ref()?;
        let asked = self.service.itsm.latest_tickets(account, person, TICKETS);
        let tickets = match tokio::time::timeout(ITSM_PATIENCE, asked).await {
            Ok(answer) => answer.map_err(|error| error.refusal()),
            Err(_) => Err(late()),
        };
        match tickets {
            Ok(tickets) => {
                let open = tickets.iter().filter(|ticket| ticket.open).count();
                trail.step("tickets", format!("{} of the latest {} are open", open, tickets.len()));
                (!tickets.is_empty()).then_some(tickets)
            }
            Err(refusal) => {
                trail.step("tickets", format!("unknown: {}", refusal.what));
                None
            }
        }
    }

    fn choose(&self, choices: Vec<Choice>) -> Resolution {
        Resolution::Choose { choices, target: Arc::clone(&self.opened.target), trace: self.trace }
    }

    fn log_in(&self) -> Option<&String> {
        match &self.opened.target.unknown {
            UnknownPerson::LogIn { url } => Some(url),
            UnknownPerson::Page => None,
        }
    }

    /// `certain`: nobody it is, so that the log-in page may be opened (EV-14, EV-30).
    fn unknown(
        &self,
        address: String,
        nearest: Vec<Person>,
        reason: Option<Refusal>,
        certain: bool,
    ) -> Resolution {
        let login_url = self.log_in().filter(|_| certain).cloned();
        let (target, trace) = (Arc::clone(&self.opened.target), self.trace);
        Resolution::Unknown { address, nearest, login_url, reason, target, trace }
    }
}

/// Whether the directory says exactly this person.
fn is_only(found: &Found, person: &Person) -> bool {
    matches!(found, Found::One(one) if one.id == person.id)
}

fn summed_up(found: &Found) -> String {
    match found {
        Found::One(person) => shown(&person.display_name),
        Found::Several(people) => format!("{} people have this address", people.len()),
        Found::Nobody { .. } => "nobody has this address".to_owned(),
        Found::Unknown { reason, .. } => format!("could not be asked: {}", reason.what),
    }
}

fn late() -> Refusal {
    let what = format!("the ticket system did not answer within {} s", ITSM_PATIENCE.as_secs());
    Refusal::transient("itsm-late", what, "try again, or open the form without its tickets")
}

/// Untrusted text in a record: bounded, without control characters.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(200).collect()
}

fn age(answer: &Answer) -> String {
    match answer.age {
        Age::Live => "the directory was asked now".to_owned(),
        Age::Cached { as_of, age } => format!("as the directory was {} s ago ({as_of:.0})", age.as_secs()),
        Age::Never => "nothing was read from the directory yet".to_owned(),
    }
}
