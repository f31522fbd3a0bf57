//! The third job's tour: a meeting is declined with every reason, takes a proposal and has its room; later somebody dials in.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tieline_lab::{CONFERENCE, CallRefused, DOMAIN, PASSWORD};
use tieline_model::{Clock, Refusal};
use tieline_proto_ews::Item;

use super::mail_client::{Appointment, MailClient};
use super::site::{Site, failed};
use super::story::{Story, Told};
use crate::clock::SystemClock;

/// Everything happens on one machine; what takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(40);
const REPORT: &str = "report this line";
/// The codes of the meeting that is dialled into.
const CODE: &str = "246810";

pub(super) async fn tour(story: &mut Story, site: &Site) -> Result<(), Refusal> {
    let (alice, carol) = (organizer(site, "alice")?, organizer(site, "carol")?);
    let tomorrow = next_hour().saturating_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
    story.step("room-given", given(&carol, tomorrow)).await?;
    let (declined, text) = story.step("room-declined", declined(&alice, tomorrow)).await?;
    story.step("room-proposed", accepted(&alice, &declined, &text, tomorrow)).await?;
    story.step("room-now", now(&alice)).await?;
    story.step("dial-refused", dial_refused(site)).await?;
    story.step("dial-in", dial_in(site)).await
}

fn organizer(site: &Site, user: &str) -> Result<MailClient, Refusal> {
    let address = format!("{user}@{DOMAIN}").parse().map_err(|error| failed(error, REPORT))?;
    MailClient::new(&site.lab.ready().ews_http.clone().unwrap_or_default(), &address, PASSWORD)
}

fn conference() -> String {
    format!("{CONFERENCE}@{DOMAIN}")
}

/// The next full hour by this machine's clock.
fn next_hour() -> Timestamp {
    let now = SystemClock.now();
    Timestamp::from_second((now.as_second() / 3600 + 1) * 3600).unwrap_or(now)
}

fn minutes(many: i64) -> SignedDuration {
    SignedDuration::from_mins(many)
}

/// Waits for the answer to a meeting after `seen` others: accepted or not, and its text.
async fn answer(mail: &MailClient, subject: &str, seen: usize) -> Result<(bool, String), Refusal> {
    let begun = Instant::now();
    loop {
        let answers = mail.answers(subject).await?;
        if answers.len() > seen
            && let Some(newest) = answers.into_iter().next()
        {
            return Ok(newest);
        }
        if begun.elapsed() > PATIENCE {
            return Err(failed(format!("the invitation {subject:?} is not answered"), REPORT));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn given(carol: &MailClient, start: Timestamp) -> Result<((), Told), Refusal> {
    let appointment = Appointment {
        subject: "Budget",
        location: "@vmr 7042",
        body: "See you there.",
        start,
        end: start.saturating_add(minutes(60)).unwrap_or(start),
    };
    carol.invite(&appointment, &conference()).await?;
    match answer(carol, "Budget", 0).await? {
        (true, text) => {
            Ok(((), Told::new("Carol invites room 7042 for tomorrow: accepted", json!({ "answer": text }))))
        }
        (false, text) => Err(failed(format!("room 7042 was not given: {text}"), REPORT)),
    }
}

async fn declined(alice: &MailClient, start: Timestamp) -> Result<((Item, String), Told), Refusal> {
    let appointment = Appointment {
        subject: "Plans",
        location: "",
        body: "[tieline-conference number=7042 passcode=12]",
        start: start.saturating_add(minutes(30)).unwrap_or(start),
        end: start.saturating_add(minutes(210)).unwrap_or(start),
    };
    let item = alice.invite(&appointment, &conference()).await?;
    let (accepted, text) = answer(alice, "Plans", 0).await?;
    let reasons = [
        "Room 7042 is taken by another meeting",
        "The meeting lasts 180 minutes; at most 120",
        "passcode has too few digits",
    ];
    if accepted || !reasons.iter().all(|reason| text.contains(reason)) {
        return Err(failed(format!("three reasons were expected: {text}"), REPORT));
    }
    let sentence =
        "Alice wants 7042 then too, for three hours, with passcode 12: declined, with three reasons";
    Ok(((item, text.clone()), Told::new(sentence, json!({ "answer": text }))))
}

/// The first proposal of the answer is taken as it stands.
async fn accepted(
    alice: &MailClient,
    item: &Item,
    text: &str,
    start: Timestamp,
) -> Result<((), Told), Refusal> {
    let proposal = proposal(text).ok_or_else(|| failed(format!("no proposal in {text}"), REPORT))?;
    let (number, length, code) = &proposal;
    let start = start.saturating_add(minutes(30)).unwrap_or(start);
    let body = format!("[tieline-conference number={number} passcode={code}]");
    let end = start.saturating_add(minutes(*length)).unwrap_or(start);
    alice.change(item, &body, end).await?;
    match answer(alice, "Plans", 1).await? {
        (true, text) if text.contains(&format!("sip:{number}@vmr.{DOMAIN}")) => {
            let sentence = format!("She takes the proposal, room {number} and {length} minutes: accepted");
            let detail = json!({ "number": number, "minutes": length, "answer": text });
            Ok(((), Told::new(sentence, detail)))
        }
        (_, text) => Err(failed(format!("the proposal was not accepted: {text}"), REPORT)),
    }
}

/// `<li>room 7043, 120 minutes long, passcode 482913`.
fn proposal(html: &str) -> Option<(String, i64, String)> {
    let line = html.split("<li>room ").nth(1)?;
    let (number, rest) = line.split_once(", ")?;
    let (length, rest) = rest.split_once(" minutes long, passcode ")?;
    let code = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((number.to_owned(), length.parse().ok()?, code))
}

async fn now(alice: &MailClient) -> Result<((), Told), Refusal> {
    let start = SystemClock.now();
    let body = format!("[tieline-conference number=7044 passcode={CODE}]");
    let appointment = Appointment {
        subject: "Stand-up",
        location: "",
        body: &body,
        start,
        end: start.saturating_add(minutes(30)).unwrap_or(start),
    };
    alice.invite(&appointment, &conference()).await?;
    match answer(alice, "Stand-up", 0).await? {
        (true, text) => {
            let sentence = "Room 7044 with a passcode for a meeting that begins now: accepted";
            Ok(((), Told::new(sentence, json!({ "answer": text }))))
        }
        (false, text) => Err(failed(format!("room 7044 was not given: {text}"), REPORT)),
    }
}

async fn dial_refused(site: &Site) -> Result<((), Told), Refusal> {
    let phone = site.phone("bob")?;
    let mut said = Vec::new();
    for (dialled, wanted) in [("7044**135791", 403), ("7044", 403), ("7042", 480), ("7049", 404)] {
        match phone.dial(site.sip()?, &format!("sip:{dialled}@vmr.{DOMAIN}")).await {
            Err(CallRefused::Answered { code, reason, .. }) if code == wanted => {
                said.push(json!({ "dialled": dialled, "code": code, "phone_shows": reason }));
            }
            other => return Err(failed(format!("{dialled} was answered with {other:?}"), REPORT)),
        }
    }
    let sentence =
        "Bob dials with a wrong code, without one, a room of tomorrow, no room: each refused with its reason";
    Ok(((), Told::new(sentence, json!({ "calls": said }))))
}

async fn dial_in(site: &Site) -> Result<((), Told), Refusal> {
    let bridge = site.lab.bridge().ok_or_else(|| failed("the lab has no bridge", REPORT))?;
    let dialled = format!("sip:7044**{CODE}@vmr.{DOMAIN}");
    let call = site.phone("bob")?.dial(site.sip()?, &dialled).await;
    let call = call.map_err(|error| failed(format!("the right code was refused: {error}"), REPORT))?;
    let (way, answered_by) = (call.way.clone(), call.answered_by().to_owned());
    let here = bridge.calls().into_iter().find(|call| call.room == "7044" && call.here);
    let here = here.ok_or_else(|| failed("the bridge knows of no call to 7044", REPORT))?;
    call.hang_up().await.map_err(|error| failed(error, REPORT))?;
    let sentence =
        format!("Bob dials 7044**{CODE}: {}, and stands in room 7044 of the bridge", way.join(", then "));
    Ok(((), Told::new(sentence, json!({ "way": way, "answered_by": answered_by, "bridge_saw": here }))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_is_read_from_the_answer() {
        let html = "<p>These would be accepted:</p><ul><li>room 7043, 120 minutes long, passcode 482913</li>\
                    <li>room 7044, 60 minutes long, passcode 1</li></ul>";
        assert_eq!(proposal(html), Some(("7043".to_owned(), 120, "482913".to_owned())));
        assert_eq!(proposal("<p>No</p>"), None);
    }
}
