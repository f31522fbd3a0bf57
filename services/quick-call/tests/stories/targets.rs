use tieline_model::{Environment, TargetKind, UnknownPerson};
use tieline_quick_call::{Resolution, TargetSecrets};

use crate::world::{method1, target, technician, world};

/// Covers: EV-42, EV-55
#[tokio::test]
async fn several_databases_are_told_apart_by_name_and_environment() {
    let world = world().await;
    world.save(method1()).await;
    let base = "https://companyname.easyvista.com/sso_samlindexlyncsbox.php?do_quickcall=1&url_requestor=";
    let mut sandbox = target(5, "sandbox 50004", TargetKind::Method1 { base_url: base.into() });
    sandbox.environment = Environment::Sandbox;
    world.save(sandbox).await;
    let service = &world.service;
    let at = |name| async move { service.resolve(name, "sip:bob@corp.example", &technician()).await };
    assert_eq!(at("easyvista").await.unwrap().environment(), Environment::Production);
    assert_eq!(at("sandbox 50004").await.unwrap().environment(), Environment::Sandbox);
    assert_eq!(at("").await.unwrap_err().code, "no-target");
    assert_eq!(at("nonsense").await.unwrap_err().code, "unknown-quick-call-target");
}

/// Covers: EV-31 (allow-list), EV-49
#[tokio::test]
async fn what_leads_elsewhere_is_not_saved() {
    let world = world().await;
    let save = |mut target| {
        let service = world.service.clone();
        async move { service.save(&mut target, TargetSecrets::default(), "admin").await.unwrap_err().code }
    };
    let mut elsewhere = method1();
    elsewhere.hosts = vec!["glpi.corp.example".into()];
    assert_eq!(save(elsewhere).await, "host-not-allowed");
    let mut log_in = method1();
    log_in.unknown = UnknownPerson::LogIn { url: "https://evil.example/".into() };
    assert_eq!(save(log_in).await, "host-not-allowed");
    let mut menu = method1();
    menu.menu_text = "x".repeat(61);
    assert_eq!(save(menu).await, "bad-menu-text");
    assert_eq!(save(target(9, "link", TargetKind::Method2)).await, "no-link");
    assert!(world.store.quick_call_targets().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_removed_target_takes_its_secrets_along_and_a_restored_one_says_what_is_missing() {
    let world = world().await;
    let link = target(2, "link", TargetKind::Method2);
    world.save_link(link.clone()).await;
    assert_eq!(world.store.secrets().await.unwrap().len(), 1);
    world.service.remove(link.id, "admin").await.unwrap();
    assert!(world.store.secrets().await.unwrap().is_empty());
    world.store.roll_back(1, "admin", crate::world::NOW.parse().unwrap()).await.unwrap();
    let refusal = world.service.resolve("link", "sip:bob@corp.example", &technician()).await.unwrap_err();
    assert_eq!(refusal.code, "no-link");
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_call_while_targets_are_kept_at_hand() {
    let world = world().await;
    world.save(method1()).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn({
        let (service, stop) = (world.service.clone(), stop.clone());
        async move { service.run(stop).await }
    });
    for host in ["one.easyvista.com", "two.easyvista.com", "three.easyvista.com"] {
        let mut changed = method1();
        changed.kind =
            TargetKind::Method1 { base_url: format!("https://{host}/x.php?do_quickcall=1&url_requestor=") };
        changed.hosts = Vec::new();
        world.save(changed).await;
        let seen = world.service.resolve("", "sip:bob@corp.example", &technician()).await.unwrap();
        let Resolution::Redirect { url, .. } = seen else { panic!("{seen:?}") };
        assert!(url.expose().starts_with(&format!("https://{host}/")), "{url}");
    }
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_target_that_came_by_another_way_is_checked_when_it_is_used() {
    let world = world().await;
    let mut applied = method1();
    applied.hosts = vec!["companyname.easyvista.com".into()];
    applied.unknown = UnknownPerson::LogIn { url: "https://evil.example/".into() };
    let edits = vec![tieline_store::Edit::PutQuickCallTarget(applied)];
    let configure =
        tieline_store::Configure { author: "admin".into(), note: String::new(), base: None, edits };
    let batch = tieline_store::Batch::new(crate::world::NOW.parse().unwrap());
    world.store.commit(batch.with(tieline_store::Write::Configure(configure))).await.unwrap();
    let refusal = world.service.resolve("", "sip:zoe@corp.example", &technician()).await.unwrap_err();
    assert_eq!(refusal.code, "host-not-allowed");
}

/// Nothing of a link or a person leaves for a look at the page.
///
/// Covers: EV-17 (page), EV-24 (page), EV-53 (page)
#[tokio::test]
async fn a_target_is_examined_without_anybody_in_it() {
    let world = world().await;
    world.save(method1()).await;
    world.save_link(target(2, "link", TargetKind::Method2)).await;
    let url = "https://itsm.corp.example/new?mail={mail}".to_owned();
    world.save(target(3, "template", TargetKind::Template { url })).await;
    for (name, looked_at) in [("easyvista", 3), ("link", 2), ("template", 3)] {
        let found = world.service.examine(name).await.unwrap();
        assert_eq!(found.len(), looked_at, "{found:?}");
        assert!(found.iter().all(|one| one.refusal.is_none()), "{found:?}");
    }
    assert_eq!(world.service.examine("nonsense").await.unwrap_err().code, "unknown-quick-call-target");
}
