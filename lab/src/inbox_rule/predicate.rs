//! What a rule asks of a message.

use jiff::tz::TimeZone;
use tieline_proto_ews::{DateTime, operations::RulePredicates};

use crate::{
    body,
    content::Incoming,
    mime::{self, listed},
};

/// A delivered message, looked at for its rules.
pub(super) struct Subject<'a> {
    pub(super) incoming: &'a Incoming,
    /// Address of the mailbox's owner.
    pub(super) owner: &'a str,
}

impl Subject<'_> {
    fn addresses(&self, list: &str) -> Vec<String> {
        listed(&self.incoming.document, list).into_iter().map(|(_, address)| address.to_lowercase()).collect()
    }

    /// Names and addresses of a list, as one text.
    fn people(&self, list: &str) -> String {
        let one =
            |(name, address): (Option<String>, String)| format!("{} {address}", name.unwrap_or_default());
        listed(&self.incoming.document, list).into_iter().map(one).collect::<Vec<_>>().join("; ")
    }

    fn subject(&self) -> &str {
        self.incoming.content.subject.as_deref().unwrap_or_default()
    }

    fn body(&self) -> String {
        let text = self.incoming.document.text("Body").unwrap_or_default();
        match self.incoming.document.attribute("Body", "BodyType").as_deref() {
            Some("HTML") => body::text_of_html(&text),
            _ => text,
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.incoming.content.mime.as_deref().map(mime::headers).into_iter().flatten().collect()
    }

    fn is_class(&self, class: &str) -> bool {
        let own = &self.incoming.content.class;
        own.get(..class.len()).is_some_and(|head| head.eq_ignore_ascii_case(class))
    }

    fn is_to(&self, list: &str) -> bool {
        self.addresses(list).iter().any(|address| address.eq_ignore_ascii_case(self.owner))
    }

    fn is_auto_forwarded(&self) -> bool {
        let flag = self.incoming.document.extended.get("0x0005:Boolean");
        flag.and_then(|flag| flag.values.first()).is_some_and(|text| text == "true")
    }

    /// Whether a machine wrote it: reports, automatic replies and forwards, lists.
    pub(super) fn is_automatic(&self) -> bool {
        self.is_auto_forwarded()
            || self.is_class("REPORT.")
            || self.is_class("IPM.Note.Rules.")
            || self.is_bulk()
    }

    fn is_bulk(&self) -> bool {
        self.headers().iter().any(|(name, value)| {
            let value = value.trim().to_ascii_lowercase();
            match name.to_ascii_lowercase().as_str() {
                "auto-submitted" => !value.starts_with("no"),
                "precedence" => ["bulk", "list", "junk"].contains(&value.as_str()),
                "x-auto-response-suppress" => value.contains("all") || value.contains("oof"),
                "list-id" | "list-unsubscribe" => true,
                "return-path" => value == "<>",
                _ => false,
            }
        })
    }

    /// Whether all predicates hold; without any they do.
    pub(super) fn meets(&self, wanted: &RulePredicates) -> bool {
        self.meets_texts(wanted) && self.meets_flags(wanted) && self.meets_ranges(wanted)
    }

    /// Whether any of the predicates holds, as an exception asks.
    pub(super) fn meets_any(&self, wanted: &RulePredicates) -> bool {
        *wanted != RulePredicates::default() && self.meets(wanted)
    }

    fn meets_texts(&self, wanted: &RulePredicates) -> bool {
        let holds = |needles: &[String], text: &dyn Fn() -> String| {
            needles.is_empty() || {
                let text = text().to_lowercase();
                needles.iter().any(|needle| text.contains(&needle.to_lowercase()))
            }
        };
        let header_lines = || {
            let line = |(name, value): (String, String)| format!("{name}: {value}");
            self.headers().into_iter().map(line).collect::<Vec<_>>().join("\n")
        };
        let recipients = || format!("{}; {}", self.people("ToRecipients"), self.people("CcRecipients"));
        let addressed = |list: &[tieline_proto_ews::EmailAddress], own: Vec<String>| {
            list.is_empty()
                || list
                    .iter()
                    .filter_map(|one| one.email_address.as_deref())
                    .any(|address| own.iter().any(|known| known.eq_ignore_ascii_case(address.trim())))
        };
        let everybody = [self.addresses("ToRecipients"), self.addresses("CcRecipients")].concat();
        let categories = || self.incoming.document.texts_below("Categories", &["String"]).join("\n");
        holds(&wanted.contains_subject_strings, &|| self.subject().to_owned())
            && holds(&wanted.contains_body_strings, &|| self.body())
            && holds(&wanted.contains_subject_or_body_strings, &|| {
                format!("{}\n{}", self.subject(), self.body())
            })
            && holds(&wanted.contains_sender_strings, &|| self.people("From"))
            && holds(&wanted.contains_recipient_strings, &recipients)
            && holds(&wanted.contains_header_strings, &header_lines)
            && holds(&wanted.categories, &categories)
            && (wanted.item_classes.is_empty()
                || wanted.item_classes.iter().any(|class| self.is_class(class)))
            && addressed(&wanted.from_addresses, self.addresses("From"))
            && addressed(&wanted.sent_to_addresses, everybody)
            && wanted.message_classifications.is_empty()
            && wanted.from_connected_accounts.is_empty()
    }

    fn meets_flags(&self, wanted: &RulePredicates) -> bool {
        let is = |flag: Option<bool>, fact: &dyn Fn() -> bool| flag.is_none_or(|flag| flag == fact());
        let (to, cc) = (self.is_to("ToRecipients"), self.is_to("CcRecipients"));
        let only =
            || to && self.addresses("ToRecipients").len() == 1 && self.addresses("CcRecipients").is_empty();
        let text = |name: &str| self.incoming.document.text(name);
        let importance = text("Importance").unwrap_or_else(|| "Normal".to_owned());
        let sensitivity = text("Sensitivity").unwrap_or_else(|| "Normal".to_owned());
        is(wanted.has_attachments, &|| self.incoming.content.has_attachments)
            && wanted.importance.as_ref().is_none_or(|wanted| wanted.as_str() == importance)
            && wanted.sensitivity.as_ref().is_none_or(|wanted| wanted.as_str() == sensitivity)
            && wanted.flagged_for_action.is_none()
            && is(wanted.sent_to_me, &|| to)
            && is(wanted.sent_cc_me, &|| cc)
            && is(wanted.sent_to_or_cc_me, &|| to || cc)
            && is(wanted.sent_only_to_me, &only)
            && is(wanted.not_sent_to_me, &|| !to)
            && is(wanted.is_automatic_forward, &|| self.is_auto_forwarded())
            && is(wanted.is_automatic_reply, &|| self.is_class("IPM.Note.Rules."))
            && is(wanted.is_meeting_request, &|| self.is_class("IPM.Schedule.Meeting.Request"))
            && is(wanted.is_meeting_response, &|| self.is_class("IPM.Schedule.Meeting.Resp"))
            && is(wanted.is_ndr, &|| self.is_class("REPORT."))
            && is(wanted.is_voicemail, &|| self.is_class("IPM.Note.Microsoft.Voicemail"))
            && is(wanted.is_approval_request, &|| self.is_class("IPM.Note.Microsoft.Approval.Request"))
            && is(wanted.is_read_receipt, &|| self.incoming.content.class.ends_with(".IPNRN"))
            && is(wanted.is_encrypted, &|| false)
            && is(wanted.is_signed, &|| self.is_class("IPM.Note.SMIME"))
            && is(wanted.is_permission_controlled, &|| false)
    }

    fn meets_ranges(&self, wanted: &RulePredicates) -> bool {
        let ms = |time: &DateTime| Some(time.timestamp_in(&TimeZone::UTC)?.as_millisecond());
        let received = self.incoming.content.received_ms;
        let in_time = wanted.within_date_range.as_ref().is_none_or(|range| {
            let start = range.start_date_time.as_ref().and_then(ms);
            let end = range.end_date_time.as_ref().and_then(ms);
            start.is_none_or(|start| received >= start) && end.is_none_or(|end| received <= end)
        });
        let kilobytes = self.incoming.content.size / 1024;
        let in_size = wanted.within_size_range.as_ref().is_none_or(|range| {
            range.minimum_size.is_none_or(|least| kilobytes >= i64::from(least))
                && range.maximum_size.is_none_or(|most| kilobytes <= i64::from(most))
        });
        in_time && in_size
    }
}
