//! Against the lab's ticket systems over HTTP.

use tieline_itsm::TicketSystems;
use tieline_lab::{GLPI_TOKEN, Lab, LabConfig, ZAMMAD_TOKEN};
use tieline_model::{ItsmApi, ItsmProduct, SmtpAddress, TlsTrust};
use tieline_ports::{Itsm, ItsmAccount};

struct World {
    _state: tempfile::TempDir,
    lab: Lab,
    systems: TicketSystems,
}

async fn world() -> World {
    let state = tempfile::tempdir().unwrap();
    let lab = Lab::start(LabConfig::new(state.path())).await.unwrap();
    World { _state: state, lab, systems: TicketSystems::default() }
}

impl World {
    fn account(&self, product: ItsmProduct, token: &str) -> ItsmAccount {
        let url = format!("{}/{}", self.lab.ready().itsm, product.name());
        let api = ItsmApi { product, url, tls: TlsTrust::System, tickets_first: true };
        ItsmAccount { api, token: token.to_owned().into() }
    }

    fn both(&self) -> [ItsmAccount; 2] {
        [self.account(ItsmProduct::Glpi, GLPI_TOKEN), self.account(ItsmProduct::Zammad, ZAMMAD_TOKEN)]
    }
}

fn mail(text: &str) -> SmtpAddress {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_person_is_found_by_mail_address_and_with_their_latest_tickets() {
    let world = world().await;
    for account in world.both() {
        let name = account.api.product.name();
        let people = world.systems.people_with(&account, &mail("Alice@lab.example")).await.unwrap();
        let [alice] = people.as_slice() else { panic!("{name}: {people:?}") };
        assert_eq!(
            (alice.id.as_str(), alice.mail.as_slice()),
            ("1", &["alice@lab.example".to_owned()][..]),
            "{name}"
        );
        let tickets = world.systems.latest_tickets(&account, alice, 5).await.unwrap();
        assert_eq!(tickets.iter().map(|ticket| ticket.open).collect::<Vec<_>>(), [true, false], "{name}");
        assert_eq!(tickets[0].title, "Headset without sound");
        assert_eq!(tickets[0].changed, "2026-11-20T09:30:00Z".parse().ok(), "{name}");
        assert!(
            tickets[0].url.starts_with(&account.api.url) && tickets[0].url.ends_with("11"),
            "{}",
            tickets[0].url
        );
        assert_eq!(world.systems.latest_tickets(&account, alice, 1).await.unwrap().len(), 1);
        assert!(
            world.systems.people_with(&account, &mail("carol@lab.example")).await.unwrap().is_empty(),
            "{name}"
        );
        let bob = world.systems.people_with(&account, &mail("bob@lab.example")).await.unwrap().remove(0);
        assert!(
            world.systems.latest_tickets(&account, &bob, 5).await.unwrap().is_empty(),
            "{name}: no tickets"
        );
    }
}

#[tokio::test]
async fn everybody_is_listed() {
    let world = world().await;
    for account in world.both() {
        let page = world.systems.people(&account, 0).await.unwrap();
        assert_eq!(page.next, None);
        let mails: Vec<_> = page.people.iter().flat_map(|person| person.mail.iter().cloned()).collect();
        assert!(mails.contains(&"gus.former@lab.example".to_owned()), "{mails:?}");
        assert!(!mails.contains(&"carol@lab.example".to_owned()), "{mails:?}");
    }
}

#[tokio::test]
async fn a_refused_token_is_the_administrators_to_mend_and_is_not_repeated() {
    let world = world().await;
    for product in [ItsmProduct::Glpi, ItsmProduct::Zammad] {
        let account = world.account(product, "hunter2");
        let refusal =
            world.systems.people_with(&account, &mail("alice@lab.example")).await.unwrap_err().refusal();
        assert_eq!(refusal.code, "itsm-token-refused");
        assert!(!refusal.to_string().contains("hunter2") && !format!("{account:?}").contains("hunter2"));
    }
    let mut gone = world.account(ItsmProduct::Glpi, GLPI_TOKEN);
    gone.api.url = "http://127.0.0.1:1/glpi".to_owned();
    let refusal = world.systems.people_with(&gone, &mail("alice@lab.example")).await.unwrap_err().refusal();
    assert_eq!((refusal.code.as_str(), refusal.class), ("itsm-unreachable", tieline_model::Class::Transient));
}
