//! A store of its own, and stand-ins for directory and ticket system that say what they are told to.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tieline_model::{
    ContactAddress, DialPlan, DirectoryId, Environment, Hosting, ManualClock, Person, PersonKey,
    QuickCallTarget, QuickCallTargetId, Refusal, SmtpAddress, TargetKind, UnknownPerson,
};
use tieline_ports::{
    Age, Answer, AnswerFuture, ChangeTracking, Directory, DirectoryStatus, Found, Itsm, ItsmAccount,
    ItsmPage, ItsmPerson, ItsmTicket, PageSeen, PeopleFuture, PortError, PortFuture, RefreshKind,
    RefreshReport, SharedAddress,
};
use tieline_quick_call::{NewSecret, QuickCall, QuickCallParts, TargetSecrets, Technician};
use tieline_store::{KeyFile, Store, StoreConfig};

pub(crate) const NOW: &str = "2026-11-23T09:00:00Z";
pub(crate) const LINK: &str = "https://companyname.easyvista.com/autoconnect_mail.php?field1=5C0F051E580F056F19&field2=&\
                               field4=%7B90D54E77-40A5-4F0F-8029-5A7A05F5814D%7D&field5=ViewDialog&field6=morley";

/// Who is in the directory. An address in `down` cannot be asked for.
#[derive(Default)]
pub(crate) struct People {
    pub(crate) people: Vec<Person>,
    pub(crate) down: Mutex<bool>,
}

impl Directory for People {
    fn resolve<'a>(&'a self, contact: &'a ContactAddress) -> AnswerFuture<'a> {
        let wanted = contact.key();
        let has = |person: &&Person| {
            let sip = person.sip.iter().map(|sip| format!("sip:{}", sip.key()));
            let mail = person
                .mail
                .iter()
                .chain(&person.proxy_addresses)
                .flat_map(|mail| [format!("sip:{}", mail.key()), format!("mailto:{}", mail.key())]);
            let tel = person.phones.iter().map(|phone| format!("tel:{phone}"));
            sip.chain(mail).chain(tel).any(|key| key == wanted)
        };
        let mut found: Vec<Person> = self.people.iter().filter(has).cloned().collect();
        let nearest = vec![self.people[0].clone()];
        let found = match found.len() {
            0 if *self.down.lock().unwrap() => Found::Unknown {
                reason: Refusal::transient("directory-down", "the directory does not answer", "wait"),
                nearest,
            },
            0 => Found::Nobody { nearest },
            1 => Found::One(Box::new(found.remove(0))),
            _ => Found::Several(found),
        };
        let as_of = NOW.parse().unwrap();
        Box::pin(std::future::ready(Answer {
            found,
            age: Age::Cached { as_of, age: jiff::SignedDuration::from_secs(12) },
        }))
    }

    fn alike<'a>(&'a self, name: &'a str) -> PeopleFuture<'a> {
        let word = name.to_lowercase();
        let alike = self.people.iter().filter(|person| person.display_name.to_lowercase().contains(&word));
        Box::pin(std::future::ready(alike.cloned().collect()))
    }

    fn person(&self, id: &DirectoryId) -> Option<Person> {
        self.people.iter().find(|person| person.id == *id).cloned()
    }

    fn people(&self, after: Option<&DirectoryId>, limit: usize) -> Vec<Person> {
        let from = after
            .map_or(0, |id| self.people.iter().position(|person| person.id == *id).map_or(0, |at| at + 1));
        self.people.iter().skip(from).take(limit).cloned().collect()
    }

    fn shared_addresses(&self, _: usize) -> Vec<SharedAddress> {
        let two =
            |person: &&Person| person.mail.as_ref().is_some_and(|mail| mail.as_str().starts_with("desk@"));
        let people: Vec<_> =
            self.people.iter().filter(two).map(|p| (p.id.clone(), p.display_name.clone())).collect();
        vec![SharedAddress { address: "desk@corp.example".to_owned(), people }]
    }

    fn refresh(&self, _: RefreshKind) -> PortFuture<'_, RefreshReport> {
        Box::pin(std::future::ready(Err(PortError::NotFound)))
    }

    fn status(&self) -> DirectoryStatus {
        DirectoryStatus {
            people: self.people.len(),
            bytes: 0,
            as_of: Some(NOW.parse().unwrap()),
            last_full: None,
            tracking: Some(ChangeTracking::ListAll),
            server: None,
            problem: None,
            withheld: 0,
            shared_addresses: 1,
            unusable: 0,
            hits: 0,
            misses: 0,
            live: 0,
            live_failed: 0,
            live_limited: 0,
        }
    }
}

/// A ticket system that knows alice, with one ticket, and somebody whom the directory does not know.
#[derive(Default)]
pub(crate) struct Tickets {
    pub(crate) down: Mutex<bool>,
}

impl Tickets {
    fn check(&self, account: &ItsmAccount) -> Result<(), PortError> {
        use secrecy::ExposeSecret as _;
        assert_eq!(account.token.expose_secret(), "token-1");
        if *self.down.lock().unwrap() {
            return Err(PortError::refused(Refusal::transient(
                "itsm-busy",
                "the ticket system answered 503",
                "wait",
            )));
        }
        Ok(())
    }
}

fn known() -> Vec<ItsmPerson> {
    let person = |id: &str, name: &str, mail: &str| ItsmPerson {
        id: id.into(),
        name: name.into(),
        mail: vec![mail.into()],
    };
    vec![person("7", "Alice Adams", "Alice@corp.example"), person("9", "Gus Former", "gus@corp.example")]
}

impl Itsm for Tickets {
    fn people_with<'a>(
        &'a self,
        account: &'a ItsmAccount,
        mail: &'a SmtpAddress,
    ) -> PortFuture<'a, Vec<ItsmPerson>> {
        let found =
            known().into_iter().filter(|person| person.mail[0].eq_ignore_ascii_case(mail.as_str())).collect();
        Box::pin(std::future::ready(self.check(account).map(|()| found)))
    }

    fn latest_tickets<'a>(
        &'a self,
        account: &'a ItsmAccount,
        _: &'a ItsmPerson,
        _: usize,
    ) -> PortFuture<'a, Vec<ItsmTicket>> {
        let ticket = ItsmTicket {
            number: "71".into(),
            title: "Headset".into(),
            state: "assigned".into(),
            open: true,
            changed: None,
            url: "https://glpi.corp.example/front/ticket.form.php?id=71".into(),
        };
        Box::pin(std::future::ready(self.check(account).map(|()| vec![ticket])))
    }

    fn people<'a>(&'a self, account: &'a ItsmAccount, _: u64) -> PortFuture<'a, ItsmPage> {
        Box::pin(std::future::ready(self.check(account).map(|()| ItsmPage { people: known(), next: None })))
    }

    fn page<'a>(&'a self, url: &'a str) -> PortFuture<'a, PageSeen> {
        assert!(!url.contains("field1") && !url.contains('{'), "nothing secret and nobody is sent: {url}");
        let seen = PageSeen { status: 302, leads_to: Some("https://idp.corp.example".into()), saml: true };
        Box::pin(std::future::ready(Ok(seen)))
    }
}

pub(crate) struct World {
    _folder: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) directory: Arc<People>,
    pub(crate) itsm: Arc<Tickets>,
    pub(crate) service: QuickCall,
}

fn person(id: &str, name: &str, mail: &str, sip: &str) -> Person {
    let mut person = Person::named(DirectoryId::new(id).unwrap(), name);
    person.mail = Some(mail.parse().unwrap());
    person.sip = vec![sip.parse().unwrap()];
    person.login = Some(id.to_owned());
    person
}

pub(crate) async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    KeyFile::at(&key).create().unwrap();
    let url = folder.path().join("tieline.db").display().to_string();
    let store = Store::open(StoreConfig::new(url, key)).await.unwrap();
    let mut alice = person("alice", "Alice Adams", "alice@corp.example", "alice.adams@sip.corp.example");
    alice.phones = vec![tieline_model::PhoneNumber::kept("+49301001".to_owned())];
    let directory = Arc::new(People {
        people: vec![
            alice,
            person("bob", "Bob Brown", "bob@corp.example", "bob@corp.example"),
            person("desk1", "Desk One", "desk@corp.example", "desk1@corp.example"),
            person("desk2", "Desk Two", "desk@corp.example", "desk2@corp.example"),
        ],
        down: Mutex::new(false),
    });
    let itsm = Arc::new(Tickets::default());
    let clock = Arc::new(ManualClock::new(NOW.parse::<Timestamp>().unwrap()));
    let service = QuickCall::new(QuickCallParts {
        store: store.clone(),
        directory: Arc::clone(&directory) as Arc<dyn Directory>,
        itsm: Arc::clone(&itsm) as Arc<dyn Itsm>,
        clock: Arc::clone(&clock) as Arc<dyn tieline_model::Clock>,
        ids: clock,
        dial_plan: DialPlan { country_code: "49".to_owned(), ..DialPlan::default() },
    });
    World { _folder: folder, store, directory, itsm, service }
}

pub(crate) fn target(number: u128, name: &str, kind: TargetKind) -> QuickCallTarget {
    QuickCallTarget {
        id: QuickCallTargetId::from_uuid(uuid::Uuid::from_u128(number)),
        name: name.to_owned(),
        menu_text: name.to_owned(),
        environment: Environment::Production,
        hosting: Hosting::Saas,
        kind,
        hosts: Vec::new(),
        person_key: PersonKey::Mail,
        unknown: UnknownPerson::Page,
        api: None,
    }
}

pub(crate) fn method1() -> QuickCallTarget {
    let base_url = "https://companyname.easyvista.com/sso_samlindexlync.php?do_quickcall=1&url_requestor=";
    target(1, "easyvista", TargetKind::Method1 { base_url: base_url.to_owned() })
}

pub(crate) fn technician() -> Technician {
    Technician { id: "tina@corp.example".to_owned(), name: "Tina Tech".to_owned() }
}

impl World {
    pub(crate) async fn save(&self, mut target: QuickCallTarget) {
        self.service.save(&mut target, TargetSecrets::default(), "admin").await.unwrap();
    }

    pub(crate) async fn save_link(&self, mut target: QuickCallTarget) {
        let link = NewSecret::Set(LINK.to_owned().into());
        let secrets = TargetSecrets { link, ..TargetSecrets::default() };
        self.service.save(&mut target, secrets, "admin").await.unwrap();
    }
}
