//! What the OpenAPI document says of the whole configuration. Nothing here is ever built: [`tieline_store::ConfigDocument`] is
//! what is read and written, and the judge of the REST API compares the two.

#![expect(dead_code, reason = "describes JSON in the OpenAPI document")]

use utoipa::ToSchema;

use crate::api::v1::schema::{Authentication, Settings, Trust};

/// Everything that is configured in the store. Entries refer to each other by id.
#[derive(ToSchema)]
#[schema(as = ConfigDocument)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// The form of the document; one from a newer release is refused.
    #[schema(required = false, minimum = 1)]
    form: u32,
    /// The version it was exported at. When given, it is applied only to that version; leave it out for another server.
    #[schema(nullable = false)]
    version: Option<i64>,
    #[schema(required = false)]
    endpoints: Vec<DocumentEndpoint>,
    #[schema(required = false)]
    feature_groups: Vec<DocumentFeatureGroup>,
    #[schema(required = false)]
    mailboxes: Vec<DocumentMailbox>,
    #[schema(required = false)]
    quick_call_targets: Vec<DocumentTarget>,
}

/// A mail server.
#[derive(ToSchema)]
struct DocumentEndpoint {
    /// `ep_…`
    id: String,
    name: String,
    /// `ews:` and the host.
    address: String,
    port: u16,
    https: bool,
    /// Where EWS answers.
    path: String,
    #[schema(required = false)]
    tls: Trust,
    #[schema(required = false)]
    authentication: Authentication,
    /// pcm-wav, g711-ulaw-wav, g711-alaw-wav, gsm-wav, mp3 or opus.
    #[schema(required = false)]
    voice_format: String,
    /// As seen by the last check.
    server_version: Option<String>,
}

/// A group of mailboxes.
#[derive(ToSchema)]
struct DocumentFeatureGroup {
    /// `fg_…`
    id: String,
    name: String,
    /// `ep_…`
    endpoint: String,
    /// The service account's full address.
    account: String,
    #[schema(required = false)]
    settings: Settings,
}

/// A mailbox.
#[derive(ToSchema)]
struct DocumentMailbox {
    /// `mb_…`
    id: String,
    number: String,
    address: String,
    #[schema(required = false)]
    display_name: String,
    /// `fg_…`
    feature_group: String,
    /// messaging-collab, messaging, voice-only or collab.
    #[schema(required = false)]
    user_type: String,
    /// synchronization, local-only or mail-only.
    #[schema(required = false)]
    storage_mode: String,
    #[schema(required = false)]
    use_group_settings: bool,
    #[schema(required = false)]
    settings: Settings,
    #[schema(required = false)]
    light_targets: Vec<String>,
    #[schema(required = false)]
    enabled: bool,
}

/// A ticket form that quick calls open. Its link and token are not here.
#[derive(ToSchema)]
struct DocumentTarget {
    /// `qt_…`
    id: String,
    name: String,
    menu_text: String,
    /// production or sandbox.
    environment: String,
    #[schema(required = false)]
    hosting: DocumentHosting,
    kind: DocumentForm,
    hosts: Vec<String>,
    /// mail, sip or login.
    #[schema(required = false)]
    person_key: String,
    #[schema(required = false)]
    unknown: DocumentUnknown,
    #[schema(nullable = false)]
    api: Option<DocumentApi>,
}

/// Where the ticket system runs.
#[derive(ToSchema)]
struct DocumentHosting {
    /// saas or on-premises.
    at: String,
    /// On premises: the product's version, by its year.
    version: Option<u16>,
}

/// How the form's address is made.
#[derive(ToSchema)]
struct DocumentForm {
    /// method1, method2 or template.
    way: String,
    /// Of method 1.
    #[schema(nullable = false)]
    base_url: Option<String>,
    /// Of a template.
    #[schema(nullable = false)]
    url: Option<String>,
}

/// What happens with a contact that is nobody.
#[derive(ToSchema)]
struct DocumentUnknown {
    /// page or log-in.
    then: String,
    /// The log-in page.
    #[schema(nullable = false)]
    url: Option<String>,
}

/// A ticket system's REST API.
#[derive(ToSchema)]
struct DocumentApi {
    /// glpi or zammad.
    product: String,
    url: String,
    #[schema(required = false)]
    tls: Trust,
    #[schema(required = false)]
    tickets_first: bool,
}
