use crate::folder_id::BaseFolderId;
use crate::folder_shape::BaseShape;
use crate::item::{Item, ItemKind};
use crate::mailbox::EmailAddress;
use crate::operation::{ResponseMessages, operation};
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:ResolveNamesSearchScopeType`: where to look, in order.
    pub enum SearchScope { ActiveDirectory, ActiveDirectoryContacts, Contacts, ContactsActiveDirectory }
}

sequence! {
    /// Finds people by the beginning of a name or address.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsrslnm/> section 3.1.4.1
    pub struct ResolveNames in Messages {
        required_attribute b"ReturnFullContactData" => return_full_contact_data: bool,
        attribute b"SearchScope" => search_scope: Option<SearchScope>,
        attribute b"ContactDataShape" => contact_data_shape: Option<BaseShape>,
        array b"ParentFolderIds" => parent_folder_ids: Vec<BaseFolderId>,
        required b"UnresolvedEntry" => unresolved_entry: String,
    }
}

operation!(ResolveNames, "ResolveNames" -> ResponseMessages<ResolveNamesMessage>);

sequence! {
    /// `t:ResolutionType`: a person found.
    pub struct Resolution in Types {
        required b"Mailbox" => mailbox: EmailAddress,
        /// An item of kind `Contact`, if full data was asked for.
        choice b"(contact)" => contact: Option<Box<Item>>,
    }
}

impl Resolution {
    /// The contact's fields.
    pub fn contact_fields(&self) -> Option<&crate::contact::Contact> {
        match &self.contact.as_ref()?.kind {
            ItemKind::Contact(contact) => Some(contact),
            _ => None,
        }
    }
}

sequence! {
    /// `t:ArrayOfResolutionType`: at most 100 people.
    pub struct ResolutionSet in Types {
        attribute b"IndexedPagingOffset" => indexed_paging_offset: Option<i32>,
        attribute b"NumeratorOffset" => numerator_offset: Option<i32>,
        attribute b"AbsoluteDenominator" => absolute_denominator: Option<i32>,
        attribute b"IncludesLastItemInRange" => includes_last_item_in_range: Option<bool>,
        attribute b"TotalItemsInView" => total_items_in_view: Option<i32>,
        element b"Resolution" => resolutions: Vec<Resolution>,
    }
}

sequence! {
    /// `m:ResolveNamesResponseMessageType`. Several hits come as a warning, with the set.
    pub struct ResolveNamesMessage in Messages {
        element b"ResolutionSet" => resolution_set: Option<ResolutionSet>,
    }
}
