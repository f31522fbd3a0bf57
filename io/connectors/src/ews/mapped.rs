//! What is kept in step, and how each looks in Exchange.

use jiff::civil;
use tieline_model::{Contact, ContactField, ContactForm, Event, EventField, Record, RecordHash, UnknownZone};
use tieline_proto_ews::operations::ItemChangeDescription;
use tieline_proto_ews::{
    AttachmentId, DistinguishedFolderName, ExtendedProperty, Item, ItemId, ItemKind, PropertyPath,
};

use super::map::event::Pending;
use super::map::{Schema, property};

/// How a record looks in Exchange.
pub(super) trait Mapped: Record {
    /// The folder that holds them.
    const FOLDER: DistinguishedFolderName;
    /// Writes need a word on who is told.
    const CALENDAR: bool;

    /// The item to create in this owner's mailbox.
    ///
    /// # Errors
    /// When its time zone is not known.
    fn item(&self, schema: Schema, owner: &str) -> Result<Item, UnknownZone>;
    /// The changes that bring these fields about, but for an event's schedule.
    fn changes(&self, fields: &[Self::Field], owner: &str) -> Vec<ItemChangeDescription>;
    /// The record that an item is.
    fn read(item: &Item) -> Result<Option<Draft<Self>>, UnknownZone>;
    /// Properties that are read besides the usual ones.
    fn paths(schema: Schema) -> Vec<PropertyPath>;
    /// What Exchange keeps of it.
    fn rendered(&self) -> Self;
    /// The kind of item that it is, without any fields.
    fn kind(&self) -> ItemKind;

    /// The attachment that is its picture.
    fn picture(_item: &Item) -> Option<AttachmentId> {
        None
    }
    /// Names its picture.
    fn show(&mut self, _picture: RecordHash) {}
    /// Whether a write of these fields takes its picture away.
    fn is_unpictured(&self, _fields: &[Self::Field]) -> bool {
        false
    }
    /// Whether what becomes of a field can be told before it is written.
    fn is_told(_field: Self::Field) -> bool {
        true
    }

    /// The event that it is.
    fn event(&self) -> Option<&Event> {
        None
    }
    /// The event that it is, to be completed.
    fn event_mut(&mut self) -> Option<&mut Event> {
        None
    }
    /// Whether an event's schedule is among the fields.
    fn is_scheduled(_fields: &[Self::Field]) -> bool {
        false
    }
}

/// A record as its item alone says it, and what else must be read: the items of a series' changed occurrences.
pub(super) struct Draft<R> {
    pub(super) record: R,
    pub(super) parts: Vec<(civil::DateTime, ItemId)>,
    /// Occurrences that a write left undone when its process died.
    pub(super) pending: Option<Pending>,
}

impl<R> From<R> for Draft<R> {
    fn from(record: R) -> Self {
        Self { record, parts: Vec::new(), pending: None }
    }
}

impl Mapped for Contact {
    const FOLDER: DistinguishedFolderName = DistinguishedFolderName::Contacts;
    const CALENDAR: bool = false;

    fn item(&self, _schema: Schema, _owner: &str) -> Result<Item, UnknownZone> {
        let mut item = super::map::contact::item(&self.rendered());
        let uid = self.uid.iter().map(|uid| ExtendedProperty::new(property::record_uid(), uid.clone()));
        item.extended_properties.extend(uid);
        Ok(item)
    }

    fn changes(&self, fields: &[Self::Field], _owner: &str) -> Vec<ItemChangeDescription> {
        super::map::contact::changes(&self.rendered(), fields)
    }

    fn read(item: &Item) -> Result<Option<Draft<Self>>, UnknownZone> {
        Ok(super::map::contact::read(item).map(Draft::from))
    }

    fn paths(_schema: Schema) -> Vec<PropertyPath> {
        let mut paths = super::map::contact::paths();
        paths.push(property::record_uid().into());
        paths
    }

    fn rendered(&self) -> Self {
        super::map::contact::rendered(self)
    }

    fn picture(item: &Item) -> Option<AttachmentId> {
        super::map::contact::picture(item)
    }

    fn show(&mut self, picture: RecordHash) {
        self.photo = Some(picture);
    }

    fn is_unpictured(&self, fields: &[ContactField]) -> bool {
        self.photo.is_none() && fields.contains(&ContactField::Photo)
    }

    fn is_told(field: ContactField) -> bool {
        field != ContactField::Photo
    }

    fn kind(&self) -> ItemKind {
        match self.form {
            ContactForm::Person => ItemKind::Contact(Box::default()),
            ContactForm::List => ItemKind::DistributionList(Box::default()),
        }
    }
}

impl Mapped for Event {
    const FOLDER: DistinguishedFolderName = DistinguishedFolderName::Calendar;
    const CALENDAR: bool = true;

    fn item(&self, schema: Schema, owner: &str) -> Result<Item, UnknownZone> {
        let mut item = super::map::event::item(self, schema)?;
        item.extended_properties.extend(super::map::event::standing(self, owner));
        item.extended_properties.extend(Pending::of(self).map(|pending| pending.property()));
        Ok(item)
    }

    fn changes(&self, fields: &[Self::Field], owner: &str) -> Vec<ItemChangeDescription> {
        super::map::event::changes(self, fields, owner)
    }

    fn read(item: &Item) -> Result<Option<Draft<Self>>, UnknownZone> {
        let read = super::map::event::read(item)?;
        Ok(read.map(|read| Draft { record: read.event, parts: read.parts, pending: Pending::on(item) }))
    }

    fn paths(schema: Schema) -> Vec<PropertyPath> {
        super::map::event::paths(schema)
    }

    fn rendered(&self) -> Self {
        super::map::event::rendered(self)
    }

    fn kind(&self) -> ItemKind {
        ItemKind::CalendarItem(Box::default())
    }

    fn event(&self) -> Option<&Event> {
        Some(self)
    }

    fn event_mut(&mut self) -> Option<&mut Event> {
        Some(self)
    }

    fn is_scheduled(fields: &[EventField]) -> bool {
        fields.contains(&EventField::Schedule)
    }
}
