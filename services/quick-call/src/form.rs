//! The address of a person's form, whichever way the target makes it.

use tieline_model::{Environment, Person, PersonKey, QuickCallTarget, Refusal, TargetKind};

use crate::address::{Address, SecretUrl, encoded};
use crate::link::AutoConnectionLink;
use crate::template::{Template, key_of, no_key};

/// A target's way to make addresses, checked.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// Method 1, up to and with `url_requestor=`.
    Requestor(String),
    /// Method 2. `None`: no link was stored.
    Link(Option<AutoConnectionLink>),
    /// Anything else.
    Template(Template),
}

const PRODUCTION_PAGE: &str = "/sso_samlindexlync.php";
const SANDBOX_PAGE: &str = "/sso_samlindexlyncsbox.php";

impl Form {
    /// Checks the target's own address; the link of method 2 is checked where it is read.
    pub(crate) fn of(target: &QuickCallTarget) -> Result<Self, Refusal> {
        match &target.kind {
            TargetKind::Method1 { base_url } => {
                let base = method1(base_url)?;
                let address = Address::parse(&base)?;
                address.allowed(&target.hosts)?;
                right_environment(address.path(), target.environment)?;
                Ok(Self::Requestor(base))
            }
            TargetKind::Method2 => Ok(Self::Link(None)),
            TargetKind::Template { url } => {
                let template = Template::parse(url)?;
                let before = url.split('{').next().unwrap_or_default();
                Address::parse(before)?.allowed(&target.hosts)?;
                Ok(Self::Template(template))
            }
        }
    }

    pub(crate) fn needs_itsm_id(&self) -> bool {
        matches!(self, Self::Template(template) if template.needs_itsm_id())
    }

    /// What must be given before the form can be opened for anybody.
    pub(crate) fn lacks(&self, target: &QuickCallTarget) -> Option<Refusal> {
        matches!(self, Self::Link(None)).then(|| no_link(target))
    }

    /// The address for a person; its host is held against the target's list once more, as it will be sent.
    pub(crate) fn address(
        &self,
        target: &QuickCallTarget,
        person: &Person,
        itsm_id: Option<&str>,
    ) -> Result<SecretUrl, Refusal> {
        let key = |key: PersonKey| {
            key_of(person, key).ok_or_else(|| {
                let what = match key {
                    PersonKey::Mail => "mail address",
                    PersonKey::Sip => "SIP address",
                    PersonKey::Login => "log-on name",
                };
                no_key(person, what)
            })
        };
        let url = match self {
            Self::Requestor(base) => {
                let url = format!("{base}{}", encoded(&key(target.person_key)?));
                SecretUrl::new(url.clone(), url)
            }
            Self::Link(Some(link)) => link.with_person(&key(target.person_key)?),
            Self::Link(None) => return Err(no_link(target)),
            Self::Template(template) => {
                let url = template.fill(person, itsm_id)?;
                SecretUrl::new(url.clone(), url)
            }
        };
        Address::parse(url.expose())?.allowed(&target.hosts)?;
        Ok(url)
    }
}

fn no_link(target: &QuickCallTarget) -> Refusal {
    let next = format!("paste it: tieline quick-call target edit {} --link-file FILE", target.name);
    Refusal::operator("no-link", "the target's auto connection link is not stored", next).at(&target.name)
}

/// `…?do_quickcall=1&url_requestor=`, whether or not a value or `USERID` was written behind it (EV-15, EV-16).
fn method1(base_url: &str) -> Result<String, Refusal> {
    let bad = |what: &str| {
        let next = "write it as https://companyname.easyvista.com/sso_samlindexlync.php?do_quickcall=1&url_requestor=";
        Refusal::permanent("bad-method1-address", what, next)
    };
    let url = base_url.trim();
    let address = Address::parse(url).map_err(|refusal| bad(&refusal.what))?;
    if url.contains('#') {
        return Err(bad("the address has a fragment (#)"));
    }
    let query = address.query().ok_or_else(|| bad("the address has no parameters"))?;
    let parameters: Vec<&str> = query.split('&').collect();
    if !parameters.contains(&"do_quickcall=1") {
        return Err(bad("the address lacks do_quickcall=1, which opens the quick-call screen"));
    }
    match parameters.iter().filter(|p| p.starts_with("url_requestor=")).count() {
        1 => {}
        0 => return Err(bad("the address lacks url_requestor=")),
        _ => return Err(bad("the address has url_requestor= twice")),
    }
    let Some(value) = parameters.last().and_then(|last| last.strip_prefix("url_requestor=")) else {
        return Err(bad("url_requestor= is not the last parameter"));
    };
    Ok(url.strip_suffix(value).unwrap_or(url).to_owned())
}

/// A sandbox page in a production target, or the reverse, puts tickets into the wrong database.
fn right_environment(path: &str, environment: Environment) -> Result<(), Refusal> {
    let wrong = match environment {
        Environment::Production => SANDBOX_PAGE,
        Environment::Sandbox => PRODUCTION_PAGE,
    };
    if !path.ends_with(wrong) {
        return Ok(());
    }
    let other = if environment == Environment::Production { "sandbox" } else { "production" };
    Err(Refusal::permanent(
        "wrong-environment",
        format!("the page {wrong} is the {other}'s, and the target is {}", environment.name()),
        format!("correct the address, or say --environment {other}"),
    ))
}

#[cfg(test)]
mod tests {
    use tieline_model::{DirectoryId, Hosting, QuickCallTargetId, UnknownPerson};

    use super::*;

    fn target(environment: Environment, base_url: &str) -> QuickCallTarget {
        QuickCallTarget {
            id: QuickCallTargetId::from_uuid(uuid::Uuid::nil()),
            name: "easyvista".to_owned(),
            menu_text: "EasyVista QuickCall".to_owned(),
            environment,
            hosting: Hosting::Saas,
            kind: TargetKind::Method1 { base_url: base_url.to_owned() },
            hosts: vec!["companyname.easyvista.com".to_owned()],
            person_key: PersonKey::Mail,
            unknown: UnknownPerson::Page,
            api: None,
        }
    }

    fn person() -> Person {
        let mut person = Person::named(DirectoryId::new("1").unwrap(), "Firstname Lastname");
        person.mail = Some("firstname.lastname@domain.com".parse().unwrap());
        person.sip = vec!["surname.name@sip.domain.com".parse().unwrap()];
        person
    }

    fn opened(target: &QuickCallTarget) -> Result<String, Refusal> {
        Form::of(target)?.address(target, &person(), None).map(|url| url.expose().to_owned())
    }

    /// Covers: EV-13, EV-15, EV-16, EV-47
    #[test]
    fn method1_addresses_byte_for_byte() {
        let base = "https://companyname.easyvista.com/sso_samlindexlync.php?do_quickcall=1&url_requestor=";
        let golden = "https://companyname.easyvista.com/sso_samlindexlync.php?do_quickcall=1&url_requestor=firstname.lastname%40domain.com";
        assert_eq!(opened(&target(Environment::Production, base)).unwrap(), golden);
        assert_eq!(opened(&target(Environment::Production, &format!("{base}USERID"))).unwrap(), golden);
        let base =
            "https://companyname.easyvista.com/sso_samlindexlyncsbox.php?do_quickcall=1&url_requestor=";
        assert_eq!(
            opened(&target(Environment::Sandbox, base)).unwrap(),
            "https://companyname.easyvista.com/sso_samlindexlyncsbox.php?do_quickcall=1&url_requestor=firstname.lastname%40domain.com"
        );
        let mut by_sip = target(Environment::Sandbox, base);
        by_sip.person_key = PersonKey::Sip;
        assert!(opened(&by_sip).unwrap().ends_with("url_requestor=surname.name%40sip.domain.com"));
    }

    /// Covers: EV-16 (environments), EV-31
    #[test]
    fn an_address_of_the_wrong_kind_is_refused() {
        let host = "https://companyname.easyvista.com";
        for (environment, base, code) in [
            (
                Environment::Production,
                format!("{host}/sso_samlindexlyncsbox.php?do_quickcall=1&url_requestor="),
                "wrong-environment",
            ),
            (
                Environment::Sandbox,
                format!("{host}/sso_samlindexlync.php?do_quickcall=1&url_requestor="),
                "wrong-environment",
            ),
            (
                Environment::Production,
                format!("{host}/sso_samlindexlync.php?url_requestor="),
                "bad-method1-address",
            ),
            (
                Environment::Production,
                format!("{host}/sso_samlindexlync.php?do_quickcall=1"),
                "bad-method1-address",
            ),
            (
                Environment::Production,
                format!("{host}/x.php?url_requestor=&do_quickcall=1"),
                "bad-method1-address",
            ),
            (
                Environment::Production,
                "http://companyname.easyvista.com/x.php?do_quickcall=1&url_requestor=".into(),
                "bad-method1-address",
            ),
            (
                Environment::Production,
                "https://evil.example/x.php?do_quickcall=1&url_requestor=".into(),
                "host-not-allowed",
            ),
        ] {
            assert_eq!(opened(&target(environment, &base)).unwrap_err().code, code, "{base}");
        }
    }

    #[test]
    fn who_lacks_the_key_gets_a_reason_and_no_form() {
        let target = target(
            Environment::Production,
            "https://companyname.easyvista.com/x.php?do_quickcall=1&url_requestor=",
        );
        let mut nobody = person();
        nobody.mail = None;
        let refusal = Form::of(&target).unwrap().address(&target, &nobody, None).unwrap_err();
        assert_eq!(refusal.code, "person-without-key");
        assert!(refusal.what.contains("Firstname Lastname has no mail address"));
    }
}
