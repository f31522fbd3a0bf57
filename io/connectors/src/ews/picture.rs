//! A contact's picture is an attachment of its own, marked as one (`IsContactPhoto`). Exchange takes it apart from the contact,
//! and after it: a contact whose picture could not be taken over is a contact all the same.

use tieline_model::RecordHash;
use tieline_ports::{PortError, ReadRecord, RecordOperation, WriteRecord};
use tieline_proto_ews::operations::{CreateAttachment, DeleteAttachment, GetAttachment};
use tieline_proto_ews::{Attachment, AttachmentId, FileAttachment, Item, ItemId};

use super::call::Call;
use super::failure::Stated;
use super::map::Schema;
use super::map::contact::LARGEST_PICTURE;
use super::mapped::Mapped;
use super::records::Rest;

/// Pictures read by one request.
const PICTURES_AT_ONCE: usize = 10;
/// As Outlook names it.
const NAME: &str = "ContactPicture.jpg";

impl Call<'_> {
    /// Reads the pictures of the contacts that were read. One that cannot be had is none.
    pub(super) async fn read_pictures<R: Mapped>(
        &self,
        read: &mut [(ReadRecord<R>, Rest)],
    ) -> Result<(), PortError> {
        let pictures = |(at, (_, rest)): (usize, &mut (_, Rest))| Some((at, rest.picture.take()?));
        let wanted: Vec<(usize, AttachmentId)> = read.iter_mut().enumerate().filter_map(pictures).collect();
        for wanted in wanted.chunks(PICTURES_AT_ONCE) {
            let attachment_ids = wanted.iter().map(|(_, id)| id.clone()).collect();
            let answer = self.send(&GetAttachment { attachment_shape: None, attachment_ids }).await?;
            if answer.messages.len() != wanted.len() {
                return Err(self.short());
            }
            for ((at, _), message) in wanted.iter().zip(answer.messages) {
                let content =
                    message.payload.attachments.into_iter().find_map(|attachment| match attachment {
                        Attachment::File(file) => file.content,
                        _ => None,
                    });
                if let (Some(content), Some((ReadRecord::Found(record), _))) = (content, read.get_mut(*at)) {
                    if content.0.len() > LARGEST_PICTURE as usize {
                        continue;
                    }
                    let content = content.0.to_vec();
                    record.record.show(RecordHash::of_bytes(&content));
                    record.picture = Some(content);
                }
            }
        }
        Ok(())
    }

    /// Writes the picture that belongs to a write, or takes it away, and notes the item's new version. What does not work is
    /// left: the picture stays in Tieline, and the item as it is.
    pub(super) async fn take_picture_over<R: Mapped>(&self, id: &mut ItemId, write: &WriteRecord<R>) {
        let is_new = matches!(write.operation, RecordOperation::Create { .. });
        let away = match &write.operation {
            RecordOperation::Update { record, fields, .. } => record.is_unpictured(fields),
            RecordOperation::Create { .. } | RecordOperation::Delete { .. } => false,
        };
        // Exchange 2007 knows no such attachments.
        if (write.picture.is_none() && !away) || Schema::from(&self.session.version()) == Schema::Exchange2007
        {
            return;
        }
        let done = async {
            if !is_new {
                self.remove_pictures::<R>(id).await?;
            }
            match &write.picture {
                Some(content) => self.attach_picture(id, content).await,
                None => Ok(()),
            }
        };
        if let Err(error) = done.await {
            let why = error.refusal().what;
            tracing::warn!(mailbox = %self.at(), why, "ews.picture: a contact's picture is in Tieline only");
        }
    }

    async fn remove_pictures<R: Mapped>(&self, id: &mut ItemId) -> Result<(), PortError> {
        let found = self.fetch_items::<R>(std::iter::once(ItemId::new(&id.id))).await?.pop();
        let Some(Ok(item)) = found else { return Err(PortError::NotFound) };
        let attachment_ids: Vec<AttachmentId> = pictures(&item).collect();
        if attachment_ids.is_empty() {
            return Ok(());
        }
        let answer = self.send(&DeleteAttachment { attachment_ids }).await?;
        for message in answer.messages {
            if let Some(stated) = Stated::message(&message) {
                return Err(stated.into_error(&self.at(), None));
            }
            if let Some(root) = message.payload.root_item_id {
                id.change_key = Some(root.root_item_change_key);
            }
        }
        Ok(())
    }

    async fn attach_picture(&self, id: &mut ItemId, content: &[u8]) -> Result<(), PortError> {
        let file = FileAttachment {
            is_contact_photo: Some(true),
            ..FileAttachment::new(NAME, content_type(content), content.to_vec())
        };
        let request =
            CreateAttachment { parent_item_id: id.clone(), attachments: vec![Attachment::File(file)] };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&self.at(), None));
        }
        let attached =
            message.payload.attachments.first().and_then(|one| one.fields().attachment_id.as_ref());
        match attached.and_then(|attached| attached.root_item_change_key.clone()) {
            Some(key) => id.change_key = Some(key),
            None => return Err(self.short()),
        }
        Ok(())
    }
}

/// Whatever size they have.
fn pictures(item: &Item) -> impl Iterator<Item = AttachmentId> {
    item.attachments.iter().filter_map(|attachment| match attachment {
        Attachment::File(file) if file.is_contact_photo == Some(true) => {
            file.attachment.attachment_id.clone()
        }
        _ => None,
    })
}

/// Outlook makes them JPEG files; other programs may not.
fn content_type(content: &[u8]) -> &'static str {
    match content {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        _ => "image/jpeg",
    }
}
