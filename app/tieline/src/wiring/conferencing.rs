//! The conferencing job, from the configuration.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tieline_bridge::{BigBlueButton, BigBlueButtonAccount, Checksum, SipBridge};
use tieline_conferencing::answer::Bridge;
use tieline_conferencing::{
    ConferenceSettings, Conferencing, ConferencingParts, DoorPolicy, Policy, WatchPolicy,
};
use tieline_connectors::ews::Exchange;
use tieline_model::{Clock, Ids, Refusal, TlsTrust};
use tieline_ports::{ConferenceBridge, ConferenceMailbox, Directory, SubscriptionWay};
use tieline_store::Store;

use super::read_file;
use super::trust_files::TrustFiles;
use crate::config;

/// The job; `None` when there is no conference mailbox.
pub(super) fn conferencing(
    config: &config::Config,
    trust_files: &TrustFiles,
    store: &Store,
    exchange: Arc<Exchange>,
    directory: Option<Arc<dyn Directory>>,
    (clock, ids): (&Arc<dyn Clock>, &Arc<dyn Ids>),
) -> Result<Option<Conferencing>, Refusal> {
    let (public_url, push_url) = (config.sign_in.public_url.clone(), &config.delivery.push_url);
    let config = &config.conferencing;
    let Some(mailbox) = &config.mailbox else { return Ok(None) };
    let mailbox = mailbox.parse().map_err(|error: tieline_model::AddressError| {
        Refusal::operator("config-invalid", error.to_string(), "correct [conferencing] mailbox")
    })?;
    let watched_rooms = config.watch_rooms.iter().map(|room| room.parse()).collect::<Result<_, _>>();
    let watched_rooms = watched_rooms.map_err(|error: tieline_model::AddressError| {
        Refusal::operator("config-invalid", error.to_string(), "correct [conferencing] watch_rooms")
    })?;
    let policy = match &config.policy_file {
        None => Policy::default(),
        Some(file) => {
            let text = String::from_utf8_lossy(&read_file(file)?).into_owned();
            Policy::parse(&text).map_err(|error| {
                let next = "correct the policy file";
                Refusal::operator("policy-invalid", error.to_string(), next).at(file.display().to_string())
            })?
        }
    };
    let seconds = |seconds: u64| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    Ok(Some(Conferencing::new(ConferencingParts {
        store: store.clone(),
        mail: Arc::clone(&exchange) as Arc<dyn ConferenceMailbox>,
        calendars: exchange,
        directory,
        bridge: config.bridge.as_ref().map(|config| bridge(config, trust_files)).transpose()?,
        clock: Arc::clone(clock),
        ids: Arc::clone(ids),
        settings: ConferenceSettings {
            mailbox,
            feature_group: config.feature_group.clone(),
            policy,
            bridge: Bridge {
                sip_domain: config.sip_domain.clone(),
                h323_gateway: config.h323_gateway.clone(),
                telephones: config.telephones.clone(),
                web: config.web.clone(),
            },
            watch: WatchPolicy {
                touch_after: seconds(config.touch_after_s),
                degraded_after: seconds(config.degraded_after_s),
                check_every: seconds(config.check_every_s),
            },
            subscription: match config.subscription {
                Some(config::Subscription::Pull) => {
                    SubscriptionWay::Pull { every: Duration::from_secs(config.pull_every_s) }
                }
                Some(config::Subscription::Push) => SubscriptionWay::Push,
                None if push_url.is_some() => SubscriptionWay::Push,
                Some(config::Subscription::Streaming) | None => SubscriptionWay::Streaming,
            },
            door: DoorPolicy {
                before: seconds(60 * config.opens_before_min),
                after: seconds(60 * config.closes_after_min),
            },
            public_url,
            office_library: config.office_library.clone(),
            outlook_hosts: config.outlook_hosts.clone(),
            insert_join_data: config.insert_join_data,
            watched_rooms,
            forgotten_after: seconds(config.forgotten_after_s),
            keep_meetings: seconds(config.keep_meetings_days * 24 * 3600),
        },
    })))
}

/// The bridge behind its port.
fn bridge(config: &config::Bridge, trust_files: &TrustFiles) -> Result<Arc<dyn ConferenceBridge>, Refusal> {
    match config.kind {
        config::BridgeKind::Sip => Ok(Arc::new(SipBridge::new(config.address.clone().unwrap_or_default()))),
        config::BridgeKind::BigBlueButton => {
            let secret = match &config.secret_file {
                Some(file) => String::from_utf8_lossy(&read_file(file)?).trim().to_owned(),
                None => String::new(),
            };
            Ok(Arc::new(BigBlueButton::new(BigBlueButtonAccount {
                url: config.api.clone().unwrap_or_default(),
                tls: TlsTrust::System,
                trust_store: trust_files.store(config.ca_file.as_deref())?,
                secret: secret.into(),
                checksum: match config.checksum {
                    config::BridgeChecksum::Sha1 => Checksum::Sha1,
                    config::BridgeChecksum::Sha256 => Checksum::Sha256,
                },
                sip: config.address.clone(),
            })?))
        }
    }
}
