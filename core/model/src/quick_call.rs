//! Where a quick call leads: the ticket form of an IT service management system, opened with a person filled in.

use serde::{Deserialize, Serialize};

use crate::{QuickCallTargetId, Refusal, TlsTrust};

/// Which of the two databases a ticket lands in. People must tell them apart at a glance (EV-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Real tickets.
    #[default]
    Production,
    /// Tickets for practice.
    Sandbox,
}

impl Environment {
    /// As in configuration, API and pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Sandbox => "sandbox",
        }
    }
}

/// Where the ITSM runs; decides which methods it offers (EV-08, EV-09).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "at")]
pub enum Hosting {
    /// At its maker's.
    #[default]
    Saas,
    /// On the company's own servers.
    OnPremises {
        /// The product's version, by its year: 2016. `None` when nobody said.
        version: Option<u16>,
    },
}

impl Hosting {
    /// As in configuration, API and pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Saas => "saas",
            Self::OnPremises { .. } => "on-premises",
        }
    }
}

/// What the ITSM knows a person by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonKey {
    /// The mail address (EV-47). Often not the SIP address.
    #[default]
    Mail,
    /// The SIP address.
    Sip,
    /// The log-on name.
    Login,
}

impl PersonKey {
    /// As in configuration and API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sip => "sip",
            Self::Login => "login",
        }
    }
}

/// How the form's address is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "way")]
pub enum TargetKind {
    /// EasyVista method 1: a page that takes `url_requestor`.
    Method1 {
        /// `https://…/sso_samlindexlync.php?do_quickcall=1&url_requestor=`: the person's key is added to it.
        base_url: String,
    },
    /// EasyVista method 2: an auto connection link. The link is a secret, kept apart under
    /// [`QuickCallTarget::link_secret`].
    Method2,
    /// Any other form.
    Template {
        /// An address with placeholders like `{mail}` in its query or fragment.
        url: String,
    },
}

impl TargetKind {
    /// As in configuration, API and pages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Method1 { .. } => "method1",
            Self::Method2 => "method2",
            Self::Template { .. } => "template",
        }
    }
}

/// What happens with a contact that is nobody in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "then")]
pub enum UnknownPerson {
    /// A page that says so and asks "did you mean" (EV-14).
    #[default]
    Page,
    /// The ITSM's log-in page, as `https://…/sso_samlindex.php` (EV-30).
    LogIn {
        /// Where that is.
        url: String,
    },
}

/// Which REST API an ITSM offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItsmProduct {
    /// GLPI 9.1 and later, `apirest.php`.
    Glpi,
    /// Zammad, `/api/v1`.
    Zammad,
}

impl ItsmProduct {
    /// As in configuration and API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Glpi => "glpi",
            Self::Zammad => "zammad",
        }
    }
}

/// An ITSM's REST API; its token is a secret under [`QuickCallTarget::token_secret`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItsmApi {
    /// Which.
    pub product: ItsmProduct,
    /// Where the product answers, as `https://glpi.corp.example`; also where its pages are.
    pub url: String,
    /// How its certificate is trusted.
    #[serde(default)]
    pub tls: TlsTrust,
    /// A person's latest tickets are shown before the form is opened.
    #[serde(default = "yes")]
    pub tickets_first: bool,
}

const fn yes() -> bool {
    true
}

/// An entry of the menu: one form of one database (EV-42, EV-55).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuickCallTarget {
    /// Stable; the menu entry's GUID is derived from it.
    pub id: QuickCallTargetId,
    /// What people call it, and what the menu entry's address says: `?target=…`.
    pub name: String,
    /// The menu's text (`Name`, EV-35).
    pub menu_text: String,
    /// Production or sandbox.
    pub environment: Environment,
    /// Where the ITSM runs.
    #[serde(default)]
    pub hosting: Hosting,
    /// How the form's address is made.
    pub kind: TargetKind,
    /// The hosts that a technician may be sent to. Lower case, with the port where it is not the scheme's own.
    pub hosts: Vec<String>,
    /// What is sent as the person.
    #[serde(default)]
    pub person_key: PersonKey,
    /// What happens with a contact that is nobody.
    #[serde(default)]
    pub unknown: UnknownPerson,
    /// Its REST API, if it has one that can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<ItsmApi>,
}

impl QuickCallTarget {
    /// The longest menu text, in characters: what a menu of the clients shows without cutting.
    pub const MENU_TEXT_CHARS: usize = 60;

    /// The name of the auto connection link among the secrets.
    #[must_use]
    pub fn link_secret(id: QuickCallTargetId) -> String {
        format!("quick-call/{id}/auto-connection-link")
    }

    /// The name of the API's token among the secrets.
    #[must_use]
    pub fn token_secret(id: QuickCallTargetId) -> String {
        format!("quick-call/{id}/api-token")
    }

    /// Refuses what an ITSM of this hosting does not offer: method 1 is SaaS only (EV-08); method 2 on premises exists
    /// from version 2016 on (EV-09, X-09).
    ///
    /// # Errors
    /// With the reason.
    pub fn check_hosting(&self) -> Result<(), Refusal> {
        match (&self.kind, self.hosting) {
            (TargetKind::Method1 { .. }, Hosting::OnPremises { .. }) => Err(Refusal::permanent(
                "method-not-offered",
                "method 1 (url_requestor) exists for EasyVista SaaS only",
                "use method 2, an auto connection link, for EasyVista on premises",
            )
            .at(&self.name)),
            (TargetKind::Method2, Hosting::OnPremises { version: None }) => Err(Refusal::permanent(
                "version-missing",
                "method 2 on premises needs EasyVista 2016 or later, and no version was given",
                "say which version it is: --on-premises 2016",
            )
            .at(&self.name)),
            (TargetKind::Method2, Hosting::OnPremises { version: Some(version) }) if version < 2016 => {
                Err(Refusal::permanent(
                    "method-not-offered",
                    format!("method 2 exists from EasyVista 2016 on, not in {version}"),
                    "update EasyVista to 2016 or later",
                )
                .at(&self.name))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(kind: TargetKind, hosting: Hosting) -> QuickCallTarget {
        QuickCallTarget {
            id: QuickCallTargetId::from_uuid(uuid::Uuid::nil()),
            name: "easyvista".to_owned(),
            menu_text: "EasyVista QuickCall".to_owned(),
            environment: Environment::Production,
            hosting,
            kind,
            hosts: vec!["companyname.easyvista.com".to_owned()],
            person_key: PersonKey::Mail,
            unknown: UnknownPerson::Page,
            api: None,
        }
    }

    /// Covers: EV-08, EV-09, EV-49 (hosting), X-09
    #[test]
    fn a_method_is_refused_where_the_itsm_does_not_offer_it() {
        let method1 = TargetKind::Method1 { base_url: String::new() };
        let verdict = |kind: &TargetKind, hosting| target(kind.clone(), hosting).check_hosting().is_ok();
        let on_premises = |version| Hosting::OnPremises { version };
        assert!(verdict(&method1, Hosting::Saas));
        assert!(!verdict(&method1, on_premises(Some(2016))));
        assert!(verdict(&TargetKind::Method2, Hosting::Saas));
        assert!(verdict(&TargetKind::Method2, on_premises(Some(2016))));
        assert!(verdict(&TargetKind::Method2, on_premises(Some(2017))));
        assert!(!verdict(&TargetKind::Method2, on_premises(Some(2015))));
        let unsaid = target(TargetKind::Method2, on_premises(None)).check_hosting().unwrap_err();
        assert_eq!(unsaid.next, "say which version it is: --on-premises 2016");
    }

    #[test]
    fn entries_survive_storage() {
        let mut target = target(TargetKind::Method2, Hosting::OnPremises { version: Some(2016) });
        target.unknown =
            UnknownPerson::LogIn { url: "https://companyname.easyvista.com/sso_samlindex.php".into() };
        target.api = Some(ItsmApi {
            product: ItsmProduct::Glpi,
            url: "https://glpi.corp.example".into(),
            tls: TlsTrust::System,
            tickets_first: true,
        });
        let text = serde_json::to_string(&target).unwrap();
        assert_eq!(serde_json::from_str::<QuickCallTarget>(&text).unwrap(), target);
    }
}
