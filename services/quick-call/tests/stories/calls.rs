use tieline_model::{Class, ItsmApi, ItsmProduct, TargetKind, TlsTrust, UnknownPerson};
use tieline_quick_call::{NewSecret, Resolution, TargetSecrets, Technician};

use crate::world::{LINK, method1, target, technician, world};

/// Covers: EV-01 (decision), EV-02 (decision), EV-13, EV-20 (page), EV-26 (page), EV-29 (decision), EV-47, EV-58
#[tokio::test]
async fn a_sip_contact_opens_the_form_by_mail_address_and_both_people_are_recorded() {
    let world = world().await;
    world.save(method1()).await;
    let resolution = world
        .service
        .resolve("easyvista", "Contacts=<sip:Alice.Adams@sip.corp.example>", &technician())
        .await
        .unwrap();
    let Resolution::Redirect { url, person, target, trace } = resolution else { panic!("{resolution:?}") };
    assert_eq!(
        url.expose(),
        "https://companyname.easyvista.com/sso_samlindexlync.php?do_quickcall=1&url_requestor=alice%40corp.example"
    );
    assert_eq!((person.display_name.as_str(), target.name.as_str()), ("Alice Adams", "easyvista"));
    let decisions = world.store.explain(&trace.to_string()).await.unwrap();
    let [decision] = decisions.as_slice() else { panic!("{decisions:?}") };
    assert_eq!(decision.rule, "quick-call-form");
    assert_eq!(decision.inputs["technician"], "tina@corp.example");
    assert_eq!(decision.inputs["requestor"], "Alice Adams <alice@corp.example>");
    assert_eq!(
        decision.inputs["directory"],
        "Alice Adams: as the directory was 12 s ago (2026-11-23T09:00:00Z)"
    );
}

/// Covers: EV-07, EV-52, EV-53, EV-54, X-12
#[tokio::test]
async fn an_auto_connection_link_is_encrypted_and_appears_in_the_redirect_only() {
    let world = world().await;
    world.save_link(target(2, "link", TargetKind::Method2)).await;
    let resolution = world.service.resolve("link", "sip:bob@corp.example", &technician()).await.unwrap();
    let Resolution::Redirect { url, trace, .. } = &resolution else { panic!("{resolution:?}") };
    assert_eq!(url.expose(), LINK.replace("morley", "bob%40corp.example"));
    let tested = world.service.test("link", "sip:bob@corp.example").await;
    let mut printed = format!("{resolution:?} {tested:?}");
    printed.push_str(&format!("{:?}", world.store.explain(&trace.to_string()).await.unwrap()));
    printed.push_str(&format!("{:?}", world.store.export().await.unwrap()));
    printed.push_str(&format!("{:?}", world.store.change_sets(None, 10).await.unwrap()));
    printed.push_str(&format!("{:?}", world.store.audit(100).await.unwrap()));
    for code in ["5C0F051E", "90D54E77"] {
        assert!(!printed.contains(code), "{printed}");
    }
    assert!(tested.masked_url().unwrap().ends_with("field6=bob%40corp.example"));
}

/// Covers: EV-14, EV-30
#[tokio::test]
async fn nobody_gets_a_page_or_the_log_in_page_and_silence_of_the_directory_is_neither() {
    let world = world().await;
    world.save(method1()).await;
    let unknown = world.service.resolve("", "sip:zoe@corp.example", &technician()).await.unwrap();
    let Resolution::Unknown { address, nearest, login_url, reason, .. } = unknown else {
        panic!("{unknown:?}")
    };
    assert_eq!((address.as_str(), nearest.len(), login_url, reason), ("sip:zoe@corp.example", 1, None, None));
    assert_eq!(world.service.resolve("", "", &technician()).await.unwrap_err().code, "no-contact");

    let log_in = "https://companyname.easyvista.com/sso_samlindex.php".to_owned();
    let mut sent_away = method1();
    sent_away.unknown = UnknownPerson::LogIn { url: log_in.clone() };
    world.save(sent_away).await;
    for contact in ["sip:zoe@corp.example", "", "Contacts=<>"] {
        let unknown = world.service.resolve("", contact, &technician()).await.unwrap();
        let Resolution::Unknown { login_url, .. } = unknown else { panic!("{unknown:?}") };
        assert_eq!(login_url.as_ref(), Some(&log_in), "{contact:?}");
    }
    *world.directory.down.lock().unwrap() = true;
    let unasked = world.service.resolve("", "sip:zoe@corp.example", &technician()).await.unwrap();
    let Resolution::Unknown { login_url: None, reason: Some(reason), .. } = unasked else {
        panic!("{unasked:?}")
    };
    assert_eq!((reason.code.as_str(), reason.class), ("directory-down", Class::Transient));
    let known = world.service.resolve("", "sip:bob@corp.example", &technician()).await.unwrap();
    assert!(matches!(known, Resolution::Redirect { .. }), "the cache answers while the directory is down");
}

/// Covers: EV-21 (page), EV-57
#[tokio::test]
async fn several_contacts_or_people_are_a_choice_and_one_person_twice_is_not() {
    let world = world().await;
    world.save(method1()).await;
    let group = "Contacts=<sip:bob@corp.example>,<sip:alice@corp.example>,<sip:zoe@corp.example>";
    let choice = world.service.resolve("", group, &technician()).await.unwrap();
    let Resolution::Choose { choices, .. } = choice else { panic!("{choice:?}") };
    let names: Vec<_> =
        choices.iter().map(|c| c.person.as_ref().map(|person| person.display_name.as_str())).collect();
    assert_eq!(names, [Some("Bob Brown"), Some("Alice Adams"), None]);

    let shared = world.service.resolve("", "sip:desk@corp.example", &technician()).await.unwrap();
    let Resolution::Choose { choices, .. } = shared else { panic!("{shared:?}") };
    let second = choices[1].person.as_ref().unwrap();
    let chosen = world.service.resolve_person("", &second.id, false, &technician()).await.unwrap();
    let Resolution::Redirect { person, .. } = chosen else { panic!("{chosen:?}") };
    assert_eq!(person.display_name, "Desk Two");

    let same = "Contacts=<sip:alice@corp.example>,<tel:030-1001>";
    let one = world.service.resolve("", same, &technician()).await.unwrap();
    assert!(matches!(one, Resolution::Redirect { .. }), "{one:?}");
}

#[tokio::test]
async fn a_ticket_systems_own_number_and_latest_tickets_come_from_its_api() {
    let world = world().await;
    let url = "https://glpi.corp.example/front/ticket.form.php?_users_id_requester={itsm-id}".to_owned();
    let mut glpi = target(3, "glpi", TargetKind::Template { url });
    let missing = world.service.save(&mut glpi.clone(), TargetSecrets::default(), "admin").await.unwrap_err();
    assert_eq!(missing.code, "api-missing");
    glpi.api = Some(ItsmApi {
        product: ItsmProduct::Glpi,
        url: "https://glpi.corp.example".into(),
        tls: TlsTrust::System,
        tickets_first: true,
    });
    let token = NewSecret::Set("token-1".to_owned().into());
    world
        .service
        .save(&mut glpi, TargetSecrets { token, ..TargetSecrets::default() }, "admin")
        .await
        .unwrap();

    let tickets = world.service.resolve("glpi", "sip:alice@corp.example", &technician()).await.unwrap();
    let Resolution::Tickets { person, tickets, .. } = tickets else { panic!("{tickets:?}") };
    assert_eq!((tickets.len(), tickets[0].number.as_str()), (1, "71"));
    let new = world.service.resolve_person("glpi", &person.id, true, &technician()).await.unwrap();
    let Resolution::Redirect { url, .. } = new else { panic!("{new:?}") };
    assert_eq!(url.expose(), "https://glpi.corp.example/front/ticket.form.php?_users_id_requester=7");

    let stranger = world.service.resolve("glpi", "sip:bob@corp.example", &technician()).await.unwrap();
    let Resolution::Unknown { reason: Some(reason), .. } = stranger else { panic!("{stranger:?}") };
    assert_eq!(reason.code, "not-in-itsm");
    *world.itsm.down.lock().unwrap() = true;
    let down = world.service.resolve("glpi", "sip:alice@corp.example", &technician()).await.unwrap_err();
    assert_eq!(down.code, "itsm-busy");
    // A form that does not need the number opens all the same.
    glpi.kind = TargetKind::Template { url: "https://glpi.corp.example/new?mail={mail}".into() };
    world.save(glpi).await;
    let open = world.service.resolve("glpi", "sip:alice@corp.example", &technician()).await.unwrap();
    assert!(matches!(open, Resolution::Redirect { .. }), "{open:?}");
}

/// Covers: EV-22
#[tokio::test]
async fn the_reconcile_report_names_who_is_missing_where() {
    let world = world().await;
    let mut target = method1();
    target.api = Some(ItsmApi {
        product: ItsmProduct::Zammad,
        url: "https://zammad.corp.example".into(),
        tls: TlsTrust::System,
        tickets_first: false,
    });
    let token = NewSecret::Set("token-1".to_owned().into());
    world
        .service
        .save(&mut target, TargetSecrets { token, ..TargetSecrets::default() }, "admin")
        .await
        .unwrap();
    let report = world.service.reconcile("", 10).await.unwrap();
    assert_eq!((report.in_directory, report.in_itsm, report.in_both), (4, 2, 1));
    assert_eq!(report.only_in_directory_sample[0], "Bob Brown <bob@corp.example>");
    assert_eq!(report.only_in_itsm_sample, ["Gus Former <gus@corp.example>"]);
    assert_eq!(report.shared_in_directory, [("desk@corp.example".to_owned(), 2)]);
    *world.itsm.down.lock().unwrap() = true;
    assert_eq!(
        world.service.reconcile("", 10).await.unwrap_err().code,
        "itsm-busy",
        "half a list is no list"
    );
}

#[tokio::test]
async fn decisions_handed_over_are_written_before_run_ends() {
    let world = world().await;
    world.save(method1()).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn({
        let (service, stop) = (world.service.clone(), stop.clone());
        async move { service.run(stop).await }
    });
    let mut traces = Vec::new();
    for _ in 0..300 {
        traces.push(world.service.resolve("", "sip:bob@corp.example", &technician()).await.unwrap().trace());
    }
    stop.cancel();
    running.await.unwrap();
    for trace in traces {
        assert_eq!(world.store.decisions_on(trace).await.unwrap().len(), 1);
    }
}

/// "Not this person": whom a technician meant is offered first the next time, beside what the directory says, to this
/// technician alone.
///
/// Covers: EV-02 (corrected), EV-21 (page)
#[tokio::test]
async fn whom_a_technician_meant_is_offered_first_the_next_time() {
    let world = world().await;
    world.save(method1()).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn({
        let (service, stop) = (world.service.clone(), stop.clone());
        async move { service.run(stop).await }
    });
    let call = |contact: &'static str| {
        let service = world.service.clone();
        async move { service.resolve("", contact, &technician()).await.unwrap() }
    };
    let contact = "Contacts=<sip:bob@corp.example>";
    assert!(matches!(call(contact).await, Resolution::Redirect { .. }));
    let alice = world.service.people_like("alice").await.remove(0);
    world.service.remember("sip:BOB@corp.example", &alice.id, &technician()).await.unwrap();
    let Resolution::Choose { choices, trace, .. } = call(contact).await else { panic!("both are offered") };
    let offered: Vec<_> = choices
        .iter()
        .map(|choice| (choice.person.as_ref().unwrap().display_name.as_str(), choice.meant_before))
        .collect();
    assert_eq!(offered, [("Alice Adams", true), ("Bob Brown", false)]);

    let other = Technician { id: "tom@corp.example".to_owned(), name: "Tom".to_owned() };
    let undisturbed = world.service.resolve("", contact, &other).await.unwrap();
    assert!(matches!(undisturbed, Resolution::Redirect { .. }), "{undisturbed:?}");

    let bob = choices[1].person.as_ref().unwrap().id.clone();
    world.service.remember(contact, &bob, &technician()).await.unwrap();
    assert!(matches!(call(contact).await, Resolution::Redirect { .. }), "directory and technician agree");
    world.service.remember("sip:zoe@corp.example", &alice.id, &technician()).await.unwrap();
    let Resolution::Choose { choices, .. } = call("sip:zoe@corp.example").await else {
        panic!("she is offered")
    };
    assert!(choices.len() == 1 && choices[0].meant_before);
    world
        .service
        .remember("sip:desk@corp.example,sip:bob@corp.example", &alice.id, &technician())
        .await
        .unwrap();
    assert!(
        matches!(call(contact).await, Resolution::Redirect { .. }),
        "of several contacts nothing is kept"
    );

    stop.cancel();
    running.await.unwrap();
    let decision = world.store.decisions_on(trace).await.unwrap().remove(0);
    assert_eq!(decision.inputs["chosen before"], "Alice Adams");
}
