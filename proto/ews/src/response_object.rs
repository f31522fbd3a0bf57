//! Response objects: items whose creation answers another item.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscdata/> section 2.2.4

use crate::Error;
use crate::attachment::Attachment;
use crate::body::ItemBody;
use crate::date_time::DateTime;
use crate::item::{InternetMessageHeader, Sensitivity};
use crate::item_id::ItemId;
use crate::mailbox::{EmailAddress, SingleRecipient};
use crate::xml::{Choice, Ns, Reader, Start, Writer, open_enum, sequence};

open_enum! {
    /// The kinds of response object: the element's name in `CreateItem`, and in an item's `ResponseObjects`.
    pub enum ResponseObjectKind {
        AcceptItem,
        TentativelyAcceptItem,
        DeclineItem,
        ReplyToItem,
        ForwardItem,
        ReplyAllToItem,
        CancelCalendarItem,
        RemoveItem,
        SuppressReadReceipt,
        PostReplyItem,
        AcceptSharingInvitation,
        AddItemToMyCalendar,
        ProposeNewTime,
    }
}

impl Choice for ResponseObjectKind {
    fn read_choice(r: &mut Reader<'_>, element: &Start<'_>) -> Result<Option<Self>, Error> {
        Ok(match Self::from(element.local()) {
            Self::Other(_) => None,
            kind => {
                r.skip(element)?;
                Some(kind)
            }
        })
    }
    fn write_choice(&self, w: &mut Writer) {
        if !matches!(self, Self::Other(_)) {
            w.start(Ns::Types, self.as_str().as_bytes());
            w.end(Ns::Types, self.as_str().as_bytes());
        }
    }
}

sequence! {
    /// What a response object says: `t:WellKnownResponseObjectType` and `t:SmartResponseType` in one.
    pub struct ResponseObject in Types {
        element b"ItemClass" => item_class: Option<String>,
        element b"Subject" => subject: Option<String>,
        element b"Sensitivity" => sensitivity: Option<Sensitivity>,
        element b"Body" => body: Option<ItemBody>,
        array b"Attachments" => attachments: Vec<Attachment>,
        list b"InternetMessageHeaders" / b"InternetMessageHeader" => internet_message_headers: Vec<InternetMessageHeader>,
        element b"Sender" => sender: Option<SingleRecipient>,
        list b"ToRecipients" / b"Mailbox" => to_recipients: Vec<EmailAddress>,
        list b"CcRecipients" / b"Mailbox" => cc_recipients: Vec<EmailAddress>,
        list b"BccRecipients" / b"Mailbox" => bcc_recipients: Vec<EmailAddress>,
        element b"IsReadReceiptRequested" => is_read_receipt_requested: Option<bool>,
        element b"IsDeliveryReceiptRequested" => is_delivery_receipt_requested: Option<bool>,
        element b"From" => from: Option<SingleRecipient>,
        /// The item answered. A meeting is answered on its request or on the calendar item.
        element b"ReferenceItemId" => reference_item_id: Option<ItemId>,
        /// What replies and forwards put above the original.
        element b"NewBodyContent" => new_body_content: Option<ItemBody>,
        element b"ProposedStart" => proposed_start: Option<DateTime>,
        element b"ProposedEnd" => proposed_end: Option<DateTime>,
    }
}
