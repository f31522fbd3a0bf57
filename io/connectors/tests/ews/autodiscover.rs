//! From a mail address to its server, with everything that lies in wait on the way.

use std::time::Duration;

use tieline_connectors::ews::{AutodiscoverOptions, EwsOptions};
use tieline_lab::{Fault, FaultKind, Scheme};
use tieline_model::{Class, Refusal, TlsTrust};
use tieline_ports::{Discovered, Discovery, MailSystem};
use tokio::net::TcpListener;

use crate::lab::Lab;
use crate::scripted::{Scripted, status};
use crate::world::{PASSWORD, brisk, exchange};

fn wanted(lab: &Lab, address: &str) -> Discovery {
    Discovery {
        address: address.parse().unwrap(),
        user: "svc-tieline@lab.example".parse().unwrap(),
        password: PASSWORD.to_owned().into(),
        tls: TlsTrust::Ca { pem: lab.certificate() },
        confirmed: Vec::new(),
    }
}

async fn discover(wanted: &Discovery, candidates: &[String]) -> Result<Discovered, Refusal> {
    let autodiscover = AutodiscoverOptions {
        candidates: candidates.to_vec(),
        patience: Duration::from_secs(5),
        ..AutodiscoverOptions::default()
    };
    let options = EwsOptions { autodiscover, ..brisk() };
    exchange(options).discover(wanted).await.map_err(|error| error.refusal())
}

fn soap(lab: &Lab) -> String {
    format!("https://{}/autodiscover/autodiscover.svc", lab.https)
}

fn pox(lab: &Lab) -> String {
    format!("https://{}/Autodiscover/Autodiscover.xml", lab.https)
}

fn ews(lab: &Lab) -> String {
    format!("https://{}/EWS/Exchange.asmx", lab.https)
}

#[tokio::test]
async fn both_dialects_lead_to_the_server() {
    for schemes in [vec![Scheme::Ntlm], vec![Scheme::Basic]] {
        let lab = Lab::with(|settings| settings.authentication = schemes).await;
        for candidate in [soap(&lab), pox(&lab)] {
            let found =
                discover(&wanted(&lab, "alice@lab.example"), std::slice::from_ref(&candidate)).await.unwrap();
            assert_eq!((found.url, found.said_by), (ews(&lab), candidate));
        }
    }
}

#[tokio::test]
async fn redirections_by_status_by_body_and_to_another_mailbox_are_followed() {
    let lab = Lab::start().await;
    for kind in [
        FaultKind::HttpRedirect { to: "/autodiscover/autodiscover.xml".to_owned() },
        FaultKind::HttpRedirect { to: pox(&lab) },
        FaultKind::RedirectUrl { to: pox(&lab) },
        FaultKind::RedirectAddress { to: "bob@lab.example".to_owned() },
    ] {
        for candidate in [soap(&lab), format!("https://{}/autodiscover/autodiscover.xml", lab.https)] {
            lab.fault(Fault::once(kind.clone(), "Autodiscover"));
            let found = discover(&wanted(&lab, "alice@lab.example"), &[candidate.clone(), soap(&lab)]).await;
            let found = found.unwrap_or_else(|error| panic!("{kind:?} at {candidate}: {error}"));
            assert_eq!(found.url, ews(&lab), "{kind:?}");
            let other = matches!(kind, FaultKind::RedirectAddress { .. });
            assert_eq!(found.address.as_str(), if other { "bob@lab.example" } else { "alice@lab.example" });
        }
    }
}

#[tokio::test]
async fn a_loop_of_redirections_ends() {
    let lab = Lab::start().await;
    lab.fault(Fault { count: None, ..Fault::once(FaultKind::RedirectUrl { to: pox(&lab) }, "Autodiscover") });
    let refusal = discover(&wanted(&lab, "alice@lab.example"), &[soap(&lab)]).await.unwrap_err();
    assert_eq!(refusal.code, "nothing-discovered", "{refusal}");
    assert!(lab.requests().len() < 10, "{} questions", lab.requests().len());
}

#[tokio::test]
async fn what_is_in_the_way_is_passed_by() {
    let lab = Lab::start().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("https://{}/autodiscover/autodiscover.xml", closed.local_addr().unwrap());
    drop(closed);
    let unknown = "https://no-such-host.invalid/autodiscover/autodiscover.xml".to_owned();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("https://{}/autodiscover/autodiscover.svc", silent.local_addr().unwrap());
    lab.fault(Fault::once(FaultKind::WebPage, "Autodiscover"));
    lab.fault(Fault::once(FaultKind::Unauthorized, "Autodiscover"));
    let twice = [format!("{}?1", pox(&lab)), format!("{}?2", soap(&lab))];
    let candidates = [vec![nobody, unknown, silent], twice.to_vec(), vec![soap(&lab)]].concat();
    let autodiscover = AutodiscoverOptions {
        candidates,
        patience: Duration::from_secs(2),
        ..AutodiscoverOptions::default()
    };
    let exchange = exchange(EwsOptions { autodiscover, ..brisk() });
    let found = exchange.discover(&wanted(&lab, "alice@lab.example")).await.unwrap();
    assert_eq!(found.url, ews(&lab));
}

#[tokio::test]
async fn a_budget_bounds_the_whole_search() {
    let lab = Lab::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = |number| format!("https://{}/{number}/autodiscover.svc", listener.local_addr().unwrap());
    let autodiscover = AutodiscoverOptions {
        candidates: (0..50).map(silent).collect(),
        patience: Duration::from_millis(300),
        budget: Duration::from_secs(1),
        ..AutodiscoverOptions::default()
    };
    let exchange = exchange(EwsOptions { autodiscover, ..brisk() });
    let refusal = exchange.discover(&wanted(&lab, "alice@lab.example")).await.unwrap_err().refusal();
    assert_eq!((refusal.code.as_str(), refusal.class), ("autodiscover-slow", Class::Transient), "{refusal}");
}

#[tokio::test]
async fn a_redirection_without_tls_needs_a_persons_word_and_gets_no_credentials() {
    let lab = Lab::start().await;
    let location = pox(&lab);
    let server = Scripted::start(move |_| status(302, &[("location", location.as_str())], "")).await;
    let probe = format!("http://{}/autodiscover/autodiscover.xml", server.address);
    let mut wanted = wanted(&lab, "alice@lab.example");
    let refusal = discover(&wanted, std::slice::from_ref(&probe)).await.unwrap_err();
    assert_eq!(refusal.code, "redirect-to-confirm", "{refusal}");
    wanted.confirmed = vec!["127.0.0.1".to_owned()];
    assert_eq!(discover(&wanted, &[probe]).await.unwrap().url, ews(&lab));
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.headers.get("authorization").is_none() && asked.body.is_empty()));
}

#[tokio::test]
async fn what_a_person_must_mend_is_named() {
    let lab = Lab::start().await;
    let refusal = discover(&wanted(&lab, "nobody@lab.example"), &[soap(&lab), pox(&lab)]).await.unwrap_err();
    assert_eq!(refusal.code, "unknown-mailbox", "{refusal}");
    let wrong = Discovery { password: "guess".to_owned().into(), ..wanted(&lab, "alice@lab.example") };
    let refusal = discover(&wrong, &[soap(&lab)]).await.unwrap_err();
    assert_eq!(refusal.code, "wrong-password", "{refusal}");
    assert!(!refusal.to_string().contains("guess"));
    // A certificate of the server's own making, which nobody here trusts.
    let distrustful = Discovery { tls: TlsTrust::System, ..wanted(&lab, "alice@lab.example") };
    let refusal = discover(&distrustful, &[soap(&lab)]).await.unwrap_err();
    assert_eq!(refusal.code, "nothing-discovered", "{refusal}");
    assert!(refusal.what.contains("unknown issuer"), "{refusal}");
}
