//! What is around every page: the rail with the jobs, who is signed in, the page's title.

use maud::{DOCTYPE, Markup, html};
use tieline_store::UserRole;

use super::style;
use crate::sign_in::SignedIn;

/// Where in the rail a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Status,
    Conferencing,
    QuickCall,
    Targets,
}

/// What is around a page.
pub(crate) struct Shell<'a> {
    title: &'a str,
    about: Option<&'a str>,
    signed_in: Option<&'a SignedIn>,
    place: Option<Place>,
    action: Option<(&'a str, &'a str)>,
    opens: Option<&'a str>,
    language: &'a str,
}

impl<'a> Shell<'a> {
    /// For somebody who is signed in.
    pub(crate) const fn of(signed_in: &'a SignedIn, title: &'a str) -> Self {
        Self {
            title,
            about: None,
            signed_in: Some(signed_in),
            place: None,
            action: None,
            opens: None,
            language: "en",
        }
    }

    /// For anybody: a card and no rail.
    pub(crate) const fn bare(title: &'a str) -> Self {
        Self { title, about: None, signed_in: None, place: None, action: None, opens: None, language: "en" }
    }

    pub(crate) const fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// One line under the title.
    pub(crate) const fn about(mut self, about: &'a str) -> Self {
        self.about = Some(about);
        self
    }

    /// A button beside the title.
    pub(crate) const fn action(mut self, label: &'a str, address: &'a str) -> Self {
        self.action = Some((label, address));
        self
    }

    /// In another language than English, by its tag.
    pub(crate) const fn spoken(mut self, language: &'a str) -> Self {
        self.language = language;
        self
    }

    /// Opens another page at once, without script.
    pub(crate) const fn opens(mut self, address: &'a str) -> Self {
        self.opens = Some(address);
        self
    }

    pub(crate) fn around(&self, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.language) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if let Some(address) = self.opens { meta http-equiv="refresh" content=(format!("0;url={address}")); }
                    title { (self.title) " · Tieline" }
                    link rel="icon" href="/favicon.svg" type="image/svg+xml";
                    link rel="stylesheet" href=(style::address());
                }
                @match self.signed_in {
                    Some(signed_in) => body { (self.page(signed_in, content)) },
                    None => body.bare { (self.card(content)) },
                }
            }
        }
    }

    fn page(&self, signed_in: &SignedIn, content: &Markup) -> Markup {
        html! {
            a.skip href="#content" { "To the content" }
            header.rail {
                (brand())
                nav aria-label="Main" {
                    ul {
                        (self.entry(Place::Status, "/", "Status"))
                        @if signed_in.role == UserRole::Administrator {
                            (self.entry(Place::Conferencing, super::conferencing::HOME, "Conferencing"))
                        }
                        (self.entry(Place::QuickCall, "/quick-call", "Quick call"))
                        @if signed_in.role == UserRole::Administrator {
                            (self.entry(Place::Targets, super::targets::LIST, "Ticket systems"))
                        }
                    }
                }
                div.who {
                    span.name title=(signed_in.name) { (signed_in.display_name) }
                    span.role { (role(signed_in.role)) }
                    a href="/sign-out" { "Sign out" }
                }
            }
            main #content {
                div.head {
                    h1 { (self.title) }
                    @if let Some((label, address)) = self.action { a.button href=(address) { (label) } }
                    @if let Some(about) = self.about { p.about { (about) } }
                }
                (content)
            }
        }
    }

    fn card(&self, content: &Markup) -> Markup {
        html! {
            main.card #content {
                (brand())
                h1 { (self.title) }
                @if let Some(about) = self.about { p.about { (about) } }
                (content)
            }
        }
    }

    fn entry(&self, place: Place, address: &str, name: &str) -> Markup {
        let here = (self.place == Some(place)).then_some("page");
        html! { li { a href=(address) aria-current=[here] { (name) } } }
    }
}

fn brand() -> Markup {
    html! {
        a.brand href="/" {
            img src="/favicon.svg" alt="" width="24" height="24";
            span { "Tieline" }
        }
    }
}

/// As people read it.
fn role(role: UserRole) -> &'static str {
    match role {
        UserRole::Technician => "Technician",
        UserRole::Administrator => "Administrator",
    }
}
