//! Messages about meetings that go to delegates: to them alone, to them and the owner, or to the owner as information.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsdlgm/> section 2.2.4.4

use sqlx::SqliteConnection;
use tieline_proto_ews::operations::{DelegateUser, DeliverMeetingRequests, UpdateDelegate};

use super::Attendant;
use crate::{
    content::{self, Incoming},
    delivery::{self, Mail},
    document::Document,
    ews::services::delegate,
    inbox_rule::Arrival,
    kept,
    mime::recipients_fragment,
    store::{
        folder,
        item::{self, Item},
        mailbox::{self, Mailbox},
    },
};

/// In whose name a message about a meeting is answered, where that is not its recipient.
pub(crate) fn represented(document: &Document) -> Option<String> {
    let delegated = document.text("IsDelegated").is_some_and(|text| text.trim() == "true");
    document.text_below("ReceivedRepresenting", &["EmailAddress"]).filter(|_| delegated)
}

/// Who gets copies of a message, and how the owner gets it.
async fn delegates(
    tx: &mut SqliteConnection,
    owner: &Mailbox,
    document: &Document,
) -> Result<(Vec<DelegateUser>, DeliverMeetingRequests), sqlx::Error> {
    let kept: Option<UpdateDelegate> = kept::load(tx, owner.mailbox, delegate::SETTING).await?;
    let kept = kept.unwrap_or_default();
    let private = document.text("Sensitivity").as_deref() == Some("Private");
    let wanted = |user: &DelegateUser| {
        let may_see = !private || user.view_private_items == Some(true);
        user.receive_copies_of_meeting_messages == Some(true) && may_see
    };
    let deliver = kept.deliver_meeting_requests;
    let deliver = deliver.unwrap_or(DeliverMeetingRequests::DelegatesAndSendInformationToMe);
    let users = match deliver {
        DeliverMeetingRequests::NoForward => Vec::new(),
        _ => kept.delegate_users.into_iter().filter(wanted).collect(),
    };
    Ok((users, deliver))
}

/// Gives a message about a meeting that its owner's attendant has seen to the owner's delegates. Whether the owner keeps
/// it in the inbox.
pub(crate) async fn pass_on(
    mail: &Mail<'_>,
    tx: &mut SqliteConnection,
    owner: &Mailbox,
    row: &Item,
    delivered: &Incoming,
) -> Result<bool, sqlx::Error> {
    let Some(now) = item::by_number(tx, row.mailbox, row.item).await? else { return Ok(true) };
    let document = Document::from_bytes(&now.document);
    let (users, deliver) = delegates(tx, owner, &document).await?;
    if users.is_empty() {
        return Ok(true);
    }
    for user in &users {
        let address = user.user_id.primary_smtp_address.as_deref().unwrap_or_default();
        let Some(to) = mailbox::by_address(tx, address).await? else { continue };
        copy_to(mail, tx, owner, &to, delivered).await?;
    }
    let attendant = Attendant { server: mail.server, owner, now_ms: mail.now_ms };
    match deliver {
        DeliverMeetingRequests::DelegatesOnly => {
            attendant.discard(tx, &now).await?;
            return Ok(false);
        }
        DeliverMeetingRequests::DelegatesAndSendInformationToMe if document.kind == "MeetingRequest" => {
            attendant.mark(tx, &now, &document, &[("MeetingRequestType", "PrincipalWantsCopy")]).await?;
        }
        _ => {}
    }
    Ok(true)
}

async fn copy_to(
    mail: &Mail<'_>,
    tx: &mut SqliteConnection,
    owner: &Mailbox,
    to: &Mailbox,
    delivered: &Incoming,
) -> Result<(), sqlx::Error> {
    let Some(inbox) = folder::by_distinguished(tx, to.mailbox, "inbox").await? else { return Ok(()) };
    let mut copy = delivered.clone();
    for (name, who) in [("ReceivedBy", to), ("ReceivedRepresenting", owner)] {
        let who = [(Some(who.display_name.clone()), who.address.clone())];
        copy.document.parts.insert(name.to_owned(), recipients_fragment(name, &who));
    }
    copy.document.set_text("IsDelegated", "true");
    let bytes = copy.attachments.iter().map(|attachment| attachment.content.len()).sum();
    content::store(&copy.document, &mut copy.content, bytes);
    let row = delivery::save(tx, &inbox, &copy, mail.author.0, mail.now_ms, true).await?;
    let arrival = Arrival { server: mail.server, owner: to, incoming: &copy, now_ms: mail.now_ms };
    arrival.settle(tx, &row).await
}
