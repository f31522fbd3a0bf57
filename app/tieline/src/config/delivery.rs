use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

/// How messages travel to the mail server and how their state comes back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Delivery {
    /// This node exchanges messages, contacts and calendars with mail servers. When it does not, it takes messages in,
    /// keeps them and tells the lights; another node, or this one later, does the rest.
    pub enabled: bool,
    /// How many mailboxes are served at the same time.
    pub parallel_mailboxes: usize,
    /// How long one request to the mail server may take, in seconds.
    pub request_within_s: u64,
    /// A request whose answer was lost may still take effect for so many seconds; nothing is sent again before.
    pub late_effect_bound_s: u64,
    /// The first pause after a failure, in milliseconds; it doubles with each further failure.
    pub first_retry_ms: u64,
    /// The longest pause between tries, in seconds.
    pub retry_at_most_s: u64,
    /// Each mailbox is read so often, in seconds, whatever the server's notifications say; where that would be more than
    /// four mailboxes a second, less often.
    pub read_every_s: u64,
    /// A snapshot of a mailbox's contacts or calendar is taken before the first write that is so many seconds after the
    /// last one.
    pub snapshot_every_s: u64,
    /// A work lease lasts so many seconds; after a crash another node takes over when it ends.
    pub lease_s: u64,
    /// Requests to one mail server at the same time.
    pub parallel_requests: usize,
    /// Requests for one mailbox at the same time.
    pub parallel_requests_per_mailbox: usize,
    /// This node as the Exchange servers reach it, as https://tieline.corp.example: they then post their notifications
    /// there. Without it, Tieline keeps connections to them open.
    pub push_url: Option<String>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            enabled: true,
            parallel_mailboxes: 16,
            request_within_s: 30,
            late_effect_bound_s: 60,
            first_retry_ms: 500,
            retry_at_most_s: 300,
            read_every_s: 240,
            snapshot_every_s: 86_400,
            lease_s: 30,
            parallel_requests: 20,
            parallel_requests_per_mailbox: 4,
            push_url: None,
        }
    }
}

impl Delivery {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        for (name, value, low, high) in [
            ("parallel_mailboxes", self.parallel_mailboxes as u64, 1, 1_000),
            ("request_within_s", self.request_within_s, 1, 600),
            ("late_effect_bound_s", self.late_effect_bound_s, 1, 3_600),
            ("first_retry_ms", self.first_retry_ms, 10, 600_000),
            ("retry_at_most_s", self.retry_at_most_s, 1, 86_400),
            ("read_every_s", self.read_every_s, 1, 86_400),
            ("snapshot_every_s", self.snapshot_every_s, 1, 31 * 86_400),
            ("lease_s", self.lease_s, 2, 600),
            ("parallel_requests", self.parallel_requests as u64, 1, 1_000),
            ("parallel_requests_per_mailbox", self.parallel_requests_per_mailbox as u64, 1, 27),
        ] {
            super::within("delivery", name, value, low, high)?;
        }
        let scheme = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if self.push_url.as_ref().is_some_and(|url| !scheme(url)) {
            return Err(Refusal::operator(
                "config-invalid",
                "[delivery] push_url is no address",
                "write it as https://tieline.corp.example",
            ));
        }
        Ok(())
    }
}
