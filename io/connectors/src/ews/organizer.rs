//! Meetings in people's calendars: join data are put into one as its organizer, and what a room was invited to is read.
//!
//! The join data stand at the end of the text, between two lines of their own, so that later ones take the place of
//! earlier ones. A named property says which they are: what carries it is not changed again, however often it is asked.

use jiff::Timestamp;
use tieline_model::{ConferenceMail, SmtpAddress};
use tieline_ports::{
    Insertion, InvitedPage, ItemRef, JoinData, MailTarget, OrganizerCalendars, PortError, PortFuture,
};
use tieline_proto_ews::operations::{
    CalendarItemUpdate, CalendarView, ConflictResolution, CreateItem, FindItem, GetItem, ItemChange,
    ItemChangeDescription, ItemView, MessageDisposition, SendItem, SyncFolderItemsChange, UpdateItem,
};
use tieline_proto_ews::{
    BaseItemId, BaseShape, BodyTypeResponse, CalendarItem, CalendarItemType, DistinguishedFolderName,
    EmailAddress, ExtendedProperty, FieldUri, Item, ItemBody, ItemId, ItemKind, ItemShape, Message,
    RecurringMasterItemId,
};

use super::Exchange;
use super::call::Call;
use super::failure::Stated;
use super::map::{self, property};

/// Of a day's meetings, so many are looked through.
const MOST_OF_A_DAY: i32 = 500;
/// The lines around join data.
const RULE: &str = "______________ Tieline ______________";

impl Call<'_> {
    async fn insert(&self, data: &JoinData) -> Result<Insertion, PortError> {
        let Some(found) = self.meeting(data).await? else { return Ok(Insertion::NoSuchMeeting) };
        let mark = property::join_mark();
        let stands = found.extended_property(&mark).and_then(|stands| stands.value.as_deref());
        let text = found.body.as_ref().map(|body| body.text.as_str()).unwrap_or_default();
        // Who writes the text anew takes the data out of it, and the property stays.
        if stands == Some(data.mark.as_str()) && text.contains(RULE) {
            return Ok(Insertion::Already);
        }
        let Some(id) = found.item_id.clone() else { return Err(self.short()) };
        let bare = || Item::new(ItemKind::CalendarItem(Box::default()));
        let body = Item { body: Some(ItemBody::html(with_section(text, &data.html))), ..bare() };
        let mut updates = vec![ItemChangeDescription::set(FieldUri::new("item:Body"), body)];
        if let Some(location) = &data.location {
            let fields = CalendarItem { location: Some(location.clone()), ..CalendarItem::default() };
            let item = Item::new(ItemKind::CalendarItem(Box::new(fields)));
            updates.push(ItemChangeDescription::set(FieldUri::new("calendar:Location"), item));
        }
        let named = data.properties.iter().map(|(name, value)| (property::public_string(name), value));
        for (uri, value) in named.chain([(mark, &data.mark)]) {
            let property = ExtendedProperty::new(uri.clone(), value.clone());
            let item = Item { extended_properties: vec![property], ..bare() };
            updates.push(ItemChangeDescription::set(uri, item));
        }
        let request = UpdateItem {
            conflict_resolution: ConflictResolution::NeverOverwrite,
            send_meeting_invitations_or_cancellations: Some(CalendarItemUpdate::SendToAllAndSaveCopy),
            item_changes: vec![ItemChange { item_id: Some(id.into()), updates }],
            ..UpdateItem::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        match Stated::message(&message) {
            Some(stated) => Err(stated.into_error(&self.at(), None)),
            None => Ok(Insertion::Done),
        }
    }

    /// The organizer's item: for an occurrence its series.
    async fn meeting(&self, data: &JoinData) -> Result<Option<Item>, PortError> {
        let view = CalendarView {
            max_entries_returned: Some(MOST_OF_A_DAY),
            start_date: Some(data.around.start.into()),
            end_date: Some(data.around.end.into()),
        };
        let paths = ["calendar:UID", "calendar:CalendarItemType"].map(|path| FieldUri::new(path).into());
        let request = FindItem {
            item_shape: ItemShape::ids_and(paths),
            view: Some(ItemView::Calendar(view)),
            parent_folder_ids: vec![DistinguishedFolderName::Calendar.into()],
            ..FindItem::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&self.at(), None));
        }
        let folder = message.payload.root_folder.ok_or_else(|| self.short())?;
        let of_meeting =
            |item: &&Item| calendar(item).is_some_and(|one| one.uid.as_deref() == Some(&data.uid));
        let Some(found) = folder.items().find(of_meeting) else { return Ok(None) };
        let (Some(id), Some(fields)) = (&found.item_id, calendar(found)) else { return Err(self.short()) };
        let single = matches!(fields.calendar_item_type, None | Some(CalendarItemType::Single));
        let id: BaseItemId = if single {
            ItemId::new(&id.id).into()
        } else {
            let master = RecurringMasterItemId { occurrence_id: id.id.clone(), change_key: None };
            BaseItemId::RecurringMaster(master)
        };
        let shape = ItemShape {
            body_type: Some(BodyTypeResponse::Html),
            ..ItemShape::ids_and([
                FieldUri::new("item:Body").into(),
                FieldUri::new("calendar:UID").into(),
                property::join_mark().into(),
            ])
        };
        let mut answer = self.send(&GetItem { item_shape: shape, item_ids: vec![id] }).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return match stated.into_error(&self.at(), None) {
                PortError::NotFound => Ok(None),
                error => Err(error),
            };
        }
        Ok(message.payload.items.into_iter().next())
    }

    async fn invited(&self, cursor: Option<&str>, now: Timestamp) -> Result<InvitedPage, PortError> {
        let (changes, cursor, complete) = self.changed_in(DistinguishedFolderName::Calendar, cursor).await?;
        let ids: Vec<BaseItemId> = changes.into_iter().filter_map(present).collect();
        let meetings = if ids.is_empty() { Vec::new() } else { self.entries(ids, now).await? };
        Ok(InvitedPage { meetings, cursor, complete })
    }

    /// What the entries say. One that is gone by now, or cannot be read, does not stop the others.
    async fn entries(
        &self,
        item_ids: Vec<BaseItemId>,
        now: Timestamp,
    ) -> Result<Vec<ConferenceMail>, PortError> {
        let item_shape = ItemShape {
            base_shape: BaseShape::AllProperties,
            body_type: Some(BodyTypeResponse::Text),
            ..ItemShape::default()
        };
        let answer = self.send(&GetItem { item_shape, item_ids }).await?;
        let mut entries = Vec::new();
        for message in &answer.messages {
            match Stated::message(message).map(|stated| stated.into_error(&self.at(), None)) {
                None => {}
                Some(PortError::NotFound) => continue,
                Some(error) => {
                    tracing::debug!(refusal = %error.refusal(), "an entry of a room's calendar cannot be read");
                    continue;
                }
            }
            entries.extend(message.payload.items.iter().filter_map(|item| map::invitation::entry(item, now)));
        }
        Ok(entries)
    }

    async fn draft(&self, to: &SmtpAddress, subject: &str, html: &str) -> Result<ItemRef, PortError> {
        let message = Message { to_recipients: vec![EmailAddress::smtp(to.as_str())], ..Message::default() };
        let item = Item {
            subject: Some(subject.to_owned()),
            body: Some(ItemBody::html(html)),
            ..Item::from_message(message)
        };
        let request = CreateItem {
            message_disposition: Some(MessageDisposition::SaveOnly),
            saved_item_folder_id: Some(DistinguishedFolderName::Drafts.into()),
            items: vec![item],
            ..CreateItem::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(created) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&created) {
            return Err(stated.into_error(&self.at(), None));
        }
        let id = created.payload.items.into_iter().next().and_then(|item| item.item_id);
        Ok(ItemRef(id.ok_or_else(|| self.short())?.id))
    }

    async fn send_draft(&self, draft: &ItemRef) -> Result<bool, PortError> {
        let id = match self.current(draft).await {
            Ok(id) => id,
            Err(PortError::NotFound) => return Ok(false),
            Err(error) => return Err(error),
        };
        let request = SendItem {
            save_item_to_folder: true,
            item_ids: vec![id.into()],
            saved_item_folder_id: Some(DistinguishedFolderName::SentItems.into()),
        };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        match Stated::message(&message).map(|stated| stated.into_error(&self.at(), None)) {
            None => Ok(true),
            Some(PortError::NotFound) => Ok(false),
            Some(error) => Err(error),
        }
    }
}

fn calendar(item: &Item) -> Option<&CalendarItem> {
    match &item.kind {
        ItemKind::CalendarItem(fields) => Some(fields),
        _ => None,
    }
}

fn present(change: SyncFolderItemsChange) -> Option<BaseItemId> {
    match change {
        SyncFolderItemsChange::Create(item) | SyncFolderItemsChange::Update(item) => {
            Some(ItemId::new(&item.item?.item_id?.id).into())
        }
        _ => None,
    }
}

/// The text with these join data at its end, in the place of earlier ones.
fn with_section(text: &str, html: &str) -> String {
    let section = format!("<p>{RULE}</p>{html}<p>{RULE}</p>");
    let kept = without_section(text);
    let end = kept.to_ascii_lowercase().rfind("</body>").unwrap_or(kept.len());
    let (before, after) = kept.split_at(end);
    format!("{before}{section}{after}")
}

/// The text without what lies between the first and the last of our lines, the paragraphs around them included.
fn without_section(text: &str) -> String {
    let (Some(first), Some(last)) = (text.find(RULE), text.rfind(RULE)) else { return text.to_owned() };
    if first == last {
        return text.to_owned();
    }
    let (before, after) = (text.get(..first), text.get(last + RULE.len()..));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let opens = before.rfind("<p").filter(|at| !before.get(*at..).unwrap_or_default().contains("</p>"));
    let closes = after.find("</p>").map(|at| at + "</p>".len());
    let before = opens.and_then(|at| before.get(..at)).unwrap_or(before);
    let after = closes.and_then(|at| after.get(at..)).unwrap_or(after);
    format!("{before}{after}")
}

impl OrganizerCalendars for Exchange {
    fn insert<'a>(&'a self, target: &'a MailTarget, data: &'a JoinData) -> PortFuture<'a, Insertion> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).insert(data).await
        })
    }

    fn invited<'a>(&'a self, target: &'a MailTarget, cursor: Option<&'a str>) -> PortFuture<'a, InvitedPage> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            let now = self.shared.clock.now();
            self.shared.call(&session, Some(&target.address)).invited(cursor, now).await
        })
    }

    fn draft<'a>(
        &'a self,
        target: &'a MailTarget,
        to: &'a SmtpAddress,
        subject: &'a str,
        html: &'a str,
    ) -> PortFuture<'a, ItemRef> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).draft(to, subject, html).await
        })
    }

    fn send<'a>(&'a self, target: &'a MailTarget, draft: &'a ItemRef) -> PortFuture<'a, bool> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).send_draft(draft).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_join_data_take_the_place_of_earlier_ones_and_leave_the_text() {
        let text = "<html><body><p>See you there.</p></body></html>";
        let first = with_section(text, "<p>Room 7042</p>");
        assert!(
            first.starts_with("<html><body><p>See you there.</p><p>___")
                && first.ends_with("</p></body></html>")
        );
        let second = with_section(&first, "<p>Room 7043</p>");
        assert_eq!(second, first.replace("7042", "7043"));
        assert_eq!(without_section(&second), text);
        assert_eq!(with_section("", "<p>x</p>"), format!("<p>{RULE}</p><p>x</p><p>{RULE}</p>"));
        let torn = format!("<div>mine {RULE} and more</div>");
        assert_eq!(without_section(&torn), torn, "one line alone is somebody's own");
        assert_eq!(without_section(&format!("a{RULE}b{RULE}c")), "ac");
    }
}
