//! What the OpenAPI document says of a contact's fields, whose types belong to another crate. Nothing here is ever built.

#![expect(dead_code, reason = "describes JSON in the OpenAPI document")]

use utoipa::ToSchema;

/// A mail address with the name shown for it.
#[derive(ToSchema)]
pub(super) struct MailEntry {
    /// `user@domain`, as a program wrote it.
    address: String,
    /// The name shown.
    #[schema(required = false)]
    name: String,
}

/// A postal address.
#[derive(ToSchema)]
pub(super) struct PostalAddress {
    #[schema(required = false)]
    street: String,
    #[schema(required = false)]
    city: String,
    #[schema(required = false)]
    state: String,
    #[schema(required = false)]
    postal_code: String,
    #[schema(required = false)]
    country: String,
}

/// A contact's fields. What is not known is left out or empty.
#[derive(ToSchema)]
pub(super) struct Contact {
    uid: Option<String>,
    /// person or list.
    form: Option<String>,
    /// Mail addresses by place: 1, 2, 3.
    mails: Option<std::collections::BTreeMap<String, MailEntry>>,
    /// SIP and other IM addresses by place: 1, 2, 3.
    ims: Option<std::collections::BTreeMap<String, String>>,
    /// Telephone numbers by kind: business, mobile, home …
    phones: Option<std::collections::BTreeMap<String, String>>,
    /// Postal addresses by kind: business, home, other.
    addresses: Option<std::collections::BTreeMap<String, PostalAddress>>,
    /// Members of a list.
    members: Option<Vec<MailEntry>>,
    /// As 1970-02-03.
    birthday: Option<String>,
    /// As 1990-02-03.
    anniversary: Option<String>,
    notes: Option<String>,
    categories: Option<Vec<String>>,
    /// normal, personal, private or confidential.
    sensitivity: Option<String>,
    given_name: Option<String>,
    surname: Option<String>,
    display_name: Option<String>,
    company: Option<String>,
    department: Option<String>,
    job_title: Option<String>,
}

/// What is said of a contact; null removes. Texts beside those named here: file_as, title, middle_name, suffix,
/// nickname, initials, phonetic_given_name, phonetic_surname, office, profession, manager, assistant_name, spouse,
/// web_page.
#[derive(ToSchema)]
#[schema(value_type = Object)]
pub(super) struct ContactBody(serde_json::Value);
