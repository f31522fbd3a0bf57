//! Settings that change while messages are under way.

use tieline_messaging::{DeliveryWord, Deposit, Destination};
use tieline_model::{KindRules, MessageKind, StorageMode, SyncKinds, UserType};
use tieline_store::{Edit, HealthState, MessageFilter};

use crate::world::{ALICE, ALICES_LAMP, World, group, voice};

/// Covers: AV-11 (messages), AV-44 (messages)
#[tokio::test]
async fn switching_messages_off_keeps_them_and_switching_on_again_doubles_nothing() {
    let mut world = World::new().await;
    let before = world.leave(&world.alice).await;
    world.sync(&world.alice).await;
    let off = SyncKinds { messages: false, ..SyncKinds::default() };
    world.change_group(|settings| settings.kinds = Some(off)).await;
    let meanwhile = world.leave(&world.alice).await;
    assert_eq!(
        meanwhile.destination,
        Destination::StaysHere("messages are not synchronized (from feature group Sales)".to_owned())
    );
    world.mail.user_reads(ALICE, 0, true);
    world.sync(&world.alice).await;
    assert_eq!(world.mail.items(ALICE).len(), 1);
    assert_eq!(world.store.messages(&MessageFilter::default(), 10).await.unwrap().len(), 2, "all are kept");

    world.change_group(|settings| settings.kinds = None).await;
    world.settle().await;
    assert_eq!(world.mail.items(ALICE).len(), 2, "the one that was left meanwhile, and no other");
    assert!(world.message(meanwhile.id).await.delivered.is_some());
    assert_eq!(
        world.state(before.id).await,
        tieline_model::MessageState::Read,
        "what happened meanwhile is seen"
    );
    // A message whose place was forgotten is recognised by its mark.
    world.write(tieline_store::Write::ForgetRemoteItem { message: before.id }).await;
    world.change_group(|settings| settings.subject = Some("{kind}".to_owned())).await;
    world.settle().await;
    assert_eq!(world.mail.items(ALICE).len(), 2);
}

/// Covers: AV-50
#[tokio::test]
async fn a_lowered_user_type_keeps_the_message_and_says_why() {
    let mut world = World::new().await;
    world.change(|alice| alice.user_type = UserType::VoiceOnly).await;
    let left = world.leave(&world.alice).await;
    assert_eq!(world.mail.items(ALICE).len(), 0);
    let report = world.messaging.delivery(&world.message(left.id).await).await.unwrap();
    assert_eq!(report.state, DeliveryWord::Quarantined);
    assert!(report.cause.unwrap().contains("Voice only users cannot synchronize"));
    let health = world.health(&world.alice).await.unwrap();
    assert_eq!(health, (HealthState::Refused, "user-type-cannot-synchronize".to_owned()));
    assert!(world.rules(left.id).await.contains(&"deliver-refused".to_owned()));

    world.change(|alice| alice.user_type = UserType::MessagingCollab).await;
    world.settle().await;
    assert!(world.message(left.id).await.delivered.is_some());
    assert_eq!(world.health(&world.alice).await.unwrap().0, HealthState::Ok);
}

/// Covers: AV-51
#[tokio::test]
async fn moving_a_mailbox_to_another_group_copies_and_deletes_nothing() {
    let mut world = World::new().await;
    let left = world.leave(&world.alice).await;
    world.sync(&world.alice).await;
    let support = group(&world.clock, "Support", &world.endpoint);
    world.configure(vec![Edit::PutFeatureGroup(support.clone())]).await;
    world.set_password(&support).await;
    world.change(|alice| alice.feature_group = support.id).await;
    world.settle().await;
    world.sync(&world.alice).await;
    assert_eq!((world.mail.items(ALICE).len(), world.mail.calls("create")), (1, 1));
    assert_eq!((world.mail.calls("delete"), world.mail.calls("remove_duplicate")), (0, 0));
    world.mail.user_reads(ALICE, 0, true);
    world.sync(&world.alice).await;
    assert_eq!(world.state(left.id).await, tieline_model::MessageState::Read, "it is followed as before");
}

/// Covers: AV-49
#[tokio::test]
async fn the_storage_mode_decides_where_a_message_lives() {
    let mut world = World::new().await;
    world.change(|alice| alice.storage_mode = StorageMode::LocalOnly).await;
    let local = world.leave(&world.alice).await;
    assert_eq!(world.mail.items(ALICE).len(), 0);
    assert_eq!(world.lamps.told(ALICES_LAMP).last(), Some(&(1, 0)));
    let report = world.messaging.delivery(&world.message(local.id).await).await.unwrap();
    assert_eq!(report.state, DeliveryWord::Kept);
    assert!(report.cause.unwrap().contains("local-only"));

    world.change(|alice| alice.storage_mode = StorageMode::MailOnly).await;
    world.settle().await;
    let items = world.mail.items(ALICE);
    assert_eq!(items.len(), 1, "what was kept is delivered when the mode allows it");
    assert!(world.store.content(local.id).await.unwrap().is_none(), "the recording is in the mailbox only");
    world.mail.user_reads(ALICE, 0, true);
    world.sync(&world.alice).await;
    assert_eq!(world.lamps.told(ALICES_LAMP).last(), Some(&(0, 1)), "the state is still followed");
}

/// Covers: AV-72
#[tokio::test]
async fn each_kind_goes_to_its_folder_and_the_folder_is_known_by_its_id() {
    let mut world = World::new().await;
    let folders = KindRules {
        voice: Some("inbox/Voice mail".parse().unwrap()),
        fax: None,
        text: Some("inbox".parse().unwrap()),
    };
    world.change_group(|settings| settings.folders = Some(folders)).await;
    world.leave(&world.alice).await;
    let text = Deposit {
        kind: MessageKind::Text,
        text: "Hello".to_owned(),
        ..Deposit::voice(world.alice.id, bytes::Bytes::new())
    };
    let fax = Deposit {
        kind: MessageKind::Fax,
        pages: 1,
        ..Deposit::voice(world.alice.id, bytes::Bytes::from_static(b"%PDF-1.4"))
    };
    world.messaging.deposit(text).await.unwrap();
    let fax = world.messaging.deposit(fax).await.unwrap();
    world.settle().await;
    assert!(matches!(fax.destination, Destination::StaysHere(ref why) if why.contains("fax")), "{fax:?}");
    let voice_mail = world.mail.folder(ALICE, "inbox/Voice mail").unwrap();
    let inbox = world.mail.folder(ALICE, "inbox").unwrap();
    let places: Vec<String> = world.mail.items(ALICE).into_iter().map(|item| item.folder).collect();
    assert_eq!(places, [voice_mail.clone(), inbox]);

    world.mail.rename_folder(ALICE, "inbox/Voice mail", "inbox/Anrufe");
    world.leave(&world.alice).await;
    assert_eq!(world.mail.items(ALICE)[2].folder, voice_mail, "renaming it in Outlook moves nothing");

    world.mail.remove_folder(ALICE, "inbox/Anrufe");
    world.messaging.deposit(voice(&world.alice)).await.unwrap();
    world.settle().await;
    world.advance(5).await;
    let anew = world.mail.folder(ALICE, "inbox/Voice mail").unwrap();
    assert_ne!(anew, voice_mail, "a folder that is gone is made anew");
    assert_eq!(world.mail.items(ALICE).last().unwrap().folder, anew);
}

#[tokio::test]
async fn a_missing_password_is_the_operators_and_delivery_goes_on_when_it_is_there() {
    let mut world = World::new().await;
    let other = group(&world.clock, "New", &world.endpoint);
    world.configure(vec![Edit::PutFeatureGroup(other.clone())]).await;
    world.change(|alice| alice.feature_group = other.id).await;
    let left = world.leave(&world.alice).await;
    assert_eq!(world.messaging.target(world.alice.id).await.unwrap_err().code, "no-password");
    assert_eq!(world.health(&world.alice).await.unwrap().1, "no-password");
    world.set_password(&other).await;
    world.advance(1000).await;
    assert!(world.message(left.id).await.delivered.is_some());
}

/// Covers: AV-47
#[tokio::test]
async fn a_mailbox_may_use_its_own_settings_instead_of_its_groups() {
    let mut world = World::new().await;
    let into = |folder: &str| KindRules { voice: Some(folder.parse().unwrap()), ..KindRules::default() };
    world.change_group(|settings| settings.folders = Some(into("inbox/Group"))).await;
    let own = into("inbox/Mine");
    world.change(|alice| alice.settings.folders = Some(own)).await;
    world.leave(&world.alice).await;
    world.change(|alice| alice.use_group_settings = false).await;
    let left = world.leave(&world.alice).await;
    let places: Vec<String> = world.mail.items(ALICE).into_iter().map(|item| item.folder).collect();
    let folder = |path: &str| world.mail.folder(ALICE, path).unwrap();
    assert_eq!(places, [folder("inbox/Group"), folder("inbox/Mine")]);
    let why = world.messaging.explain(&left.id.to_string()).await.unwrap();
    let delivered = why.decisions.iter().find(|decision| decision.rule == "deliver-once").unwrap();
    assert_eq!(delivered.inputs["folder setting"], "set on the mailbox");
}
