//! The first job's tour: one voice message from its deposit to the lamp that goes out, and what a crash cannot break.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tieline_lab::{Fault, FaultKind, Lamp, Phone};
use tieline_model::Refusal;
use tieline_proto_ews::{Attachment, Item, ItemId};

use super::mail_client::{MailClient, caller_property, duration_property};
use super::site::{Site, failed};
use super::story::{Story, Told};
use crate::commands::explain;
use crate::output::text;

/// What is left for alice.
pub(super) struct Recording {
    name: String,
    content: Bytes,
}

impl Recording {
    pub(super) fn built_in() -> Self {
        let content = Bytes::from(tieline_audio::sample::chime(Duration::from_secs(4)));
        Self { name: "chime.wav".to_owned(), content }
    }

    pub(super) fn read(path: &Path) -> Result<Self, Refusal> {
        let content = std::fs::read(path).map_err(|error| {
            let what = format!("the recording cannot be read: {error}");
            Refusal::permanent("file-unreadable", what, "name a readable file").at(path.display().to_string())
        })?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, content: content.into() })
    }
}

const USER: &str = "alice@lab.example";
const PASSWORD: &str = "lab-password";
/// Everything happens on one machine; what takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn tour(story: &mut Story, mut site: Site, recording: Recording) -> Result<Site, Refusal> {
    let phone = site.phone("alice")?;
    let ews = site.lab.ready().ews_http.clone().unwrap_or_default();
    let mail = user_client(&site)?;
    site.token = story.step("settings", set_up(&site, &ews, &phone)).await?;
    story.step("checks", check(&site)).await?;
    let message = story.step("deposit", deposit(&site, &recording, "5551234")).await?;
    story.step("light-on", lamp(&phone, "on", 1, 0)).await?;
    let item = story.step("item-in-inbox", item_in_inbox(&mail)).await?;
    story.step("light-off", open(&mail, &item, &phone)).await?;
    story.step("crash", crash(&mut site, &recording, &mail)).await?;
    let chain = story.step("explain", explain(&site, &message)).await?;
    if !story.out().json() {
        let shown = explain::chain(story.out(), &chain);
        story.out().line(&shown.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n"));
    }
    Ok(site)
}

/// Alice's mail client.
pub(super) fn user_client(site: &Site) -> Result<MailClient, Refusal> {
    let ews = site.lab.ready().ews_http.clone().unwrap_or_default();
    let user = USER.parse().map_err(|error| failed(error, "report this line"))?;
    MailClient::new(&ews, &user, PASSWORD)
}

/// Endpoint, feature group and mailbox, as an administrator makes them.
async fn set_up(site: &Site, ews: &str, phone: &Phone) -> Result<(String, Told), Refusal> {
    let api = site.api()?;
    let url = tieline_transport::Endpoint::parse(ews).map_err(|error| failed(error, "report this line"))?;
    let endpoint =
        json!({"name": "lab", "address": format!("ews:{}", url.host()), "port": url.port(), "https": false});
    let endpoint = api.post("/api/v1/endpoints", &endpoint).await?;
    let group = json!({"name": "Staff", "endpoint": "lab", "account": "svc-tieline@lab.example",
        "password": PASSWORD, "password_confirm": PASSWORD});
    api.post("/api/v1/feature-groups", &group).await?;
    let mailbox = json!({"number": "1001", "address": USER, "display_name": "Alice", "feature_group": "Staff",
        "light_targets": [phone.uri()]});
    api.post("/api/v1/mailboxes", &mailbox).await?;
    let token = api.post("/api/v1/tokens", &json!({"name": "demo", "role": "admin"})).await?;
    let told = Told::new(
        "Endpoint lab, feature group Staff and mailbox 1001 (alice@lab.example) are set up",
        json!({"endpoint": endpoint}),
    );
    Ok((text(&token, "token"), told))
}

/// The server signs in and may act for alice.
async fn check(site: &Site) -> Result<((), Told), Refusal> {
    let api = site.api()?;
    let endpoint = api.post("/api/v1/endpoints/lab/check", &json!({})).await?;
    let mailbox = api.post("/api/v1/mailboxes/1001/check", &json!({})).await?;
    let findings: Vec<&Value> = [&endpoint, &mailbox]
        .into_iter()
        .flat_map(|answer| answer.get("findings").and_then(Value::as_array).into_iter().flatten())
        .collect();
    if let Some(bad) = findings.iter().find(|finding| finding.get("ok") != Some(&Value::Bool(true))) {
        return Err(failed(text(bad, "detail"), "report this line"));
    }
    let version =
        findings.iter().find(|finding| text(finding, "name") == "version").map(|f| text(f, "detail"));
    let sentence = format!(
        "Signed in to {}; may impersonate alice, whose password it does not know",
        version.unwrap_or_default()
    );
    Ok(((), Told::new(sentence, json!({ "findings": findings }))))
}

async fn deposit(site: &Site, recording: &Recording, caller: &str) -> Result<(String, Told), Refusal> {
    let message = json!({"mailbox": "1001", "caller": {"number": caller, "name": "Carol Caller"}});
    let content = (recording.name.as_str(), recording.content.clone());
    let answer = site.api()?.form("/api/v1/messages", &message, Some(content)).await?;
    let seconds = answer.get("duration_ms").and_then(Value::as_u64).unwrap_or(0) as f64 / 1000.0;
    let id = text(&answer, "id");
    let sentence = format!("Carol calls 1001 and leaves {seconds:.1} s: accepted as {id}");
    Ok((id, Told::new(sentence, answer)))
}

async fn lamp(phone: &Phone, word: &str, new: u32, old: u32) -> Result<((), Told), Refusal> {
    let shown = wait_for_lamp(phone, word == "on", new, old).await?;
    let sentence = format!("Alice's desk phone: light {word}, {new} new, {old} old");
    let detail = json!({"on": shown.on, "new": shown.new, "old": shown.old, "call_id": shown.call_id});
    Ok(((), Told::new(sentence, detail)))
}

async fn wait_for_lamp(phone: &Phone, on: bool, new: u32, old: u32) -> Result<Lamp, Refusal> {
    let wanted = |lamp: &Lamp| lamp.on == on && lamp.new == Some(new) && lamp.old == Some(old);
    let shown = tokio::time::timeout(PATIENCE, phone.wait_for(wanted)).await.ok().flatten();
    shown.ok_or_else(|| {
        let last = phone.lamp().map(|lamp| format!("on {}, {:?}/{:?}", lamp.on, lamp.new, lamp.old));
        failed(format!("the lamp shows {last:?}, not {new}/{old}"), "report this line")
    })
}

/// Reads the Inbox until so many items are there.
async fn inbox_of(mail: &MailClient, count: usize) -> Result<Vec<Item>, Refusal> {
    let begun = Instant::now();
    loop {
        let items = mail.inbox().await?;
        if items.len() >= count {
            return Ok(items);
        }
        if begun.elapsed() > PATIENCE {
            return Err(failed(
                format!("the Inbox holds {} items, not {count}", items.len()),
                "report this line",
            ));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn item_in_inbox(mail: &MailClient) -> Result<(ItemId, Told), Refusal> {
    let items = inbox_of(mail, 1).await?;
    let item = items.first().ok_or_else(|| failed("the Inbox is empty", "report this line"))?;
    let id = item.item_id.clone().ok_or_else(|| failed("the item has no id", "report this line"))?;
    let class = item.item_class.clone().unwrap_or_default();
    let property = |uri| item.extended_property(&uri).and_then(|property| property.value.clone());
    let duration = property(duration_property()).unwrap_or_default();
    let caller = property(caller_property()).unwrap_or_default();
    let attachment = item.attachments.iter().find_map(|attachment| match attachment {
        Attachment::File(file) => {
            Some((file.attachment.name.clone().unwrap_or_default(), file.attachment.size.unwrap_or(0)))
        }
        _ => None,
    });
    let (name, size) = attachment.ok_or_else(|| failed("the item has no attachment", "report this line"))?;
    let sentence = format!("In her Inbox: {class}, from {caller}, {duration} s, {size} bytes of sound");
    let detail = json!({"class": class, "caller": caller, "seconds": duration, "attachment": name, "bytes": size,
        "subject": item.subject});
    Ok((id, Told::new(sentence, detail)))
}

async fn open(mail: &MailClient, item: &ItemId, phone: &Phone) -> Result<((), Told), Refusal> {
    mail.open(item).await?;
    let shown = wait_for_lamp(phone, false, 0, 1).await?;
    let sentence = "Alice opens it in her mail client: light off, 0 new, 1 old";
    Ok(((), Told::new(sentence, json!({"on": shown.on, "new": shown.new, "old": shown.old}))))
}

/// The mail server swallows its answer, the server is killed with work in hand and started again: one item, not two.
async fn crash(site: &mut Site, recording: &Recording, mail: &MailClient) -> Result<((), Told), Refusal> {
    site.lab.faults().add(Fault::once(FaultKind::LostResponse, "CreateItem"));
    let (message, _) = deposit(site, recording, "5559876").await?;
    inbox_of(mail, 2).await?;
    let pid = site.kill().await?;
    site.start_again().await?;
    let begun = Instant::now();
    let delivered = loop {
        let answer = site.api()?.get(&format!("/api/v1/messages/{message}")).await?;
        if text(&answer, "delivery.state") == "delivered" {
            break answer;
        }
        if begun.elapsed() > PATIENCE {
            return Err(failed(
                format!("delivery is {}", text(&answer, "delivery.state")),
                "report this line",
            ));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let items = mail.inbox().await?.len();
    if items != 2 {
        return Err(failed(format!("the Inbox holds {items} items after two messages"), "report this line"));
    }
    let sentence = "Answer lost, server killed with work in hand, started again: one item, not two";
    Ok((
        (),
        Told::new(
            sentence,
            json!({"killed_pid": pid, "message": message, "items": items, "delivery": delivered.get("delivery")}),
        ),
    ))
}

async fn explain(site: &Site, message: &str) -> Result<(Value, Told), Refusal> {
    let answer = site.api()?.get(&format!("/api/v1/explain/{message}")).await?;
    let decisions = answer.get("chain").and_then(Value::as_array).map_or(0, Vec::len);
    if decisions == 0 {
        return Err(failed("nothing explains the message", "report this line"));
    }
    let sentence = format!("tieline explain: {decisions} decisions on one trace, {}", text(&answer, "trace"));
    Ok((answer.clone(), Told::new(sentence, answer)))
}
