//! Settings of a mailbox kept as the XML that the codec writes for them, so that they come back as they were set.

use sqlx::SqliteConnection;
use tieline_proto_ews::xml::{Limits, Ns, Reader, Value, Writer};

use crate::{document::wrap, store::setting};

/// Reads a setting; a text that is not readable any more counts as none.
pub(crate) async fn load<T: Value>(
    tx: &mut SqliteConnection,
    mailbox: i64,
    name: &str,
) -> Result<Option<T>, sqlx::Error> {
    Ok(setting::get(tx, mailbox, name).await?.and_then(|xml| read(&xml)))
}

/// Writes a setting.
pub(crate) async fn keep<T: Value>(
    tx: &mut SqliteConnection,
    mailbox: i64,
    name: &str,
    value: &T,
) -> Result<(), sqlx::Error> {
    let mut writer = Writer::with_capacity(512);
    value.write(&mut writer, Ns::Types, b"Kept");
    setting::put(tx, mailbox, name, &String::from_utf8_lossy(&writer.finish())).await
}

fn read<T: Value>(xml: &str) -> Option<T> {
    let wrapped = wrap(xml);
    let mut reader = Reader::new(wrapped.as_bytes(), &Limits::default()).ok()?;
    let root = reader.root().ok()?;
    let element = reader.child(&root).ok()??;
    T::read(&mut reader, &element).ok()?
}
