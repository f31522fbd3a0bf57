//! A PBX's spool folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tieline_messaging::SpoolPolicy;
use tieline_store::{MessageFilter, StoredMessage};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::world::{ALICE, World, recording};

struct Spool {
    world: World,
    root: PathBuf,
    _running: AbortOnDropHandle<()>,
}

const DESCRIPTION: &str =
    "[message]\ncallerid=\"Dora\" <2002>\norigtime=1767600000\nmsg_id=1767600000-00000001\nduration=1\n";

impl Spool {
    async fn new(remove_accepted: bool) -> Self {
        let world = World::with(|policy, folder| {
            let spool = SpoolPolicy::new(folder.join("spool"));
            policy.spools = vec![SpoolPolicy { poll: Duration::from_millis(20), remove_accepted, ..spool }];
        })
        .await;
        let root = world.folder.path().join("spool");
        fs::create_dir_all(root.join("default/1001/INBOX")).unwrap();
        let messaging = world.messaging.clone();
        let running = tokio::spawn(async move { messaging.run(CancellationToken::new()).await });
        Self { world, root, _running: AbortOnDropHandle::new(running) }
    }

    fn inbox(&self) -> PathBuf {
        self.root.join("default/1001/INBOX")
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.inbox().join(name), content).unwrap();
    }

    async fn messages(&self) -> Vec<StoredMessage> {
        self.world.store.messages(&MessageFilter::default(), 100).await.unwrap()
    }

    /// Waits until the INBOX is empty.
    async fn emptied(&self) {
        for _ in 0..1000 {
            if fs::read_dir(self.inbox()).unwrap().count() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("left: {:?}", names(&self.inbox()));
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .map(|entries| {
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}

#[tokio::test]
async fn a_recording_in_the_spool_is_deposited_once_and_put_away() {
    let spool = Spool::new(false).await;
    spool.put("msg0000.wav", recording(900));
    spool.put("msg0000.txt", DESCRIPTION);
    spool.emptied().await;
    let messages = spool.messages().await;
    let [one] = messages.as_slice() else { panic!("{messages:?}") };
    let message = &one.message;
    assert_eq!(
        (message.caller.name.as_deref(), message.caller.number.as_deref()),
        (Some("Dora"), Some("2002"))
    );
    assert_eq!((message.received.as_second(), message.duration_ms), (1_767_600_000, 900));
    let put_away = names(&spool.root.join("default/1001").join(SpoolPolicy::ACCEPTED));
    assert_eq!(put_away, [format!("{}-msg0000.txt", message.id), format!("{}-msg0000.wav", message.id)]);

    // As after a crash between accepting and putting away.
    spool.put("msg0000.wav", recording(900));
    spool.put("msg0000.txt", DESCRIPTION);
    spool.emptied().await;
    assert_eq!(spool.messages().await.len(), 1);
    spool.world.settle().await;
    assert_eq!(spool.world.mail.items(ALICE).len(), 1);
}

#[tokio::test]
async fn what_is_unfinished_or_locked_waits() {
    let spool = Spool::new(true).await;
    spool.put(".lock", "");
    spool.put("msg0000.wav", recording(900));
    spool.put("msg0000.txt", DESCRIPTION);
    spool.put("msg0001.txt", DESCRIPTION.replace("00000001", "00000002"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(spool.messages().await.is_empty(), "the folder is locked, and one has no recording yet");
    fs::remove_file(spool.inbox().join(".lock")).unwrap();
    spool.put("msg0001.gsm", vec![0xd0; 33 * 50]);
    spool.emptied().await;
    let mut durations: Vec<u64> =
        spool.messages().await.iter().map(|stored| stored.message.duration_ms).collect();
    durations.sort_unstable();
    assert_eq!(durations, [900, 1000]);
    assert!(!spool.root.join("default/1001").join(SpoolPolicy::ACCEPTED).exists(), "they were to be removed");
}

#[tokio::test]
async fn a_broken_recording_is_put_aside_with_the_reason_and_hinders_none() {
    let spool = Spool::new(false).await;
    spool.put("msg0000.wav", &recording(900)[..600]);
    spool.put("msg0000.txt", DESCRIPTION);
    spool.put("msg0001.wav", recording(700));
    spool.put("msg0001.txt", "[message]\ncallerid=Unknown\n");
    spool.emptied().await;
    assert_eq!(spool.messages().await.len(), 1);
    let refused = spool.root.join("default/1001").join(SpoolPolicy::REFUSED);
    let aside = names(&refused);
    assert_eq!(aside.len(), 3, "{aside:?}");
    let reason = aside.iter().find(|name| name.ends_with("msg0000.reason.txt")).unwrap();
    let reason = fs::read_to_string(refused.join(reason)).unwrap();
    assert!(reason.contains("cut short") && reason.contains("Next:"), "{reason}");
}

#[tokio::test]
async fn a_recording_for_nobody_stays_until_its_mailbox_exists() {
    let spool = Spool::new(false).await;
    let inbox = spool.root.join("default/1003/INBOX");
    fs::create_dir_all(&inbox).unwrap();
    fs::write(inbox.join("msg0000.wav"), recording(500)).unwrap();
    fs::write(inbox.join("msg0000.txt"), DESCRIPTION).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(names(&inbox).len(), 2);
    let world = &spool.world;
    let dora = crate::world::mailbox(&world.clock, "1003", "dora@lab.example", &world.group);
    world.configure(vec![tieline_store::Edit::PutMailbox(dora)]).await;
    for _ in 0..1000 {
        if names(&inbox).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(spool.messages().await.len(), 1);
}
