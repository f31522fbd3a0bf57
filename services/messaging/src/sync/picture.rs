//! Pictures travel beside their contacts: what is read is kept before any contact of ours names it, and what a contact names is
//! given along when it is written.

use tieline_model::RecordHash;
use tieline_ports::ReadRecord;
use tieline_store::{NewPicture, Write};
use tieline_worker::WorkError;

use super::{InStep, Pass};

impl<R: InStep> Pass<'_, R> {
    /// The pictures that came with these, to be kept before any contact of ours names them.
    pub(crate) fn pictures(&self, read: &[ReadRecord<R>]) -> Vec<Write> {
        let picture = |read: &ReadRecord<R>| match read {
            ReadRecord::Found(remote) => {
                let content = remote.picture.clone()?;
                let hash = RecordHash::of_bytes(&content);
                Some(Write::Picture(NewPicture { mailbox: self.mailbox.id, hash, content }))
            }
            ReadRecord::NotFound | ReadRecord::Unreadable(_) => None,
        };
        read.iter().filter_map(picture).collect()
    }

    /// The pictures that belong to these writes, one place for each. One that is not kept any more is none.
    pub(crate) async fn pictures_for(
        &self,
        writes: &[tieline_sync::Write<R>],
    ) -> Result<Vec<Option<Vec<u8>>>, WorkError> {
        let mut pictures = Vec::with_capacity(writes.len());
        for write in writes {
            let named = write.record.as_ref().and_then(|record| record.picture(&write.fields));
            pictures.push(match named {
                Some(hash) => self.messaging.store.picture(self.mailbox.id, hash).await?,
                None => None,
            });
        }
        Ok(pictures)
    }
}
