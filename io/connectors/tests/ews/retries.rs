//! `docs/retries.md`: what each answer of an Exchange leads to, each row with the test that proves it. The page is written
//! from this table; the test fails when the committed one is out of date, or names a test that is not there.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use tieline_lab::{Fault, FaultKind};
use tieline_ports::MailSystem;
use tieline_proto_ews::{Remedy, ResponseCode};

use crate::lab::Lab;
use crate::world::{brisk, exchange, soon, voice_message};

/// Codes that are treated alike, and how.
const CODES: &[(Remedy, &str, &str, &str, &str)] = &[
    (
        Remedy::Retry,
        "ErrorServerBusy ErrorTimeoutExpired ErrorInternalServerTransientError ErrorMailboxStoreUnavailable \
         ErrorConnectionFailed ErrorADUnavailable ErrorInsufficientResources ErrorExceededConnectionCount \
         ErrorTooManyObjectsOpened ErrorBatchProcessingStopped ErrorMailboxFailover",
        "again, later; after those that gave up in the middle the item is looked for first",
        "busy.rs",
        "each_row_of_the_retry_table_reaches_the_caller_as_it_says",
    ),
    (
        Remedy::Rediscover,
        "ErrorMailboxMoveInProgress ErrorWrongServerVersion ErrorProxyServiceDiscoveryFailed",
        "Autodiscover is asked where the mailbox is, once; what it says is believed for a day",
        "moved.rs",
        "a_mailbox_that_is_elsewhere_is_found_by_autodiscover_and_reached_there",
    ),
    (
        Remedy::RefetchKey,
        "ErrorIrresolvableConflict ErrorStaleObject ErrorChangeKeyRequired \
         ErrorChangeKeyRequiredForWriteOperations",
        "the present version is read, then again; a record that others changed is merged anew",
        "retries.rs",
        "codes_about_versions_are_answered_with_the_present_one",
    ),
    (
        Remedy::Resync,
        "ErrorInvalidSyncStateData ErrorSyncFolderNotFound",
        "the folder is listed anew and compared; nothing counts as deleted for that",
        "reading.rs",
        "an_expired_cursor_and_a_missing_folder_are_told_apart",
    ),
    (
        Remedy::Resubscribe,
        "ErrorSubscriptionNotFound ErrorInvalidSubscription ErrorExpiredSubscription ErrorReadEventsFailed \
         ErrorInvalidWatermark ErrorMissedNotificationEvents ErrorSubscriptionUnsubscribed",
        "subscribed anew, and the mailbox is read, since something may have been missed",
        "notifications.rs",
        "forgotten_subscriptions_are_made_again",
    ),
    (
        Remedy::DropItem,
        "ErrorItemNotFound ErrorMessageSizeExceeded",
        "this item is not tried again; the others go on",
        "busy.rs",
        "each_row_of_the_retry_table_reaches_the_caller_as_it_says",
    ),
    (
        Remedy::Alert,
        "ErrorAccessDenied ErrorQuotaExceeded ErrorPasswordExpired ErrorImpersonateUserDenied \
         ErrorImpersonationDenied ErrorImpersonationFailed ErrorNonExistentMailbox",
        "an administrator is told what to do; what was accepted waits",
        "busy.rs",
        "each_row_of_the_retry_table_reaches_the_caller_as_it_says",
    ),
];

/// What is no code of EWS.
const OTHERS: &[(&str, &str, &str, &str)] = &[
    (
        "busy, as HTTP 503 with and without `Retry-After`, as a fault, as a message, inside `ErrorInternalServerError`; with \
         `BackOffMilliseconds` of 0 and without",
        "nothing is sent before the time that was named; without one, Tieline's own pause, which doubles",
        "busy.rs",
        "each_shape_of_busy_is_understood_and_obeyed",
    ),
    (
        "a back-off, to the instant",
        "on a virtual clock: not a millisecond early, and other mailboxes go on",
        "throttle.rs",
        "waits_out_a_back_off_exactly",
    ),
    (
        "a burst of refusals to requests that were under way together",
        "half as many at the same time from then on, counted once; one more after each run of successes",
        "limiter.rs",
        "one_burst_halves_once_and_recovery_is_one_place_at_a_time",
    ),
    (
        "busy for one charged mailbox",
        "that mailbox waits, others do not",
        "busy.rs",
        "one_busy_mailbox_does_not_hold_up_another",
    ),
    (
        "HTTP 401 to a password that has worked",
        "taken for load at first: a pause, then again",
        "busy.rs",
        "a_burst_of_401_to_a_good_account_is_survived",
    ),
    (
        "HTTP 401 without end",
        "after three the account is paused, and one request at a time asks whether it is good again",
        "retries.rs",
        "a_storm_of_401_stops_after_a_few_requests",
    ),
    (
        "HTTP 301, 302, 404, 421, 451",
        "Autodiscover is asked where the mailbox is, once",
        "moved.rs",
        "a_mailbox_that_is_elsewhere_is_found_by_autodiscover_and_reached_there",
    ),
    (
        "HTTP 429, 456, 502, 504; 500 and 503 as a web page",
        "again, later; after a gateway gave up the item is looked for first",
        "refusals.rs",
        "what_is_no_exchange_is_told_apart_from_an_exchange_that_refuses",
    ),
    (
        "connection closed before the request left, or instead of an answer",
        "the first is sent again; after the second the item is looked for by its key",
        "deposit.rs",
        "a_lost_answer_leaves_the_item_to_be_found_and_a_lost_request_leaves_nothing",
    ),
    (
        "the effect comes after the connection is gone",
        "found when it is there; two with one key become one",
        "deposit.rs",
        "an_effect_that_comes_late_is_found_late",
    ),
    (
        "an answer after the deadline",
        "counts as lost",
        "deposit.rs",
        "an_answer_after_the_deadline_is_too_late_for_the_caller_only",
    ),
    (
        "a listing that is empty or ends early although it says that it is whole",
        "not believed: nothing is gone because it was not listed",
        "reading.rs",
        "a_listing_of_folders_that_leaves_some_out_is_not_believed",
    ),
    (
        "characters that XML forbids",
        "replaced; the others of the answer are read",
        "reading.rs",
        "illegal_characters_in_an_answer_do_not_lose_the_others",
    ),
    (
        "an item that breaks the whole answer",
        "found by halving and set aside; the others are read",
        "moved.rs",
        "an_item_that_breaks_the_answer_takes_no_other_with_it",
    ),
    (
        "an answer without end",
        "not read beyond the limit",
        "refusals.rs",
        "an_answer_without_end_is_not_read",
    ),
    (
        "a stream of notifications that falls silent",
        "another one is opened, and every mailbox of it is read",
        "notifications.rs",
        "a_stream_that_falls_silent_is_replaced_and_everybody_is_hinted_at",
    ),
    (
        "streams that do not get through",
        "the mailboxes are asked in intervals, and streaming is tried again later",
        "notifications.rs",
        "where_streams_do_not_get_through_events_are_fetched_in_intervals",
    ),
    (
        "posts that do not get through, or cease",
        "streaming instead; subscribed anew",
        "push.rs",
        "where_posts_do_not_get_through_streaming_takes_over",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn cell(file: &str, test: &str) -> String {
    let folders = ["io/connectors/tests/ews", "io/transport/src"];
    let found = folders.iter().map(|folder| root().join(folder).join(file)).find(|path| path.is_file());
    let text = fs::read_to_string(found.unwrap_or_else(|| panic!("there is no {file}"))).unwrap();
    assert!(text.contains(&format!("fn {test}(")), "{file} has no test {test}");
    format!("`{file}` {test}")
}

fn page() -> String {
    let mut page = String::from(
        "# What an answer of Exchange leads to\n\n\
         Written from code by `io/connectors/tests/ews/retries.rs`; each row names the test that proves it. To write it anew:\n\
         `TIELINE_WRITE_DOCS=1 cargo test -p tieline-connectors --test ews retries`.\n\n\
         ## Response codes\n\n| codes | what Tieline does | test |\n|---|---|---|\n",
    );
    for (remedy, codes, what, file, test) in CODES {
        let mut names = Vec::new();
        for name in codes.split_whitespace() {
            let code = ResponseCode::from(name);
            assert_eq!(code.remedy(), *remedy, "{name}");
            names.push(format!("`{name}`"));
        }
        writeln!(page, "| {} | {what} | {} |", names.join(", "), cell(file, test)).unwrap();
    }
    page.push_str("\n## Everything else\n\n| what happens | what Tieline does | test |\n|---|---|---|\n");
    for (event, what, file, test) in OTHERS {
        writeln!(page, "| {event} | {what} | {} |", cell(file, test)).unwrap();
    }
    page
}

#[test]
fn the_page_is_up_to_date() {
    let (path, page) = (root().join("docs/retries.md"), page());
    if std::env::var_os("TIELINE_WRITE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let shown = fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == page, "docs/retries.md is out of date: write it with TIELINE_WRITE_DOCS=1");
}

#[tokio::test]
async fn codes_about_versions_are_answered_with_the_present_one() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(brisk()), lab.target("alice"));
    let inbox = exchange.ensure_folder(&alice, &"inbox".parse().unwrap()).await.unwrap();
    let item = exchange.create(&alice, &inbox, &voice_message(), soon()).await.unwrap().item;
    for (round, code) in [
        "ErrorIrresolvableConflict",
        "ErrorStaleObject",
        "ErrorChangeKeyRequired",
        "ErrorChangeKeyRequiredForWriteOperations",
    ]
    .into_iter()
    .enumerate()
    {
        lab.fault(Fault::once(FaultKind::Error { code: code.to_owned() }, "UpdateItem"));
        exchange.set_read(&alice, &item, true).await.unwrap_or_else(|error| panic!("{code}: {error}"));
        assert_eq!(lab.arrivals("UpdateItem").len(), 2 * (round + 1), "{code}");
        assert_eq!(lab.arrivals("GetItem").len(), round + 1, "{code}");
    }
}

#[tokio::test]
async fn a_storm_of_401_stops_after_a_few_requests() {
    let lab = Lab::start().await;
    let mut options = brisk();
    options.limiter.per_server = 4;
    let exchange = exchange(options);
    exchange.check(&lab.target("alice")).await.unwrap();
    lab.fault(Fault { count: None, ..Fault::once(FaultKind::Unauthorized, "GetFolder") });
    let before = lab.arrivals("GetFolder").len();
    for _ in 0..5 {
        let targets: Vec<_> =
            ["alice", "bob", "carol"].repeat(7).iter().map(|user| lab.target(user)).collect();
        let checked = join_all(targets.iter().map(|target| exchange.check(target))).await;
        assert!(checked.iter().all(Result::is_err));
    }
    let sent = lab.arrivals("GetFolder").len() - before;
    // As many as were under way when the first refusal came back, not each of a hundred.
    assert!(sent <= 8, "{sent} requests");
}
