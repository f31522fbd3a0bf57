use crate::Error;
use crate::operation::{ResponseMessages, operation};
use crate::xml::{Choice as _, Ns, Reader, Sequence, Start, Writer, choice, open_enum, sequence};

open_enum! {
    /// `t:IdFormatType`: the forms an id can have.
    #[derive(Default)]
    pub enum IdFormat {
        EwsLegacyId,
        #[default]
        EwsId,
        EntryId,
        HexEntryId,
        StoreId,
        OwaId,
    }
}

sequence! {
    /// `t:AlternateIdType`: an id of a mailbox's item or folder. In answers the mailbox is the owner's primary address.
    #[derive(Eq)]
    pub struct AlternateId in Types {
        required_attribute b"Format" => format: IdFormat,
        required_attribute b"Id" => id: String,
        required_attribute b"Mailbox" => mailbox: String,
        attribute b"IsArchive" => is_archive: Option<bool>,
    }
}

sequence! {
    /// `t:AlternatePublicFolderIdType`.
    #[derive(Eq)]
    pub struct AlternatePublicFolderId in Types {
        required_attribute b"Format" => format: IdFormat,
        required_attribute b"FolderId" => folder_id: String,
    }
}

sequence! {
    /// `t:AlternatePublicFolderItemIdType`.
    #[derive(Eq)]
    pub struct AlternatePublicFolderItemId in Types {
        required_attribute b"Format" => format: IdFormat,
        required_attribute b"FolderId" => folder_id: String,
        required_attribute b"ItemId" => item_id: String,
    }
}

choice! {
    /// An id to convert.
    pub enum SourceId in Types {
        b"AlternateId" => Mailbox(AlternateId),
        b"AlternatePublicFolderId" => PublicFolder(AlternatePublicFolderId),
        b"AlternatePublicFolderItemId" => PublicFolderItem(AlternatePublicFolderItemId),
    }
}

sequence! {
    /// Converts ids between forms.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscvtid/> section 3.1.4.1
    pub struct ConvertId in Messages {
        required_attribute b"DestinationFormat" => destination_format: IdFormat,
        required_array b"SourceIds" => source_ids: Vec<SourceId>,
    }
}

operation!(ConvertId, "ConvertId" -> ResponseMessages<ConvertIdMessage>);

/// `m:ConvertIdResponseMessageType`: the id in its new form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConvertIdMessage {
    /// The id; on the wire the element is always `m:AlternateId`, and `xsi:type` says which of the three.
    pub alternate_id: Option<SourceId>,
}

impl Sequence for ConvertIdMessage {
    fn read_attribute(&mut self, _: &str, _: std::borrow::Cow<'_, str>) {}

    fn read_child(&mut self, r: &mut Reader<'_>, child: &Start<'_>) -> Result<bool, Error> {
        if child.local() != "AlternateId" {
            return Ok(false);
        }
        let kind = child.attribute(r.limits(), "type")?.unwrap_or_default();
        self.alternate_id = match kind.rsplit(':').next() {
            Some("AlternatePublicFolderIdType") => {
                let mut id = AlternatePublicFolderId::default();
                id.read_into(r, child)?;
                Some(SourceId::PublicFolder(id))
            }
            Some("AlternatePublicFolderItemIdType") => {
                let mut id = AlternatePublicFolderItemId::default();
                id.read_into(r, child)?;
                Some(SourceId::PublicFolderItem(id))
            }
            _ => SourceId::read_choice(r, child)?,
        };
        Ok(true)
    }

    fn write_attributes(&self, _: &mut Writer) {}

    fn write_children(&self, w: &mut Writer) {
        let Some(id) = &self.alternate_id else { return };
        w.start(Ns::Messages, b"AlternateId");
        w.declare(Ns::SchemaInstance);
        match id {
            SourceId::Mailbox(id) => {
                w.attribute_text(b"i:type", "t:AlternateIdType");
                id.write_attributes(w);
            }
            SourceId::PublicFolder(id) => {
                w.attribute_text(b"i:type", "t:AlternatePublicFolderIdType");
                id.write_attributes(w);
            }
            SourceId::PublicFolderItem(id) => {
                w.attribute_text(b"i:type", "t:AlternatePublicFolderItemIdType");
                id.write_attributes(w);
            }
        }
        w.end(Ns::Messages, b"AlternateId");
    }
}
