//! How a room is joined, as text for people and as data for programs.
//!
//! Programs look in several places: room systems in the location and for `sip:` addresses in the body, Skype for
//! Business and Lync in `OnlineMeetingExternalLink` and `OnlineMeetingConfLink`, calendar programs in `CONFERENCE`
//! (RFC 7986 section 5.11), and Tieline itself in the add-in's block.

use serde::{Deserialize, Serialize};
use tieline_model::{Passcodes, RoomNumber};

/// The bridge that the rooms are on, as people reach it. What is absent is not offered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bridge {
    /// The domain of SIP addresses: `7042@vmr.example`.
    pub sip_domain: Option<String>,
    /// The H.323 gateway: `vmr.example##7042`; with an empty name the number alone is dialled.
    pub h323_gateway: Option<String>,
    /// Telephone numbers of the bridge; the room's number is entered there.
    pub telephones: Vec<String>,
    /// The web client, with `{number}` in it.
    pub web: Option<String>,
}

/// How one room is joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Join {
    /// The room.
    pub number: RoomNumber,
    /// `sip:7042@vmr.example`
    pub sip: Option<String>,
    /// `h323:7042` or `vmr.example##7042`
    pub h323: Option<String>,
    /// `tel:+49301234,,7042#`, with what people read.
    pub telephones: Vec<(String, String)>,
    /// `https://…`
    pub web: Option<String>,
    /// What takes part; the chairperson's code is only the organizer's.
    pub passcode: Option<String>,
}

impl Bridge {
    /// How a room is joined. `link` is Tieline's own page for the meeting, which takes the place of the web client.
    #[must_use]
    pub fn join(&self, number: &RoomNumber, passcodes: &Passcodes, link: Option<&str>) -> Join {
        let telephones = self.telephones.iter().map(|telephone| {
            let digits: String = telephone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
            (format!("tel:{digits},,{number}#"), format!("{telephone}, {number}#"))
        });
        let web = self.web.as_ref().map(|web| web.replace("{number}", number.as_str()));
        Join {
            number: number.clone(),
            sip: self.sip_domain.as_ref().map(|domain| format!("sip:{number}@{domain}")),
            h323: self.h323_gateway.as_ref().map(|gateway| match gateway.as_str() {
                "" => format!("h323:{number}"),
                gateway => format!("{gateway}##{number}"),
            }),
            telephones: telephones.collect(),
            web: link.map(str::to_owned).or(web),
            passcode: passcodes.conference.as_ref().map(|code| code.reveal().to_owned()),
        }
    }
}

impl Join {
    /// What the location of the meeting should be: the one place that every device shows and reads.
    #[must_use]
    pub fn location(&self) -> String {
        self.sip.clone().or_else(|| self.web.clone()).unwrap_or_else(|| format!("VMR {}", self.number))
    }

    /// The add-in's block, with which an update is understood again.
    #[must_use]
    pub fn block(&self) -> String {
        let passcode = self.passcode.as_ref().map(|code| format!(" passcode={code}")).unwrap_or_default();
        format!("[tieline-conference number={}{passcode}]", self.number)
    }

    /// Named properties of the calendar item (property set PS_PUBLIC_STRINGS), by name.
    #[must_use]
    pub fn calendar_properties(&self) -> Vec<(&'static str, String)> {
        let web = self.web.clone().map(|web| ("OnlineMeetingExternalLink", web));
        let conf = self.sip.as_ref().map(|sip| ("OnlineMeetingConfLink", format!("conf:{sip}")));
        web.into_iter().chain(conf).collect()
    }

    /// `CONFERENCE` lines of an iCalendar event (RFC 7986 section 5.11), unfolded.
    #[must_use]
    pub fn icalendar(&self) -> Vec<String> {
        let audio_video = "CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO:";
        let addresses = self.sip.iter().chain(&self.web).map(|uri| format!("{audio_video}{uri}"));
        let telephones =
            self.telephones.iter().map(|(uri, _)| format!("CONFERENCE;VALUE=URI;FEATURE=PHONE:{uri}"));
        addresses.chain(telephones).collect()
    }
}
