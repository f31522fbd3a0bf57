//! What is said of a quick-call target, over REST or in a page's form, and what it makes of one.

use serde::Deserialize;
use tieline_model::{
    Environment, Hosting, ItsmApi, ItsmProduct, PersonKey, QuickCallTarget, QuickCallTargetId, Refusal,
    TargetKind, TlsTrust, UnknownPerson,
};
use tieline_quick_call::{NewSecret, Ready, TargetSecrets};
use utoipa::ToSchema;

use crate::api::schema;
use crate::extract::object;
use crate::problem::Refused;

/// What is said of a target; what is left out keeps its value or default.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetBody {
    /// What people call it.
    pub(crate) name: Option<String>,
    /// The menu's text, up to 60 characters.
    pub(crate) menu_text: Option<String>,
    /// production or sandbox.
    pub(crate) environment: Option<String>,
    /// saas or on-premises.
    pub(crate) hosting: Option<String>,
    /// The product's version on premises, by its year.
    pub(crate) version: Option<u16>,
    /// A form that comes ready: easyvista, servicenow, glpi, zammad, itop or jira; with `host`.
    pub(crate) ready: Option<String>,
    /// The ready form's host.
    pub(crate) host: Option<String>,
    /// Method 1: `https://…/sso_samlindexlync.php?do_quickcall=1&url_requestor=`.
    pub(crate) method1: Option<String>,
    /// Method 2: the whole auto connection link. It is stored encrypted and never shown.
    #[schema(write_only)]
    pub(crate) link: Option<String>,
    /// Any other form, with placeholders like `{mail}`.
    pub(crate) template: Option<String>,
    /// The hosts that technicians may be sent to; that of the form unless said otherwise.
    pub(crate) hosts: Option<Vec<String>>,
    /// What is sent as the person: mail, sip or login.
    pub(crate) person_key: Option<String>,
    /// Where people who are nobody are sent; empty: a page that says so.
    pub(crate) log_in_url: Option<String>,
    /// The REST API: glpi or zammad; empty: none.
    pub(crate) api: Option<String>,
    /// Where the product answers.
    pub(crate) api_url: Option<String>,
    /// How the API's certificate is trusted.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<schema::Trust>)]
    pub(crate) api_tls: Option<TlsTrust>,
    /// The API's token. It is stored encrypted and never shown.
    #[schema(write_only)]
    pub(crate) token: Option<String>,
    /// A person's latest tickets come before the form.
    pub(crate) tickets_first: Option<bool>,
}

impl TargetBody {
    /// A new target of what was said.
    pub(crate) fn create(&self, id: QuickCallTargetId) -> Result<QuickCallTarget, Refused> {
        let name = self.name.clone().ok_or_else(|| {
            Refusal::permanent("bad-request", "the name is missing", "say what people call the target")
        })?;
        let unsaid = TargetKind::Template { url: String::new() };
        let mut target = QuickCallTarget {
            id,
            name,
            menu_text: String::new(),
            environment: Environment::default(),
            hosting: Hosting::default(),
            kind: unsaid.clone(),
            hosts: Vec::new(),
            person_key: PersonKey::default(),
            unknown: UnknownPerson::default(),
            api: None,
        };
        self.apply(&mut target)?;
        if target.kind == unsaid {
            let next = "say --ready NAME --host HOST, --method1 URL, --link-file FILE or --template URL";
            return Err(
                Refusal::permanent("bad-request", "it was not said which form is opened", next).into()
            );
        }
        if target.menu_text.is_empty() {
            target.menu_text.clone_from(&target.name);
        }
        Ok(target)
    }

    /// Writes what was said into a target.
    pub(crate) fn apply(&self, target: &mut QuickCallTarget) -> Result<(), Refused> {
        if let Some(name) = &self.name {
            crate::api::check_name("a quick-call target", name)?;
            target.name.clone_from(name);
        }
        if let Some(environment) = &self.environment {
            target.environment = match environment.as_str() {
                "production" => Environment::Production,
                "sandbox" => Environment::Sandbox,
                _ => return Err(no_word("environment", "production or sandbox")),
            };
        }
        self.hosting(target)?;
        self.form(target)?;
        if let Some(text) = &self.menu_text {
            target.menu_text.clone_from(text);
        }
        if let Some(hosts) = &self.hosts {
            target.hosts.clone_from(hosts);
        }
        if let Some(key) = &self.person_key {
            let known = [PersonKey::Mail, PersonKey::Sip, PersonKey::Login];
            target.person_key = known
                .into_iter()
                .find(|known| known.name() == key)
                .ok_or_else(|| no_word("person_key", "mail, sip or login"))?;
        }
        match self.log_in_url.as_deref() {
            None => {}
            Some("") => target.unknown = UnknownPerson::Page,
            Some(url) => target.unknown = UnknownPerson::LogIn { url: url.to_owned() },
        }
        self.api(target)
    }

    fn hosting(&self, target: &mut QuickCallTarget) -> Result<(), Refused> {
        match (self.hosting.as_deref(), self.version, target.hosting) {
            (None, None, _) => {}
            (Some("saas"), None, _) => target.hosting = Hosting::Saas,
            (Some("on-premises"), version, _) => target.hosting = Hosting::OnPremises { version },
            (None, version, Hosting::OnPremises { .. }) => target.hosting = Hosting::OnPremises { version },
            (None | Some("saas"), Some(_), _) => {
                let what = "a version is asked for on premises only";
                return Err(Refusal::permanent("bad-request", what, "leave the version out").into());
            }
            _ => return Err(no_word("hosting", "saas or on-premises")),
        }
        Ok(())
    }

    fn form(&self, target: &mut QuickCallTarget) -> Result<(), Refused> {
        let said = [&self.ready, &self.method1, &self.link, &self.template];
        if said.iter().filter(|said| said.is_some()).count() > 1 {
            let what = "ready, method1, link and template exclude each other";
            return Err(Refusal::permanent("bad-request", what, "say one of them").into());
        }
        let before = target.kind.clone();
        if let Some(name) = &self.ready {
            let ready = Ready::named(name)
                .ok_or_else(|| no_word("ready", "easyvista, servicenow, glpi, zammad, itop or jira"))?;
            let host = self.host.as_deref().ok_or_else(|| {
                Refusal::permanent(
                    "bad-request",
                    "the ready form's host is missing",
                    "say --host itsm.corp.example",
                )
            })?;
            target.kind = ready.kind(host, target.environment);
            target.unknown = ready.log_in(host, target.environment);
            if target.menu_text.is_empty() {
                target.menu_text = format!("Ticket in {}", ready.product);
            }
            if let (Some(product), None) = (ready.api, &target.api) {
                target.api = Some(new_api(product, format!("https://{host}")));
            }
        } else if let Some(base_url) = &self.method1 {
            target.kind = TargetKind::Method1 { base_url: base_url.trim().to_owned() };
        } else if self.link.is_some() {
            target.kind = TargetKind::Method2;
        } else if let Some(url) = &self.template {
            target.kind = TargetKind::Template { url: url.trim().to_owned() };
        }
        // Another form leads to another host, unless the hosts are said as well.
        if before != target.kind || self.link.is_some() {
            target.hosts.clear();
        }
        Ok(())
    }

    fn api(&self, target: &mut QuickCallTarget) -> Result<(), Refused> {
        match self.api.as_deref() {
            None => {}
            Some("") => target.api = None,
            Some(name) => {
                let product =
                    [ItsmProduct::Glpi, ItsmProduct::Zammad].into_iter().find(|known| known.name() == name);
                let product = product.ok_or_else(|| no_word("api", "glpi or zammad"))?;
                let url = self.api_url.clone().or_else(|| target.api.as_ref().map(|api| api.url.clone()));
                let url = url.ok_or_else(|| {
                    let next = "say --api-url https://itsm.corp.example";
                    Refusal::permanent("bad-request", "the API's address is missing", next)
                })?;
                target.api =
                    Some(ItsmApi { product, ..target.api.take().unwrap_or_else(|| new_api(product, url)) });
            }
        }
        let Some(api) = &mut target.api else { return Ok(()) };
        if let Some(url) = &self.api_url {
            api.url.clone_from(url);
        }
        if let Some(tls) = &self.api_tls {
            api.tls = tls.clone();
        }
        api.tickets_first = self.tickets_first.unwrap_or(api.tickets_first);
        Ok(())
    }

    /// The secrets that were said.
    pub(crate) fn secrets(self) -> TargetSecrets {
        let said = |text: Option<String>| match text {
            None => NewSecret::Keep,
            Some(text) if text.trim().is_empty() => NewSecret::Remove,
            Some(text) => NewSecret::Set(text.trim().to_owned().into()),
        };
        TargetSecrets { link: said(self.link), token: said(self.token) }
    }
}

fn new_api(product: ItsmProduct, url: String) -> ItsmApi {
    ItsmApi { product, url, tls: TlsTrust::default(), tickets_first: true }
}

fn no_word(field: &str, words: &str) -> Refused {
    let what = format!("the {field} is none that is known");
    Refusal::permanent("bad-request", what, format!("choose {words}")).into()
}
