//! Active Directory's ways of telling what changed, against the lab's directory.

use tieline_directory::{Account, DirectoryConfig};
use tieline_lab::{LabDirectory, PASSWORD};
use tieline_model::SmtpAddress;
use tieline_ports::{ChangeTracking, Directory, Found, RefreshKind};
use tokio_util::sync::CancellationToken;

use crate::Site;

struct Lab {
    directory: LabDirectory,
    stop: CancellationToken,
}

impl Lab {
    async fn start(users: usize) -> Self {
        let stop = CancellationToken::new();
        let accounts = tieline_lab::Directory::new(users);
        let bind = "127.0.0.1:0".parse().unwrap();
        let directory = LabDirectory::start(bind, &accounts, stop.clone()).await.unwrap();
        Self { directory, stop }
    }

    fn config(&self) -> DirectoryConfig {
        let bases = vec![self.directory.base().to_owned()];
        let mut config =
            DirectoryConfig::active_directory(vec![self.directory.url().parse().unwrap()], bases);
        let name = "svc-tieline@lab.example".to_owned();
        config.account = Some(Account { name, password: PASSWORD.into() });
        config.allow_plaintext = true;
        config
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Covers: EV-26 (directory)
#[tokio::test]
async fn people_are_found_by_active_directorys_attributes() {
    let lab = Lab::start(2500).await;
    let site = Site::new(lab.config());
    let report = site.directory.refresh(RefreshKind::Full).await.unwrap();
    assert_eq!((report.seen, report.unusable), (2502, 0));
    assert_eq!(site.directory.status().tracking, Some(ChangeTracking::UpdateSequence));
    for contact in [
        "sip:alice@lab.example",
        "mailto:alice.adams@lab.example",
        "tel:+49 30 5550 1003",
        "sip:+493055501003@gw.example",
        "tel:1003",
    ] {
        assert_eq!(site.name(contact).await.as_deref(), Some("Alice Adams"), "{contact}");
    }
    assert_eq!(site.name("sip:user2500@lab.example").await.as_deref(), Some("User 2500"));
    assert_eq!(site.directory.status().live, 0);
}

/// Covers: PO-26
#[tokio::test]
async fn update_sequence_numbers_are_followed_at_one_controller() {
    let lab = Lab::start(10).await;
    let site = Site::new(lab.config());
    site.directory.refresh(RefreshKind::Full).await.unwrap();

    lab.directory.change("bob", "msRTCSIP-PrimaryUserAddress", &["sip:robert@lab.example"]);
    lab.directory.change("carol", "userAccountControl", &["514"]);
    lab.directory.add("dora", "Dora Diaz");
    let report = site.directory.refresh(RefreshKind::Changes).await.unwrap();
    assert_eq!((report.complete, report.seen, report.added, report.changed), (false, 3, 1, 2));
    assert_eq!(site.name("sip:robert@lab.example").await.as_deref(), Some("Bob Brown"));
    let Found::One(carol) = site.resolve("sip:carol@lab.example").await.found else { panic!() };
    assert!(carol.disabled);
    let report = site.directory.refresh(RefreshKind::Changes).await.unwrap();
    assert_eq!(report.seen, 0);

    // Another controller counts otherwise: everybody is listed.
    lab.directory.replace_controller();
    lab.directory.remove("dora");
    let report = site.directory.refresh(RefreshKind::Changes).await.unwrap();
    assert_eq!((report.complete, report.removed), (true, 1));
    let report = site.directory.refresh(RefreshKind::Changes).await.unwrap();
    assert_eq!((report.complete, report.seen), (false, 0));
}

#[tokio::test]
async fn dir_sync_tells_of_changes_and_deletions() {
    let lab = Lab::start(350).await;
    let mut config = lab.config();
    config.tracking = Some(ChangeTracking::DirSync);
    let site = Site::new(config);
    let report = site.directory.refresh(RefreshKind::Full).await.unwrap();
    assert_eq!((report.complete, report.seen), (true, 352));
    lab.directory.change("bob", "mail", &["robert@lab.example"]);
    lab.directory.add("dora", "Dora Diaz");
    lab.directory.remove("user4");
    let report = site.directory.refresh(RefreshKind::Changes).await.unwrap();
    assert_eq!((report.complete, report.added, report.changed, report.removed), (false, 1, 1, 1));
    assert_eq!(site.name("mailto:robert@lab.example").await.as_deref(), Some("Bob Brown"));
    assert_eq!(site.name("sip:dora@lab.example").await.as_deref(), Some("Dora Diaz"));
    assert_eq!(site.name("sip:user4@lab.example").await, None);
    let report = site.directory.refresh(RefreshKind::Changes).await.unwrap();
    assert_eq!(report.seen, 0);
}

/// A mailbox's user name is checked: whose it is, or that it is nobody's, and who was probably meant.
///
/// Covers: AV-48 (directory)
#[tokio::test]
async fn a_mailboxs_user_name_is_somebodys_or_a_near_miss_is_shown() {
    let lab = Lab::start(3).await;
    let site = Site::new(lab.config());
    site.directory.refresh(RefreshKind::Full).await.unwrap();
    let Found::One(alice) = site.resolve("mailto:alice@lab.example").await.found else { panic!() };
    assert!(alice.has_mail_address(&"ALICE@lab.example".parse::<SmtpAddress>().unwrap()));
    assert!(!alice.has_mail_address(&"bob@lab.example".parse::<SmtpAddress>().unwrap()));
    let Found::Nobody { nearest } = site.resolve("mailto:alcie@lab.example").await.found else { panic!() };
    assert_eq!(nearest[0].display_name, "Alice Adams");
}

/// Covers: EV-20 (directory), EV-21 (directory)
#[tokio::test]
async fn a_shared_address_leads_to_all_who_share_it() {
    let lab = Lab::start(5).await;
    for alias in ["alice", "bob"] {
        lab.directory.change(alias, "proxyAddresses", &["smtp:desk@lab.example"]);
    }
    let site = Site::new(lab.config());
    // Not in the cache: by one search.
    let Found::Several(people) = site.resolve("mailto:desk@lab.example").await.found else { panic!() };
    assert_eq!(people.len(), 2);
    site.directory.refresh(RefreshKind::Full).await.unwrap();
    let Found::Several(people) = site.resolve("sip:desk@lab.example").await.found else { panic!() };
    assert_eq!(people.len(), 2);
    let shared = site.directory.shared_addresses(10);
    assert_eq!(shared.len(), 1);
    assert_eq!((shared[0].address.as_str(), shared[0].people.len()), ("desk@lab.example", 2));
    assert_eq!(site.directory.status().shared_addresses, 1);
}
