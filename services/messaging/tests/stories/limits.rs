//! Folders that fill up.

use tieline_model::{FolderLoad, Ids, JobId, TraceId};
use tieline_store::{HealthState, NewJob, Write};

use crate::world::{ALICE, World};

async fn count(world: &World) {
    world
        .write(Write::Job(NewJob {
            id: JobId::from_uuid(world.clock.uuid()),
            stream: format!("{}/count", world.alice.id),
            kind: "count-folders".to_owned(),
            payload: serde_json::json!({ "mailbox": world.alice.id }),
            not_before: tieline_model::Clock::now(world.clock.as_ref()),
            trace: TraceId::from_uuid(world.clock.uuid()),
            subject: world.alice.id.to_string(),
            dedupe: None,
        }))
        .await;
    world.settle().await;
}

/// Covers: AV-91, AV-94
#[tokio::test]
async fn a_folder_warns_at_80_percent_and_alarms_when_it_is_full() {
    let world = World::new().await;
    world.leave(&world.alice).await;
    let inbox = world.mail.folder(ALICE, "inbox").unwrap();
    let mut told = Vec::new();
    for items in [79_999, 80_000, 99_999, 100_000, 10] {
        world.mail.set_count(&inbox, items);
        count(&world).await;
        // A pass in between does not hide it.
        world.sync(&world.alice).await;
        let (state, cause) = world.health(&world.alice).await.unwrap();
        let report = world.messaging.folders().await.unwrap().remove(0);
        assert_eq!((report.folder.as_str(), report.limit, report.assumed), ("inbox", 100_000, false));
        told.push((state, cause, report.load));
    }
    let nearly = (HealthState::Degraded, "folder-nearly-full".to_owned(), FolderLoad::Warning);
    let full = (HealthState::Degraded, "folder-full".to_owned(), FolderLoad::Alarm);
    let ok = (HealthState::Ok, String::new(), FolderLoad::Ok);
    assert_eq!(told, [ok.clone(), nearly.clone(), nearly, full, ok]);
    let events = world.store.events_after(0, &["mailbox".to_owned()], 100).await.unwrap();
    let limits = events.iter().filter(|event| event.payload["what"] == "folder-limit").count();
    assert_eq!(limits, 3, "once for each change of state");
    let rules = world.rules(world.alice.id).await;
    assert_eq!(rules.iter().filter(|rule| *rule == "folder-limit").count(), 3);
}

/// Covers: AV-92, AV-93, AV-94
#[tokio::test]
async fn the_servers_version_decides_how_much_a_folder_may_hold() {
    let mut world = World::new().await;
    world.leave(&world.alice).await;
    let inbox = world.mail.folder(ALICE, "inbox").unwrap();
    world.mail.set_count(&inbox, 20_000);
    let cases = [
        (Some("8.3.485.1"), 20_000, false, FolderLoad::Alarm),
        (Some("15.0.1497.2"), 100_000, false, FolderLoad::Ok),
        (Some("15.1.2507.0"), 100_000, false, FolderLoad::Ok),
        (Some("15.2.1258.12"), 100_000, true, FolderLoad::Ok),
        (None, 20_000, true, FolderLoad::Alarm),
    ];
    for (build, limit, assumed, load) in cases {
        world.endpoint.server_version = build.map(str::to_owned);
        world.configure(vec![tieline_store::Edit::PutEndpoint(world.endpoint.clone())]).await;
        count(&world).await;
        let report = world.messaging.folders().await.unwrap().remove(0);
        assert_eq!((report.limit, report.assumed, report.load), (limit, assumed, load), "{build:?}");
    }
}
