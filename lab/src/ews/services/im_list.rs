//! The instant messaging contact list (the unified contact store of Lync 2013): contacts in the folder of quick contacts,
//! and groups of them. A group is known by an id of its own; its members by the ids of their contacts.

use serde::{Deserialize, Serialize};
use tieline_proto_ews::{
    BaseItemId, ItemId, NoPayload, ResponseCode,
    operations::{
        AddDistributionGroupToImList, AddImContactToGroup, AddImGroup, AddNewImContactToGroup,
        AddNewTelUriContactToGroup, GetImItemList, GetImItems, ImGroup, ImGroupMessage, ImItemList,
        ImItemListMessage, PersonaMessage, RemoveContactFromImList, RemoveDistributionGroupFromImList,
        RemoveImContactFromGroup, RemoveImGroup, SetImGroup,
    },
};

use super::{
    super::{
        context::{Context, Failure, refuse},
        item_create::making,
    },
    people::persona_of_contact,
};
use crate::{
    content, delivery,
    document::Document,
    id::{self, Id, Named},
    store::{
        item::{self, Item},
        item_move, next_number, setting,
    },
};

const SETTING: &str = "im-groups";
/// The most groups of a list, as in Exchange.
const MAX_GROUPS: usize = 64;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Group {
    number: i64,
    name: String,
    /// Address of a distribution group of the directory; such a group has no members of its own.
    address: Option<String>,
    members: Vec<i64>,
}

async fn load(cx: &mut Context) -> Result<Vec<Group>, Failure> {
    let json = setting::get(&mut cx.tx, cx.own.mailbox, SETTING).await?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
}

async fn keep(cx: &mut Context, groups: &[Group]) -> Result<(), Failure> {
    let json = serde_json::to_string(groups).unwrap_or_default();
    Ok(setting::put(&mut cx.tx, cx.own.mailbox, SETTING, &json).await?)
}

fn number_of(cx: &Context, id: &ItemId) -> Option<i64> {
    match Id::decode(&id.id) {
        Some(Id { mailbox, named: Named::Item(number) }) if mailbox == cx.own.guid => Some(number),
        _ => None,
    }
}

fn place(cx: &Context, groups: &[Group], id: &ItemId) -> Result<usize, Failure> {
    let number = number_of(cx, id);
    groups.iter().position(|group| Some(group.number) == number).ok_or_else(|| {
        refuse(ResponseCode::ErrorInvalidImGroupId, "There is no such group in the contact list.")
    })
}

fn element(cx: &Context, group: &Group) -> ImGroup {
    let of_directory = group.address.is_some();
    let id = |number: &i64| ItemId::new(id::item_id(cx.own.guid, *number));
    ImGroup {
        display_name: group.name.clone(),
        group_type: if of_directory { "IPM.DistList.MOC.DG" } else { "IPM.DistList.MOC.UserGroup" }
            .to_owned(),
        exchange_store_id: Some(id(&group.number)),
        member_correlation_key: group.members.iter().map(id).collect(),
        extended_properties: Vec::new(),
        smtp_address: group.address.clone(),
    }
}

async fn contacts(cx: &mut Context) -> Result<Vec<Item>, Failure> {
    let folder = cx.distinguished("quickcontacts").await?;
    Ok(item::of_folder(&mut cx.tx, &folder, false, true).await?)
}

/// GetImItemList.
pub(super) async fn list(cx: &mut Context, _: GetImItemList) -> Result<ImItemListMessage, Failure> {
    let groups = load(cx).await?;
    let rows = contacts(cx).await?;
    Ok(answer(cx, &groups, &rows))
}

fn answer(cx: &Context, groups: &[Group], rows: &[Item]) -> ImItemListMessage {
    ImItemListMessage {
        im_item_list: Some(ImItemList {
            groups: groups.iter().map(|group| element(cx, group)).collect(),
            personas: rows.iter().map(|row| persona_of_contact(cx, row)).collect(),
        }),
    }
}

/// GetImItems: those that are there.
pub(super) async fn items(cx: &mut Context, request: GetImItems) -> Result<ImItemListMessage, Failure> {
    let numbers = |cx: &Context, ids: &[BaseItemId]| -> Vec<i64> {
        let one = |id: &BaseItemId| match id {
            BaseItemId::ItemId(id) => number_of(cx, id),
            _ => None,
        };
        ids.iter().filter_map(one).collect()
    };
    let wanted = (numbers(cx, &request.contact_ids), numbers(cx, &request.group_ids));
    let mut groups = load(cx).await?;
    groups.retain(|group| wanted.1.contains(&group.number));
    let mut rows = contacts(cx).await?;
    rows.retain(|row| wanted.0.contains(&row.item));
    Ok(answer(cx, &groups, &rows))
}

async fn make_group(
    cx: &mut Context,
    name: &str,
    address: Option<String>,
) -> Result<ImGroupMessage, Failure> {
    if name.is_empty() {
        return Err(refuse(ResponseCode::ErrorInvalidArgument, "A group needs a display name."));
    }
    let mut groups = load(cx).await?;
    if groups.iter().any(|group| group.name.eq_ignore_ascii_case(name.trim())) {
        let text = "A group of this name is in the contact list already.";
        return Err(refuse(ResponseCode::ErrorImGroupDisplayNameAlreadyExists, text));
    }
    if groups.len() >= MAX_GROUPS {
        let text = "The contact list holds as many groups as it can.";
        return Err(refuse(ResponseCode::ErrorImGroupLimitReached, text));
    }
    let number = next_number(&mut cx.tx, "item").await?;
    let group = Group { number, name: name.trim().to_owned(), address, members: Vec::new() };
    let im_group = Some(element(cx, &group));
    groups.push(group);
    keep(cx, &groups).await?;
    Ok(ImGroupMessage { im_group })
}

/// AddImGroup.
pub(super) async fn add_group(cx: &mut Context, request: AddImGroup) -> Result<ImGroupMessage, Failure> {
    make_group(cx, &request.display_name, None).await
}

/// AddDistributionGroupToImList.
pub(super) async fn add_directory_group(
    cx: &mut Context,
    request: AddDistributionGroupToImList,
) -> Result<ImGroupMessage, Failure> {
    let Some(known) = cx.server.directory.group(&request.smtp_address).cloned() else {
        let text = "The directory has no distribution group with this address.";
        return Err(refuse(ResponseCode::ErrorInvalidImDistributionGroupSmtpAddress, text));
    };
    make_group(cx, &request.display_name, Some(known.address)).await
}

/// SetImGroup.
pub(super) async fn set_group(cx: &mut Context, request: SetImGroup) -> Result<NoPayload, Failure> {
    let mut groups = load(cx).await?;
    let at = place(cx, &groups, &request.group_id)?;
    if let Some(group) = groups.get_mut(at) {
        group.name = request.new_display_name.trim().to_owned();
    }
    keep(cx, &groups).await?;
    Ok(NoPayload)
}

/// RemoveImGroup.
pub(super) async fn remove_group(cx: &mut Context, request: RemoveImGroup) -> Result<NoPayload, Failure> {
    forget_group(cx, &request.group_id).await
}

/// RemoveDistributionGroupFromImList.
pub(super) async fn remove_directory_group(
    cx: &mut Context,
    request: RemoveDistributionGroupFromImList,
) -> Result<NoPayload, Failure> {
    forget_group(cx, &request.group_id).await
}

async fn forget_group(cx: &mut Context, id: &ItemId) -> Result<NoPayload, Failure> {
    let mut groups = load(cx).await?;
    let at = place(cx, &groups, id)?;
    groups.remove(at);
    keep(cx, &groups).await?;
    Ok(NoPayload)
}

/// Makes a contact with an instant messaging address, and puts it into a group.
async fn make_contact(
    cx: &mut Context,
    address: &str,
    name: &str,
    phone: Option<&str>,
    group: Option<&ItemId>,
) -> Result<PersonaMessage, Failure> {
    let mut groups = load(cx).await?;
    let at = group.map(|id| place(cx, &groups, id)).transpose()?;
    let mut document = Document { kind: "Contact".to_owned(), ..Document::default() };
    document.set_text("DisplayName", name);
    document.set_text("FileAs", name);
    document.set_text("ItemClass", "IPM.Contact");
    document.set_entry("ImAddresses", "ImAddress1", None, Some(address));
    if let Some(mail) = address.strip_prefix("sip:").filter(|mail| mail.contains('@')) {
        document.set_entry("EmailAddresses", "EmailAddress1", None, Some(mail));
    }
    if let Some(phone) = phone {
        document.set_entry("PhoneNumbers", "BusinessPhone", None, Some(phone));
    }
    let mut new = content::composed(document, Vec::new(), making(cx));
    new.content.class = "IPM.Contact".to_owned();
    let folder = cx.distinguished("quickcontacts").await?;
    let by = cx.account.display_name.clone();
    let row = delivery::save(&mut cx.tx, &folder, &new, &by, cx.now_ms, false).await?;
    if let Some(group) = at.and_then(|at| groups.get_mut(at)) {
        group.members.push(row.item);
    }
    keep(cx, &groups).await?;
    Ok(PersonaMessage { persona: Some(persona_of_contact(cx, &row)) })
}

/// AddNewImContactToGroup.
pub(super) async fn add_new_contact(
    cx: &mut Context,
    request: AddNewImContactToGroup,
) -> Result<PersonaMessage, Failure> {
    let address = match request.im_address.trim() {
        address if address.contains(':') => address.to_owned(),
        address => format!("sip:{address}"),
    };
    let known = cx.server.directory.by_address(address.trim_start_matches("sip:"));
    let name = request.display_name.clone().or(known.map(|account| account.display_name.clone()));
    let name = name.unwrap_or_else(|| address.trim_start_matches("sip:").to_owned());
    make_contact(cx, &address, &name, None, request.group_id.as_ref()).await
}

/// AddNewTelUriContactToGroup.
pub(super) async fn add_new_telephone(
    cx: &mut Context,
    request: AddNewTelUriContactToGroup,
) -> Result<PersonaMessage, Failure> {
    let number = request.im_telephone_number.trim();
    let address = request.im_contact_sip_uri_address.trim();
    make_contact(cx, address, number, Some(number), request.group_id.as_ref()).await
}

async fn contact(cx: &mut Context, id: &ItemId) -> Result<Item, Failure> {
    let number = number_of(cx, id);
    let found = contacts(cx).await?.into_iter().find(|row| Some(row.item) == number);
    found.ok_or_else(|| {
        refuse(ResponseCode::ErrorInvalidImContactId, "There is no such contact in the contact list.")
    })
}

/// AddImContactToGroup.
pub(super) async fn add_contact(
    cx: &mut Context,
    request: AddImContactToGroup,
) -> Result<NoPayload, Failure> {
    let number = contact(cx, &request.contact_id).await?.item;
    let mut groups = load(cx).await?;
    if let Some(id) = &request.group_id {
        let at = place(cx, &groups, id)?;
        if let Some(group) = groups.get_mut(at).filter(|group| !group.members.contains(&number)) {
            group.members.push(number);
        }
    }
    keep(cx, &groups).await?;
    Ok(NoPayload)
}

/// RemoveImContactFromGroup.
pub(super) async fn remove_from_group(
    cx: &mut Context,
    request: RemoveImContactFromGroup,
) -> Result<NoPayload, Failure> {
    let number = contact(cx, &request.contact_id).await?.item;
    let mut groups = load(cx).await?;
    let at = place(cx, &groups, &request.group_id)?;
    if let Some(group) = groups.get_mut(at) {
        group.members.retain(|member| *member != number);
    }
    keep(cx, &groups).await?;
    Ok(NoPayload)
}

/// RemoveContactFromImList.
pub(super) async fn remove_contact(
    cx: &mut Context,
    request: RemoveContactFromImList,
) -> Result<NoPayload, Failure> {
    let row = contact(cx, &request.contact_id).await?;
    let mut groups = load(cx).await?;
    for group in &mut groups {
        group.members.retain(|member| *member != row.item);
    }
    keep(cx, &groups).await?;
    item_move::delete(&mut cx.tx, &row, cx.now_ms).await?;
    Ok(NoPayload)
}
