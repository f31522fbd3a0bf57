//! What OpenLDAP says.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tieline_directory::{Account, DirectoryConfig, probe};
use tieline_model::Class;
use tieline_ports::{Age, ChangeTracking, Directory, Found, RefreshKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::Site;
use crate::slapd::{Authority, BASE, PASSWORD, Slapd, config, dn, name};

/// Covers: EV-26 (directory), EV-47, PO-26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_people_are_read_in_pages_and_found_by_every_address() {
    let authority = Authority::new();
    let slapd = Slapd::start(10_000, &authority);
    let site = Site::new(config(&[slapd.ldaps()], &authority));
    assert_eq!(site.directory.status().as_of, None);

    let report = site.directory.refresh(RefreshKind::Full).await.unwrap();
    assert_eq!((report.complete, report.seen, report.added, report.unusable), (true, 10_000, 10_000, 0));
    let status = site.directory.status();
    assert_eq!((status.people, status.tracking), (10_000, Some(ChangeTracking::EntryCsn)));
    assert!(status.bytes > 10_000 && status.bytes < 10_000 * 600, "{} bytes", status.bytes);

    site.later(90);
    for (contact, number) in [
        ("sip:p4321@uc.example", 4321),
        ("SIP:P4321@UC.Example;transport=tls", 4321),
        ("p4321@uc.example", 4321),
        ("mailto:PERSON9999@corp.example", 9999),
        ("person0@corp.example", 0),
        ("tel:+49-30-1000007", 7),
        ("sip:+49301000007@gateway.example;user=phone", 7),
    ] {
        let answer = site.resolve(contact).await;
        let Found::One(person) = &answer.found else { panic!("{contact}: {answer:?}") };
        let (given, family) = name(number);
        assert_eq!(person.display_name, format!("{given} {family}"), "{contact}");
        assert_eq!(
            person.mail.as_ref().unwrap().as_str(),
            format!("person{number}@corp.example"),
            "{contact}"
        );
        assert_eq!(person.sip[0].as_str(), format!("p{number}@uc.example"));
        assert_eq!(person.department.as_deref(), Some(format!("Department {}", number % 40).as_str()));
        assert!(matches!(answer.age, Age::Cached { age, .. } if age.as_secs() == 90), "{:?}", answer.age);
    }
    let status = site.directory.status();
    assert_eq!((status.hits, status.misses, status.live), (7, 0, 0));
    assert_eq!(site.directory.people(None, 20_000).len(), 10_000);
}

/// Covers: EV-20 (directory)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_in_the_cache_is_looked_for_once() {
    let authority = Authority::new();
    let slapd = Slapd::start(300, &authority);
    let site = Site::new(config(&[slapd.start_tls()], &authority));
    site.directory.refresh(RefreshKind::Full).await.unwrap();

    slapd.modify(&format!(
        "dn: uid=newhire,{BASE}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: newhire\ncn: Nina New\nsn: New\n\
         mail: nina.new@corp.example\nlabeledURI: sip:nina@uc.example\ntelephoneNumber: +49 30 7777777\n"
    ));
    let site = Arc::new(site);
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let site = Arc::clone(&site);
            tokio::spawn(async move { site.resolve("sip:nina@uc.example").await })
        })
        .collect();
    for caller in callers {
        let answer = caller.await.unwrap();
        assert!(
            matches!(&answer.found, Found::One(person) if person.display_name == "Nina New"),
            "{answer:?}"
        );
    }
    // Those who came while it was under way shared it; those who came later met her in the cache.
    assert_eq!(site.directory.status().live, 1);
    assert_eq!(site.name("tel:+49 30 7777777").await.unwrap(), "Nina New");
    assert_eq!(site.directory.status().live, 1);

    let answer = site.resolve("sip:alicia.adams@elsewhere.example").await;
    let Found::Nobody { nearest } = &answer.found else { panic!("{answer:?}") };
    assert_eq!(answer.age, Age::Live);
    assert_eq!(nearest[0].display_name, "Alice Adams", "did you mean");
    assert!(matches!(site.resolve("sip:alicia.adams@elsewhere.example").await.age, Age::Cached { .. }));
    assert_eq!(site.directory.status().live, 2, "a second time it is remembered");
    site.later(61);
    assert_eq!(site.resolve("sip:alicia.adams@elsewhere.example").await.age, Age::Live);
}

/// Filters reach OpenLDAP as they are meant: what looks like a filter finds nobody and breaks nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_that_look_like_filters_find_nobody() {
    let authority = Authority::new();
    let slapd = Slapd::start(100, &authority);
    let site = Site::new(config(&[slapd.start_tls()], &authority));
    for contact in [
        "sip:*@uc.example",
        "sip:p1*@uc.example",
        "sip:*)(uid=*@uc.example",
        "sip:p1@uc.example)(uid=*",
        "sip:x%29%28uid%3d%2a@uc.example",
        "mailto:*@corp.example",
    ] {
        let Ok(contact) = tieline_model::ContactAddress::parse(contact, &Default::default()) else {
            continue;
        };
        let answer = site.directory.resolve(&contact).await;
        assert!(matches!(answer.found, Found::Nobody { .. }), "{contact}: {answer:?}");
        assert_eq!(answer.age, Age::Live);
    }
    assert_eq!(site.name("sip:p1@uc.example").await.unwrap(), "Bob Adams", "and the connection still works");
    assert_eq!(site.directory.status().live_failed, 0);
}

/// A flood of strangers does not reach the directory, and nobody is called unknown for lack of asking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pace_of_look_ups_is_bounded() {
    let authority = Authority::new();
    let slapd = Slapd::start(50, &authority);
    let site = Site::new(config(&[slapd.start_tls()], &authority));
    site.directory.refresh(RefreshKind::Full).await.unwrap();
    let mut unknown = 0;
    for number in 0..200 {
        match site.resolve(&format!("sip:stranger{number}@elsewhere.example")).await.found {
            Found::Nobody { .. } => {}
            Found::Unknown { reason, .. } => {
                assert_eq!((reason.code.as_str(), reason.class), ("directory-busy", Class::Transient));
                unknown += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    let status = site.directory.status();
    assert_eq!((status.live, status.live_limited, unknown), (40, 160, 160));
    assert!(site.name("sip:p1@uc.example").await.is_some());
}

/// Covers: PO-26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_followed_and_people_go_only_by_a_complete_listing() {
    let authority = Authority::new();
    let slapd = Slapd::start(2000, &authority);
    let site = Site::new(config(&[slapd.ldaps()], &authority));
    site.directory.refresh(RefreshKind::Changes).await.unwrap();
    let first = site.directory.status().last_full.unwrap();

    site.later(300);
    slapd.modify(&format!(
        "dn: {}\nchangetype: modify\nreplace: labeledURI\nlabeledURI: sip:moved@uc.example\n\n\
         dn: uid=newhire,{BASE}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: newhire\ncn: Nina New\nsn: New\n\
         mail: nina.new@corp.example\n",
        dn(5)
    ));
    slapd.delete(&[dn(7)]);
    let report = site.directory.refresh(RefreshKind::Changes).await.unwrap();
    assert_eq!((report.complete, report.added, report.changed, report.removed), (false, 1, 1, 0));
    assert!(report.seen < 20, "{} were read to learn of two", report.seen);
    assert_eq!(site.name("sip:moved@uc.example").await.unwrap(), "Frank Adams");
    assert_eq!(site.name("sip:p5@uc.example").await, None, "the old address is nobody's");
    assert_eq!(site.name("sip:p7@uc.example").await.unwrap(), "Henry Adams", "not reported, so not gone");
    let status = site.directory.status();
    assert_eq!(status.last_full, Some(first));
    assert_eq!(status.as_of, Some(first + jiff::SignedDuration::from_secs(300)));

    let report = site.directory.refresh(RefreshKind::Full).await.unwrap();
    assert_eq!(
        (report.complete, report.seen, report.added, report.changed, report.removed),
        (true, 2000, 0, 0, 1)
    );
    assert_eq!(site.name("sip:p7@uc.example").await, None);
    // Nothing has changed: a pass reads at most what lies within its overlap.
    let report = site.directory.refresh(RefreshKind::Changes).await.unwrap();
    assert_eq!((report.added, report.changed), (0, 0));

    // Half of all people gone at once is not believed, until an administrator says so.
    slapd.delete(&(1000..2000).map(dn).collect::<Vec<_>>());
    let report = site.directory.refresh(RefreshKind::Full).await.unwrap();
    assert_eq!((report.seen, report.removed, report.withheld), (1000, 0, 1000));
    assert_eq!(site.directory.status().withheld, 1000);
    assert!(site.name("sip:p1500@uc.example").await.is_some());
    let report = site.directory.refresh(RefreshKind::FullAcceptingLosses).await.unwrap();
    assert_eq!((report.removed, report.withheld), (1000, 0));
    assert_eq!(site.directory.status().people, 1000);

    // And an empty listing is never believed.
    slapd.delete(
        &(0..1000)
            .filter(|number| *number != 7)
            .map(dn)
            .chain([format!("uid=newhire,{BASE}")])
            .collect::<Vec<_>>(),
    );
    let error = site.directory.refresh(RefreshKind::FullAcceptingLosses).await.unwrap_err();
    assert_eq!(error.refusal().code, "directory-empty");
    assert!(site.name("sip:p1@uc.example").await.is_some());
    assert_eq!(site.directory.status().people, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modify_timestamps_serve_where_there_is_nothing_better() {
    let authority = Authority::new();
    let slapd = Slapd::start(50, &authority);
    let mut config = config(&[slapd.start_tls()], &authority);
    config.tracking = Some(ChangeTracking::ModifyTimestamp);
    let site = Site::new(config);
    site.directory.refresh(RefreshKind::Full).await.unwrap();
    assert_eq!(site.directory.status().tracking, Some(ChangeTracking::ModifyTimestamp));
    slapd.modify(&format!("dn: {}\nchangetype: modify\nreplace: displayName\ndisplayName: Changed\n", dn(3)));
    let report = site.directory.refresh(RefreshKind::Changes).await.unwrap();
    assert_eq!((report.complete, report.changed), (false, 1));
    assert_eq!(site.name("sip:p3@uc.example").await.unwrap(), "Changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_answers_when_one_is_down_and_the_cache_when_all_are() {
    let authority = Authority::new();
    let (mut first, mut second) = (Slapd::start(600, &authority), Slapd::start(600, &authority));
    let site = Site::new(config(&[first.ldaps(), second.ldaps()], &authority));
    site.directory.refresh(RefreshKind::Full).await.unwrap();
    assert_eq!(site.directory.status().server, Some(first.ldaps()));
    assert_eq!(site.name("sip:nobody@uc.example").await, None);

    // The kept connection dies with the first server; the look-up is repeated on the second.
    first.go_away();
    second.modify(&format!(
        "dn: {}\nchangetype: modify\nreplace: labeledURI\nlabeledURI: sip:moved@uc.example\n",
        dn(5)
    ));
    assert_eq!(site.name("sip:moved@uc.example").await.unwrap(), "Frank Adams");
    let report = site.directory.refresh(RefreshKind::Changes).await.unwrap();
    assert_eq!(report.server, second.ldaps());

    second.go_away();
    site.later(600);
    let known = site.resolve("sip:p5@uc.example").await;
    assert!(matches!(known.found, Found::Unknown { .. }), "the address was taken away: {known:?}");
    let known = site.resolve("sip:p6@uc.example").await;
    assert!(matches!(&known.found, Found::One(person) if person.display_name == "Greta Adams"), "{known:?}");
    assert!(matches!(known.age, Age::Cached { age, .. } if age.as_secs() == 600), "{known:?}");
    let stranger = site.resolve("sip:greta.adams@elsewhere.example").await;
    let Found::Unknown { reason, nearest } = &stranger.found else { panic!("{stranger:?}") };
    assert_eq!((reason.code.as_str(), reason.class), ("directory-unreachable", Class::Transient));
    assert_eq!(nearest[0].display_name, "Greta Adams");
    assert!(site.directory.refresh(RefreshKind::Changes).await.is_err());
    let status = site.directory.status();
    assert_eq!(status.people, 600);
    assert!(status.problem.is_some());

    first.come_back();
    // Callers are told at once for a second that all are down.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(site.name("sip:nobody2@uc.example").await, None);
    site.directory.refresh(RefreshKind::Full).await.unwrap();
    assert!(site.directory.status().problem.is_none());
}

/// A server that takes connections and says nothing costs one time-out, not every look-up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_swallows_everything_is_passed_over() {
    let authority = Authority::new();
    let slapd = Slapd::start(20, &authority);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("ldaps://localhost:{}", silent.local_addr().unwrap().port());
    let mut patient = config(&[silent_url, slapd.ldaps()], &authority);
    patient.limits.connect_timeout = Duration::from_millis(500);
    let site = Site::new(patient.clone());
    assert_eq!(site.name("sip:p1@uc.example").await.unwrap(), "Bob Adams", "within one look-up");

    // Whoever gives up first leaves the knowledge to the next.
    patient.limits.connect_timeout = Duration::from_secs(60);
    patient.limits.lookup_timeout = Duration::from_secs(3);
    let site = Site::new(patient);
    let answer = site.resolve("sip:p1@uc.example").await;
    assert!(
        matches!(&answer.found, Found::Unknown { reason, .. } if reason.code == "directory-unreachable"),
        "{answer:?}"
    );
    assert_eq!(answer.age, Age::Never);
    assert_eq!(site.name("sip:p1@uc.example").await.unwrap(), "Bob Adams");
}

/// A relay to `target` that ends each connection after so many bytes of answers.
async fn cutting_relay(target: std::net::SocketAddr, after: usize) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = tokio::net::TcpStream::connect(target).await.unwrap();
                let (mut from_client, mut to_client) = client.split();
                let (mut from_server, mut to_server) = server.split();
                let back = async {
                    let mut left = after;
                    let mut buffer = [0; 4096];
                    while left > 0 {
                        let Ok(read @ 1..) = from_server.read(&mut buffer).await else { return };
                        let passed = read.min(left);
                        left -= passed;
                        if to_client.write_all(&buffer[..passed]).await.is_err() {
                            return;
                        }
                    }
                };
                tokio::select! {
                    () = back => {}
                    _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
                }
            });
        }
    });
    address
}

/// Covers: PO-26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_breaks_off_forgets_nobody() {
    let authority = Authority::new();
    let slapd = Slapd::start(1200, &authority);
    let site = Site::new(config(&[slapd.ldaps()], &authority));
    site.directory.refresh(RefreshKind::Full).await.unwrap();

    for after in [0, 10, 300, 50_000, 300_000] {
        let relay = cutting_relay(slapd.plain, after).await;
        let mut broken = config(&[format!("ldap+plain://{relay}")], &authority);
        broken.allow_plaintext = true;
        let site = Site::new(broken);
        let error = site.directory.refresh(RefreshKind::Full).await.unwrap_err();
        assert_eq!(error.refusal().code, "directory-unreachable", "after {after} bytes: {error}");
        let status = site.directory.status();
        assert_eq!((status.people, status.as_of), (0, None), "a part of the people is not the people");
    }

    // The server is restarted in the middle of passes; each is whole or nothing.
    let mut slapd = slapd;
    let stop = CancellationToken::new();
    let passes = {
        let (directory, stop) = (Arc::clone(&site.directory), stop.clone());
        tokio::spawn(async move {
            let (mut whole, mut broken) = (0, 0);
            while !stop.is_cancelled() {
                match directory.refresh(RefreshKind::Full).await {
                    Ok(report) => {
                        assert_eq!((report.seen, report.removed, report.withheld), (1200, 0, 0));
                        whole += 1;
                    }
                    Err(_) => broken += 1,
                }
                assert_eq!(directory.status().people, 1200);
            }
            (whole, broken)
        })
    };
    for pause in [40, 70, 110] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        slapd.go_away();
        tokio::time::sleep(Duration::from_millis(20)).await;
        slapd.come_back();
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
    stop.cancel();
    let (whole, broken) = passes.await.unwrap();
    assert!(whole > 0 && broken > 0, "{whole} whole, {broken} broken");
}

/// Covers: AV-61
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_not_trusted_is_named_and_nothing_is_sent() {
    let (authority, other) = (Authority::new(), Authority::new());
    let slapd = Slapd::start(5, &authority);
    let by_address = format!("ldaps://127.0.0.1:{}", slapd.tls.port());
    let plain_port = format!("ldaps://localhost:{}", slapd.plain.port());
    for (server, trusted, named) in [
        (slapd.ldaps(), &other, "unknown issuer"),
        (slapd.start_tls(), &other, "unknown issuer"),
        (by_address, &authority, "name mismatch"),
        (plain_port, &authority, "cut off"),
    ] {
        let config = config(std::slice::from_ref(&server), trusted);
        let probes = probe(&config).await.unwrap();
        let refusal = probes[0].result.clone().unwrap_err();
        assert_eq!(refusal.code, "directory-tls", "{server}: {refusal}");
        assert_eq!(refusal.class, Class::Operator);
        assert!(refusal.what.contains(named), "{server}: {refusal}");
        assert!(!refusal.next.is_empty() && refusal.where_ == server);
        let site = Site::new(config);
        let answer = site.resolve("sip:p1@uc.example").await;
        assert!(
            matches!(&answer.found, Found::Unknown { reason, .. } if reason.code == "directory-tls"),
            "{answer:?}"
        );
    }
    for server in [slapd.ldaps(), slapd.start_tls()] {
        let probes = probe(&config(std::slice::from_ref(&server), &authority)).await.unwrap();
        let facts = probes[0].result.clone().unwrap();
        assert!(facts.protected && facts.paging && !facts.active_directory && facts.empty_bases.is_empty());
    }
}

/// What is logged, by everybody.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_until_the_account_is_locked_and_never_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole process: what the other tests log is looked at as well.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let authority = Authority::new();
    let (first, second) = (Slapd::start(5, &authority), Slapd::start(5, &authority));
    let mut wrong = config(&[first.ldaps(), second.start_tls()], &authority);
    let account = wrong.account.clone().unwrap();
    wrong.account = Some(Account { password: "hunter2-is-wrong".into(), ..account });
    let shown = format!("{wrong:?}");
    let site = Site::new(wrong);
    let mut texts = vec![shown];
    for attempt in 0..6 {
        let error = site.directory.refresh(RefreshKind::Full).await.unwrap_err();
        let refusal = error.refusal();
        assert_eq!((refusal.code.as_str(), refusal.class), ("directory-account", Class::Operator));
        assert_eq!(refusal.what.contains("invalidCredentials"), attempt < 3, "attempt {attempt}: {refusal}");
        texts.push(refusal.to_string());
        texts.push(format!("{error:?} {:?}", site.directory));
    }
    let probes = probe(&site_config(&first, &second, &authority)).await.unwrap();
    assert_eq!(probes.len(), 1, "the second server would count a wrong password as well");

    // The right one appears nowhere either.
    let site = Site::new(config(&[first.ldaps()], &authority));
    site.directory.refresh(RefreshKind::Full).await.unwrap();
    texts.push(String::from_utf8(log.0.lock().unwrap().clone()).unwrap());
    assert!(
        texts.last().unwrap().contains("the directory was read"),
        "the log is looked at: {:?}",
        texts.last()
    );
    for text in texts {
        assert!(!text.contains("hunter2") && !text.contains(PASSWORD), "{text}");
    }
}

fn site_config(first: &Slapd, second: &Slapd, authority: &Authority) -> DirectoryConfig {
    let mut wrong = config(&[first.ldaps(), second.start_tls()], authority);
    let account = wrong.account.clone().unwrap();
    wrong.account = Some(Account { password: "hunter2-is-wrong".into(), ..account });
    wrong
}

/// Servers without the password's protection, without the base, with a limit that is too small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_in_words() {
    let authority = Authority::new();
    let slapd = Slapd::start(30, &authority);
    let good = config(&[slapd.start_tls()], &authority);
    let mut no_base = good.clone();
    no_base.bases = vec!["ou=nowhere,dc=corp,dc=example".to_owned()];
    let mut too_many = good.clone();
    too_many.limits.max_people = 20;
    let mut anonymous = good.clone();
    anonymous.account = None;
    let mut nobody_there = good.clone();
    nobody_there.people = "(objectClass=account)".parse().unwrap();
    let mut small = good;
    small.limits.max_message = 64;
    for (config, code, words) in [
        (no_base, "directory-search", "noSuchObject"),
        (too_many, "directory-search", "more than 20 people"),
        // This server hides from strangers even that there is something.
        (anonymous, "directory-search", "noSuchObject"),
        (nobody_there, "directory-empty", "nobody"),
        (small, "directory-malformed", "larger than the 64"),
    ] {
        let site = Site::new(config);
        let refusal = site.directory.refresh(RefreshKind::Full).await.unwrap_err().refusal();
        assert_eq!(refusal.code, code, "{refusal}");
        assert!(refusal.what.contains(words), "{refusal}");
        assert!(!refusal.next.is_empty());
    }
}

/// The loop reads at once, and again after a failure, without being told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cache_keeps_itself_fresh() {
    let authority = Authority::new();
    let mut slapd = Slapd::start(20, &authority);
    slapd.go_away();
    let mut config = config(&[slapd.ldaps()], &authority);
    config.schedule.retry = Duration::from_millis(200);
    config.schedule.changes = Duration::from_millis(1100);
    let site = Site::new(config);
    let stop = CancellationToken::new();
    let run = {
        let (directory, stop) = (Arc::clone(&site.directory), stop.clone());
        tokio::spawn(async move { directory.run(stop).await })
    };
    let until = async |what: &str, ready: &dyn Fn() -> bool| {
        for _ in 0..3000 {
            if ready() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} did not come: {:?}", site.directory.status());
    };
    until("a problem", &|| site.directory.status().problem.is_some()).await;
    slapd.come_back();
    until("the people", &|| site.directory.status().people == 20).await;
    slapd.modify(&format!("dn: {}\nchangetype: modify\nreplace: displayName\ndisplayName: Changed\n", dn(3)));
    until("the change", &|| site.directory.people(None, 20).iter().any(|p| p.display_name == "Changed"))
        .await;
    stop.cancel();
    run.await.unwrap();
}
