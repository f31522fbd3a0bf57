//! Contacts and calendars: a contact that both sides edited, a deletion that comes back, a meeting that moves a location.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::{Value, json};
use tieline_model::{Clock as _, Refusal};
use tieline_proto_ews::{
    CalendarItem, Contact, DateTime, DistinguishedFolderName, FieldUri, Item, ItemId, ItemKind,
    LegacyFreeBusyStatus, PhoneNumberEntry, PropertyPath,
};

use super::mail_client::MailClient;
use super::messaging::user_client;
use super::site::{Site, failed};
use super::story::{Story, Told};
use crate::api::{Api, segment};
use crate::clock::SystemClock;
use crate::output::{items, text};

/// Everything happens on one machine; what takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn tour(story: &mut Story, site: &Site) -> Result<(), Refusal> {
    let api = site.api()?;
    let mail = user_client(site)?;
    story.step("plan", plan(&api)).await?;
    let item = story.step("apply", apply(&api, &mail)).await?;
    story.step("merge", merge(&api, &mail, &item)).await?;
    story.step("undo", undo(&api, &mail, &item)).await?;
    story.step("location", location(&api, &mail)).await
}

async fn run(api: &Api, kind: &str) -> Result<(), Refusal> {
    let body = json!({"kind": kind, "word": "run"});
    api.post("/api/v1/mailboxes/1001/sync", &body).await.map(|_| ())
}

async fn status(api: &Api, kind: &str) -> Result<Value, Refusal> {
    let answer = api.get("/api/v1/mailboxes/1001/sync").await?;
    let found = items(&answer).iter().find(|one| text(one, "kind") == kind).cloned();
    found.ok_or_else(|| failed(format!("nothing is said of {kind}"), "report this line"))
}

/// Waits until an answer is there.
async fn eventually<T>(
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<Option<T>, Refusal>,
) -> Result<T, Refusal> {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if begun.elapsed() > PATIENCE {
            return Err(failed(format!("{what} did not come about"), "report this line"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a pass has come to an end, this one or any.
async fn standing(api: &Api, kind: &str, wanted: &[&str]) -> Result<Value, Refusal> {
    eventually(&format!("{kind} {}", wanted.join(" or ")), async || {
        let now = status(api, kind).await?;
        let ended = wanted.contains(&text(&now, "standing").as_str()) && text(&now, "busy") == "no";
        Ok(ended.then_some(now))
    })
    .await
}

/// Switched on, and nothing is written: the first run is a dry run.
async fn plan(api: &Api) -> Result<((), Told), Refusal> {
    let ada = json!({"given_name": "Ada", "surname": "Byron", "display_name": "Ada Byron",
        "mails": {"1": {"address": "ada@lab.example"}}});
    api.post("/api/v1/mailboxes/1001/contacts", &ada).await?;
    let settings = json!({"settings": {
        "kinds": {"messages": true, "contacts": true, "calendar": true},
        "calendar_mode": "sync-with-mail-server", "change_location": true}});
    api.patch("/api/v1/feature-groups/Staff", &settings).await?;
    run(api, "contacts").await?;
    run(api, "calendar").await?;
    let contacts = standing(api, "contacts", &["awaits-approval"]).await?;
    standing(api, "calendar", &["awaits-approval", "in-step"]).await?;
    let actions = contacts.pointer("/plan/actions").cloned().unwrap_or_default();
    let many: u64 = actions.as_object().into_iter().flatten().filter_map(|(_, many)| many.as_u64()).sum();
    let sentence = format!("Contacts and calendar are switched on: a dry run plans {many} write, does none");
    Ok(((), Told::new(sentence, json!({ "actions": actions }))))
}

/// What was planned is approved and done; alice sees it in her mail client.
async fn apply(api: &Api, mail: &MailClient) -> Result<(ItemId, Told), Refusal> {
    for kind in ["contacts", "calendar"] {
        let now = status(api, kind).await?;
        if text(&now, "standing") == "in-step" {
            continue;
        }
        let plan = text(&now, "plan.fingerprint");
        let body = json!({"kind": kind, "word": "apply", "plan": plan});
        api.post("/api/v1/mailboxes/1001/sync", &body).await?;
    }
    let now = standing(api, "contacts", &["in-step"]).await?;
    standing(api, "calendar", &["in-step"]).await?;
    let item = contact(mail).await?;
    let id = item.item_id.clone().ok_or_else(|| failed("the contact has no id", "report this line"))?;
    let sentence = "Approved: a snapshot, then Ada Byron is among alice's contacts in Exchange";
    Ok((id, Told::new(sentence, json!({"snapshot": now.get("snapshot"), "linked": now.get("linked")}))))
}

async fn contact(mail: &MailClient) -> Result<Item, Refusal> {
    eventually("Ada's contact", async || {
        Ok(mail
            .folder(DistinguishedFolderName::Contacts)
            .await?
            .into_iter()
            .find(|item| matches!(&item.kind, ItemKind::Contact(c) if c.surname.as_deref() == Some("Byron"))))
    })
    .await
}

/// One side says the company, the other the telephone: both keep both.
async fn merge(api: &Api, mail: &MailClient, item: &ItemId) -> Result<((), Told), Refusal> {
    let ours = eventually("Ada here", async || found(api).await).await?;
    let path = format!("/api/v1/contacts/{}", segment(&text(&ours, "id")));
    let phones = vec![PhoneNumberEntry { key: "MobilePhone".to_owned(), number: "+44 20 1815".to_owned() }];
    let theirs = Contact { phone_numbers: phones, ..Contact::default() };
    let phone = PropertyPath::indexed("contacts:PhoneNumber", "MobilePhone");
    mail.set(item, phone, Item::new(ItemKind::Contact(Box::new(theirs)))).await?;
    api.patch(&path, &json!({"company": "Analytical Engines"})).await?;
    run(api, "contacts").await?;
    let merged = eventually("both edits here", async || {
        let now = found(api).await?;
        Ok(now.filter(|now| now.pointer("/contact/phones/mobile").is_some()))
    })
    .await?;
    eventually("both edits there", async || {
        let now = contact(mail).await?;
        let both = match &now.kind {
            ItemKind::Contact(fields) => fields.company_name.is_some() && !fields.phone_numbers.is_empty(),
            _ => false,
        };
        Ok(both.then_some(()))
    })
    .await?;
    let sentence = "Alice adds a telephone, somebody here the company: both sides have both";
    Ok(((), Told::new(sentence, json!({"provenance": merged.get("provenance")}))))
}

async fn found(api: &Api) -> Result<Option<Value>, Refusal> {
    let listed = api.get("/api/v1/mailboxes/1001/contacts?search=Ada").await?;
    Ok(items(&listed).first().cloned())
}

/// Deleted in the mail client, gone here, restored, there again.
async fn undo(api: &Api, mail: &MailClient, item: &ItemId) -> Result<((), Told), Refusal> {
    mail.delete(item).await?;
    run(api, "contacts").await?;
    eventually("the deletion", async || Ok(found(api).await?.is_none().then_some(()))).await?;
    let deletions = api.get("/api/v1/mailboxes/1001/deletions").await?;
    let deletion = items(&deletions).first().map(|one| text(one, "id")).unwrap_or_default();
    let restored = api.post(&format!("/api/v1/deletions/{}/restore", segment(&deletion)), &json!({})).await?;
    run(api, "contacts").await?;
    contact(mail).await?;
    let sentence = "Alice deletes Ada: gone on both sides, and back on both with one command";
    Ok(((), Told::new(sentence, json!({"deletion": deletion, "restored": restored}))))
}

/// A meeting that alice puts into her own calendar moves her location while it lasts.
async fn location(api: &Api, mail: &MailClient) -> Result<((), Told), Refusal> {
    let now = SystemClock.now();
    let at = |minutes: i64| {
        let at = now.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(now);
        Some(DateTime::from(at))
    };
    let meeting = CalendarItem {
        start: at(-10),
        end: at(50),
        legacy_free_busy_status: Some(LegacyFreeBusyStatus::Busy),
        ..CalendarItem::default()
    };
    let mut item = Item::new(ItemKind::CalendarItem(Box::new(meeting)));
    item.subject = Some("Review".to_owned());
    let before = whereabouts(api).await?;
    let id = mail.create(DistinguishedFolderName::Calendar, item).await?;
    run(api, "calendar").await?;
    let during = eventually("the location of the meeting", async || {
        let now = whereabouts(api).await?;
        Ok((text(&now, "location") == "meeting").then_some(now))
    })
    .await?;
    let over = CalendarItem { end: at(-1), ..CalendarItem::default() };
    mail.set(&id, FieldUri::CALENDAR_END, Item::new(ItemKind::CalendarItem(Box::new(over)))).await?;
    run(api, "calendar").await?;
    let after = eventually("the way back", async || {
        let now = whereabouts(api).await?;
        Ok((text(&now, "location") == text(&before, "location")).then_some(now))
    })
    .await?;
    let (was, is, back) = (text(&before, "location"), text(&during, "location"), text(&after, "location"));
    let sentence =
        format!("A meeting in her calendar moves her location: {was}, {is}, and {back} when it ends");
    Ok(((), Told::new(sentence, json!({"before": before, "during": during, "after": after}))))
}

async fn whereabouts(api: &Api) -> Result<Value, Refusal> {
    api.get("/api/v1/mailboxes/1001/location").await
}
