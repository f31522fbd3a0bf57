use crate::binary::Binary;
use crate::date_time::DateTime;
use crate::mailbox::{EmailAddress, MailboxType, SingleRecipient};
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:FileAsMappingType`: how `FileAs` is made of the name.
    pub enum FileAsMapping {
        None,
        LastCommaFirst,
        FirstSpaceLast,
        Company,
        LastCommaFirstCompany,
        CompanyLastFirst,
        LastFirst,
        LastFirstCompany,
        CompanyLastCommaFirst,
        LastFirstSuffix,
        LastSpaceFirstCompany,
        CompanyLastSpaceFirst,
        LastSpaceFirst,
        DisplayName,
        FirstName,
        LastFirstMiddleSuffix,
        LastName,
        Empty,
    }
}

open_enum! {
    /// `t:ContactSourceType`: where a resolved contact comes from.
    pub enum ContactSource { ActiveDirectory, Store }
}

sequence! {
    /// `t:CompleteNameType`: the name in its parts; read only.
    pub struct CompleteName in Types {
        element b"Title" => title: Option<String>,
        element b"FirstName" => first_name: Option<String>,
        element b"MiddleName" => middle_name: Option<String>,
        element b"LastName" => last_name: Option<String>,
        element b"Suffix" => suffix: Option<String>,
        element b"Initials" => initials: Option<String>,
        element b"FullName" => full_name: Option<String>,
        element b"Nickname" => nickname: Option<String>,
        element b"YomiFirstName" => yomi_first_name: Option<String>,
        element b"YomiLastName" => yomi_last_name: Option<String>,
    }
}

sequence! {
    /// `t:EmailAddressDictionaryEntryType`; keys are `EmailAddress1` to `EmailAddress3`.
    #[derive(Eq)]
    pub struct EmailAddressEntry in Types {
        required_attribute b"Key" => key: String,
        attribute b"Name" => name: Option<String>,
        attribute b"RoutingType" => routing_type: Option<String>,
        attribute b"MailboxType" => mailbox_type: Option<MailboxType>,
        text b"(address)" => address: String,
    }
}

sequence! {
    /// `t:PhysicalAddressDictionaryEntryType`; keys are `Home`, `Business` and `Other`.
    #[derive(Eq)]
    pub struct PhysicalAddressEntry in Types {
        required_attribute b"Key" => key: String,
        element b"Street" => street: Option<String>,
        element b"City" => city: Option<String>,
        element b"State" => state: Option<String>,
        element b"CountryOrRegion" => country_or_region: Option<String>,
        element b"PostalCode" => postal_code: Option<String>,
    }
}

sequence! {
    /// `t:PhoneNumberDictionaryEntryType`; keys are `BusinessPhone`, `MobilePhone`, `HomePhone` and others.
    #[derive(Eq)]
    pub struct PhoneNumberEntry in Types {
        required_attribute b"Key" => key: String,
        text b"(number)" => number: String,
    }
}

sequence! {
    /// `t:ImAddressDictionaryEntryType`; keys are `ImAddress1` to `ImAddress3`. SIP addresses stand here.
    #[derive(Eq)]
    pub struct ImAddressEntry in Types {
        required_attribute b"Key" => key: String,
        text b"(address)" => address: String,
    }
}

sequence! {
    /// `t:ContactItemType`: what contacts have beyond items.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscont/> section 2.2.4.3
    pub struct Contact in Types {
        element b"FileAs" => file_as: Option<String>,
        element b"FileAsMapping" => file_as_mapping: Option<FileAsMapping>,
        element b"DisplayName" => display_name: Option<String>,
        element b"GivenName" => given_name: Option<String>,
        element b"Initials" => initials: Option<String>,
        element b"MiddleName" => middle_name: Option<String>,
        element b"Nickname" => nickname: Option<String>,
        element b"CompleteName" => complete_name: Option<CompleteName>,
        element b"CompanyName" => company_name: Option<String>,
        list b"EmailAddresses" / b"Entry" => email_addresses: Vec<EmailAddressEntry>,
        list b"PhysicalAddresses" / b"Entry" => physical_addresses: Vec<PhysicalAddressEntry>,
        list b"PhoneNumbers" / b"Entry" => phone_numbers: Vec<PhoneNumberEntry>,
        element b"AssistantName" => assistant_name: Option<String>,
        element b"Birthday" => birthday: Option<DateTime>,
        element b"BusinessHomePage" => business_home_page: Option<String>,
        list b"Children" / b"String" => children: Vec<String>,
        list b"Companies" / b"String" => companies: Vec<String>,
        element b"ContactSource" => contact_source: Option<ContactSource>,
        element b"Department" => department: Option<String>,
        element b"Generation" => generation: Option<String>,
        list b"ImAddresses" / b"Entry" => im_addresses: Vec<ImAddressEntry>,
        element b"JobTitle" => job_title: Option<String>,
        element b"Manager" => manager: Option<String>,
        element b"Mileage" => mileage: Option<String>,
        element b"OfficeLocation" => office_location: Option<String>,
        element b"PostalAddressIndex" => postal_address_index: Option<String>,
        element b"Profession" => profession: Option<String>,
        element b"SpouseName" => spouse_name: Option<String>,
        element b"Surname" => surname: Option<String>,
        element b"WeddingAnniversary" => wedding_anniversary: Option<DateTime>,
        element b"HasPicture" => has_picture: Option<bool>,
        element b"PhoneticFullName" => phonetic_full_name: Option<String>,
        element b"PhoneticFirstName" => phonetic_first_name: Option<String>,
        element b"PhoneticLastName" => phonetic_last_name: Option<String>,
        element b"Alias" => alias: Option<String>,
        element b"Notes" => notes: Option<String>,
        element b"Photo" => photo: Option<Binary>,
        list b"UserSMIMECertificate" / b"Base64Binary" => user_smime_certificate: Vec<Binary>,
        list b"MSExchangeCertificate" / b"Base64Binary" => ms_exchange_certificate: Vec<Binary>,
        element b"DirectoryId" => directory_id: Option<String>,
        element b"ManagerMailbox" => manager_mailbox: Option<SingleRecipient>,
        list b"DirectReports" / b"Mailbox" => direct_reports: Vec<EmailAddress>,
        element b"AccountName" => account_name: Option<String>,
        element b"IsAutoUpdateDisabled" => is_auto_update_disabled: Option<bool>,
        element b"IsMessengerEnabled" => is_messenger_enabled: Option<bool>,
        element b"Comment" => comment: Option<String>,
        element b"ContactShortId" => contact_short_id: Option<i32>,
        element b"ContactType" => contact_type: Option<String>,
        element b"Gender" => gender: Option<String>,
        element b"IsHidden" => is_hidden: Option<bool>,
        element b"ObjectId" => object_id: Option<String>,
        element b"PassportId" => passport_id: Option<i64>,
        element b"IsPrivate" => is_private: Option<bool>,
        element b"SourceId" => source_id: Option<String>,
        element b"TrustLevel" => trust_level: Option<i32>,
        element b"CreatedBy" => created_by: Option<String>,
        element b"Cid" => cid: Option<i64>,
        element b"SkypeAuthCertificate" => skype_auth_certificate: Option<String>,
        element b"SkypeContext" => skype_context: Option<String>,
        element b"SkypeId" => skype_id: Option<String>,
        element b"SkypeRelationship" => skype_relationship: Option<String>,
        element b"YomiNickname" => yomi_nickname: Option<String>,
        element b"XboxLiveTag" => xbox_live_tag: Option<String>,
        element b"InviteFree" => invite_free: Option<bool>,
        element b"HidePresenceAndProfile" => hide_presence_and_profile: Option<bool>,
        element b"IsPendingOutbound" => is_pending_outbound: Option<bool>,
        element b"SupportGroupFeeds" => support_group_feeds: Option<bool>,
        element b"UserTileHash" => user_tile_hash: Option<String>,
        element b"UnifiedInbox" => unified_inbox: Option<bool>,
        list b"Mris" / b"String" => mris: Vec<String>,
        element b"Wlid" => wlid: Option<String>,
        element b"AbchContactId" => abch_contact_id: Option<String>,
        element b"NotInBirthdayCalendar" => not_in_birthday_calendar: Option<bool>,
        element b"ShellContactType" => shell_contact_type: Option<String>,
        element b"ImMri" => im_mri: Option<String>,
        element b"PresenceTrustLevel" => presence_trust_level: Option<i32>,
        element b"OtherMri" => other_mri: Option<String>,
        element b"ProfileLastChanged" => profile_last_changed: Option<String>,
        element b"MobileIMEnabled" => mobile_im_enabled: Option<bool>,
        element b"PartnerNetworkProfilePhotoUrl" => partner_network_profile_photo_url: Option<String>,
        element b"PartnerNetworkThumbnailPhotoUrl" => partner_network_thumbnail_photo_url: Option<String>,
        element b"PersonId" => person_id: Option<String>,
        element b"ConversationGuid" => conversation_guid: Option<String>,
    }
}
