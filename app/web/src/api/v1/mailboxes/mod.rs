//! Mailboxes, their settings and lights.

mod change;
mod check;
mod create;
mod light;
mod list;
mod location;
mod remove;
mod resume;
mod resync;
mod show;
mod sip_password;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_model::settings::{EffectiveSettings, effective};
use tieline_model::{FeatureGroup, LightState, Mailbox, Refusal, StorageMode, SyncSettings, UserType};
use tieline_store::MailboxHealth;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::feature_groups::{self, address, merged};
use super::{schema, unknown};
use crate::extract::object;
use crate::problem::{Refused, bad_request};
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(show::show, change::change, remove::remove))
        .routes(routes!(check::check))
        .routes(routes!(light::light))
        .routes(routes!(location::location, location::say))
        .routes(routes!(resync::resync))
        .routes(routes!(resume::resume))
        .routes(routes!(sip_password::sip_password))
}

/// A mailbox with what holds for it and how it fares.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MailboxView {
    /// `mb_…`
    id: String,
    /// The number that callers dial.
    number: String,
    /// "User Name": the mail server's mailbox.
    address: String,
    /// The person's name.
    display_name: String,
    /// `fg_…`
    feature_group: String,
    /// The group's name.
    feature_group_name: String,
    /// messaging, messaging-collab, voice-only or collab.
    #[schema(value_type = String)]
    user_type: UserType,
    /// "Storage Mode": synchronization, local-only or mail-only.
    #[schema(value_type = String)]
    storage_mode: StorageMode,
    /// "Use Feature Group settings for IMAP".
    use_group_settings: bool,
    /// The mailbox's own settings; they count when `use_group_settings` is off.
    #[schema(value_type = schema::Settings)]
    settings: SyncSettings,
    /// SIP addresses whose lamps follow this mailbox.
    light_targets: Vec<String>,
    /// Whether it is switched on.
    enabled: bool,
    /// What holds, each value with where it was said.
    #[schema(value_type = schema::EffectiveSettings)]
    effective: EffectiveSettings,
    /// How it fares, since when, and why.
    #[schema(value_type = schema::Health)]
    health: Value,
    /// What its lamps should show: on or off with `new` and `old`, or unknown.
    #[schema(value_type = schema::Light)]
    light: LightState,
    /// What a person should know although it was saved.
    #[schema(value_type = Vec<schema::Refusal>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Refusal>,
}

impl MailboxView {
    async fn new(web: &Web, mailbox: Mailbox, warnings: Vec<Refusal>) -> Result<Self, Refused> {
        let group = group_of(web, &mailbox).await?;
        let health = web.store.mailbox_health(mailbox.id).await?;
        let light = web.messaging.light(mailbox.id).await?;
        Ok(Self {
            id: mailbox.id.to_string(),
            effective: effective(&mailbox, &group),
            number: mailbox.number,
            address: mailbox.address.to_string(),
            display_name: mailbox.display_name,
            feature_group: mailbox.feature_group.to_string(),
            feature_group_name: group.name,
            user_type: mailbox.user_type,
            storage_mode: mailbox.storage_mode,
            use_group_settings: mailbox.use_group_settings,
            settings: mailbox.settings,
            light_targets: mailbox.light_targets,
            enabled: mailbox.enabled,
            health: health_json(health.as_ref()),
            light,
            warnings,
        })
    }
}

/// A mailbox that was never looked at is pending, not well.
fn health_json(health: Option<&MailboxHealth>) -> Value {
    match health {
        Some(health) => serde_json::json!({
            "state": health.state.name(),
            "since": health.since,
            "checked": health.checked,
            "cause": health.cause.as_ref().map(ToString::to_string),
        }),
        None => serde_json::json!({ "state": "pending" }),
    }
}

/// What is said of a mailbox; what is left out keeps its value or default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MailboxBody {
    /// The number that callers dial.
    number: Option<String>,
    /// The mail server's mailbox, as user@domain.
    address: Option<String>,
    /// The person's name.
    display_name: Option<String>,
    /// The feature group, by name or id.
    feature_group: Option<String>,
    /// messaging, messaging-collab, voice-only or collab.
    #[schema(value_type = Option<String>)]
    user_type: Option<UserType>,
    /// synchronization, local-only or mail-only.
    #[schema(value_type = Option<String>)]
    storage_mode: Option<StorageMode>,
    /// "Use Feature Group settings for IMAP".
    use_group_settings: Option<bool>,
    /// The mailbox's own settings.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<schema::Settings>)]
    settings: Option<SyncSettings>,
    /// SIP addresses whose lamps follow.
    light_targets: Option<Vec<String>>,
    /// Whether it is switched on.
    enabled: Option<bool>,
}

impl MailboxBody {
    /// The most lamps of one mailbox.
    const MOST_LIGHTS: usize = 32;

    async fn apply(self, web: &Web, mailbox: &mut Mailbox) -> Result<(), Refused> {
        if let Some(number) = self.number {
            mailbox.number = check_number(number)?;
        }
        if let Some(text) = self.address {
            mailbox.address = address(&text)?;
        }
        if let Some(group) = self.feature_group {
            mailbox.feature_group = feature_groups::find(web, &group).await?.id;
        }
        if let Some(name) = self.display_name {
            if name.chars().count() > 200 || name.chars().any(char::is_control) {
                return Err(bad_request(
                    "the name is longer than 200 characters or holds control characters",
                ));
            }
            mailbox.display_name = name;
        }
        if let Some(targets) = self.light_targets {
            if targets.len() > Self::MOST_LIGHTS {
                return Err(bad_request(format!("more than {} lights", Self::MOST_LIGHTS)));
            }
            targets.iter().try_for_each(|target| check_target(target))?;
            mailbox.light_targets = targets;
        }
        mailbox.user_type = self.user_type.unwrap_or(mailbox.user_type);
        mailbox.storage_mode = self.storage_mode.unwrap_or(mailbox.storage_mode);
        mailbox.use_group_settings = self.use_group_settings.unwrap_or(mailbox.use_group_settings);
        mailbox.enabled = self.enabled.unwrap_or(mailbox.enabled);
        if let Some(settings) = &self.settings {
            mailbox.settings = merged(&mailbox.settings, settings);
        }
        mailbox.may_synchronize()?;
        Ok(())
    }
}

fn check_number(number: String) -> Result<String, Refused> {
    let plain = number.chars().all(|c| c.is_ascii_alphanumeric() || "+*#.-_".contains(c));
    if plain && (1..=32).contains(&number.len()) {
        return Ok(number);
    }
    let what = format!("{:?} is not a number", number.chars().take(40).collect::<String>());
    Err(Refusal::permanent("bad-number", what, "write 1 to 32 digits, letters or + * # . - _").into())
}

fn check_target(target: &str) -> Result<(), Refused> {
    // `publish:` before it means the presence server.
    let uri = target.strip_prefix("publish:").unwrap_or(target);
    let scheme = uri.strip_prefix("sip:").or_else(|| uri.strip_prefix("sips:"));
    let good = scheme.is_some_and(|rest| {
        (1..=200).contains(&rest.len())
            && rest.chars().all(|c| c.is_ascii_graphic() && !"<>\"\\,".contains(c))
    });
    if good {
        return Ok(());
    }
    let what = format!("{:?} is not a SIP address", target.chars().take(80).collect::<String>());
    Err(Refusal::permanent(
        "bad-light",
        what,
        "write it as sip:1001@10.0.0.5 or sip:1001@10.0.0.5;transport=tcp",
    )
    .into())
}

/// By id, number or address.
pub(super) async fn find(web: &Web, reference: &str) -> Result<Mailbox, Refused> {
    if let Ok(id) = reference.parse() {
        return web.store.mailbox(id).await?.ok_or_else(|| unknown("mailbox", reference));
    }
    if let Some(mailbox) = web.store.mailbox_by_number(reference).await? {
        return Ok(mailbox);
    }
    match reference.parse() {
        Ok(address) => {
            web.store.mailbox_by_address(&address).await?.ok_or_else(|| unknown("mailbox", reference))
        }
        Err(_) => Err(unknown("mailbox", reference)),
    }
}

async fn group_of(web: &Web, mailbox: &Mailbox) -> Result<FeatureGroup, Refused> {
    let group = web.store.feature_group(mailbox.feature_group).await?;
    group.ok_or_else(|| unknown("feature group", &mailbox.feature_group.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lights_cannot_smuggle_headers() {
        assert!(check_target("sip:1001@10.0.0.5:5060;transport=tcp").is_ok());
        assert!(check_target("publish:sip:1001@pbx.example").is_ok());
        for bad in ["1001", "publish:1001", "http://x", "sip:", "sip:a\r\nX: y", "sip:a b", "sip:<a>"] {
            assert!(check_target(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn numbers_are_short_and_plain() {
        assert!(check_number("+49-30-1234".into()).is_ok());
        for bad in ["", "10 01", "1001\n", "../../etc", &"1".repeat(33)] {
            assert!(check_number(bad.into()).is_err(), "{bad:?}");
        }
    }
}
