//! `/quick-call`: what the menu entry in Lync opens. Nearly always a redirect; otherwise a page that takes one more click.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use tieline_model::{DirectoryId, Environment, Person, QuickCallTarget, Refusal};
use tieline_ports::ItsmTicket;
use tieline_quick_call::{Choice, QuickCall, Resolution, SecretUrl, Technician, Tested};

use super::notice::{Notice, block};
use super::when::ago;
use super::{Page, Place, Shell, refuse};
use crate::sign_in::{SignedIn, is_sealed, seal};
use crate::url;
use crate::web::Web;

/// What the address says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    /// Exactly as the client wrote it: nothing is decoded, and a plus is a plus.
    contact: Option<String>,
    /// What somebody typed into our own form.
    who: Option<String>,
    person: Option<String>,
    /// The contact that the person was chosen for.
    meant_by: Option<String>,
    /// Our own page offered this choice to this browser.
    seal: String,
    target: String,
    new: bool,
}

impl Asked {
    fn read(uri: &Uri) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for pair in uri.query().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = name.to_ascii_lowercase();
            let known =
                ["contactid", "who", "person", "for", "seal", "target", "new"].contains(&name.as_str());
            if known && seen.contains(&name) {
                let what = format!("the address says {name} twice");
                return Err(Refusal::permanent(
                    "bad-request",
                    what,
                    "choose the command on one contact again",
                ));
            }
            match name.as_str() {
                "contactid" => asked.contact = Some(value.to_owned()),
                "who" => asked.who = Some(decoded(value)).filter(|who| !who.trim().is_empty()),
                "person" => asked.person = Some(decoded(value)),
                "for" => asked.meant_by = Some(decoded(value)).filter(|contact| !contact.trim().is_empty()),
                "seal" => asked.seal = decoded(value),
                "target" => asked.target = decoded(value),
                "new" => asked.new = true,
                _ => {}
            }
            seen.push(name);
        }
        Ok(asked)
    }
}

/// A value as forms write it.
fn decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        rest = behind;
        match (first, behind) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, behind @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push((high * 16 + low) as u8);
                    rest = behind;
                }
                _ => decoded.push(b'%'),
            },
            (other, _) => decoded.push(*other),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

pub(super) async fn show(State(web): State<Arc<Web>>, signed_in: SignedIn, uri: Uri) -> Page {
    let quick_call = service(&web).map_err(refuse(&signed_in))?;
    let asked = Asked::read(&uri).map_err(refuse(&signed_in))?;
    let technician = Technician { id: signed_in.name.clone(), name: signed_in.display_name.clone() };
    let view = View { signed_in: &signed_in, web: &web, asked: &asked };
    let resolved = match (&asked.person, &asked.contact, &asked.who) {
        (Some(person), ..) => {
            let id = DirectoryId::new(person).ok_or_else(|| {
                let next = "choose the command on the contact again";
                refuse(&signed_in)(Refusal::permanent("unknown-person", "the address names no person", next))
            })?;
            if let Some(contact) = &asked.meant_by
                && is_sealed(&signed_in.form_token, &[contact, person], &asked.seal)
                && let Err(refusal) = Box::pin(quick_call.remember(contact, &id, &technician)).await
            {
                // The form is more urgent than what is offered the next time.
                tracing::warn!(%refusal, "a choice was not kept");
            }
            Box::pin(quick_call.resolve_person(&asked.target, &id, asked.new, &technician)).await
        }
        (None, Some(contact), _) => quick_call.resolve(&asked.target, contact, &technician).await,
        (None, None, Some(who)) => {
            let tested = Box::pin(quick_call.test(&asked.target, who)).await;
            let named = match &tested.resolution {
                Err(refusal) if refusal.code == "bad-contact" => quick_call.people_like(who).await,
                _ => Vec::new(),
            };
            return Box::pin(view.try_out(Some((who, tested, named)))).await;
        }
        (None, None, None) if asked.meant_by.is_some() => {
            let contact = asked.meant_by.as_deref().unwrap_or_default();
            let target = quick_call.target(&asked.target).await.map_err(refuse(&signed_in))?;
            return Ok(view.somebody_else(contact, &quick_call.people_like(contact).await, &target));
        }
        (None, None, None) => return Box::pin(view.try_out(None)).await,
    };
    match resolved {
        Ok(resolution) => view.resolution(resolution),
        Err(refusal) if refusal.code == "no-target" => view.targets(&refusal).await,
        Err(refusal) => Err(Notice::new(&refusal)
            .titled("No ticket form for this contact")
            .seen_by(&signed_in)
            .with_action("Try another contact", "/quick-call")
            .into_response()),
    }
}

/// The job; without a directory there is none.
pub(super) fn service(web: &Web) -> Result<&QuickCall, Refusal> {
    web.quick_call.as_ref().ok_or_else(|| {
        let next = "set [directory] in the configuration, then restart";
        Refusal::operator("no-directory", "quick call needs the directory, and none is set up", next)
    })
}

struct View<'a> {
    signed_in: &'a SignedIn,
    web: &'a Web,
    asked: &'a Asked,
}

impl View<'_> {
    fn resolution(&self, resolution: Resolution) -> Page {
        let page = match resolution {
            Resolution::Redirect { url, .. } => return redirect(&url),
            Resolution::Unknown { login_url: Some(login), .. } => return follow(&login),
            Resolution::Choose { choices, target, .. } => {
                self.page(&target, "Who is it?", &html! { (self.choices(&choices, &target)) })
            }
            Resolution::Unknown { address, nearest, reason, target, .. } => {
                let title = if reason.is_some() {
                    "This person could not be looked up"
                } else {
                    "Nobody has this address"
                };
                let status =
                    if reason.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NOT_FOUND };
                let page =
                    self.page(&target, title, &self.unknown(&address, &nearest, reason.as_ref(), &target));
                return Ok((status, page).into_response());
            }
            Resolution::Tickets { person, tickets, target, .. } => {
                self.page(&target, &person.display_name, &self.tickets(&person, &tickets, &target))
            }
        };
        Ok(page.into_response())
    }

    fn page(&self, target: &QuickCallTarget, title: &str, content: &Markup) -> Markup {
        let shell = Shell::of(self.signed_in, title).at(Place::QuickCall);
        shell.around(&html! { (environment(target)) (content) })
    }

    /// The contact that this call is about, when it can be said who is meant by it.
    fn contact(&self) -> Option<&str> {
        self.asked.meant_by.as_deref().or(self.asked.contact.as_deref())
    }

    /// `meant_by`: whoever follows the link says that the person is meant by this contact.
    fn person_address(
        &self,
        person: &Person,
        meant_by: Option<&str>,
        target: &QuickCallTarget,
        new: bool,
    ) -> String {
        let mut pairs = vec![("target", target.name.as_str()), ("person", person.id.as_str())];
        let seal = meant_by.map(|contact| seal(&self.signed_in.form_token, &[contact, person.id.as_str()]));
        if let (Some(contact), Some(seal)) = (meant_by, &seal) {
            pairs.extend([("for", contact), ("seal", seal.as_str())]);
        }
        if new {
            pairs.push(("new", "1"));
        }
        format!("/quick-call?{}", url::query(&pairs))
    }

    fn choices(&self, choices: &[Choice], target: &QuickCallTarget) -> Markup {
        html! {
            p.about { "The ticket is made in the name of the person that you choose." }
            ul.people {
                @for choice in choices {
                    @match &choice.person {
                        Some(person) => li { (self.person_link(person, Some(&choice.address), choice.meant_before, target)) },
                        None => li.nobody { span.name { (choice.address) } span.more { "not in the directory" } },
                    }
                }
            }
            @if let [first, ..] = choices && choices.iter().all(|choice| choice.address == first.address) {
                p.actions { a.button href=(self.somebody_else_address(&first.address, target)) { "Somebody else" } }
            }
        }
    }

    fn somebody_else_address(&self, contact: &str, target: &QuickCallTarget) -> String {
        format!("/quick-call?{}", url::query(&[("target", &target.name), ("for", contact)]))
    }

    /// The directory's answer is not who was meant.
    fn somebody_else(&self, contact: &str, nearest: &[Person], target: &QuickCallTarget) -> Response {
        let content = html! {
            p.about { "Whom you choose is kept: the next call on " span.id { (contact) } " offers this person first, to you." }
            (self.form(&[], None, &target.name))
            @if !nearest.is_empty() {
                h2 { "Perhaps" }
                ul.people { @for person in nearest { li { (self.person_link(person, Some(contact), false, target)) } } }
            }
        };
        self.page(target, "Who is meant?", &content).into_response()
    }

    fn person_link(
        &self,
        person: &Person,
        meant_by: Option<&str>,
        meant_before: bool,
        target: &QuickCallTarget,
    ) -> Markup {
        html! {
            a.person href=(self.person_address(person, meant_by, target, false)) {
                span.name {
                    (person.display_name)
                    @if person.disabled { " " (super::status::badge("disabled")) }
                    @if meant_before { " " span.quiet { "· chosen last time" } }
                }
                span.more { (about(person)) }
            }
        }
    }

    fn unknown(
        &self,
        address: &str,
        nearest: &[Person],
        reason: Option<&Refusal>,
        target: &QuickCallTarget,
    ) -> Markup {
        let meant_by = Some(address).filter(|address| !address.is_empty());
        html! {
            @match reason {
                Some(reason) => (block(reason)),
                None => p { "The directory knows nobody with the address " span.id { (address) } "." },
            }
            @if !nearest.is_empty() {
                h2 { "Did you mean" }
                ul.people { @for person in nearest { li { (self.person_link(person, meant_by, false, target)) } } }
            }
            (self.form(&[], Some(address), &target.name))
        }
    }

    fn tickets(&self, person: &Person, tickets: &[ItsmTicket], target: &QuickCallTarget) -> Markup {
        let now = self.web.clock.now();
        let open = tickets.iter().filter(|ticket| ticket.open).count();
        html! {
            p.about { (about(person)) }
            p.actions {
                a.button.primary href=(self.person_address(person, None, target, true)) autofocus { "New ticket" }
                @match self.contact() {
                    Some(contact) => a.button href=(self.somebody_else_address(contact, target)) { "Not this person" },
                    None => a.button href=(format!("/quick-call?{}", url::query(&[("target", &target.name), ("who", &person.display_name)]))) { "Not this person" },
                }
            }
            h2 { "Latest tickets" @if open > 0 { ", " (open) " open" } }
            @if tickets.is_empty() {
                p.empty { (person.display_name) " has no ticket yet. The first one comes about with New ticket." }
            } @else {
                ul.tickets {
                    @for ticket in tickets {
                        li.open[ticket.open] {
                            span.id { (ticket.number) }
                            span.name { @if is_web(&ticket.url) { a href=(ticket.url) { (ticket.title) } } @else { (ticket.title) } }
                            span.more { (ticket.state) @if let Some(changed) = ticket.changed { ", changed " (ago(now, changed)) } }
                        }
                    }
                }
            }
        }
    }

    /// A form for trying a contact, and what came of the last one.
    async fn try_out(&self, tried: Option<(&str, Tested, Vec<Person>)>) -> Page {
        let targets = self.web.store.quick_call_targets().await.map_err(refuse(self.signed_in))?;
        let who = tried.as_ref().map(|(who, ..)| *who);
        let content = html! {
            (self.form(&targets, who, &self.asked.target))
            @if let Some((who, tested, named)) = &tried { (self.tried(who, tested, named, &targets)) }
            @if targets.is_empty() {
                p.empty {
                    "No ticket system is set up yet. The first one comes about with "
                    code { "tieline quick-call target add NAME --ready easyvista --host companyname.easyvista.com" } "."
                }
            } @else if tried.is_none() { (self.list(&targets)) }
        };
        let about =
            "Opens a ticket form with a person filled in. The menu entry in Lync leads here by itself.";
        let shell = Shell::of(self.signed_in, "Quick call").at(Place::QuickCall).about(about);
        Ok(shell.around(&content).into_response())
    }

    fn form(&self, targets: &[QuickCallTarget], who: Option<&str>, chosen: &str) -> Markup {
        html! {
            form.line method="get" action="/quick-call" role="search" {
                label for="who" { "Contact" }
                input #who name="who" value=[who] maxlength="1000" placeholder="bob@corp.example or +49 30 1234567" spellcheck="false" autocapitalize="none";
                @if targets.len() > 1 {
                    label.hidden for="target" { "Ticket system" }
                    select #target name="target" {
                        @for target in targets { option value=(target.name) selected[target.name == chosen] { (target.name) " (" (word(target.environment)) ")" } }
                    }
                } @else if !chosen.is_empty() { input type="hidden" name="target" value=(chosen); }
                @if let Some(contact) = &self.asked.meant_by { input type="hidden" name="for" value=(contact); }
                button type="submit" { "Look up" }
            }
        }
    }

    /// `named`: whose names are like what was typed, when it was no address.
    fn tried(&self, who: &str, tested: &Tested, named: &[Person], targets: &[QuickCallTarget]) -> Markup {
        let meant_by = self.asked.meant_by.as_deref();
        let chosen = match targets {
            [only] => Some(only),
            several => several.iter().find(|target| target.name == self.asked.target),
        };
        html! {
            @match &tested.resolution {
                Ok(Resolution::Redirect { person, target, url, .. }) => {
                    (environment(target))
                    h2 { (person.display_name) }
                    p.about { (about(person)) }
                    p.actions {
                        a.button.primary href=(self.person_address(person, meant_by, target, false)) { "Open the form" }
                        a.button href=(self.somebody_else_address(meant_by.unwrap_or(who), target)) { "Not this person" }
                    }
                    p.quiet { "Leads to " span.id { (url.masked()) } }
                },
                Ok(Resolution::Tickets { person, target, .. }) => {
                    (environment(target))
                    h2 { (person.display_name) }
                    p.actions { a.button.primary href=(self.person_address(person, meant_by, target, false)) { "Tickets and form" } }
                },
                Ok(Resolution::Choose { choices, target, .. }) => { (environment(target)) h2 { "Who is it?" } (self.choices(choices, target)) },
                Ok(Resolution::Unknown { address, nearest, reason, target, .. }) => {
                    (environment(target))
                    h2 { "Nobody found" }
                    @match reason {
                        Some(reason) => (block(reason)),
                        None => p { "The directory knows nobody with the address " span.id { (if address.is_empty() { who } else { address.as_str() }) } "." },
                    }
                    @if !nearest.is_empty() {
                        h3 { "Did you mean" }
                        ul.people { @for person in nearest { li { (self.person_link(person, meant_by.or(Some(address)), false, target)) } } }
                    }
                },
                Err(_) if chosen.is_some() && !named.is_empty() => {
                    @if let Some(target) = chosen {
                        (environment(target))
                        h2 { "Who is it?" }
                        ul.people { @for person in named { li { (self.person_link(person, meant_by, false, target)) } } }
                    }
                },
                Err(refusal) => (block(refusal)),
            }
            details {
                summary { "Step by step" }
                dl.steps { @for step in &tested.steps { dt { (step.name) } dd { (step.detail) } } }
            }
        }
    }

    fn list(&self, targets: &[QuickCallTarget]) -> Markup {
        html! {
            h2 #targets { "Ticket systems" }
            div.table tabindex="0" role="group" aria-label="Ticket systems, a table" {
                table {
                    thead { tr { th { "Name" } th { "Environment" } th { "Menu entry" } th { "Leads to" } th { "How" } } }
                    tbody {
                        @for target in targets {
                            tr {
                                td.id { (target.name) }
                                td { (environment_badge(target.environment)) }
                                td { (target.menu_text) }
                                td.id { (target.hosts.join(", ")) }
                                td { (target.kind.name()) }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The call names no ticket system, and there are several.
    async fn targets(&self, refusal: &Refusal) -> Page {
        let targets = self.web.store.quick_call_targets().await.map_err(refuse(self.signed_in))?;
        let contact = self.asked.contact.as_deref().unwrap_or_default();
        let content = html! {
            p.about { "The menu entry names no ticket system, and there are several." }
            ul.people {
                @for target in &targets {
                    // The contact goes on as it came: it was a part of an address already.
                    li { a.person href=(format!("/quick-call?{}&contactId={contact}", url::query(&[("target", &target.name)]))) {
                        span.name { (target.menu_text) } span.more { (environment_badge(target.environment)) " " (target.name) }
                    } }
                }
            }
            p.quiet { (refusal.next) }
        };
        let shell = Shell::of(self.signed_in, "Which ticket system?").at(Place::QuickCall);
        Ok(shell.around(&content).into_response())
    }
}

/// To the form. The address may hold an auto connection link: it goes into this one header and nowhere else.
fn redirect(url: &SecretUrl) -> Page {
    follow(url.expose())
}

fn follow(address: &str) -> Page {
    let mut location = HeaderValue::from_str(address).map_err(|_| {
        let next = "check it: tieline quick-call test CONTACT";
        Notice::new(&Refusal::operator("bad-address", "the form's address cannot be sent", next))
            .into_response()
    })?;
    location.set_sensitive(true);
    Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response())
}

/// Production or sandbox, told apart at a glance: by word, by colour, by shape.
fn environment(target: &QuickCallTarget) -> Markup {
    let class = target.environment.name();
    html! {
        div.environment.(class) role="note" {
            b { (word(target.environment)) }
            span { (target.name) }
        }
    }
}

pub(super) fn environment_badge(environment: Environment) -> Markup {
    html! { span.environment-badge.(environment.name()) { (word(environment)) } }
}

pub(super) const fn word(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "Production",
        Environment::Sandbox => "Sandbox",
    }
}

/// Mail address, department, company, telephone: what tells two people of one name apart.
fn about(person: &Person) -> String {
    let mail = person.mail.as_ref().map(|mail| mail.as_str().to_owned());
    let phone = person.phones.first().map(ToString::to_string);
    let parts = [mail, person.department.clone(), person.company.clone(), phone];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    if text.is_empty() { "the directory says nothing more".to_owned() } else { text }
}

fn is_web(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> Asked {
        Asked::read(&address.parse().unwrap()).unwrap()
    }

    /// Covers: EV-27
    #[test]
    fn the_contact_is_taken_exactly_as_the_client_wrote_it() {
        let asked = read("/quick-call?target=easy%20vista&contactId=Contacts%3D%3Ctel:+4930%3E");
        assert_eq!(asked.contact.as_deref(), Some("Contacts%3D%3Ctel:+4930%3E"));
        assert_eq!(asked.target, "easy vista");
        assert_eq!(read("/quick-call?CONTACTID=a").contact.as_deref(), Some("a"));
        assert_eq!(read("/quick-call?who=Bob+Lab%2B%zz").who.as_deref(), Some("Bob Lab+%zz"));
        assert_eq!(read("/quick-call?who=+").who, None);
        assert_eq!(read("/quick-call"), Asked::default());
    }

    #[test]
    fn an_address_that_says_a_thing_twice_is_refused() {
        for twice in ["contactId=a&contactId=b", "target=a&TARGET=b", "person=a&person=b"] {
            assert!(Asked::read(&format!("/quick-call?{twice}").parse().unwrap()).is_err(), "{twice}");
        }
        assert!(Asked::read(&"/quick-call?x=1&x=2".parse().unwrap()).is_ok());
    }
}
