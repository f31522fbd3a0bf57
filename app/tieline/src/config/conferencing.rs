use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

use super::Bridge;

/// Virtual meeting rooms: invitations to the conference mailbox are answered. Without a mailbox nothing is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Conferencing {
    /// The conference mailbox, as conference@corp.example. Exchange's own booking must be off for it
    /// (Set-CalendarProcessing -AutomateProcessing AutoUpdate -DeleteComments $false), else two robots answer.
    pub mailbox: Option<String>,
    /// The feature group whose endpoint and service account reach the mailbox; one of its own is best.
    pub feature_group: String,
    /// The file with the rules by which invitations are answered; without one they are those of the source document.
    pub policy_file: Option<PathBuf>,
    /// The domain of the rooms' SIP addresses: room 7042 is sip:7042@DOMAIN.
    pub sip_domain: Option<String>,
    /// The H.323 gateway that leads to the rooms; "" where the number alone is dialled.
    pub h323_gateway: Option<String>,
    /// The bridge's telephone numbers.
    pub telephones: Vec<String>,
    /// The bridge's web client, with {number} for the room.
    pub web: Option<String>,
    /// The bridge, when Tieline is to let callers into rooms.
    pub bridge: Option<Bridge>,
    /// With a yes, the join data are put into the meeting itself, as its organizer, so that all who are invited have
    /// them. The service account must be allowed to impersonate organizers; where it is not, the answer says so.
    pub insert_join_data: bool,
    /// A meeting's page and its room let people in so long before it begins, in minutes.
    pub opens_before_min: u64,
    /// They are open so long after its end, in minutes.
    pub closes_after_min: u64,
    /// Room mailboxes whose calendars are looked at: who asks for a room there and forgets the conference mailbox is told.
    pub watch_rooms: Vec<String>,
    /// That is told so long after the room has the invitation, in seconds.
    pub forgotten_after_s: u64,
    /// Meetings that have no room any more are forgotten after so many days.
    pub keep_meetings_days: u64,
    /// Where the Outlook add-in has Office's library from.
    pub office_library: String,
    /// The origins at which Outlook on the web shows the add-in; add your own, as https://mail.corp.example.
    pub outlook_hosts: Vec<String>,
    /// How the mailbox tells of new mail: streaming, push (Exchange posts to `[delivery]` push_url), or pull (it is asked).
    /// Without this, push where `[delivery]` push_url is set, else streaming.
    pub subscription: Option<Subscription>,
    /// With pull: from one question to the next, in seconds.
    pub pull_every_s: u64,
    /// After so long a silence of the subscription a marker item is touched that must come back through it, in seconds.
    pub touch_after_s: u64,
    /// After so long a silence the mailbox is checked at an interval, in seconds.
    pub degraded_after_s: u64,
    /// That interval, in seconds.
    pub check_every_s: u64,
}

/// How the conference mailbox tells of new mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subscription {
    /// Through a connection that stays open.
    Streaming,
    /// By posts to `[delivery] push_url`.
    Push,
    /// When it is asked.
    Pull,
}

impl Default for Conferencing {
    fn default() -> Self {
        Self {
            mailbox: None,
            feature_group: "Conferencing".to_owned(),
            policy_file: None,
            sip_domain: None,
            h323_gateway: None,
            telephones: Vec::new(),
            web: None,
            bridge: None,
            insert_join_data: true,
            opens_before_min: 15,
            closes_after_min: 30,
            watch_rooms: Vec::new(),
            forgotten_after_s: 120,
            keep_meetings_days: 90,
            office_library: "https://appsforoffice.microsoft.com/lib/1/hosted/office.js".to_owned(),
            outlook_hosts: [
                "https://outlook.office.com",
                "https://outlook.office365.com",
                "https://outlook.live.com",
            ]
            .map(str::to_owned)
            .to_vec(),
            subscription: None,
            pull_every_s: 5,
            touch_after_s: 20,
            degraded_after_s: 30,
            check_every_s: 240,
        }
    }
}

impl Conferencing {
    /// Whether there is an address at which Exchange could post is another section's.
    pub(super) fn check(&self, is_reached: bool) -> Result<(), Refusal> {
        super::within("conferencing", "degraded_after_s", self.degraded_after_s, 5, 3600)?;
        super::within("conferencing", "touch_after_s", self.touch_after_s, 1, self.degraded_after_s - 1)?;
        match self.subscription {
            Some(Subscription::Push) if !is_reached => {
                let what =
                    "[conferencing] subscription is push, and no address is set at which Exchange could post";
                return Err(Refusal::operator("config-invalid", what, "set [delivery] push_url"));
            }
            // The marker must have time to come back before the silence is too long.
            Some(Subscription::Pull) => {
                let most = self.degraded_after_s - self.touch_after_s;
                super::within("conferencing", "pull_every_s", self.pull_every_s, 1, most.div_ceil(2))?;
            }
            _ => {}
        }
        super::within("conferencing", "opens_before_min", self.opens_before_min, 0, 24 * 60)?;
        super::within("conferencing", "closes_after_min", self.closes_after_min, 0, 24 * 60)?;
        super::within("conferencing", "forgotten_after_s", self.forgotten_after_s, 1, 24 * 3600)?;
        super::within("conferencing", "keep_meetings_days", self.keep_meetings_days, 1, 3660)?;
        for origin in self.outlook_hosts.iter().chain([&self.office_library]) {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/*".contains(c);
            let web = origin.starts_with("https://") || origin.starts_with("http://127.0.0.1:");
            if !web || !origin.chars().all(plain) {
                let what = format!("{origin:?} is not an https address");
                let next = "correct [conferencing] office_library or outlook_hosts";
                return Err(Refusal::operator("config-invalid", what, next));
            }
        }
        super::within("conferencing", "check_every_s", self.check_every_s, 10, 24 * 3600)?;
        self.bridge.as_ref().map_or(Ok(()), Bridge::check)
    }

    pub(super) fn resolve(&mut self, folder: &Path) {
        for file in self.policy_file.iter_mut().filter(|file| file.is_relative()) {
            *file = folder.join(&*file);
        }
        self.bridge.iter_mut().for_each(|bridge| bridge.resolve(folder));
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_way_that_cannot_prove_itself_is_refused() {
        let says = |lines: &str| Config::parse(lines).map_err(|refusal| refusal.to_string());
        let push = "[conferencing]\nsubscription = \"push\"\n";
        assert!(says(push).unwrap_err().contains("[delivery] push_url"));
        says(&format!("{push}[delivery]\npush_url = \"https://tieline.corp.example\"\n")).unwrap();
        says("[conferencing]\nsubscription = \"pull\"\n").unwrap();
        let slow = says("[conferencing]\nsubscription = \"pull\"\npull_every_s = 6\n").unwrap_err();
        assert!(slow.contains("pull_every_s") && slow.contains("between 1 and 5"), "{slow}");
        assert!(says("[conferencing]\nsubscription = \"polling\"\n").is_err());
    }
}
