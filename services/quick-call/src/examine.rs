//! Whether a target would work: its settings, its page, its API. What `tieline doctor` tells (EV-17, EV-24).

use tieline_model::{QuickCallTarget, Refusal, TargetKind};
use tieline_ports::PageSeen;

use crate::QuickCall;
use crate::form::Form;
use crate::target::{Opened, find};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// What: `settings`, `page`, `single sign-on`, `api`.
    pub name: &'static str,
    /// What was seen.
    pub detail: String,
    /// What must be set right, and one step that helps.
    pub refusal: Option<Refusal>,
    /// Calls work all the same; somebody should look.
    pub warning: bool,
}

impl Examined {
    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, detail: detail.into(), refusal: None, warning: false }
    }

    fn bad(name: &'static str, refusal: Refusal) -> Self {
        Self { name, detail: refusal.what.clone(), refusal: Some(refusal), warning: false }
    }

    fn doubtful(name: &'static str, refusal: Refusal) -> Self {
        Self { warning: true, ..Self::bad(name, refusal) }
    }
}

impl QuickCall {
    /// Looks at a target: whether its settings can be used, its page is there and asks for a sign-on, and its API takes the
    /// token. Nothing of a person, and nothing of an auto connection link, is sent.
    ///
    /// # Errors
    /// When there is no such target, or the store cannot be read.
    pub async fn examine(&self, reference: &str) -> Result<Vec<Examined>, Refusal> {
        let opened = self.opened().await?;
        let opened = find(&opened, reference)?;
        let target = &opened.target;
        if let Some(refusal) = opened.problem() {
            return Ok(vec![Examined::bad("settings", refusal)]);
        }
        let word = format!("{}, {}", target.kind.name(), target.environment.name());
        let mut found = vec![Examined::good("settings", word)];
        if let Some(url) = page_of(opened) {
            match self.itsm.page(&url).await {
                Ok(seen) => found.extend(judged(target, &url, &seen)),
                Err(error) => found.push(Examined::bad("page", error.refusal().at(&target.name))),
            }
        }
        if target.api.is_some() {
            found.push(self.api(opened).await);
        }
        Ok(found)
    }

    async fn api(&self, opened: &Opened) -> Examined {
        let Some(account) = &opened.itsm else {
            let next =
                format!("give it: tieline quick-call target edit {} --token-file FILE", opened.target.name);
            let what = "the API's token is not stored";
            return Examined::bad("api", Refusal::operator("no-token", what, next).at(&opened.target.name));
        };
        match self.itsm.people(account, 0).await {
            Ok(page) => {
                let product = account.api.product.name();
                Examined::good(
                    "api",
                    format!("{product} takes the token and shows {} people at once", page.people.len()),
                )
            }
            Err(error) => Examined::bad("api", error.refusal()),
        }
    }
}

/// The page's address without anybody in it. Of an auto connection link only the page, never its fields.
fn page_of(opened: &Opened) -> Option<String> {
    match opened.form.as_ref().ok()? {
        Form::Requestor(base) => Some(base.clone()),
        Form::Link(link) => {
            let link = link.as_ref()?.expose();
            link.split('?').next().map(str::to_owned)
        }
        Form::Template(_) => match &opened.target.kind {
            TargetKind::Template { url } => url.split(['?', '#']).next().map(str::to_owned),
            _ => None,
        },
    }
}

fn judged(target: &QuickCallTarget, url: &str, seen: &PageSeen) -> Vec<Examined> {
    let shown = url.split('?').next().unwrap_or_default();
    let method1 = matches!(target.kind, TargetKind::Method1 { .. });
    let bad = |what: String, next: &str| {
        vec![Examined::bad("page", Refusal::operator("itsm-page", what, next).at(shown))]
    };
    match seen.status {
        404 | 410 if method1 => bad(
            format!("the page is not there ({})", seen.status),
            "ask EasyVista's support to set up its two quick-call pages, or correct the address",
        ),
        404 | 410 => bad(
            format!("the page is not there ({})", seen.status),
            "correct the address: tieline quick-call target edit TARGET",
        ),
        500.. => bad(format!("the page answers {}", seen.status), "tell whoever runs the ticket system"),
        status => {
            let page = Examined::good("page", format!("{shown} answers {status}"));
            // An auto connection link signs in by itself, and is not asked with its fields here.
            if matches!(target.kind, TargetKind::Method2) {
                vec![page]
            } else {
                vec![page, sign_on(shown, method1, seen)]
            }
        }
    }
}

/// Whether somebody who is not signed in there is asked to.
fn sign_on(shown: &str, method1: bool, seen: &PageSeen) -> Examined {
    match (&seen.leads_to, seen.status) {
        (Some(to), _) if seen.saml => Examined::good("single sign-on", format!("asks {to} by SAML")),
        (Some(to), _) => Examined::good("single sign-on", format!("leads to {to} first")),
        (None, 401 | 403) => {
            Examined::good("single sign-on", format!("answers {} to strangers", seen.status))
        }
        (None, _) if method1 => Examined::doubtful(
            "single sign-on",
            Refusal::operator(
                "no-single-sign-on",
                "the page opens for strangers, without leading to a sign-on",
                "ask EasyVista whether single sign-on is enabled on this platform; method 1 needs it",
            )
            .at(shown),
        ),
        (None, _) => Examined::good("single sign-on", "the page asks for a sign-on itself, or for none"),
    }
}

#[cfg(test)]
mod tests {
    use tieline_model::{Environment, Hosting, PersonKey, QuickCallTargetId, UnknownPerson};

    use super::*;

    /// Covers: EV-17 (verdicts), EV-24 (verdicts)
    #[test]
    fn a_page_is_judged_by_what_it_answers_a_stranger() {
        let target = QuickCallTarget {
            id: QuickCallTargetId::from_uuid(uuid::Uuid::nil()),
            name: "easyvista".to_owned(),
            menu_text: "EasyVista".to_owned(),
            environment: Environment::Production,
            hosting: Hosting::Saas,
            kind: TargetKind::Method1 { base_url: String::new() },
            hosts: Vec::new(),
            person_key: PersonKey::Mail,
            unknown: UnknownPerson::Page,
            api: None,
        };
        let verdict = |status, leads_to: Option<&str>, saml| {
            let seen = PageSeen { status, leads_to: leads_to.map(str::to_owned), saml };
            let found = judged(&target, "https://x.example/sso.php?url_requestor=", &seen);
            let last = found.last().unwrap();
            (last.refusal.as_ref().map(|refusal| refusal.code.clone()), last.warning)
        };
        assert_eq!(verdict(302, Some("https://idp.example"), true), (None, false));
        assert_eq!(verdict(302, Some("https://x.example"), false), (None, false));
        assert_eq!(verdict(401, None, false), (None, false));
        assert_eq!(verdict(200, None, false), (Some("no-single-sign-on".to_owned()), true));
        assert_eq!(verdict(404, None, false), (Some("itsm-page".to_owned()), false));
        assert_eq!(verdict(502, None, false), (Some("itsm-page".to_owned()), false));
    }
}
