use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

/// Who may see the pages, and how they prove who they are.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The address that browsers use, as https://tieline.corp.example. Needed for OpenID; with https, cookies are kept
    /// to encrypted connections.
    pub public_url: Option<String>,
    /// Local accounts may sign in; tieline user add makes them.
    pub local_accounts: bool,
    /// A session ends when nothing was asked for so long, in minutes.
    pub idle_minutes: u64,
    /// A session ends after so many hours at the latest.
    pub session_hours: u64,
    /// A reverse proxy in front of this server.
    pub proxy: Option<Proxy>,
    /// An OpenID provider (authorization code with PKCE).
    pub openid: Option<OpenId>,
}

/// A reverse proxy in front of this server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proxy {
    /// Its addresses or networks, as 10.0.0.5 or 10.0.0.0/28. Nobody else's headers are believed.
    pub peers: Vec<String>,
    /// The header with the name of a person whom the proxy has signed in, as X-Remote-User. Without it only
    /// X-Forwarded-For is read. The proxy must remove this header from what clients send.
    #[serde(default)]
    pub user_header: Option<String>,
    /// The header with what people see of it.
    #[serde(default)]
    pub display_header: Option<String>,
    /// Names of administrators; everybody else is a technician.
    #[serde(default)]
    pub administrators: Vec<String>,
}

/// An OpenID provider.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenId {
    /// The issuer, exactly as its discovery document writes it.
    pub issuer: String,
    /// This application's id there. Its redirect address there is public_url + /sign-in/openid/callback.
    pub client_id: String,
    /// The file with this application's secret there, on its first line; public clients have none.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// What the button says.
    #[serde(default = "label")]
    pub label: String,
    /// What is asked for.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim with the person's name.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// The claim with the person's groups or roles; a dot leads into an object, as realm_access.roles.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// Members of these groups may sign in; everybody whom the provider lets in when empty.
    #[serde(default)]
    pub technicians: Vec<String>,
    /// Members of these groups are administrators.
    #[serde(default)]
    pub administrators: Vec<String>,
    /// More certificate authorities to believe, as PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn label() -> String {
    "Sign in with your company account".to_owned()
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

fn groups_claim() -> String {
    "groups".to_owned()
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            public_url: None,
            local_accounts: true,
            idle_minutes: 60,
            session_hours: 12,
            proxy: None,
            openid: None,
        }
    }
}

impl SignIn {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        super::within("sign_in", "idle_minutes", self.idle_minutes, 1, 24 * 60)?;
        super::within("sign_in", "session_hours", self.session_hours, 1, 24 * 30)?;
        if self.openid.is_some() && self.public_url.is_none() {
            return Err(Refusal::operator(
                "config-incomplete",
                "[sign_in.openid] needs the address that browsers use",
                "set [sign_in] public_url, as https://tieline.corp.example",
            ));
        }
        if self.proxy.as_ref().is_some_and(|proxy| proxy.peers.is_empty()) {
            let next = "list the proxy's addresses in peers";
            return Err(Refusal::operator("config-incomplete", "[sign_in.proxy] believes nobody", next));
        }
        Ok(())
    }

    pub(super) fn resolve(&mut self, folder: &Path) {
        let files =
            self.openid.iter_mut().flat_map(|openid| [&mut openid.client_secret_file, &mut openid.ca_file]);
        for file in files.flatten().filter(|file| file.is_relative()) {
            *file = folder.join(&*file);
        }
    }
}
