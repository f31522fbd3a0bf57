//! Targets: checked, saved with their secrets, and kept at hand.

use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use tieline_model::{
    DirectoryId, Person, QuickCallTarget, QuickCallTargetId, Refusal, TargetKind, UnknownPerson,
};
use tieline_ports::ItsmAccount;
use tieline_store::{Batch, Configure, Edit, NewEvent, Receipt, StoreError, Write};
use tokio_util::sync::CancellationToken;

use crate::address::{Address, check_host};
use crate::form::Form;
use crate::link::AutoConnectionLink;
use crate::{QuickCall, choice};

/// The topic under which changes are told.
const TOPIC: &str = "config";

/// What becomes of a secret when a target is saved.
#[derive(Debug, Clone, Default)]
pub enum NewSecret {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes this.
    Set(SecretString),
    /// It is forgotten.
    Remove,
}

/// A target's secrets when it is saved.
#[derive(Debug, Clone, Default)]
pub struct TargetSecrets {
    /// Method 2's auto connection link, as it was pasted.
    pub link: NewSecret,
    /// The token of the ITSM's API.
    pub token: NewSecret,
}

/// A target with what is needed to use it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) target: Arc<QuickCallTarget>,
    /// Why it cannot be used, if it cannot.
    pub(crate) form: Result<Form, Refusal>,
    pub(crate) itsm: Option<ItsmAccount>,
}

impl Opened {
    pub(crate) fn problem(&self) -> Option<Refusal> {
        match &self.form {
            Err(refusal) => Some(refusal.clone()),
            Ok(form) => form.lacks(&self.target),
        }
    }
}

/// The targets as they were read last, while [`QuickCall::run`] hears of changes.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Cached>);

#[derive(Debug, Default)]
struct Cached {
    /// Somebody hears of changes, so what was read may be kept.
    followed: bool,
    /// Rises with every change: what was read before one is not kept after it.
    generation: u64,
    targets: Option<Arc<Vec<Opened>>>,
}

impl Known {
    fn with<T>(&self, f: impl FnOnce(&mut Cached) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn forget(&self) {
        self.with(|cached| {
            cached.generation += 1;
            cached.targets = None;
        });
    }
}

impl QuickCall {
    /// Every target with what is needed to use it.
    pub(crate) async fn opened(&self) -> Result<Arc<Vec<Opened>>, StoreError> {
        let known = &self.inner().targets;
        let (targets, generation) = known.with(|cached| (cached.targets.clone(), cached.generation));
        match targets {
            Some(targets) => Ok(targets),
            None => Box::pin(self.open_all(generation)).await,
        }
    }

    async fn open_all(&self, generation: u64) -> Result<Arc<Vec<Opened>>, StoreError> {
        let mut opened = Vec::new();
        for target in self.store.quick_call_targets().await? {
            opened.push(self.open(target).await?);
        }
        let opened = Arc::new(opened);
        self.inner().targets.with(|cached| {
            if cached.followed && cached.generation == generation {
                cached.targets = Some(Arc::clone(&opened));
            }
        });
        Ok(opened)
    }

    async fn open(&self, target: QuickCallTarget) -> Result<Opened, StoreError> {
        // Checked again: a target may also come by `config apply`.
        let mut form = checked(&target).map_err(|refusal| refusal.at(&target.name));
        if let Ok(Form::Link(link)) = &mut form
            && let Some(stored) = self.store.secret(&QuickCallTarget::link_secret(target.id)).await?
        {
            match AutoConnectionLink::parse(stored.expose_secret()) {
                Ok(parsed) => *link = Some(parsed),
                Err(refusal) => form = Err(refusal.at(&target.name)),
            }
        }
        let itsm = match &target.api {
            Some(api) => {
                let token = self.store.secret(&QuickCallTarget::token_secret(target.id)).await?;
                token.map(|token| ItsmAccount { api: api.clone(), token })
            }
            None => None,
        };
        Ok(Opened { target: Arc::new(target), form, itsm })
    }

    /// Keeps targets and choices at hand and forgets them when anything is changed, on whichever node.
    pub(crate) async fn follow_targets(&self, stop: &CancellationToken) {
        let known = &self.inner().targets;
        let mut patience = 1;
        while !stop.is_cancelled() {
            let feed = self.store.last_event().await;
            let mut feed = match feed {
                Ok(last) => self.store.listen(last, vec![TOPIC.to_owned(), choice::TOPIC.to_owned()]),
                Err(error) => {
                    tracing::warn!(%error, "quick-call targets are read anew for every call");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(std::time::Duration::from_secs(patience)) => {}
                    }
                    patience = (patience * 2).min(60);
                    continue;
                }
            };
            known.forget();
            known.with(|cached| cached.followed = true);
            self.inner().choices.follow(true);
            loop {
                tokio::select! {
                    () = stop.cancelled() => break,
                    event = feed.next() => match event {
                        Ok(event) if event.topic == choice::TOPIC => {
                            self.inner().choices.forget(&event.subject);
                        }
                        Ok(_) => known.forget(),
                        Err(_) => break,
                    }
                }
            }
            known.with(|cached| cached.followed = false);
            known.forget();
            self.inner().choices.follow(false);
        }
    }

    /// Checks a target and saves it together with its secrets, as one version of the configuration. Hosts that were
    /// not said are taken from the target's own address.
    ///
    /// # Errors
    /// When anything about it is wrong, with the reason; then nothing is saved.
    pub async fn save(
        &self,
        target: &mut QuickCallTarget,
        secrets: TargetSecrets,
        author: &str,
    ) -> Result<Receipt, Refusal> {
        let (link, have) = self.verify(target, &secrets).await?;
        let has = |name: &str| have.iter().any(|known| known == name);
        let (link_name, token_name) =
            (QuickCallTarget::link_secret(target.id), QuickCallTarget::token_secret(target.id));
        let is_link = matches!(target.kind, TargetKind::Method2);
        let note = format!("quick-call target {} saved", target.name);
        let edits = vec![Edit::PutQuickCallTarget(target.clone())];
        let configure = Configure { author: author.to_owned(), note, base: None, edits };
        let mut batch = Batch::new(self.clock.now()).with(Write::Configure(configure));
        let by = || author.to_owned();
        match link {
            Some(link) => {
                let value = SecretString::from(link.expose().as_str().to_owned());
                batch.push(Write::Secret { name: link_name, value: Some(value), by: by() });
            }
            None if has(&link_name) && (!is_link || matches!(secrets.link, NewSecret::Remove)) => {
                batch.push(Write::Secret { name: link_name, value: None, by: by() });
            }
            None => {}
        }
        match secrets.token {
            NewSecret::Set(token) => {
                batch.push(Write::Secret { name: token_name, value: Some(token), by: by() })
            }
            NewSecret::Remove if has(&token_name) => {
                batch.push(Write::Secret { name: token_name, value: None, by: by() });
            }
            NewSecret::Keep | NewSecret::Remove => {}
        }
        // A new link alone is no new version; other nodes hear of it all the same.
        let payload = serde_json::json!({ "entries": [target.id.to_string()] });
        batch.push(Write::Event(NewEvent {
            topic: TOPIC.to_owned(),
            subject: target.id.to_string(),
            payload,
        }));
        let receipt = self.store.commit(batch).await?;
        self.inner().targets.forget();
        Ok(receipt)
    }

    /// Checks a target as [`Self::save`] does and saves nothing. Gives the address that somebody's form would have,
    /// secrets masked.
    ///
    /// # Errors
    /// When anything about it is wrong, with the reason.
    pub async fn check(
        &self,
        target: &mut QuickCallTarget,
        secrets: &TargetSecrets,
    ) -> Result<String, Refusal> {
        let (link, _) = self.verify(target, secrets).await?;
        let taken = self.store.quick_call_target_by_name(&target.name).await?;
        if taken.is_some_and(|other| other.id != target.id) {
            let what = format!("there is a quick-call target {:?} already", target.name);
            return Err(Refusal::permanent("duplicate-name", what, "choose another name"));
        }
        let mut form = checked(target)?;
        if let Form::Link(stored) = &mut form {
            *stored = match link {
                Some(link) => Some(link),
                None => self.stored_link(target.id).await?,
            };
        }
        let address = somebody().map(|person| form.address(target, &person, Some("1"))).transpose()?;
        Ok(address.map(|url| url.masked().to_owned()).unwrap_or_default())
    }

    async fn stored_link(&self, id: QuickCallTargetId) -> Result<Option<AutoConnectionLink>, Refusal> {
        let stored = self.store.secret(&QuickCallTarget::link_secret(id)).await?;
        stored.map(|stored| AutoConnectionLink::parse(stored.expose_secret())).transpose()
    }

    /// Every target, and why it cannot be used, if it cannot.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn states(&self) -> Result<Vec<(Arc<QuickCallTarget>, Option<Refusal>)>, Refusal> {
        let opened = self.opened().await?;
        Ok(opened.iter().map(|opened| (Arc::clone(&opened.target), opened.problem())).collect())
    }

    /// What [`Self::save`] checks before it writes; gives the pasted link, and the names of the secrets there are.
    async fn verify(
        &self,
        target: &mut QuickCallTarget,
        secrets: &TargetSecrets,
    ) -> Result<(Option<AutoConnectionLink>, Vec<String>), Refusal> {
        check_texts(target)?;
        let link = match &secrets.link {
            NewSecret::Set(pasted) => Some(AutoConnectionLink::parse(pasted.expose_secret())?),
            NewSecret::Keep | NewSecret::Remove => None,
        };
        let is_link = matches!(target.kind, TargetKind::Method2);
        if link.is_some() && !is_link {
            let next = "say --method2, or leave the link out";
            return Err(Refusal::permanent(
                "link-not-used",
                "only method 2 uses an auto connection link",
                next,
            ));
        }
        if target.hosts.is_empty() {
            target.hosts = own_host(target, link.as_ref())?;
        }
        target.hosts.iter_mut().for_each(|host| *host = crate::address::host_key(host.trim()));
        target.hosts.sort();
        target.hosts.dedup();
        checked(target)?;
        if let Some(link) = &link {
            Address::parse(&link.expose())?.allowed(&target.hosts)?;
        }
        let have: Vec<String> = self.store.secrets().await?.into_iter().map(|secret| secret.name).collect();
        let has_link = have.contains(&QuickCallTarget::link_secret(target.id));
        if is_link && link.is_none() && (!has_link || matches!(secrets.link, NewSecret::Remove)) {
            let next = "paste it with --link-file FILE, - for standard input";
            return Err(Refusal::permanent("no-link", "method 2 needs its auto connection link", next)
                .at(&target.name));
        }
        Ok((link, have))
    }

    /// Removes a target and its secrets.
    ///
    /// # Errors
    /// When it is not there, or the store cannot be written.
    pub async fn remove(&self, id: QuickCallTargetId, author: &str) -> Result<Receipt, Refusal> {
        let have = self.store.secrets().await?;
        let edits = vec![Edit::DeleteQuickCallTarget(id)];
        let note = format!("quick-call target {id} removed");
        let configure = Configure { author: author.to_owned(), note, base: None, edits };
        let mut batch = Batch::new(self.clock.now()).with(Write::Configure(configure));
        for name in [QuickCallTarget::link_secret(id), QuickCallTarget::token_secret(id)] {
            if have.iter().any(|secret| secret.name == name) {
                batch.push(Write::Secret { name, value: None, by: author.to_owned() });
            }
        }
        let receipt = self.store.commit(batch).await?;
        self.inner().targets.forget();
        Ok(receipt)
    }

    /// The target with this name or id. Nothing given means the only one there is.
    ///
    /// # Errors
    /// When there is none, or several and nothing was given.
    pub async fn target(&self, reference: &str) -> Result<Arc<QuickCallTarget>, Refusal> {
        let opened = self.opened().await?;
        find(&opened, reference).map(|opened| Arc::clone(&opened.target))
    }
}

/// Nobody in particular, to see what an address looks like.
fn somebody() -> Option<Person> {
    let mut person = Person::named(DirectoryId::new("surname")?, "Surname, Name");
    person.mail = "surname.name@corp.example".parse().ok();
    person.sip = "surname.name@corp.example".parse().into_iter().collect();
    person.login = Some("surname".to_owned());
    Some(person)
}

/// By name or id; nothing given means the only one there is.
pub(crate) fn find<'a>(opened: &'a [Opened], reference: &str) -> Result<&'a Opened, Refusal> {
    let reference = reference.trim();
    if reference.is_empty() {
        return match opened {
            [only] => Ok(only),
            [] => Err(Refusal::operator(
                "unknown-quick-call-target",
                "no ticket system is set up for quick calls yet",
                "tieline quick-call target add NAME --ready easyvista --host companyname.easyvista.com",
            )),
            _ => Err(Refusal::permanent(
                "no-target",
                "there are several ticket systems, and the call names none",
                "choose the menu entry made by tieline quick-call reg, whose address says ?target=…",
            )),
        };
    }
    let id = reference.parse::<QuickCallTargetId>().ok();
    opened.iter().find(|opened| opened.target.name == reference || Some(opened.target.id) == id).ok_or_else(
        || {
            let shown: String = reference.chars().filter(|c| !c.is_control()).take(80).collect();
            let what = format!("there is no quick-call target {shown:?}");
            Refusal::permanent(
                "unknown-quick-call-target",
                what,
                "tieline quick-call target list shows them all",
            )
        },
    )
}

/// A target's way to make addresses, when nothing about the target leads elsewhere or cannot work.
fn checked(target: &QuickCallTarget) -> Result<Form, Refusal> {
    check_texts(target)?;
    target.hosts.iter().try_for_each(|host| check_host(host))?;
    target.check_hosting()?;
    let form = Form::of(target)?;
    if let UnknownPerson::LogIn { url } = &target.unknown {
        Address::parse(url)?.allowed(&target.hosts)?;
    }
    if let Some(api) = &target.api {
        Address::parse(&api.url)?;
    }
    if form.needs_itsm_id() && target.api.is_none() {
        let next = "add --api glpi|zammad --api-url URL --token-file FILE";
        let what = "the form is opened by the ticket system's own number, which only its API knows";
        return Err(Refusal::permanent("api-missing", what, next).at(&target.name));
    }
    Ok(form)
}

fn check_texts(target: &QuickCallTarget) -> Result<(), Refusal> {
    let fits = |text: &str, most: usize| {
        let chars = text.chars().count();
        (1..=most).contains(&chars) && text.trim() == text && !text.chars().any(char::is_control)
    };
    if !fits(&target.name, 80) {
        let next = "choose 1 to 80 characters, without spaces around them";
        return Err(Refusal::permanent("bad-name", "the target's name cannot be used", next));
    }
    if !fits(&target.menu_text, QuickCallTarget::MENU_TEXT_CHARS) {
        let next = format!(
            "choose 1 to {} characters, without spaces around them",
            QuickCallTarget::MENU_TEXT_CHARS
        );
        return Err(Refusal::permanent("bad-menu-text", "the menu's text cannot be shown", next));
    }
    Ok(())
}

/// The host of the target's own address.
fn own_host(target: &QuickCallTarget, link: Option<&AutoConnectionLink>) -> Result<Vec<String>, Refusal> {
    let host = match (&target.kind, link) {
        (TargetKind::Method1 { base_url }, _) => Address::parse(base_url.trim())?.host_key(),
        (TargetKind::Template { url }, _) => {
            Address::parse(url.split('{').next().unwrap_or_default())?.host_key()
        }
        (TargetKind::Method2, Some(link)) => link.host().to_owned(),
        (TargetKind::Method2, None) => return Ok(Vec::new()),
    };
    Ok(vec![host])
}
