//! User configurations: settings that clients keep in a folder, as a dictionary, XML and bytes.

use tieline_proto_ews::{
    ItemId, NoPayload, ResponseCode, ResponseMessages,
    operations::{
        CreateUserConfiguration, DeleteUserConfiguration, GetUserConfiguration, GetUserConfigurationMessage,
        UpdateUserConfiguration, UserConfiguration, UserConfigurationName,
    },
};

use super::super::context::{Context, Failure, item_not_found, message, refuse};
use crate::{
    id, kept,
    permission::Right,
    property::boolean,
    store::{folder::Folder, next_number, setting},
};

type Outcome<P> = Result<ResponseMessages<P>, sqlx::Error>;

/// Longest XML and longest bytes that a configuration holds.
const MAX_DATA: usize = 1024 * 1024;

async fn place(
    cx: &mut Context,
    name: &UserConfigurationName,
    right: Right,
) -> Result<(Folder, String), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
    if name.name.is_empty() || !name.name.chars().all(plain) {
        let text = "The name of a user configuration holds letters, digits and dots.";
        return Err(refuse(ResponseCode::ErrorInvalidValueForProperty, text));
    }
    let Some(id) = &name.folder else {
        return Err(refuse(ResponseCode::ErrorParentFolderIdRequired, "The folder is missing."));
    };
    let folder = cx.folder(id).await?;
    cx.allow(&folder, right).await?;
    let key = key(&folder, &name.name);
    Ok((folder, key))
}

/// Where a mailbox keeps the configuration of this name in one of its folders.
pub(crate) fn key(folder: &Folder, name: &str) -> String {
    format!("configuration/{}/{}", folder.folder, name.to_lowercase())
}

/// GetUserConfiguration.
pub(crate) async fn get(
    cx: &mut Context,
    request: GetUserConfiguration,
) -> Outcome<GetUserConfigurationMessage> {
    let outcome = async {
        let (folder, key) = place(cx, &request.user_configuration_name, Right::Read).await?;
        let found: Option<UserConfiguration> = kept::load(&mut cx.tx, folder.mailbox, &key).await?;
        let mut found = found.ok_or_else(item_not_found)?;
        let wanted = request.user_configuration_properties.as_str();
        let wants = |part: &str| wanted.split_whitespace().any(|name| name == "All" || name == part);
        if !wants("Id") {
            found.item_id = None;
        }
        if !wants("Dictionary") {
            found.dictionary.clear();
        }
        found.xml_data = found.xml_data.filter(|_| wants("XmlData"));
        found.binary_data = found.binary_data.filter(|_| wants("BinaryData"));
        found.user_configuration_name = request.user_configuration_name.clone();
        Ok(GetUserConfigurationMessage { user_configuration: Some(found) })
    };
    let outcome = outcome.await;
    Ok(ResponseMessages::one(message(outcome)?))
}

/// A truth value has two forms in XML; typed values come back in one.
fn normalize(configuration: &mut UserConfiguration) {
    let objects = configuration
        .dictionary
        .iter_mut()
        .flat_map(|entry| std::iter::once(&mut entry.dictionary_key).chain(&mut entry.dictionary_value));
    for object in objects.filter(|object| object.object_type == "Boolean") {
        for value in &mut object.values {
            if let Some(truth) = boolean(value) {
                *value = truth.to_string();
            }
        }
    }
}

fn check(configuration: &UserConfiguration) -> Result<(), Failure> {
    let long = |data: &Option<tieline_proto_ews::Binary>| {
        data.as_ref().is_some_and(|data| data.as_ref().len() > MAX_DATA)
    };
    if long(&configuration.xml_data) || long(&configuration.binary_data) {
        let text = "A user configuration holds at most one megabyte of each kind.";
        return Err(refuse(ResponseCode::ErrorInvalidValueForProperty, text));
    }
    const TYPES: [&str; 10] = [
        "DateTime",
        "Boolean",
        "Byte",
        "String",
        "Integer32",
        "UnsignedInteger32",
        "Integer64",
        "UnsignedInteger64",
        "StringArray",
        "ByteArray",
    ];
    let objects = configuration
        .dictionary
        .iter()
        .flat_map(|entry| std::iter::once(&entry.dictionary_key).chain(&entry.dictionary_value));
    for object in objects {
        if !TYPES.contains(&object.object_type.as_str()) || object.values.is_empty() {
            let text = "A dictionary's keys and values have one of the known types, and a value.";
            return Err(refuse(ResponseCode::ErrorInvalidValueForProperty, text));
        }
    }
    Ok(())
}

/// CreateUserConfiguration.
pub(crate) async fn create(cx: &mut Context, request: CreateUserConfiguration) -> Outcome<NoPayload> {
    let mut new = request.user_configuration;
    normalize(&mut new);
    let outcome = async {
        check(&new)?;
        let (folder, key) = place(cx, &new.user_configuration_name, Right::CreateAssociated).await?;
        if setting::get(&mut cx.tx, folder.mailbox, &key).await?.is_some() {
            let text = "A user configuration of this name exists in the folder.";
            return Err(refuse(ResponseCode::ErrorItemSave, text));
        }
        let number = next_number(&mut cx.tx, "item").await?;
        new.item_id = Some(ItemId::with_key(id::item_id(cx.mailbox.guid, number), cx.change_key(1)));
        kept::keep(&mut cx.tx, folder.mailbox, &key, &new).await?;
        Ok(NoPayload)
    };
    let outcome = outcome.await;
    Ok(ResponseMessages::one(message(outcome)?))
}

/// UpdateUserConfiguration: the parts that the request carries.
pub(crate) async fn update(cx: &mut Context, request: UpdateUserConfiguration) -> Outcome<NoPayload> {
    let mut new = request.user_configuration;
    normalize(&mut new);
    let outcome = async {
        check(&new)?;
        let (folder, key) = place(cx, &new.user_configuration_name, Right::CreateAssociated).await?;
        let found: Option<UserConfiguration> = kept::load(&mut cx.tx, folder.mailbox, &key).await?;
        let mut kept_one = found.ok_or_else(item_not_found)?;
        if !new.dictionary.is_empty() {
            kept_one.dictionary.clone_from(&new.dictionary);
        }
        kept_one.xml_data = new.xml_data.clone().or(kept_one.xml_data);
        kept_one.binary_data = new.binary_data.clone().or(kept_one.binary_data);
        kept::keep(&mut cx.tx, folder.mailbox, &key, &kept_one).await?;
        Ok(NoPayload)
    };
    let outcome = outcome.await;
    Ok(ResponseMessages::one(message(outcome)?))
}

/// DeleteUserConfiguration.
pub(crate) async fn delete(cx: &mut Context, request: DeleteUserConfiguration) -> Outcome<NoPayload> {
    let outcome = async {
        let (folder, key) = place(cx, &request.user_configuration_name, Right::CreateAssociated).await?;
        match setting::remove(&mut cx.tx, folder.mailbox, &key).await? {
            true => Ok(NoPayload),
            false => Err(item_not_found()),
        }
    };
    let outcome = outcome.await;
    Ok(ResponseMessages::one(message(outcome)?))
}
