//! ConvertId: the same thing by another name.

use base64::{Engine, engine::general_purpose::STANDARD};
use tieline_proto_ews::{
    ResponseCode, ResponseMessages,
    operations::{AlternateId, ConvertId, ConvertIdMessage, IdFormat, SourceId},
};
use uuid::Uuid;

use super::context::{Context, Failure, malformed, message, refuse};
use crate::{id::Id, store::mailbox};

/// ConvertId.
pub(crate) async fn convert_id(
    cx: &mut Context,
    request: ConvertId,
) -> Result<ResponseMessages<ConvertIdMessage>, sqlx::Error> {
    let mut messages = Vec::new();
    for source in &request.source_ids {
        let outcome = convert_one(cx, source, &request.destination_format).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn convert_one(
    cx: &mut Context,
    source: &SourceId,
    to: &IdFormat,
) -> Result<ConvertIdMessage, Failure> {
    let SourceId::Mailbox(source) = source else {
        return Err(refuse(ResponseCode::ErrorInvalidOperation, "The lab has no public folders."));
    };
    let id = read_id(&source.format, &source.id).ok_or_else(malformed)?;
    // The mailbox in the request is not looked at; the answer names the owner. Clients find their address so.
    let owner = mailbox::by_guid(&mut cx.tx, id.mailbox).await?.ok_or_else(malformed)?;
    let converted =
        AlternateId { format: to.clone(), id: write_id(to, &id), mailbox: owner.address, is_archive: None };
    Ok(ConvertIdMessage { alternate_id: Some(SourceId::Mailbox(converted)) })
}

fn read_id(format: &IdFormat, text: &str) -> Option<Id> {
    match format {
        IdFormat::EwsId | IdFormat::EwsLegacyId => Id::decode(text),
        IdFormat::OwaId => Id::decode(&text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")),
        IdFormat::HexEntryId => {
            let digits = text.as_bytes().chunks(2);
            let bytes: Option<Vec<u8>> =
                digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
            from_entry_id(&bytes?)
        }
        _ => from_entry_id(&STANDARD.decode(text).ok()?),
    }
}

fn write_id(format: &IdFormat, id: &Id) -> String {
    match format {
        IdFormat::EwsId | IdFormat::EwsLegacyId => id.encode(),
        IdFormat::OwaId => id.encode().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
        IdFormat::HexEntryId => entry_id(id).iter().map(|byte| format!("{byte:02X}")).collect(),
        _ => STANDARD.encode(entry_id(id)),
    }
}

/// A MAPI entry id: flags, the store's GUID, then what the EWS id says in binary.
fn entry_id(id: &Id) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend_from_slice(id.mailbox.as_bytes());
    let text = STANDARD.decode(id.encode()).unwrap_or_default();
    bytes.extend(text.iter().skip(39));
    bytes
}

fn from_entry_id(bytes: &[u8]) -> Option<Id> {
    let (guid, rest) = bytes.strip_prefix(&[0; 4])?.split_at_checked(16)?;
    let mut text = vec![0, 3, 36];
    text.extend_from_slice(Uuid::from_slice(guid).ok()?.hyphenated().to_string().as_bytes());
    text.extend_from_slice(rest);
    Id::decode(&STANDARD.encode(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Named;

    #[test]
    fn ids_convert_through_every_format() {
        let id = Id { mailbox: Uuid::from_u128(7), named: Named::Item(12) };
        for format in
            [IdFormat::EwsId, IdFormat::EntryId, IdFormat::HexEntryId, IdFormat::StoreId, IdFormat::OwaId]
        {
            assert_eq!(read_id(&format, &write_id(&format, &id)), Some(id), "{format}");
        }
        assert_eq!(read_id(&IdFormat::EwsId, "DUMMY"), None);
        assert_eq!(read_id(&IdFormat::HexEntryId, "zz"), None);
    }
}
