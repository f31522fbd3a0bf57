//! People as the service puts them together from the directory and contacts.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwspers/> section 2.2.4

use crate::date_time::DateTime;
use crate::folder_id::FolderId;
use crate::item_id::ItemId;
use crate::mailbox::EmailAddress;
use crate::property_path::ExtendedProperty;
use crate::xml::sequence;

sequence! {
    /// `t:PersonaPhoneNumberType`.
    #[derive(Eq)]
    pub struct PersonaPhoneNumber in Types {
        required b"Number" => number: String,
        /// `Business`, `Mobile` and others.
        required b"Type" => number_type: String,
    }
}

sequence! {
    /// `t:PersonaPostalAddressType`.
    pub struct PersonaPostalAddress in Types {
        element b"Street" => street: Option<String>,
        element b"City" => city: Option<String>,
        element b"State" => state: Option<String>,
        element b"Country" => country: Option<String>,
        element b"PostalCode" => postal_code: Option<String>,
        element b"PostOfficeBox" => post_office_box: Option<String>,
        element b"Type" => address_type: Option<String>,
        element b"Latitude" => latitude: Option<f64>,
        element b"Longitude" => longitude: Option<f64>,
        element b"Accuracy" => accuracy: Option<f64>,
        element b"Altitude" => altitude: Option<f64>,
        element b"AltitudeAccuracy" => altitude_accuracy: Option<f64>,
        element b"FormattedAddress" => formatted_address: Option<String>,
        element b"LocationUri" => location_uri: Option<String>,
        element b"LocationSource" => location_source: Option<String>,
    }
}

sequence! {
    /// `t:PersonaAttributionType`: a source of a persona, to which values refer by its id.
    pub struct PersonaAttribution in Types {
        required b"Id" => id: String,
        required b"SourceId" => source_id: ItemId,
        required b"DisplayName" => display_name: String,
        element b"IsWritable" => is_writable: Option<bool>,
        element b"IsQuickContact" => is_quick_contact: Option<bool>,
        element b"IsHidden" => is_hidden: Option<bool>,
        element b"FolderId" => folder_id: Option<FolderId>,
    }
}

sequence! {
    /// `t:BodyContentType`.
    #[derive(Eq)]
    pub struct BodyContent in Types {
        required b"Value" => value: String,
        required b"BodyType" => body_type: String,
    }
}

/// Declares a value with the sources that say so.
macro_rules! attributed {
    ($($name:ident of $type:ty),+ $(,)?) => {$(
        sequence! {
            /// A value with the attributions, by id, that say so.
            pub struct $name in Types {
                required b"Value" => value: $type,
                required_list b"Attributions" / b"Attribution" => attributions: Vec<String>,
            }
        }
    )+};
}

attributed! {
    StringAttributedValue of String,
    PhoneNumberAttributedValue of PersonaPhoneNumber,
    EmailAddressAttributedValue of EmailAddress,
    PostalAddressAttributedValue of PersonaPostalAddress,
    BodyContentAttributedValue of BodyContent,
    ExtendedPropertyAttributedValue of ExtendedProperty,
}

sequence! {
    /// `t:StringArrayAttributedValueType`.
    #[derive(Eq)]
    pub struct StringArrayAttributedValue in Types {
        required_list b"Values" / b"Value" => values: Vec<String>,
        required_list b"Attributions" / b"Attribution" => attributions: Vec<String>,
    }
}

sequence! {
    /// `t:PersonaType`: a person. Singular properties are the best of the plural ones.
    pub struct Persona in Types {
        required b"PersonaId" => persona_id: ItemId,
        element b"PersonaType" => persona_type: Option<String>,
        element b"PersonaObjectStatus" => persona_object_status: Option<String>,
        element b"CreationTime" => creation_time: Option<DateTime>,
        list b"Bodies" / b"BodyContentAttributedValue" => bodies: Vec<BodyContentAttributedValue>,
        element b"DisplayNameFirstLastSortKey" => display_name_first_last_sort_key: Option<String>,
        element b"DisplayNameLastFirstSortKey" => display_name_last_first_sort_key: Option<String>,
        element b"CompanyNameSortKey" => company_name_sort_key: Option<String>,
        element b"HomeCitySortKey" => home_city_sort_key: Option<String>,
        element b"WorkCitySortKey" => work_city_sort_key: Option<String>,
        element b"DisplayNameFirstLastHeader" => display_name_first_last_header: Option<String>,
        element b"DisplayNameLastFirstHeader" => display_name_last_first_header: Option<String>,
        element b"DisplayName" => display_name: Option<String>,
        element b"DisplayNameFirstLast" => display_name_first_last: Option<String>,
        element b"DisplayNameLastFirst" => display_name_last_first: Option<String>,
        element b"FileAs" => file_as: Option<String>,
        element b"FileAsId" => file_as_id: Option<String>,
        element b"DisplayNamePrefix" => display_name_prefix: Option<String>,
        element b"GivenName" => given_name: Option<String>,
        element b"MiddleName" => middle_name: Option<String>,
        element b"Surname" => surname: Option<String>,
        element b"Generation" => generation: Option<String>,
        element b"Nickname" => nickname: Option<String>,
        element b"YomiCompanyName" => yomi_company_name: Option<String>,
        element b"YomiFirstName" => yomi_first_name: Option<String>,
        element b"YomiLastName" => yomi_last_name: Option<String>,
        element b"Title" => title: Option<String>,
        element b"Department" => department: Option<String>,
        element b"CompanyName" => company_name: Option<String>,
        element b"Location" => location: Option<String>,
        element b"EmailAddress" => email_address: Option<EmailAddress>,
        list b"EmailAddresses" / b"Address" => email_addresses: Vec<EmailAddress>,
        element b"PhoneNumber" => phone_number: Option<PersonaPhoneNumber>,
        element b"ImAddress" => im_address: Option<String>,
        element b"HomeCity" => home_city: Option<String>,
        element b"WorkCity" => work_city: Option<String>,
        element b"RelevanceScore" => relevance_score: Option<i32>,
        list b"FolderIds" / b"FolderId" => folder_ids: Vec<FolderId>,
        list b"Attributions" / b"Attribution" => attributions: Vec<PersonaAttribution>,
        list b"DisplayNames" / b"StringAttributedValue" => display_names: Vec<StringAttributedValue>,
        list b"FileAses" / b"StringAttributedValue" => file_ases: Vec<StringAttributedValue>,
        list b"FileAsIds" / b"StringAttributedValue" => file_as_ids: Vec<StringAttributedValue>,
        list b"DisplayNamePrefixes" / b"StringAttributedValue" => display_name_prefixes: Vec<StringAttributedValue>,
        list b"GivenNames" / b"StringAttributedValue" => given_names: Vec<StringAttributedValue>,
        list b"MiddleNames" / b"StringAttributedValue" => middle_names: Vec<StringAttributedValue>,
        list b"Surnames" / b"StringAttributedValue" => surnames: Vec<StringAttributedValue>,
        list b"Generations" / b"StringAttributedValue" => generations: Vec<StringAttributedValue>,
        list b"Nicknames" / b"StringAttributedValue" => nicknames: Vec<StringAttributedValue>,
        list b"Initials" / b"StringAttributedValue" => initials: Vec<StringAttributedValue>,
        list b"YomiCompanyNames" / b"StringAttributedValue" => yomi_company_names: Vec<StringAttributedValue>,
        list b"YomiFirstNames" / b"StringAttributedValue" => yomi_first_names: Vec<StringAttributedValue>,
        list b"YomiLastNames" / b"StringAttributedValue" => yomi_last_names: Vec<StringAttributedValue>,
        list b"BusinessPhoneNumbers" / b"PhoneNumberAttributedValue" => business_phone_numbers: Vec<PhoneNumberAttributedValue>,
        list b"BusinessPhoneNumbers2" / b"PhoneNumberAttributedValue" => business_phone_numbers2: Vec<PhoneNumberAttributedValue>,
        list b"HomePhones" / b"PhoneNumberAttributedValue" => home_phones: Vec<PhoneNumberAttributedValue>,
        list b"HomePhones2" / b"PhoneNumberAttributedValue" => home_phones2: Vec<PhoneNumberAttributedValue>,
        list b"MobilePhones" / b"PhoneNumberAttributedValue" => mobile_phones: Vec<PhoneNumberAttributedValue>,
        list b"MobilePhones2" / b"PhoneNumberAttributedValue" => mobile_phones2: Vec<PhoneNumberAttributedValue>,
        list b"AssistantPhoneNumbers" / b"PhoneNumberAttributedValue" => assistant_phone_numbers: Vec<PhoneNumberAttributedValue>,
        list b"CallbackPhones" / b"PhoneNumberAttributedValue" => callback_phones: Vec<PhoneNumberAttributedValue>,
        list b"CarPhones" / b"PhoneNumberAttributedValue" => car_phones: Vec<PhoneNumberAttributedValue>,
        list b"HomeFaxes" / b"PhoneNumberAttributedValue" => home_faxes: Vec<PhoneNumberAttributedValue>,
        list b"OrganizationMainPhones" / b"PhoneNumberAttributedValue" => organization_main_phones: Vec<PhoneNumberAttributedValue>,
        list b"OtherFaxes" / b"PhoneNumberAttributedValue" => other_faxes: Vec<PhoneNumberAttributedValue>,
        list b"OtherTelephones" / b"PhoneNumberAttributedValue" => other_telephones: Vec<PhoneNumberAttributedValue>,
        list b"OtherPhones2" / b"PhoneNumberAttributedValue" => other_phones2: Vec<PhoneNumberAttributedValue>,
        list b"Pagers" / b"PhoneNumberAttributedValue" => pagers: Vec<PhoneNumberAttributedValue>,
        list b"RadioPhones" / b"PhoneNumberAttributedValue" => radio_phones: Vec<PhoneNumberAttributedValue>,
        list b"TelexNumbers" / b"PhoneNumberAttributedValue" => telex_numbers: Vec<PhoneNumberAttributedValue>,
        list b"TTYTDDPhoneNumbers" / b"PhoneNumberAttributedValue" => tty_tdd_phone_numbers: Vec<PhoneNumberAttributedValue>,
        list b"WorkFaxes" / b"PhoneNumberAttributedValue" => work_faxes: Vec<PhoneNumberAttributedValue>,
        list b"Emails1" / b"EmailAddressAttributedValue" => emails1: Vec<EmailAddressAttributedValue>,
        list b"Emails2" / b"EmailAddressAttributedValue" => emails2: Vec<EmailAddressAttributedValue>,
        list b"Emails3" / b"EmailAddressAttributedValue" => emails3: Vec<EmailAddressAttributedValue>,
        list b"BusinessHomePages" / b"StringAttributedValue" => business_home_pages: Vec<StringAttributedValue>,
        list b"PersonalHomePages" / b"StringAttributedValue" => personal_home_pages: Vec<StringAttributedValue>,
        list b"OfficeLocations" / b"StringAttributedValue" => office_locations: Vec<StringAttributedValue>,
        list b"ImAddresses" / b"StringAttributedValue" => im_addresses: Vec<StringAttributedValue>,
        list b"ImAddresses2" / b"StringAttributedValue" => im_addresses2: Vec<StringAttributedValue>,
        list b"ImAddresses3" / b"StringAttributedValue" => im_addresses3: Vec<StringAttributedValue>,
        list b"BusinessAddresses" / b"PostalAddressAttributedValue" => business_addresses: Vec<PostalAddressAttributedValue>,
        list b"HomeAddresses" / b"PostalAddressAttributedValue" => home_addresses: Vec<PostalAddressAttributedValue>,
        list b"OtherAddresses" / b"PostalAddressAttributedValue" => other_addresses: Vec<PostalAddressAttributedValue>,
        list b"Titles" / b"StringAttributedValue" => titles: Vec<StringAttributedValue>,
        list b"Departments" / b"StringAttributedValue" => departments: Vec<StringAttributedValue>,
        list b"CompanyNames" / b"StringAttributedValue" => company_names: Vec<StringAttributedValue>,
        list b"Managers" / b"StringAttributedValue" => managers: Vec<StringAttributedValue>,
        list b"AssistantNames" / b"StringAttributedValue" => assistant_names: Vec<StringAttributedValue>,
        list b"Professions" / b"StringAttributedValue" => professions: Vec<StringAttributedValue>,
        list b"SpouseNames" / b"StringAttributedValue" => spouse_names: Vec<StringAttributedValue>,
        list b"Children" / b"StringArrayAttributedValue" => children: Vec<StringArrayAttributedValue>,
        list b"Schools" / b"StringAttributedValue" => schools: Vec<StringAttributedValue>,
        list b"Hobbies" / b"StringAttributedValue" => hobbies: Vec<StringAttributedValue>,
        list b"WeddingAnniversaries" / b"StringAttributedValue" => wedding_anniversaries: Vec<StringAttributedValue>,
        list b"Birthdays" / b"StringAttributedValue" => birthdays: Vec<StringAttributedValue>,
        list b"Locations" / b"StringAttributedValue" => locations: Vec<StringAttributedValue>,
        list b"InlineLinks" / b"StringAttributedValue" => inline_links: Vec<StringAttributedValue>,
        list b"ItemLinkIds" / b"StringArrayAttributedValue" => item_link_ids: Vec<StringArrayAttributedValue>,
        element b"HasActiveDeals" => has_active_deals: Option<String>,
        element b"IsBusinessContact" => is_business_contact: Option<String>,
        list b"AttributedHasActiveDeals" / b"StringAttributedValue" => attributed_has_active_deals: Vec<StringAttributedValue>,
        list b"AttributedIsBusinessContact" / b"StringAttributedValue" => attributed_is_business_contact: Vec<StringAttributedValue>,
        list b"SourceMailboxGuids" / b"StringAttributedValue" => source_mailbox_guids: Vec<StringAttributedValue>,
        element b"LastContactedDate" => last_contacted_date: Option<DateTime>,
        list b"ExtendedProperties" / b"ExtendedPropertyAttributedValue" => extended_properties: Vec<ExtendedPropertyAttributedValue>,
        element b"ExternalDirectoryObjectId" => external_directory_object_id: Option<String>,
        element b"MapiEntryId" => mapi_entry_id: Option<String>,
        element b"MapiEmailAddress" => mapi_email_address: Option<String>,
        element b"MapiAddressType" => mapi_address_type: Option<String>,
        element b"MapiSearchKey" => mapi_search_key: Option<String>,
        element b"MapiTransmittableDisplayName" => mapi_transmittable_display_name: Option<String>,
        element b"MapiSendRichInfo" => mapi_send_rich_info: Option<bool>,
    }
}
