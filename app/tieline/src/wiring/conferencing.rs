//! The conferencing job, from the configuration.

use std::sync::Arc;

use jiff::SignedDuration;
use tieline_conferencing::answer::Bridge;
use tieline_conferencing::{ConferenceSettings, Conferencing, ConferencingParts, Policy, WatchPolicy};
use tieline_model::{Clock, Ids, Refusal};
use tieline_ports::{ConferenceMailbox, Directory};
use tieline_store::Store;

use super::read_file;
use crate::config;

/// The job; `None` when there is no conference mailbox.
pub(super) fn conferencing(
    config: &config::Conferencing,
    store: &Store,
    mail: Arc<dyn ConferenceMailbox>,
    directory: Option<Arc<dyn Directory>>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
) -> Result<Option<Conferencing>, Refusal> {
    let Some(mailbox) = &config.mailbox else { return Ok(None) };
    let mailbox = mailbox.parse().map_err(|error: tieline_model::AddressError| {
        Refusal::operator("config-invalid", error.to_string(), "correct [conferencing] mailbox")
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
        mail,
        directory,
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
        },
    })))
}
