//! `docs/ews.md`: what the codec, the lab and the connector know of Exchange Web Services, each cell with a test. The page
//! is written from the code; the test fails when the committed one is out of date.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use tieline_lab::{ELEMENTS, FOLDERS, OPERATIONS, PASSWORD, Release};
use tieline_proto_ews::Request;

use crate::client::Bench;

const MESSAGES: &str = "exchangelib_messages.py";
const NEWS: &str = "exchangelib_notifications.py";
const SERVICES: &str = "exchangelib_services.py";
const CALENDAR: &str = "exchangelib_calendar.py";

const CONTACT_LIST: &str = "the_contact_list_of_instant_messaging_holds_people_in_groups";

/// For each operation that the lab offers, the file and the test or story that proves it.
const LAB: &[(&str, &str, &str)] = &[
    ("AddDelegate", SERVICES, "delegates"),
    ("ApplyConversationAction", "services.rs", "a_conversation_is_listed_read_and_moved_as_one"),
    ("ArchiveItem", SERVICES, "archives"),
    ("ConvertId", "captures.rs", "davmail"),
    ("CopyFolder", MESSAGES, "folders"),
    ("CopyItem", MESSAGES, "bulk"),
    ("CreateAttachment", MESSAGES, "attachments"),
    ("CreateFolder", MESSAGES, "folders"),
    ("CreateItem", MESSAGES, "bulk"),
    ("CreateManagedFolder", "versions.rs", "an_old_server_lacks_what_came_later"),
    ("CreateUserConfiguration", SERVICES, "configurations"),
    ("DeleteAttachment", MESSAGES, "attachments"),
    ("DeleteFolder", MESSAGES, "folders"),
    ("DeleteItem", MESSAGES, "bulk"),
    ("DeleteUserConfiguration", SERVICES, "configurations"),
    ("DisconnectPhoneCall", "services.rs", "a_voice_message_is_played_on_the_phone_until_hung_up"),
    ("EmptyFolder", MESSAGES, "folders"),
    ("ExpandDL", SERVICES, "directory"),
    ("ExportItems", SERVICES, "whole_items"),
    ("FindConversation", "services.rs", "a_conversation_is_listed_read_and_moved_as_one"),
    ("FindFolder", MESSAGES, "folders"),
    ("FindItem", SERVICES, "queries"),
    ("FindPeople", SERVICES, "directory"),
    ("GetAttachment", MESSAGES, "attachments"),
    ("GetConversationItems", "services.rs", "a_conversation_is_listed_read_and_moved_as_one"),
    ("GetDelegate", SERVICES, "delegates"),
    ("GetEvents", NEWS, "pull"),
    ("GetFolder", MESSAGES, "folders"),
    ("GetInboxRules", SERVICES, "rules"),
    ("GetItem", MESSAGES, "mime"),
    ("GetMailTips", SERVICES, "oof"),
    ("GetPasswordExpirationDate", "services.rs", "the_organisation_says_what_it_has"),
    ("GetPersona", SERVICES, "directory"),
    ("GetPhoneCallInformation", "services.rs", "a_voice_message_is_played_on_the_phone_until_hung_up"),
    ("GetRoomLists", SERVICES, "directory"),
    ("GetRooms", SERVICES, "directory"),
    ("GetSearchableMailboxes", SERVICES, "directory"),
    ("GetServerTimeZones", NEWS, "main"),
    ("GetServiceConfiguration", "services.rs", "the_organisation_says_what_it_has"),
    ("GetStreamingEvents", NEWS, "streaming"),
    ("GetUserAvailability", CALENDAR, "free_and_busy"),
    ("GetUserConfiguration", SERVICES, "configurations"),
    ("GetUserOofSettings", SERVICES, "oof"),
    ("GetUserPhoto", "services.rs", "the_organisation_says_what_it_has"),
    ("MarkAllItemsAsRead", MESSAGES, "folders"),
    ("MarkAsJunk", SERVICES, "junk"),
    ("MoveFolder", MESSAGES, "folders"),
    ("MoveItem", "items.rs", "a_move_gives_new_ids_and_voids_the_old_ones"),
    ("PlayOnPhone", "services.rs", "a_voice_message_is_played_on_the_phone_until_hung_up"),
    ("RemoveDelegate", SERVICES, "delegates"),
    ("ResolveNames", SERVICES, "directory"),
    ("SendItem", MESSAGES, "send"),
    ("SendNotification", NEWS, "push"),
    ("SetUserOofSettings", SERVICES, "oof"),
    ("Subscribe", NEWS, "pull"),
    ("SyncFolderHierarchy", MESSAGES, "sync"),
    ("SyncFolderItems", "items.rs", "synchronisation_tells_each_change_once"),
    ("Unsubscribe", NEWS, "pull"),
    ("UpdateDelegate", "services.rs", "a_delegates_rights_change_and_go"),
    ("UpdateFolder", MESSAGES, "folders"),
    ("UpdateInboxRules", SERVICES, "rules"),
    ("UpdateItem", SERVICES, "conflicts"),
    ("UpdateUserConfiguration", SERVICES, "configurations"),
    ("UploadItems", SERVICES, "whole_items"),
    ("AddDistributionGroupToImList", "services.rs", CONTACT_LIST),
    ("AddImContactToGroup", "services.rs", CONTACT_LIST),
    ("AddImGroup", "services.rs", CONTACT_LIST),
    ("AddNewImContactToGroup", "services.rs", CONTACT_LIST),
    ("AddNewTelUriContactToGroup", "services.rs", CONTACT_LIST),
    ("GetImItemList", "services.rs", CONTACT_LIST),
    ("GetImItems", "services.rs", CONTACT_LIST),
    ("RemoveContactFromImList", "services.rs", CONTACT_LIST),
    ("RemoveDistributionGroupFromImList", "services.rs", CONTACT_LIST),
    ("RemoveImContactFromGroup", "services.rs", CONTACT_LIST),
    ("RemoveImGroup", "services.rs", CONTACT_LIST),
    ("SetImGroup", "services.rs", CONTACT_LIST),
];

/// The operations whose codec has a test of its own, beside that of all.
const CODEC: &[(&str, &str)] = &[
    ("AddDelegate", "delegates"),
    ("AddImGroup", "people"),
    ("AddNewImContactToGroup", "people"),
    ("ApplyConversationAction", "conversations"),
    ("CreateUserConfiguration", "user_configurations"),
    ("DeleteUserConfiguration", "user_configurations"),
    ("DisconnectPhoneCall", "telephones_and_settings"),
    ("ExportItems", "whole_items"),
    ("FindConversation", "conversations"),
    ("FindPeople", "people"),
    ("GetConversationItems", "conversations"),
    ("GetDelegate", "delegates"),
    ("GetImItemList", "people"),
    ("GetImItems", "people"),
    ("GetInboxRules", "inbox_rules"),
    ("GetMailTips", "mail_tips"),
    ("GetPasswordExpirationDate", "telephones_and_settings"),
    ("GetPersona", "people"),
    ("GetPhoneCallInformation", "telephones_and_settings"),
    ("GetServiceConfiguration", "telephones_and_settings"),
    ("GetUserConfiguration", "user_configurations"),
    ("GetUserPhoto", "telephones_and_settings"),
    ("MarkAsJunk", "whole_items"),
    ("PlayOnPhone", "telephones_and_settings"),
    ("RemoveDelegate", "delegates"),
    ("UpdateDelegate", "delegates"),
    ("UpdateInboxRules", "inbox_rules"),
    ("UpdateUserConfiguration", "user_configurations"),
    ("UploadItems", "whole_items"),
];

/// The operations that the connector uses.
const CONNECTOR: &[(&str, &str, &str)] = &[
    ("CreateFolder", "deposit.rs", "a_target_folder_is_made_once_and_survives_its_renaming"),
    ("CreateItem", "deposit.rs", "a_voice_message_arrives_as_a_person_expects_it"),
    ("DeleteItem", "deposit.rs", "read_flag_and_deletion_reach_the_item_and_a_missing_one_is_told"),
    ("FindFolder", "deposit.rs", "messages_do_not_follow_a_folder_into_the_bin"),
    ("FindItem", "deposit.rs", "an_item_is_found_by_its_mark_wherever_a_person_put_it"),
    ("GetEvents", "notifications.rs", "where_streams_do_not_get_through_events_are_fetched_in_intervals"),
    ("GetFolder", "deposit.rs", "the_lab_is_recognised_by_its_build"),
    ("GetItem", "reading.rs", "what_a_person_does_comes_back_as_changes"),
    ("GetStreamingEvents", "notifications.rs", "an_event_is_a_hint_for_its_mailbox_and_goodbye_is_said"),
    ("GetPasswordExpirationDate", "preflight.rs", "an_account_that_policy_will_lock_out_is_told_in_time"),
    ("ResolveNames", "preflight.rs", "the_whole_way_is_gone_with_the_service_account"),
    ("SendItem", "meeting_rooms.rs", "join_data_reach_attendees_calendars"),
    ("SendNotification", "push.rs", "the_lab_posts_what_happens_until_it_is_told_to_stop"),
    ("Subscribe", "notifications.rs", "forgotten_subscriptions_are_made_again"),
    ("SyncFolderItems", "reading.rs", "many_changes_come_in_pages_each_with_a_cursor_of_its_own"),
    ("Unsubscribe", "notifications.rs", "an_event_is_a_hint_for_its_mailbox_and_goodbye_is_said"),
    ("UpdateItem", "deposit.rs", "read_flag_and_deletion_reach_the_item_and_a_missing_one_is_told"),
];

/// Kinds of item: in the codec, the lab and the connector.
type Kind = (
    &'static str,
    (&'static str, &'static str),
    Option<(&'static str, &'static str)>,
    Option<(&'static str, &'static str)>,
);

const KINDS: &[Kind] = &[
    (
        "Message",
        ("round_trip.rs", "get_item_answers"),
        Some((MESSAGES, "send")),
        Some(("deposit.rs", "kinds_have_their_classes_and_a_message_heard_before_arrives_as_read")),
    ),
    (
        "Message, voice mail",
        ("round_trip.rs", "get_item_answers"),
        Some((MESSAGES, "voice_message")),
        Some(("deposit.rs", "a_voice_message_arrives_as_a_person_expects_it")),
    ),
    (
        "CalendarItem",
        ("kinds.rs", "calendar_items"),
        Some((CALENDAR, "occurrences")),
        Some(("calendar_in_step.rs", "calendars_follow_each_other_after_a_dry_run")),
    ),
    (
        "MeetingRequest, MeetingResponse, MeetingCancellation",
        ("kinds.rs", "meeting_messages"),
        Some((CALENDAR, "meeting")),
        Some(("conferencing.rs", "exchangelib_is_answered_as_an_organizer")),
    ),
    (
        "Contact",
        ("kinds.rs", "contacts"),
        Some((SERVICES, "directory")),
        Some(("records.rs", "every_field_of_a_contact_arrives_and_comes_back")),
    ),
    (
        "DistributionList",
        ("kinds.rs", "distribution_lists_tasks_and_posts"),
        Some((SERVICES, "directory")),
        Some(("records.rs", "a_users_own_contacts_and_lists_are_read")),
    ),
    (
        "Task, PostItem",
        ("kinds.rs", "distribution_lists_tasks_and_posts"),
        Some((SERVICES, "tasks_and_posts")),
        None,
    ),
    (
        "Response objects",
        ("kinds.rs", "an_invitation_is_accepted_by_creating_an_item"),
        Some((MESSAGES, "send")),
        None,
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file with tests, wherever such files are.
fn source(name: &str) -> String {
    let folders =
        ["lab/tests/lab", "tests/judges", "proto/ews/tests", "io/connectors/tests/ews", "tests/tests/suite"];
    let found = folders.iter().map(|folder| root().join(folder).join(name)).find(|path| path.is_file());
    let path = found.unwrap_or_else(|| panic!("there is no {name} among the tests"));
    fs::read_to_string(path).expect("a readable file")
}

fn cell(test: Option<(&str, &str)>) -> String {
    let Some((file, name)) = test else { return "–".to_owned() };
    let text = source(file);
    let known = [format!("fn {name}("), format!("def {name}(")];
    assert!(known.iter().any(|form| text.contains(form)), "{file} has no test {name}");
    format!("`{file}` {name}")
}

fn of(
    table: &[(&'static str, &'static str, &'static str)],
    operation: &str,
) -> Option<(&'static str, &'static str)> {
    table.iter().find(|(known, _, _)| *known == operation).map(|(_, file, name)| (*file, *name))
}

/// The operations that the lab does not refuse as unknown, as it answers itself.
async fn offered(bench: &Bench) -> Vec<&'static str> {
    let mut offered = Vec::new();
    for operation in Request::OPERATIONS {
        let long = matches!(*operation, "GetUserAvailability" | "GetUserOofSettings" | "SetUserOofSettings");
        let element = if long { format!("{operation}Request") } else { (*operation).to_owned() };
        let document = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><s:Body><m:{element}/></s:Body></s:Envelope>"
        );
        let request = bench.http.post(bench.lab.ews_url()).basic_auth("alice", Some(PASSWORD));
        let answer = request.body(document).send().await.expect("an answer").text().await.expect("text");
        if !answer.contains("does not offer the operation") {
            offered.push(*operation);
        }
    }
    offered
}

fn versions() -> String {
    let mut page =
        String::from("| Exchange | `--exchange` | newest schema in a request | build |\n|---|---|---|---|\n");
    for release in Release::ALL {
        let version = tieline_lab::ServerVersion::of(release);
        page.push_str(&format!(
            "| {} | `{}` | `{}` | {}.{}.{}.{} |\n",
            release.name().to_uppercase().replace('-', " "),
            release.name(),
            release.schema(),
            version.major,
            version.minor,
            version.major_build,
            version.minor_build,
        ));
    }
    let mut newer: BTreeMap<&str, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for (name, since) in ELEMENTS {
        newer.entry(since.schema()).or_default().0.push(format!("`{name}`"));
    }
    for (name, since) in FOLDERS {
        newer.entry(since.schema()).or_default().1.push(format!("`{name}`"));
    }
    page.push_str("\n| since | elements and properties | distinguished folders |\n|---|---|---|\n");
    for (schema, (elements, folders)) in newer {
        page.push_str(&format!("| `{schema}` | {} | {} |\n", elements.join(", "), folders.join(", ")));
    }
    page
}

fn operations() -> String {
    let mut page =
        String::from("| operation | Exchange | codec | lab | connector |\n|---|---|---|---|---|\n");
    for (name, since, until) in OPERATIONS {
        let span = match until {
            Some(until) => format!("{} until {}", since.name(), until.name()),
            None => since.name().to_owned(),
        };
        let own =
            CODEC.iter().find(|(known, _)| known == name).map(|(_, test)| ("mailbox_services.rs", *test));
        let codec = cell(own.or(Some(("round_trip.rs", "every_operation_goes_round"))));
        page.push_str(&format!(
            "| `{name}` | {span} | {codec} | {} | {} |\n",
            cell(of(LAB, name)),
            cell(of(CONNECTOR, name))
        ));
    }
    page
}

fn kinds() -> String {
    let mut page = String::from("| kind | codec | lab | connector |\n|---|---|---|---|\n");
    for (kind, codec, lab, connector) in KINDS {
        page.push_str(&format!(
            "| {kind} | {} | {} | {} |\n",
            cell(Some(*codec)),
            cell(*lab),
            cell(*connector)
        ));
    }
    page
}

fn page() -> String {
    format!(
        "# Exchange Web Services, and what of them is here\n\n\
         Written from code by `lab/tests/lab/table.rs`; each cell names the test that proves it. To write it anew:\n\
         `TIELINE_WRITE_DOCS=1 cargo test -p tieline-lab --test lab table`.\n\n\
         The files are in `proto/ews/tests` (codec), `lab/tests/lab` and `tests/judges` (lab; the judges are programs that\n\
         nobody here wrote), `io/connectors/tests/ews` and `tests/tests/suite` (connector).\n\n\
         ## Operations\n\n{}\n## Kinds of item\n\n{}\n## Versions\n\n\
         A request that names a version is held to it: an operation that came later is refused with\n\
         `ErrorInvalidServerVersion`, an element, property or folder that came later with `ErrorSchemaValidation`, and answers\n\
         hold nothing newer. An operation that the server itself does not have is refused with `ErrorInvalidRequest`, a version\n\
         newer than the server with `ErrorInvalidServerVersion`. Tests: {}, {}.\n\n{}\n\
         ## Where the lab is not Exchange\n\n\
         * What `ExportItems` yields is the lab's own format: any lab takes it back, a real Exchange does not, and the lab takes\n\
         \u{20} no export of a real Exchange.\n\
         * There is no managed folder, no public folder and no photo; their operations say so with Exchange's codes.\n\
         * An archive's quota is that of its mailbox, and a subscription to all folders of a mailbox tells of its archive, too.\n\
         * `PlayOnPhone` pretends: no telephone rings.\n\
         * A right to one's own items (`Owned`) looks at who changed an item last.\n\
         * Actions on conversations hold for what is there, not for what is still to come.\n",
        operations(),
        kinds(),
        cell(Some(("versions.rs", "a_request_is_held_to_the_version_it_names"))),
        cell(Some(("versions.rs", "an_answer_holds_nothing_newer_than_asked_for"))),
        versions(),
    )
}

#[tokio::test]
async fn the_page_about_exchange_web_services_is_up_to_date() {
    let bench = Bench::start().await;
    let mut offered = offered(&bench).await;
    // This one the server sends.
    offered.retain(|name| *name != "SendNotification");
    let mut proven: Vec<_> =
        LAB.iter().map(|(name, _, _)| *name).filter(|name| *name != "SendNotification").collect();
    // A managed folder is nothing that the newest versions have.
    proven.retain(|name| *name != "CreateManagedFolder");
    offered.retain(|name| *name != "CreateManagedFolder");
    offered.sort_unstable();
    proven.sort_unstable();
    assert_eq!(
        offered, proven,
        "each operation that the lab offers has a test in this file's table, and no other"
    );
    let (page, path) = (page(), root().join("docs/ews.md"));
    if std::env::var_os("TIELINE_WRITE_DOCS").is_some() {
        fs::write(&path, &page).expect("a writable file");
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == page, "docs/ews.md is out of date; write it anew with TIELINE_WRITE_DOCS=1");
}
