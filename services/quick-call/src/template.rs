//! Forms of other ticket systems: an address with placeholders, each value percent-encoded into its place.

use tieline_model::{
    Environment, Hosting, ItsmProduct, Person, PersonKey, Refusal, TargetKind, UnknownPerson,
};

use crate::address::{Address, encoded};

/// What may stand in braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Mail,
    Sip,
    Login,
    Name,
    Phone,
    Department,
    Company,
    ItsmId,
}

impl Place {
    const ALL: [(&'static str, Self); 8] = [
        ("mail", Self::Mail),
        ("sip", Self::Sip),
        ("login", Self::Login),
        ("name", Self::Name),
        ("phone", Self::Phone),
        ("department", Self::Department),
        ("company", Self::Company),
        ("itsm-id", Self::ItsmId),
    ];

    /// Without it the form would open for nobody.
    const fn is_key(self) -> bool {
        matches!(self, Self::Mail | Self::Sip | Self::Login | Self::ItsmId)
    }
}

/// A checked template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Literal text, and the place behind it.
    pieces: Vec<(String, Option<Place>)>,
}

impl Template {
    /// Reads `https://host/path?x={mail}`. Placeholders stand in the query or the fragment, where an encoded value
    /// cannot lead elsewhere.
    ///
    /// # Errors
    /// When the address is not usable, a placeholder is unknown or stands in host or path, or there is none.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let names = Place::ALL.map(|(name, _)| format!("{{{name}}}")).join(", ");
        let bad =
            |what: String| Refusal::permanent("bad-template", what, format!("placeholders are {names}"));
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, behind) =
                after.split_once('}').ok_or_else(|| bad("a placeholder has no closing }".into()))?;
            let place = Place::ALL.iter().find(|(known, _)| *known == name).map(|(_, place)| *place);
            let place = place.ok_or_else(|| {
                bad(format!("{:?} is no placeholder", name.chars().take(40).collect::<String>()))
            })?;
            pieces.push((literal.to_owned(), Some(place)));
            rest = behind;
        }
        if pieces.is_empty() {
            return Err(bad("the template has no placeholder, so every ticket would be nobody's".to_owned()));
        }
        pieces.push((rest.to_owned(), None));
        let first = pieces.first().map(|(literal, _)| literal.as_str()).unwrap_or_default();
        if !Address::parse(first)?.rest.contains(['?', '#']) {
            return Err(bad(
                "a placeholder stands in the host or path; it may stand behind ? or # only".to_owned()
            ));
        }
        let literals: String = pieces.iter().map(|(literal, _)| literal.as_str()).collect();
        if literals.contains('}') {
            return Err(bad("a } stands without its {".to_owned()));
        }
        Address::parse(&literals)?;
        Ok(Self { pieces })
    }

    /// Whether the ITSM must be asked for the person's id first.
    #[must_use]
    pub fn needs_itsm_id(&self) -> bool {
        self.pieces.iter().any(|(_, place)| *place == Some(Place::ItsmId))
    }

    /// The address for a person. Names, numbers and departments that are not known stay empty.
    ///
    /// # Errors
    /// When the person lacks what the form is opened by.
    pub(crate) fn fill(&self, person: &Person, itsm_id: Option<&str>) -> Result<String, Refusal> {
        let mut url = String::new();
        for (literal, place) in &self.pieces {
            url.push_str(literal);
            let Some(place) = *place else { continue };
            let value = match place {
                Place::Mail => key_of(person, PersonKey::Mail),
                Place::Sip => key_of(person, PersonKey::Sip),
                Place::Login => key_of(person, PersonKey::Login),
                Place::Name => Some(person.display_name.clone()),
                Place::Phone => person.phones.first().map(ToString::to_string),
                Place::Department => person.department.clone(),
                Place::Company => person.company.clone(),
                Place::ItsmId => itsm_id.map(str::to_owned),
            };
            match value {
                Some(value) => url.push_str(&encoded(&value)),
                None if place.is_key() => return Err(lacking(person, place)),
                None => {}
            }
        }
        Ok(url)
    }
}

/// What the ITSM knows a person by.
pub(crate) fn key_of(person: &Person, key: PersonKey) -> Option<String> {
    match key {
        PersonKey::Mail => person.mail.as_ref().map(ToString::to_string),
        PersonKey::Sip => person.sip.first().map(ToString::to_string),
        PersonKey::Login => person.login.clone().filter(|login| !login.is_empty()),
    }
}

fn lacking(person: &Person, place: Place) -> Refusal {
    let what = match place {
        Place::Sip => "SIP address",
        Place::Login => "log-on name",
        Place::ItsmId => "id in the ticket system",
        _ => "mail address",
    };
    no_key(person, what)
}

pub(crate) fn no_key(person: &Person, what: &str) -> Refusal {
    Refusal::permanent(
        "person-without-key",
        format!(
            "{} has no {what} in the directory, and the ticket form is opened by it",
            person.display_name
        ),
        "have it entered in the directory, or change what the target sends",
    )
}

/// A form that comes ready: only the host is missing, written `{host}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// As on the command line.
    pub name: &'static str,
    /// As people write it.
    pub product: &'static str,
    /// The form of the production database.
    pub production: &'static str,
    /// The form of the sandbox, where it is another page.
    pub sandbox: &'static str,
    /// The log-in page that the maker's own page sends unknown people to.
    log_in: [Option<&'static str>; 2],
    /// The API without which the form cannot be opened for a person.
    pub api: Option<ItsmProduct>,
    /// What it can and cannot do, for people.
    pub note: &'static str,
}

/// Every form that comes ready.
pub const READY: [Ready; 6] = [
    Ready {
        name: "easyvista",
        product: "EasyVista (SaaS)",
        production: "https://{host}/sso_samlindexlync.php?do_quickcall=1&url_requestor=",
        sandbox: "https://{host}/sso_samlindexlyncsbox.php?do_quickcall=1&url_requestor=",
        log_in: [Some("https://{host}/sso_samlindex.php"), Some("https://{host}/sso_samlindexsbox.php")],
        api: None,
        note: "EasyVista's support sets the two pages up on request; on premises use an auto connection link",
    },
    Ready {
        name: "servicenow",
        product: "ServiceNow",
        production: "https://{host}/cti.do?sysparm_caller_name={name}&sysparm_caller_phone={phone}",
        sandbox: "https://{host}/cti.do?sysparm_caller_name={name}&sysparm_caller_phone={phone}",
        log_in: [None, None],
        api: None,
        note: "the CTI entry page; the processor's script decides which form opens",
    },
    Ready {
        name: "glpi",
        product: "GLPI",
        production: "https://{host}/front/ticket.form.php?_users_id_requester={itsm-id}",
        sandbox: "https://{host}/front/ticket.form.php?_users_id_requester={itsm-id}",
        log_in: [None, None],
        api: Some(ItsmProduct::Glpi),
        note: "needs the REST API, which knows the requester's number",
    },
    Ready {
        name: "zammad",
        product: "Zammad",
        production: "https://{host}/#ticket/create/customer/{itsm-id}",
        sandbox: "https://{host}/#ticket/create/customer/{itsm-id}",
        log_in: [None, None],
        api: Some(ItsmProduct::Zammad),
        note: "needs the REST API, which knows the customer's number",
    },
    Ready {
        name: "itop",
        product: "iTop",
        production: "https://{host}/pages/UI.php?operation=new&class=UserRequest&default%5Borigin%5D=phone&default%5Btitle%5D={name}%20{mail}",
        sandbox: "https://{host}/pages/UI.php?operation=new&class=UserRequest&default%5Borigin%5D=phone&default%5Btitle%5D={name}%20{mail}",
        log_in: [None, None],
        api: None,
        note: "fills title and origin; the caller field takes iTop's own numbers only",
    },
    Ready {
        name: "jira",
        product: "Jira Service Management",
        production: "https://{host}/secure/CreateIssueDetails!init.jspa?pid=10000&issuetype=10000&reporter={login}&summary=",
        sandbox: "https://{host}/secure/CreateIssueDetails!init.jspa?pid=10000&issuetype=10000&reporter={login}&summary=",
        log_in: [None, None],
        api: None,
        note: "write your project's and request type's numbers for pid and issuetype",
    },
];

impl Ready {
    /// The form with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        READY.iter().find(|ready| ready.name.eq_ignore_ascii_case(name))
    }

    /// How the form's address is made, for a host.
    #[must_use]
    pub fn kind(&self, host: &str, environment: Environment) -> TargetKind {
        let url = match environment {
            Environment::Production => self.production,
            Environment::Sandbox => self.sandbox,
        };
        let url = url.replace("{host}", host);
        if self.name == "easyvista" {
            TargetKind::Method1 { base_url: url }
        } else {
            TargetKind::Template { url }
        }
    }

    /// The log-in page for people who are nobody, where the product has one.
    #[must_use]
    pub fn log_in(&self, host: &str, environment: Environment) -> UnknownPerson {
        let [production, sandbox] = self.log_in;
        let page = if environment == Environment::Production { production } else { sandbox };
        page.map_or(UnknownPerson::Page, |url| UnknownPerson::LogIn { url: url.replace("{host}", host) })
    }

    /// Where the product usually runs.
    #[must_use]
    pub const fn hosting(&self) -> Hosting {
        Hosting::Saas
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tieline_model::DirectoryId;

    use super::*;

    pub(crate) fn alice() -> Person {
        let mut alice = Person::named(DirectoryId::new("5a1e").unwrap(), "Alice Ädams & Co");
        alice.mail = Some("alice@lab.example".parse().unwrap());
        alice.sip = vec!["alice.adams@lab.example".parse().unwrap()];
        alice.login = Some("alice".to_owned());
        alice.phones = vec![tieline_model::PhoneNumber::kept("+49301001".to_owned())];
        alice
    }

    /// Covers: EV-13 (other forms)
    #[test]
    fn values_are_encoded_into_their_places() {
        let template =
            Template::parse("https://h.example/new?name={name}&mail={mail}&tel={phone}&dep={department}#x")
                .unwrap();
        assert_eq!(
            template.fill(&alice(), None).unwrap(),
            "https://h.example/new?name=Alice%20%C3%84dams%20%26%20Co&mail=alice%40lab.example&tel=%2B49301001&dep=#x"
        );
        let mut nobody = alice();
        nobody.mail = None;
        assert_eq!(template.fill(&nobody, None).unwrap_err().code, "person-without-key");
    }

    #[test]
    fn templates_that_could_lead_elsewhere_are_refused() {
        for text in [
            "https://{mail}/x?y={mail}",
            "https://h.example/{login}?x={mail}",
            "https://h.example/x?y={password}",
            "https://h.example/x?y={mail",
            "https://h.example/x?y=mail",
            "https://h.example/x?y={mail}}",
            "http://h.example/x?y={mail}",
            "javascript:alert({mail})",
            "https://a@h.example/x?y={mail}",
            "https://h.example/x y?z={mail}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_ready_form_is_a_valid_one() {
        for ready in READY {
            for environment in [Environment::Production, Environment::Sandbox] {
                match ready.kind("itsm.corp.example", environment) {
                    TargetKind::Template { url } => {
                        let template =
                            Template::parse(&url).unwrap_or_else(|r| panic!("{}: {r}", ready.name));
                        assert_eq!(template.needs_itsm_id(), ready.api.is_some(), "{}", ready.name);
                        let filled = template.fill(&alice(), Some("7")).unwrap();
                        assert_eq!(Address::parse(&filled).unwrap().authority, "itsm.corp.example");
                    }
                    TargetKind::Method1 { base_url } => assert!(base_url.ends_with("url_requestor=")),
                    TargetKind::Method2 => panic!("a link cannot come ready"),
                }
            }
        }
        assert_eq!(Ready::named("GLPI").map(|ready| ready.name), Some("glpi"));
    }

    proptest! {
        /// Covers: EV-31 (templates)
        #[test]
        fn no_value_leaves_its_place(name: String, login: String) {
            let template = Template::parse("https://h.example/new?a={name}&b={login}&c=").unwrap();
            let mut person = alice();
            person.display_name = name;
            person.login = Some(format!("x{login}"));
            let url = template.fill(&person, None).unwrap();
            let address = Address::parse(&url).unwrap();
            prop_assert_eq!(address.authority, "h.example");
            prop_assert_eq!(address.query().unwrap().matches('&').count(), 2);
            prop_assert!(!url.contains('#'));
        }

        #[test]
        fn any_text_is_a_template_or_refused(text: String) {
            let _ = Template::parse(&text);
        }
    }
}
