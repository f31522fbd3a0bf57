//! What an administrator sets, where it is inherited from, and that it holds.

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::lab::{PASSWORD, SERVICE_ACCOUNT};
use tieline_tests::recording::spoken;
use tieline_tests::site::{Options, Site, host_and_port};

const CALLER: &str = "5551234";

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap_or_else(|| panic!("no id: {message}")).to_owned()
}

fn deposit(site: &Site, name: &str) -> String {
    id(&site.deposit(&spoken(site.folder(), name, "A short message."), "1001", CALLER))
}

/// How many voice messages exchangelib finds in a folder below the root of the user's mailbox, once it has found that many.
fn wait_in_folder(site: &Site, folder: &str, count: usize) {
    let told = site.judged_by("alice", &["folder_comes_to_hold"], json!({"folder": folder, "count": count}));
    Judge::new("exchangelib_voicemail.py").arg(told).run();
}

/// A mailbox shows its group's settings with their origin; switched off, its own; switched on again, the group's.
///
/// Covers: AV-39, AV-47, AV-69
#[test]
fn settings_are_inherited_and_say_from_where() {
    let site = Site::start();
    let effective = |name: &str| site.server.cli(&["mailbox", "show", "1001"])["effective"][name].clone();
    assert_eq!(effective("subject")["origin"]["from"], "default");

    site.server.cli(&[
        "feature-group",
        "edit",
        "Staff",
        "--subject",
        "Call from {caller}",
        "--voice-folder",
        "inbox/Calls",
    ]);
    assert_eq!(
        effective("subject"),
        json!({"value": "Call from {caller}", "origin": {"from": "feature-group", "name": "Staff"}})
    );
    deposit(&site, "group");
    wait_in_folder(&site, "inbox/Calls", 1);

    site.server.cli(&[
        "mailbox",
        "edit",
        "1001",
        "--subject",
        "Mine: {caller}",
        "--voice-folder",
        "inbox/Mine",
    ]);
    assert_eq!(effective("subject")["origin"]["from"], "feature-group", "kept, but not in force");
    site.server.cli(&["mailbox", "edit", "1001", "--use-group-settings", "no"]);
    assert_eq!(effective("subject"), json!({"value": "Mine: {caller}", "origin": {"from": "mailbox"}}));
    deposit(&site, "own");
    wait_in_folder(&site, "inbox/Mine", 1);

    site.server.cli(&["mailbox", "edit", "1001", "--use-group-settings", "yes"]);
    assert_eq!(effective("subject")["value"], "Call from {caller}");
    deposit(&site, "group again");
    wait_in_folder(&site, "inbox/Calls", 2);
    wait_in_folder(&site, "inbox/Mine", 1);
}

/// Group first and mailbox afterwards, or the other way round: the same holds, whether the mailbox follows its group or has
/// settings of its own.
///
/// Covers: AV-98
#[test]
fn the_order_of_configuration_does_not_matter() {
    let site = Site::bare(&Options::default());
    let group =
        ["feature-group", "edit", "Staff", "--subject", "Call from {caller}", "--sync", "messages,contacts"];
    let own = |number: &str| {
        site.server.cli(&["mailbox", "edit", number, "--subject", "Mine: {caller}"]);
        site.server.cli(&["mailbox", "edit", number, "--use-group-settings", "no"]);
    };
    site.add_endpoint_and_group(&[]);
    site.add_mailbox("1001", "alice", &[]);
    site.add_mailbox("1002", "bob", &[]);
    own("1002");
    site.server.cli(&group);
    site.add_mailbox("1003", "carol", &[]);
    let shown = |number: &str| site.server.cli(&["mailbox", "show", number])["effective"].clone();
    assert_eq!(shown("1001"), shown("1003"), "the group's settings, whoever came first");
    own("1003");
    assert_eq!(shown("1002"), shown("1003"), "its own settings, whoever came first");
    assert_ne!(shown("1001"), shown("1003"));
}

/// Which kinds go, and where; a folder that was renamed in Outlook is still the same folder.
///
/// Covers: AV-72
#[test]
fn each_kind_goes_to_its_folder_and_renaming_the_folder_moves_nothing() {
    let site = Site::start();
    let folders = ["--voice-folder", "inbox/Voice", "--fax-folder", "inbox/Fax", "--text-folder", "none"];
    site.server.cli(&[&["feature-group", "edit", "Staff"], &folders[..]].concat());
    deposit(&site, "voice");
    let fax = site.folder().join("fax.pdf");
    std::fs::write(&fax, tieline_tests::recording::FAX).expect("the site's folder can be written");
    let fax = fax.display().to_string();
    site.server.cli(&["voicemail", "deposit", &fax, "--kind", "fax", "--mailbox", "1001", "--from", CALLER]);
    let text = site.server.cli(&[
        "voicemail",
        "deposit",
        "--text",
        "Back at noon",
        "--mailbox",
        "1001",
        "--from",
        CALLER,
    ]);
    wait_in_folder(&site, "inbox/Voice", 1);
    wait_in_folder(&site, "inbox/Fax", 1);

    let rename = json!({"folder": "inbox/Voice", "to": "Calls"});
    Judge::new("exchangelib_voicemail.py").arg(site.judged_by("alice", &["renames_a_folder"], rename)).run();
    deposit(&site, "after the renaming");
    wait_in_folder(&site, "inbox/Calls", 2);
    assert_eq!(site.message(&id(&text))["state"], "unread", "a kind that is not delivered stays here");
    wait_in_folder(&site, "inbox", 0);
}

/// Message sync is switched off: messages are kept here, nothing is delivered, nothing is deleted; on again, they go.
///
/// Covers: AV-11 (messages), AV-44 (messages)
#[test]
fn switching_message_sync_off_keeps_everything_and_on_delivers_it() {
    let site = Site::start();
    let before = deposit(&site, "before");
    site.wait_delivered(&before);
    for kinds in ["none", "contacts", "calendar", "contacts,calendar"] {
        site.server.cli(&["feature-group", "edit", "Staff", "--sync", kinds]);
    }
    let meanwhile = deposit(&site, "meanwhile");
    site.wait_lamp("alice", true, 2, 0);
    wait_in_folder(&site, "inbox", 1);
    assert_eq!(site.messages("1001").len(), 2);
    for (index, kinds) in ["messages", "messages,contacts", "messages,calendar", "messages,contacts,calendar"]
        .iter()
        .enumerate()
    {
        site.server.cli(&["feature-group", "edit", "Staff", "--sync", kinds]);
        let message = deposit(&site, kinds);
        site.wait_delivered(&message);
        wait_in_folder(&site, "inbox", 3 + index);
    }
    site.wait_delivered(&meanwhile);
}

/// A mailbox is moved to another group: nothing is copied again, nothing is deleted, and the new settings hold.
///
/// Covers: AV-51
#[test]
fn moving_a_mailbox_between_groups_copies_and_deletes_nothing() {
    let site = Site::start();
    let message = deposit(&site, "before");
    site.wait_delivered(&message);
    let password = site.password_file(PASSWORD);
    let group = ["feature-group", "add", "Sales", "--endpoint", "lab", "--account", SERVICE_ACCOUNT];
    site.server.cli(&[&group[..], &["--password-file", &password]].concat());
    site.server.cli(&["mailbox", "edit", "1001", "--group", "Sales"]);
    let after = deposit(&site, "after");
    site.wait_delivered(&after);
    wait_in_folder(&site, "inbox", 2);
    assert_eq!(site.messages("1001").len(), 2);
    assert_eq!(site.server.cli(&["mailbox", "show", "1001"])["feature_group_name"], "Sales");
}

/// The endpoint's name is a label: renaming it carries the groups' references along, and not one request more or less is
/// sent for it.
///
/// Covers: AV-34, AV-42, X-04
#[test]
fn renaming_an_endpoint_changes_its_label_only() {
    let site = Site::start();
    let message = deposit(&site, "before");
    site.wait_delivered(&message);
    site.server.cli(&["endpoint", "edit", "lab", "--name", "Head office"]);
    assert_eq!(site.server.cli(&["feature-group", "show", "Staff"])["endpoint_name"], "Head office");
    let refused = site.server.refused(&["endpoint", "remove", "Head office"]);
    assert!(refused.contains("Staff"), "{refused}");
    let creates = |site: &Site| {
        site.lab.requests().iter().filter(|request| request["operation"] == "CreateItem").count()
    };
    let before = creates(&site);
    let message = deposit(&site, "after");
    site.wait_delivered(&message);
    assert_eq!(creates(&site), before + 1);
    wait_in_folder(&site, "inbox", 2);
    let refused = site.server.refused(&["feature-group", "edit", "Staff", "--endpoint", "lab"]);
    assert!(refused.contains("lab"), "{refused}");
}

/// An endpoint under its old and its new name, edited and created; a second one to the same server is warned about; the
/// port of the source is kept and the right one proposed.
///
/// Covers: AV-31, AV-32, AV-33, AV-35, AV-36, AV-37, X-02
#[test]
fn endpoints_are_created_under_either_name_and_doubles_are_warned_about() {
    let site = Site::bare(&Options::default());
    let (host, port) = host_and_port(site.lab.ews());
    let address = format!("ews:{host}");
    let made = site.server.cli(&["cse", "add", "lab", &address, "--port", &port, "--http"]);
    assert_eq!(made["address"], json!(address));
    assert!(made.get("warnings").is_none(), "{made}");
    let again = site.server.cli(&["tse", "add", "twin", &address, "--port", &port, "--http"]);
    assert!(again["warnings"].to_string().contains("lab"), "{again}");
    assert_eq!(
        site.server.cli(&["endpoint", "edit", "twin", "--voice-format", "mp3"])["voice_format"],
        "mp3"
    );

    let imported = ["endpoint", "add", "imported", "ews:127.0.0.1", "--port", "993", "--unchecked"];
    assert_eq!(site.server.cli(&imported)["port"], 993, "kept as the source says it");
    let checked = site.server.command(&["endpoint", "check", "imported", "--json"]);
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(said.contains("tieline endpoint edit imported --port 443"), "{said}");
    let plain = site.server.cli(&["endpoint", "add", "plain", "ews:127.0.0.1", "--unchecked"]);
    assert_eq!(plain["port"], 443);

    for bad in ["EWS:mail.lab.example", "Ews:mail", "ews", "mail.lab.example", "ews mail", "ews:"] {
        let output = site.server.command(&["endpoint", "add", "bad", bad]);
        assert!(!output.status.success(), "{bad} was taken");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("ews:"), "no hint: {said}");
    }
}

/// The service account as mail address or as sign-in name; its password twice, and never on the command line.
///
/// Covers: AV-40, AV-41, X-18
#[test]
fn the_service_account_is_taken_in_both_forms_and_passwords_must_match() {
    let site = Site::start();
    let rest = site.server.rest("admin");
    let group = |name: &str, confirm: &str| json!({"name": name, "endpoint": "lab", "account": SERVICE_ACCOUNT, "password": PASSWORD, "password_confirm": confirm});
    let refused = rest.post("/api/v1/feature-groups", &group("Typing error", "lab-passwort"));
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.content_type.split(';').next(), Some("application/problem+json"));
    assert!(refused.body["next"].as_str().is_some_and(|next| !next.is_empty()), "{refused:?}");
    assert!(!refused.body.to_string().contains(PASSWORD));
    rest.post("/api/v1/feature-groups", &group("Right", PASSWORD)).ok();

    let shown = rest.get("/api/v1/feature-groups/Right").ok();
    assert!(!shown.to_string().contains(PASSWORD), "a password is written, never read: {shown}");
    let wrong = site.server.command(&["feature-group", "set-password", "Right", "--password", PASSWORD]);
    assert_eq!(wrong.status.code(), Some(2), "the command line takes no password");
    let file = site.password_file(PASSWORD);
    site.server.cli(&["feature-group", "set-password", "Right", "--password-file", &file]);
    site.server.cli(&["mailbox", "edit", "1001", "--group", "Right"]);
    assert!(site.server.cli(&["mailbox", "check", "1001"])["findings"].to_string().contains("impersonation"));
}

/// No user's own password is needed, known or changed: every request is made by the service account, for enabled users
/// only, and each is logged with its trace.
///
/// Covers: AV-30, AV-46
#[test]
fn only_the_service_account_signs_in_and_only_for_enabled_mailboxes() {
    let site = Site::start();
    site.add_mailbox("1002", "bob", &[]);
    site.server.cli(&["mailbox", "edit", "1002", "--enabled", "no"]);
    let message = deposit(&site, "for alice");
    site.wait_delivered(&message);
    let seen = site.lab.requests().len();
    let recording = spoken(site.folder(), "for bob", "A message for Bob.");
    let waiting = id(&site.deposit(&recording, "1002", CALLER));
    let message = deposit(&site, "for alice again");
    site.wait_delivered(&message);
    let requests = site.lab.requests();
    let signed_in = requests.iter().map(|request| &request["user"]).filter(|user| !user.is_null());
    assert_eq!(signed_in.filter(|user| *user != SERVICE_ACCOUNT).collect::<Vec<_>>(), Vec::<&Value>::new());
    let created = requests.iter().filter(|request| request["operation"] == "CreateItem").collect::<Vec<_>>();
    assert!(
        created.iter().all(|request| request["client_request_id"].is_string()),
        "every call carries its id"
    );
    let touched =
        |who: &str| requests[seen..].iter().filter(|request| request["impersonated"] == who).count();
    assert!(touched("alice@lab.example") > 0);
    assert_eq!(touched("bob@lab.example"), 0, "switched off");
    assert_eq!(site.message(&waiting)["state"], "unread", "and nothing is lost");
    site.server.cli(&["mailbox", "edit", "1002", "--enabled", "yes"]);
    site.wait_delivered(&waiting);
    assert!(!site.server.log().contains(PASSWORD));
}

/// Only user types with messaging synchronize: refused when it is set, and no longer done after it was lowered.
///
/// Covers: AV-49, AV-50
#[test]
fn user_types_and_storage_modes_decide_what_leaves_the_house() {
    let site = Site::start();
    let refused = site.server.refused(&["mailbox", "edit", "1001", "--user-type", "voice-only"]);
    assert!(refused.contains("Messaging"), "{refused}");
    site.server.cli(&[
        "mailbox",
        "edit",
        "1001",
        "--user-type",
        "voice-only",
        "--storage-mode",
        "local-only",
    ]);
    let kept = deposit(&site, "kept");
    site.wait_lamp("alice", true, 1, 0);
    wait_in_folder(&site, "inbox", 0);
    assert_eq!(site.message(&kept)["state"], "unread");
    site.server.cli(&[
        "mailbox",
        "edit",
        "1001",
        "--user-type",
        "messaging",
        "--storage-mode",
        "synchronization",
    ]);
    let sent = deposit(&site, "sent");
    site.wait_delivered(&sent);
    let shown = site.server.cli(&["mailbox", "show", "1001"]);
    assert_eq!(
        (&shown["user_type"], &shown["storage_mode"]),
        (&json!("messaging"), &json!("synchronization"))
    );
}

/// Stored passwords are encrypted with a key outside the database, and neither database nor log holds them in clear.
///
/// Covers: AV-04
#[test]
fn stored_credentials_are_unreadable_without_the_key() {
    let mut site = Site::start();
    let message = deposit(&site, "one");
    site.wait_delivered(&message);
    let holds = |site: &Site, file: &str| {
        let bytes = std::fs::read(site.folder().join(file)).unwrap_or_default();
        bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes())
    };
    for file in ["tieline.db", "tieline.db-wal", "server.log", "tieline.toml"] {
        assert!(!holds(&site, file), "{file} holds the password");
    }
    site.server.stop();
    std::fs::remove_file(site.folder().join("tieline.key")).expect("the key is a file of its own");
    site.server.spawn();
    let status = site.server.process().wait();
    assert!(!status.success(), "it must not start with stored passwords that it cannot read");
    let last = site.server.log().lines().last().unwrap_or_default().to_owned();
    assert!(last.contains("key"), "{last}");
}
