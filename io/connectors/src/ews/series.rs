//! A series is one record and many items: its changed occurrences are read beside it and written after it.
//!
//! Exchange takes the pattern in one request and each occurrence in another. What is still to be done is written on the
//! series itself, in the request that begins it: if the process dies in between, whoever reads the item next does the
//! rest before anybody sees it. Nobody is told about any of it.

use tieline_model::{Class, Event, Refusal, UnknownZone};
use tieline_ports::{Applied, ItemRef, PortError, ReadRecord, RecordOperation, WriteRecord};
use tieline_proto_ews::operations::{
    CalendarItemCreateOrDelete, CalendarItemUpdate, ConflictResolution, DeleteItem, Disposal, ItemChange,
    ItemChangeDescription, UpdateItem,
};
use tieline_proto_ews::{
    BaseItemId, Item, ItemId, ItemKind, OccurrenceItemId, ResponseCode, ResponseMessage,
};

use super::call::Call;
use super::failure::Stated;
use super::map::event::{self, Pending, Step};
use super::map::{Schema, property};
use super::mapped::Mapped;
use super::records::{Outcome, READ_AT_ONCE, Rest, WRITE_AT_ONCE, stamp_changes};

impl Call<'_> {
    /// Reads the changed occurrences of the series that were read.
    pub(super) async fn read_occurrences<R: Mapped>(
        &self,
        read: &mut [(ReadRecord<R>, Rest)],
    ) -> Result<(), PortError> {
        let mut wanted = Vec::new();
        for (at, (_, rest)) in read.iter_mut().enumerate() {
            wanted.extend(rest.parts.drain(..).map(|(original, id)| (at, original, id)));
        }
        for wanted in wanted.chunks(READ_AT_ONCE) {
            let items = self.fetch_items::<R>(wanted.iter().map(|(_, _, id)| id.clone())).await?;
            for ((at, original, _), item) in wanted.iter().zip(items) {
                if let Some((ReadRecord::Found(record), _)) = read.get_mut(*at)
                    && let Some(event) = record.record.event_mut()
                {
                    event::absorb(event, *original, item.ok().as_ref());
                }
            }
        }
        Ok(())
    }

    /// Does what a write left undone, and reads the item once more.
    pub(super) async fn repaired<R: Mapped>(
        &self,
        read: ReadRecord<R>,
        pending: Pending,
    ) -> Result<ReadRecord<R>, PortError> {
        let ReadRecord::Found(record) = &read else { return Ok(read) };
        let Some(now) = record.record.event() else { return Ok(read) };
        let wanted = pending.applied_to(now);
        tracing::info!(item = record.item.0, "a series is completed that a write left unfinished");
        match self.finish_series::<R>(&record.item, &wanted).await {
            Ok(_) => {}
            // What the server will never take must not hold the item back; it is seen as it is.
            Err(error) if error.class() == Class::Permanent => {
                tracing::warn!(%error, item = record.item.0, "a series is not completed");
            }
            Err(error) => return Err(error),
        }
        let item = record.item.clone();
        let mut again = self.read_whole::<R>(std::slice::from_ref(&item)).await?;
        again.pop().map(|(read, _)| read).ok_or_else(|| self.short())
    }

    /// Writes an update with a schedule: of a series only what differs.
    pub(super) async fn update_scheduled<R: Mapped>(
        &self,
        write: &WriteRecord<R>,
    ) -> Result<Outcome, PortError> {
        let RecordOperation::Update { item, etag, record, fields } = &write.operation else {
            return Err(self.short());
        };
        let read = self.read_records::<R>(std::slice::from_ref(item)).await;
        let now = match read.map_err(super::before)?.pop() {
            Some(ReadRecord::Found(now)) if now.etag == *etag => now,
            Some(ReadRecord::Found(_)) => return Ok(Outcome::Stale),
            Some(ReadRecord::NotFound) | None => return Ok(Outcome::NotFound),
            Some(ReadRecord::Unreadable(error)) => return Ok(Outcome::Failed(error)),
        };
        let (Some(now), Some(wanted)) = (now.record.event(), record.event().map(event::rendered)) else {
            return Err(self.short());
        };
        let schema = Schema::from(&self.session.version());
        let zone = |unknown: UnknownZone| self.without_zone(&unknown);
        let frame = event::frame_changes(&now.schedule, &wanted.schedule, schema).map_err(zone)?;
        let unfinished = match frame.is_empty() {
            true => !event::steps(now, &wanted).map_err(zone)?.is_empty(),
            false => Pending::of(&wanted).is_some(),
        };
        let mut updates = record.changes(fields, self.owner());
        updates.extend(frame);
        updates.extend(stamp_changes::<R>(record, write.stamp));
        if let (true, Some(pending)) = (unfinished, Pending::of(&wanted)) {
            let item = Item { extended_properties: vec![pending.property()], ..calendar_item() };
            updates.push(ItemChangeDescription::set(property::series_pending(), item));
        }
        let change = ItemChange { item_id: Some(ItemId::with_key(&item.0, etag).into()), updates };
        let mut outcomes = self.update_items::<R>(vec![change]).await?;
        match outcomes.pop() {
            Some(Outcome::Written(id)) if unfinished => {
                let done = self.finish_series::<R>(&ItemRef(id.id), &wanted).await;
                Ok(done.map_or_else(|error| Outcome::Failed(left_off(error)), Outcome::Written))
            }
            Some(outcome) => Ok(outcome),
            None => Err(self.short()),
        }
    }

    /// Brings the occurrences of a series that was just made to what they shall be. If the server will never take one,
    /// the series goes again, and the failure tells why.
    pub(super) async fn finish_created<R: Mapped>(&self, id: ItemId, record: &R) -> Outcome {
        let Some(wanted) = record.event().map(event::rendered).filter(|event| Pending::of(event).is_some())
        else {
            return Outcome::Written(id);
        };
        let item = ItemRef(id.id);
        match self.finish_series::<R>(&item, &wanted).await {
            Ok(id) => Outcome::Written(id),
            Err(error) if error.class() == Class::Permanent => {
                let removed = self.delete_quietly(ItemId::new(&item.0).into(), Disposal::HardDelete).await;
                match removed {
                    Ok(()) => Outcome::Failed(super::before(error)),
                    Err(_) => Outcome::Failed(left_off(error)),
                }
            }
            Err(error) => Outcome::Failed(left_off(error)),
        }
    }

    /// Cancels and changes occurrences until the series is as it shall be, and takes the note of it off the series.
    async fn finish_series<R: Mapped>(&self, item: &ItemRef, wanted: &Event) -> Result<ItemId, PortError> {
        let read = self.read_whole::<R>(std::slice::from_ref(item)).await?.pop();
        let now = match read {
            Some((ReadRecord::Found(record), _)) => record,
            Some((ReadRecord::Unreadable(error), _)) => return Err(error),
            _ => return Err(PortError::NotFound),
        };
        let Some(now) = now.record.event() else { return Err(self.short()) };
        let steps = event::steps(now, wanted).map_err(|unknown| self.without_zone(&unknown))?;
        let mut refused = None;
        for steps in steps.chunks(WRITE_AT_ONCE) {
            for error in self.take_steps(item, steps).await? {
                match error.class() {
                    Class::Permanent => refused = refused.or(Some(error)),
                    _ => return Err(error),
                }
            }
        }
        let change = ItemChange {
            item_id: Some(ItemId::new(&item.0).into()),
            updates: vec![ItemChangeDescription::delete(property::series_pending())],
        };
        let mut messages = self.overwrite(vec![change]).await?;
        let message = messages.pop().ok_or_else(|| self.short())?;
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&self.at(), None));
        }
        if let Some(error) = refused {
            return Err(error);
        }
        let id = message.payload.items.into_iter().find_map(|item| item.item_id);
        id.ok_or_else(|| self.short())
    }

    /// What was refused of the steps.
    async fn take_steps(&self, series: &ItemRef, steps: &[Step]) -> Result<Vec<PortError>, PortError> {
        let id = |step: &Step| {
            BaseItemId::Occurrence(OccurrenceItemId {
                recurring_master_id: series.0.clone(),
                change_key: None,
                instance_index: step.place,
            })
        };
        let mut refused = Vec::new();
        for step in steps.iter().filter(|step| step.changes.is_none()) {
            refused.extend(self.delete_quietly(id(step), Disposal::MoveToDeletedItems).await.err());
        }
        let changes: Vec<ItemChange> = steps
            .iter()
            .filter_map(|step| Some(ItemChange { item_id: Some(id(step)), updates: step.changes.clone()? }))
            .collect();
        if !changes.is_empty() {
            let messages = self.overwrite(changes).await?;
            let stated = messages.iter().filter_map(Stated::message);
            refused.extend(stated.map(|stated| match stated.into_error(&self.at(), None) {
                PortError::NotFound => PortError::refused(Refusal::permanent(
                    "no-such-occurrence",
                    "the mail system does not have an occurrence that was changed in Tieline",
                    "edit or delete the occurrence in Tieline",
                )),
                error => error,
            }));
        }
        Ok(refused)
    }

    /// Deletes an item or an occurrence without a word to attendees; what is gone already is fine.
    async fn delete_quietly(&self, id: BaseItemId, disposal: Disposal) -> Result<(), PortError> {
        let request = DeleteItem {
            delete_type: Some(disposal),
            send_meeting_cancellations: Some(CalendarItemCreateOrDelete::SendToNone),
            item_ids: vec![id],
            ..DeleteItem::default()
        };
        let answer = self.send(&request).await?;
        match answer.messages.first().and_then(Stated::message) {
            None => Ok(()),
            Some(stated)
                if matches!(
                    stated.code,
                    ResponseCode::ErrorItemNotFound
                        | ResponseCode::ErrorCalendarOccurrenceIsDeletedFromRecurrence
                ) =>
            {
                Ok(())
            }
            Some(stated) => Err(stated.into_error(&self.at(), None)),
        }
    }

    async fn overwrite(
        &self,
        item_changes: Vec<ItemChange>,
    ) -> Result<Vec<ResponseMessage<tieline_proto_ews::operations::UpdateItemMessage>>, PortError> {
        let asked = item_changes.len();
        let request = UpdateItem {
            conflict_resolution: ConflictResolution::AlwaysOverwrite,
            send_meeting_invitations_or_cancellations: Some(CalendarItemUpdate::SendToNone),
            item_changes,
            ..UpdateItem::default()
        };
        let answer = self.send(&request).await?;
        if answer.messages.len() != asked {
            return Err(self.short());
        }
        Ok(answer.messages)
    }

    pub(super) fn without_zone(&self, unknown: &UnknownZone) -> PortError {
        let next = "set the time zone of the event again: tieline event edit";
        PortError::refused(Refusal::permanent("unknown-time-zone", unknown.to_string(), next).at(self.at()))
    }
}

fn calendar_item() -> Item {
    Item::new(ItemKind::CalendarItem(Box::default()))
}

/// The item itself was written; what came after it was not, or not for certain. What the server will never take is
/// known for certain.
fn left_off(error: PortError) -> PortError {
    let applied = match error.class() {
        Class::Permanent => Applied::No,
        _ => Applied::Unknown,
    };
    match error {
        PortError::Failed { refusal, back_off, .. } => PortError::Failed { refusal, back_off, applied },
        other => PortError::Failed { refusal: other.refusal(), back_off: None, applied },
    }
}
