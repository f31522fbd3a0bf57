//! GetUserOofSettings, SetUserOofSettings, and the automatic replies themselves.

use jiff::{Timestamp, tz::TimeZone};
use sqlx::SqliteConnection;
use tieline_proto_ews::{
    DateTime, NoPayload, ResponseCode,
    operations::{Duration, ExternalAudience, OofState, ReplyBody, SetUserOofSettings, UserOofSettings},
};

use super::super::context::{Context, Failure, refuse};
use crate::{
    content::Incoming,
    delivery::{is_ours, recipients},
    document::{Document, escape},
    kept,
    mime::{listed, recipients_fragment},
    store::{folder, item, mailbox::Mailbox, setting},
};

const SETTING: &str = "oof";
/// Who got a reply since the settings were set: addresses, a line each.
const REPLIED: &str = "oof-replied";
const DAY_MS: i64 = 86_400_000;

/// GetUserOofSettings.
pub(crate) async fn get(cx: &mut Context, address: &str) -> Result<UserOofSettings, Failure> {
    cx.check_owner(address)?;
    let mut settings = load(&mut cx.tx, cx.own.mailbox).await?;
    // Exchange always names a time: where none is set, from now on for a day.
    if settings.duration.is_none() {
        settings.duration =
            Some(Duration { start_time: date_time(cx.now_ms), end_time: date_time(cx.now_ms + DAY_MS) });
    }
    let empty = || Some(ReplyBody { lang: None, message: Some(String::new()) });
    settings.internal_reply = settings.internal_reply.or_else(empty);
    settings.external_reply = settings.external_reply.or_else(empty);
    Ok(settings)
}

/// A mailbox's settings, or those of a new mailbox.
pub(crate) async fn load(tx: &mut SqliteConnection, mailbox: i64) -> Result<UserOofSettings, sqlx::Error> {
    let settings = kept::load(tx, mailbox, SETTING).await?;
    Ok(settings.unwrap_or_else(|| UserOofSettings {
        external_audience: ExternalAudience::All,
        ..Default::default()
    }))
}

/// SetUserOofSettings.
pub(crate) async fn set(cx: &mut Context, request: SetUserOofSettings) -> Result<NoPayload, Failure> {
    cx.check_owner(&request.mailbox.address)?;
    let mut settings = request.user_oof_settings;
    if matches!(settings.oof_state, OofState::Other(_))
        || matches!(settings.external_audience, ExternalAudience::Other(_))
    {
        return Err(refuse(ResponseCode::ErrorInvalidOofParameter, "The settings hold an unknown value."));
    }
    if settings.oof_state == OofState::Scheduled {
        let span = settings.duration.as_ref().and_then(span);
        if !span.is_some_and(|(start, end)| start < end && end > cx.now_ms) {
            return Err(refuse(
                ResponseCode::ErrorInvalidScheduledOofDuration,
                "The duration of scheduled automatic replies must end after its start and in the future.",
            ));
        }
        // As Exchange gives it back: in UTC, with whole seconds.
        settings.duration =
            span.map(|(start, end)| Duration { start_time: date_time(start), end_time: date_time(end) });
    } else {
        settings.duration = None;
    }
    kept::keep(&mut cx.tx, cx.own.mailbox, SETTING, &settings).await?;
    setting::remove(&mut cx.tx, cx.own.mailbox, REPLIED).await?;
    Ok(NoPayload)
}

fn date_time(ms: i64) -> Option<DateTime> {
    Timestamp::from_second(ms.div_euclid(1000)).ok().map(DateTime::from)
}

fn span(duration: &Duration) -> Option<(i64, i64)> {
    let ms = |time: &Option<DateTime>| Some(time.as_ref()?.timestamp_in(&TimeZone::UTC)?.as_millisecond());
    Some((ms(&duration.start_time)?, ms(&duration.end_time)?))
}

/// Whether replies are sent at this time.
pub(crate) fn is_on(settings: &UserOofSettings, now_ms: i64) -> bool {
    match settings.oof_state {
        OofState::Enabled => true,
        OofState::Scheduled => settings
            .duration
            .as_ref()
            .and_then(span)
            .is_some_and(|(start, end)| (start..end).contains(&now_ms)),
        _ => false,
    }
}

/// The text that a sender of this address gets, if any.
pub(crate) async fn reply_for(
    tx: &mut SqliteConnection,
    owner: &Mailbox,
    settings: &UserOofSettings,
    sender: &str,
) -> Result<Option<String>, sqlx::Error> {
    let external = match settings.external_audience {
        _ if is_ours(sender) => false,
        ExternalAudience::None => return Ok(None),
        ExternalAudience::Known if !is_contact(tx, owner, sender).await? => return Ok(None),
        _ => true,
    };
    let reply = if external { &settings.external_reply } else { &settings.internal_reply };
    let text = reply.as_ref().and_then(|reply| reply.message.clone());
    Ok(text.filter(|text| !text.trim().is_empty()))
}

async fn is_contact(tx: &mut SqliteConnection, owner: &Mailbox, sender: &str) -> Result<bool, sqlx::Error> {
    let Some(contacts) = folder::by_distinguished(tx, owner.mailbox, "contacts").await? else {
        return Ok(false);
    };
    let rows = item::of_folder(tx, &contacts, false, true).await?;
    Ok(rows.iter().any(|row| {
        let document = Document::from_bytes(&row.document);
        let texts = document.texts_below("EmailAddresses", &["Entry"]);
        texts.iter().any(|address| address.eq_ignore_ascii_case(sender))
    }))
}

/// The automatic reply to a delivered message: once per sender, never to lists, never to what is automatic itself.
pub(crate) async fn reply(
    tx: &mut SqliteConnection,
    owner: &Mailbox,
    delivered: &Incoming,
    now_ms: i64,
) -> Result<Option<Document>, sqlx::Error> {
    let Some((name, sender)) = listed(&delivered.document, "From").into_iter().next() else {
        return Ok(None);
    };
    let named = recipients(&delivered.document).contains(&owner.address.to_lowercase());
    if !named || sender.eq_ignore_ascii_case(&owner.address) {
        return Ok(None);
    }
    let settings = load(tx, owner.mailbox).await?;
    if !is_on(&settings, now_ms) {
        return Ok(None);
    }
    let mut replied = setting::get(tx, owner.mailbox, REPLIED).await?.unwrap_or_default();
    let line = sender.to_lowercase();
    if replied.lines().any(|known| known == line) {
        return Ok(None);
    }
    let Some(text) = reply_for(tx, owner, &settings, &sender).await? else { return Ok(None) };
    replied.push_str(&line);
    replied.push('\n');
    setting::put(tx, owner.mailbox, REPLIED, &replied).await?;
    let subject = delivered.content.subject.as_deref().unwrap_or_default();
    let mut document = Document { kind: "Message".to_owned(), ..Document::default() };
    document.set_text("Subject", &format!("Automatic reply: {subject}"));
    document.set_text("ItemClass", "IPM.Note.Rules.OofTemplate.Microsoft");
    let to = [(name, sender)];
    document.parts.insert("ToRecipients".to_owned(), recipients_fragment("ToRecipients", &to));
    let text = text.trim_start_matches('\u{feff}');
    let kind = if text.trim_start().starts_with('<') { "HTML" } else { "Text" };
    let body = format!("<t:Body BodyType=\"{kind}\">{}</t:Body>", escape(text));
    document.parts.insert("Body".to_owned(), body);
    if let Some(id) = delivered.document.text("InternetMessageId") {
        document.set_text("InReplyTo", &id);
        document.set_text("References", &id);
    }
    Ok(Some(document))
}
