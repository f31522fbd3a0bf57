//! ResolveNames, ExpandDL, FindPeople, GetPersona: people of the directory and of the contacts folders.

use base64::{Engine, engine::general_purpose::STANDARD};
use tieline_proto_ews::{
    BaseFolderId, BaseItemId, EmailAddress, EmailAddressAttributedValue, ItemId, MailboxType, Persona,
    PersonaAttribution, PersonaPhoneNumber, PhoneNumberAttributedValue, PropertyPath, ResponseClass,
    ResponseCode, ResponseMessage, ResponseMessages, StringAttributedValue,
    operations::{
        DLExpansion, ExpandDL, ExpandDLMessage, FindPeople, FindPeopleMessage, GetPersona, GetPersonaMessage,
        Resolution, ResolutionSet, ResolveNames, ResolveNamesMessage, SearchScope, SortDirection,
    },
};

use super::super::{
    context::{Context, Failure, item_not_found, message, refuse},
    folder_find::page_of,
};
use crate::{
    account::{Account, DistributionGroup, begins_with},
    document::{Document, decode, escape},
    filter::{self, Properties},
    id,
    permission::Right,
    store::{
        folder::Folder,
        item::{self, Item},
    },
};

/// Most entries that name resolution returns, as in Exchange.
const MAX_RESOLUTIONS: usize = 100;
/// Most people on a page of FindPeople.
const MAX_PEOPLE: usize = 1000;

fn no_results<P: Default>() -> ResponseMessage<P> {
    ResponseMessage::error(ResponseCode::ErrorNameResolutionNoResults, "No results were found.")
}

/// ResolveNames.
pub(crate) async fn resolve_names(
    cx: &mut Context,
    request: ResolveNames,
) -> Result<ResponseMessages<ResolveNamesMessage>, sqlx::Error> {
    let entry = request.unresolved_entry.trim();
    if entry.is_empty() {
        let text = "The unresolved entry is empty.";
        let refusal = ResponseMessage::error(ResponseCode::ErrorNameResolutionNoResults, text);
        return Ok(ResponseMessages::one(refusal));
    }
    let full = request.return_full_contact_data;
    let directory = || in_directory(cx, entry, full);
    let scope = request.search_scope.as_ref().unwrap_or(&SearchScope::ActiveDirectoryContacts);
    let mut found = match scope {
        SearchScope::Contacts | SearchScope::ContactsActiveDirectory => Vec::new(),
        _ => directory(),
    };
    if *scope != SearchScope::ActiveDirectory {
        match in_contacts(cx, &request.parent_folder_ids, entry, full).await {
            Ok(contacts) => found.extend(contacts),
            Err(failure) => return Ok(ResponseMessages::one(message(Err(failure))?)),
        }
    }
    if *scope == SearchScope::ContactsActiveDirectory {
        found.extend(in_directory(cx, entry, full));
    }
    Ok(ResponseMessages::one(resolved(found)))
}

/// The message that carries resolutions; several are a warning.
fn resolved(mut found: Vec<Resolution>) -> ResponseMessage<ResolveNamesMessage> {
    let total = found.len();
    if total == 0 {
        return no_results();
    }
    found.truncate(MAX_RESOLUTIONS);
    let mut message = ResponseMessage::success(ResolveNamesMessage {
        resolution_set: Some(ResolutionSet {
            includes_last_item_in_range: Some(total <= MAX_RESOLUTIONS),
            total_items_in_view: i32::try_from(found.len()).ok(),
            resolutions: found,
            ..ResolutionSet::default()
        }),
    });
    if total > 1 {
        message.class = ResponseClass::Warning;
        message.code = ResponseCode::ErrorNameResolutionMultipleResults;
        message.text = Some("Multiple results were found.".to_owned());
        message.descriptive_link_key = Some(0);
    }
    message
}

fn in_directory(cx: &Context, entry: &str, full: bool) -> Vec<Resolution> {
    let directory = &cx.server.directory;
    let people = directory.resolve(entry).into_iter().map(|account| of_account(account, full));
    let groups = directory
        .resolve_groups(entry)
        .into_iter()
        .map(|group| Resolution { mailbox: group_address(group), contact: None });
    people.chain(groups).collect()
}

fn of_account(account: &Account, full: bool) -> Resolution {
    let (given, surname) = account.display_name.split_once(' ').unwrap_or((&account.display_name, ""));
    let contact = full.then(|| {
        let xml = format!(
            "<t:Contact><t:Culture>en-US</t:Culture><t:DisplayName>{name}</t:DisplayName><t:GivenName>{given}</t:GivenName>\
             <t:EmailAddresses><t:Entry Key=\"EmailAddress1\">SMTP:{address}</t:Entry></t:EmailAddresses>\
             <t:ImAddresses><t:Entry Key=\"ImAddress1\">sip:{address}</t:Entry></t:ImAddresses>\
             <t:ContactSource>ActiveDirectory</t:ContactSource><t:Surname>{surname}</t:Surname></t:Contact>",
            name = escape(&account.display_name),
            given = escape(given),
            surname = escape(surname),
            address = account.address,
        );
        decode(&xml).map(Box::new)
    });
    Resolution { mailbox: account_address(account), contact: contact.flatten() }
}

fn account_address(account: &Account) -> EmailAddress {
    EmailAddress {
        mailbox_type: Some(MailboxType::Mailbox),
        ..EmailAddress::named(account.display_name.clone(), account.address.clone())
    }
}

fn group_address(group: &DistributionGroup) -> EmailAddress {
    EmailAddress {
        mailbox_type: Some(MailboxType::PublicDl),
        ..EmailAddress::named(group.display_name.clone(), group.address.clone())
    }
}

/// The contacts and personal lists in the folders that a request names, or in the contacts folder.
async fn in_contacts(
    cx: &mut Context,
    folders: &[BaseFolderId],
    entry: &str,
    full: bool,
) -> Result<Vec<Resolution>, Failure> {
    let mut places = Vec::new();
    for id in folders {
        let folder = cx.folder(id).await?;
        cx.allow(&folder, Right::Read).await?;
        places.push(folder);
    }
    if folders.is_empty() {
        places.push(cx.distinguished("contacts").await?);
    }
    let mut found = Vec::new();
    for place in &places {
        for row in item::of_folder(&mut cx.tx, place, false, true).await? {
            let contact = Contact::of(&row);
            let name = contact.name();
            let addresses = contact.addresses();
            let first = addresses.first().cloned().unwrap_or_default();
            let by_address = addresses.iter().any(|address| begins_with("", address, entry));
            if !(by_address || begins_with(&name, "", entry)) || (contact.is_person() && first.is_empty()) {
                continue;
            }
            let mailbox = EmailAddress {
                name: Some(name),
                email_address: Some(first).filter(|address| !address.is_empty()),
                routing_type: Some(if contact.is_person() { "SMTP" } else { "MAPIPDL" }.to_owned()),
                mailbox_type: Some(contact.mailbox_type()),
                item_id: Some(ItemId::with_key(
                    id::item_id(cx.mailbox.guid, row.item),
                    cx.change_key(row.version),
                )),
                original_display_name: None,
            };
            let contact =
                (full && contact.is_person()).then(|| decode(&contact.0.to_xml(|_| true)).map(Box::new));
            found.push(Resolution { mailbox, contact: contact.flatten() });
        }
    }
    Ok(found)
}

/// An item of a contacts folder as a person or a list.
struct Contact(Document);

impl Contact {
    fn of(row: &Item) -> Self {
        Self(Document::from_bytes(&row.document))
    }

    fn is_person(&self) -> bool {
        self.0.kind != "DistributionList"
    }

    fn mailbox_type(&self) -> MailboxType {
        if self.is_person() { MailboxType::Contact } else { MailboxType::PrivateDl }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.text(name).filter(|text| !text.trim().is_empty())
    }

    fn name(&self) -> String {
        let parts = [self.text("GivenName"), self.text("Surname")];
        let whole = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.text("DisplayName")
            .or(Some(whole).filter(|whole| !whole.is_empty()))
            .or_else(|| self.text("FileAs"))
            .or_else(|| self.addresses().into_iter().next())
            .unwrap_or_default()
    }

    fn addresses(&self) -> Vec<String> {
        let entries = self.0.texts_below("EmailAddresses", &["Entry"]);
        entries.into_iter().filter(|address| !address.trim().is_empty()).collect()
    }

    fn members(&self) -> Vec<EmailAddress> {
        let fragment = self.0.parts.get("Members").map(String::as_str).unwrap_or_default();
        let known = crate::document::mailboxes(fragment);
        known
            .into_iter()
            .map(|(name, address)| EmailAddress {
                mailbox_type: Some(MailboxType::OneOff),
                ..EmailAddress::named(name.unwrap_or_else(|| address.clone()), address)
            })
            .collect()
    }
}

/// ExpandDL: one level of a list of the directory or of a personal one.
pub(crate) async fn expand_dl(
    cx: &mut Context,
    request: ExpandDL,
) -> Result<ResponseMessages<ExpandDLMessage>, sqlx::Error> {
    let mailboxes = match &request.mailbox.item_id {
        Some(id) => members_of_item(cx, id.clone()).await,
        None => match cx.server.directory.group(request.mailbox.email_address.as_deref().unwrap_or_default())
        {
            Some(group) => Ok(group.members.iter().map(|member| address_of(cx, member)).collect()),
            None => return Ok(ResponseMessages::one(no_results())),
        },
    };
    let outcome = mailboxes.map(|mailboxes: Vec<_>| ExpandDLMessage {
        dl_expansion: Some(DLExpansion {
            includes_last_item_in_range: Some(true),
            total_items_in_view: i32::try_from(mailboxes.len()).ok(),
            mailboxes,
            ..DLExpansion::default()
        }),
    });
    Ok(ResponseMessages::one(message(outcome)?))
}

/// What the directory knows about an address.
fn address_of(cx: &Context, address: &str) -> EmailAddress {
    let directory = &cx.server.directory;
    match (directory.by_address(address), directory.group(address)) {
        (Some(account), _) => account_address(account),
        (None, Some(group)) => group_address(group),
        (None, None) => {
            EmailAddress { mailbox_type: Some(MailboxType::OneOff), ..EmailAddress::named(address, address) }
        }
    }
}

async fn members_of_item(cx: &mut Context, id: ItemId) -> Result<Vec<EmailAddress>, Failure> {
    let row = cx.item(&BaseItemId::ItemId(id)).await?;
    let list = Contact::of(&row);
    if list.is_person() {
        return Err(refuse(ResponseCode::ErrorNameResolutionNoResults, "The item is no distribution list."));
    }
    let known = |member: EmailAddress| match member.email_address.as_deref() {
        Some(address) if cx.server.directory.by_address(address).is_some() => address_of(cx, address),
        _ => member,
    };
    Ok(list.members().into_iter().map(known).collect())
}

/// Marks the persona id of a directory entry; what follows is its address.
const DIRECTORY_PERSONA: &[u8] = b"\0\x02GAL:";

fn persona_of_account(account: &Account) -> Persona {
    let id = [DIRECTORY_PERSONA, account.address.as_bytes()].concat();
    let (given, surname) = account.display_name.split_once(' ').unwrap_or((&account.display_name, ""));
    let facts = Facts {
        id: ItemId::new(STANDARD.encode(id)),
        source: "GAL",
        name: account.display_name.clone(),
        given: Some(given.to_owned()),
        surname: Some(surname.to_owned()).filter(|surname| !surname.is_empty()),
        company: None,
        im_address: Some(format!("sip:{}", account.address)),
        phone: None,
        email: Some(account_address(account)),
    };
    facts.persona()
}

/// A contact as a person.
pub(super) fn persona_of_contact(cx: &Context, row: &Item) -> Persona {
    let contact = Contact::of(row);
    let id = ItemId::with_key(id::item_id(cx.mailbox.guid, row.item), cx.change_key(row.version));
    let entry = |list: &str, keys: &[&str]| {
        let found = keys.iter().find_map(|key| Some(((*key).to_owned(), contact.0.entry(list, key, None)?)));
        found.filter(|(_, text)| !text.trim().is_empty())
    };
    let phone = entry("PhoneNumbers", &["MobilePhone", "BusinessPhone", "HomePhone"]);
    let email = contact.addresses().into_iter().next().map(|address| EmailAddress {
        mailbox_type: Some(MailboxType::Contact),
        item_id: Some(id.clone()),
        ..EmailAddress::named(contact.name(), address)
    });
    let facts = Facts {
        id,
        source: "Outlook",
        name: contact.name(),
        given: contact.text("GivenName"),
        surname: contact.text("Surname"),
        company: contact.text("CompanyName"),
        im_address: entry("ImAddresses", &["ImAddress1", "ImAddress2", "ImAddress3"]).map(|(_, text)| text),
        phone: phone.map(|(kind, number)| PersonaPhoneNumber {
            number,
            number_type: kind.trim_end_matches("Phone").to_owned(),
        }),
        email,
    };
    let mut persona = facts.persona();
    if !contact.is_person() {
        persona.persona_type = Some("DistributionList".to_owned());
    }
    persona
}

/// What the lab knows about a person.
struct Facts {
    id: ItemId,
    source: &'static str,
    name: String,
    given: Option<String>,
    surname: Option<String>,
    company: Option<String>,
    im_address: Option<String>,
    phone: Option<PersonaPhoneNumber>,
    email: Option<EmailAddress>,
}

impl Facts {
    fn persona(self) -> Persona {
        let attributions = vec!["0".to_owned()];
        let told = |value: &Option<String>| -> Vec<StringAttributedValue> {
            let told = |value: &String| StringAttributedValue {
                value: value.clone(),
                attributions: attributions.clone(),
            };
            value_of(value.as_ref().map(told))
        };
        let name = Some(self.name.clone());
        Persona {
            attributions: vec![PersonaAttribution {
                id: "0".to_owned(),
                source_id: self.id.clone(),
                display_name: self.source.to_owned(),
                is_writable: Some(self.source != "GAL"),
                is_quick_contact: Some(false),
                is_hidden: Some(false),
                folder_id: None,
            }],
            display_names: told(&name),
            given_names: told(&self.given),
            surnames: told(&self.surname),
            company_names: told(&self.company),
            im_addresses: told(&self.im_address),
            emails1: value_of(
                self.email
                    .clone()
                    .map(|value| EmailAddressAttributedValue { value, attributions: attributions.clone() }),
            ),
            mobile_phones: value_of(
                self.phone
                    .clone()
                    .filter(|phone| phone.number_type == "Mobile")
                    .map(|value| PhoneNumberAttributedValue { value, attributions: attributions.clone() }),
            ),
            persona_id: self.id,
            persona_type: Some("Person".to_owned()),
            display_name_first_last: name.clone(),
            display_name: name,
            given_name: self.given,
            surname: self.surname,
            company_name: self.company,
            email_addresses: self.email.iter().cloned().collect(),
            email_address: self.email,
            phone_number: self.phone,
            im_address: self.im_address,
            ..Persona::default()
        }
    }
}

fn value_of<T>(value: Option<T>) -> Vec<T> {
    value.into_iter().collect()
}

impl Properties for Persona {
    fn values(&self, path: &PropertyPath) -> Vec<String> {
        let PropertyPath::Field(uri) = path else { return Vec::new() };
        let name = uri.as_str().split_once(':').map_or(uri.as_str(), |(_, name)| name);
        let address = |address: &EmailAddress| address.email_address.clone();
        let value = match name {
            "PersonaId" => Some(self.persona_id.id.clone()),
            "PersonaType" => self.persona_type.clone(),
            "DisplayName" | "DisplayNameFirstLast" => self.display_name.clone(),
            "GivenName" => self.given_name.clone(),
            "Surname" => self.surname.clone(),
            "CompanyName" => self.company_name.clone(),
            "ImAddress" => self.im_address.clone(),
            "EmailAddress" => self.email_address.as_ref().and_then(address),
            "EmailAddresses" => self.email_addresses.first().and_then(address),
            "PhoneNumber" => self.phone_number.as_ref().map(|phone| phone.number.clone()),
            _ => None,
        };
        value.into_iter().collect()
    }
}

/// FindPeople: in the directory, which needs a query, or in a contacts folder.
pub(crate) async fn find_people(cx: &mut Context, request: FindPeople) -> Result<FindPeopleMessage, Failure> {
    let query = request.query_string.as_deref().map(str::trim).filter(|query| !query.is_empty());
    let place = request.parent_folder_id.as_ref().and_then(|target| target.folder.as_ref());
    let of_directory =
        matches!(place, Some(BaseFolderId::Distinguished(id)) if id.id.as_str() == "directory");
    let mut people = match (of_directory, query) {
        (true, None) => {
            let text = "The directory is searched with a query string.";
            return Err(refuse(ResponseCode::ErrorInvalidOperation, text));
        }
        (true, Some(query)) => {
            cx.server.directory.resolve(query).into_iter().map(persona_of_account).collect()
        }
        (false, query) => in_folder(cx, place, query).await?,
    };
    for restriction in [&request.restriction, &request.aggregation_restriction] {
        if let Some(expression) = restriction.as_ref().and_then(|one| one.expression.as_ref()) {
            people.retain(|persona| filter::matches(expression, persona));
        }
    }
    let keys: Vec<_> = request
        .sort_order
        .iter()
        .filter_map(|order| Some((order.path.as_ref()?, order.order == SortDirection::Descending)))
        .collect();
    match keys.is_empty() {
        true => people.sort_by_key(|persona| persona.display_name.clone().unwrap_or_default().to_lowercase()),
        false => filter::sort(&mut people, &keys, Properties::values),
    }
    let total = people.len();
    let page = page_of(&request.indexed_page_item_view, total, MAX_PEOPLE);
    Ok(FindPeopleMessage {
        people: people.drain(page.from..page.to).collect(),
        total_number_of_people_in_view: i32::try_from(total).ok(),
        first_matching_row_index: Some(0),
        first_loaded_row_index: i32::try_from(page.from).ok(),
        transaction_id: None,
    })
}

async fn in_folder(
    cx: &mut Context,
    place: Option<&BaseFolderId>,
    query: Option<&str>,
) -> Result<Vec<Persona>, Failure> {
    let folder: Folder = match place {
        Some(id) => cx.folder(id).await?,
        None => cx.distinguished("contacts").await?,
    };
    cx.allow(&folder, Right::Read).await?;
    let rows = item::of_folder(&mut cx.tx, &folder, false, true).await?;
    let people = rows
        .iter()
        .filter(|row| row.class.starts_with("IPM.Contact") || row.class.starts_with("IPM.DistList"));
    let people = people.map(|row| persona_of_contact(cx, row));
    let hit = |persona: &Persona| {
        let address = persona.email_address.as_ref().and_then(|address| address.email_address.as_deref());
        query.is_none_or(|query| {
            begins_with(
                persona.display_name.as_deref().unwrap_or_default(),
                address.unwrap_or_default(),
                query,
            )
        })
    };
    Ok(people.filter(hit).collect())
}

/// GetPersona: by persona id or address.
pub(crate) async fn get_persona(cx: &mut Context, request: GetPersona) -> Result<GetPersonaMessage, Failure> {
    let by_address = |address: &str| cx.server.directory.by_address(address).map(persona_of_account);
    if let Some(address) = request.email_address.as_ref().and_then(|address| address.email_address.as_deref())
    {
        let persona = by_address(address).ok_or_else(|| {
            refuse(ResponseCode::ErrorItemNotFound, "There is no person with this address.")
        })?;
        return Ok(GetPersonaMessage { persona: Some(persona) });
    }
    let Some(id) = request.persona_id else {
        return Err(refuse(
            ResponseCode::ErrorInvalidIdEmpty,
            "Neither a persona id nor an address is given.",
        ));
    };
    let bytes = STANDARD.decode(&id.id).unwrap_or_default();
    let persona = match bytes.strip_prefix(DIRECTORY_PERSONA) {
        Some(address) => by_address(&String::from_utf8_lossy(address)).ok_or_else(item_not_found)?,
        None => {
            let row = cx.item(&BaseItemId::ItemId(id)).await?;
            persona_of_contact(cx, &row)
        }
    };
    Ok(GetPersonaMessage { persona: Some(persona) })
}
