//! Who looks at the pages: local accounts, an OpenID provider, or a reverse proxy that says so.
//!
//! * A session is a cookie with a random token; the store has its hash. It ends when idle, when its time is up, and by
//!   signing out. A reverse proxy's word makes no session: it is taken anew with every request.
//! * Another cookie, the *visit*, is there before anybody has signed in. It ties forms, and sign-ins under way, to the
//!   browser that began them.
//! * What was asked for before signing in is kept in the store, byte for byte, and goes through no third party.
//! * A sign-in that was refused ends on a page that says why, and never on a redirect: nobody is sent in circles.
//!
//! Types to know: [`SignIn`] (the part that handlers share), [`SignInPolicy`], [`SignedIn`] (who asks).

mod at_hand;
mod attempts;
mod cookie;
mod form;
pub(crate) mod openid;
mod password;
mod policy;
mod proxy;
mod signed_in;
mod visit;

use jiff::Timestamp;
use secrecy::SecretString;
use tieline_model::Refusal;
use tieline_store::{Batch, BrowserToken, PendingSignIn, Session, SignInWay, Store, User, UserRole, Write};

pub(crate) use cookie::{Cookie, Cookies};
pub(crate) use form::{check as check_form, is_sealed, seal};
pub(crate) use password::check as check_password;
pub use policy::{OpenIdPolicy, ProxyPolicy, PublicUrl, SignInPolicy};
pub(crate) use signed_in::SignedIn;
pub(crate) use visit::{Visit, client_address, guard, page};

use at_hand::AtHand;
use attempts::Attempts;
use openid::OpenId;
use password::Passwords;

/// What signing in needs at run time.
pub struct SignIn {
    pub(crate) policy: SignInPolicy,
    pub(crate) openid: Option<OpenId>,
    pub(crate) sessions: AtHand,
    passwords: Passwords,
    attempts: Attempts,
}

/// Somebody whose identity was proven.
pub(crate) struct Proven {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) role: UserRole,
    pub(crate) way: SignInWay,
}

impl SignIn {
    /// Prepares signing in; nothing is contacted yet.
    ///
    /// # Errors
    /// When the OpenID provider's address or certificates cannot be used, or the machine gives no randomness.
    pub fn new(policy: SignInPolicy) -> Result<Self, Refusal> {
        let openid = match (&policy.openid, &policy.public_url) {
            (Some(openid), Some(public)) => Some(OpenId::new(openid.clone(), public)?),
            (Some(_), None) => {
                let next = "set [sign_in] public_url to the address that browsers use";
                return Err(Refusal::operator("no-public-url", "OpenID needs this server's address", next));
            }
            (None, _) => None,
        };
        Ok(Self {
            openid,
            sessions: AtHand::default(),
            passwords: Passwords::new()?,
            attempts: Attempts::new(),
            policy,
        })
    }

    /// Proves a local account's name and password. An unknown name takes as long as a wrong password.
    pub(crate) async fn local(
        &self,
        store: &Store,
        client: std::net::IpAddr,
        name: &str,
        password: SecretString,
    ) -> Result<Proven, Refusal> {
        let name = name.trim().to_lowercase();
        self.attempts.check(client, &name)?;
        let found = store.user(&name).await?;
        let (user, hash): (Option<User>, Option<SecretString>) = found.unzip();
        let right = self.passwords.verify(password, hash).await?;
        match user.filter(|_| right) {
            Some(user) => Ok(Proven {
                name: user.name,
                display_name: user.display_name,
                role: user.role,
                way: SignInWay::Local,
            }),
            None => Err(Refusal::permanent(
                "sign-in-refused",
                "the name or the password is wrong",
                "try again, or ask an administrator for: tieline user set-password",
            )),
        }
    }

    /// A password's hash for the store.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<SecretString, Refusal> {
        self.passwords.hash(password).await
    }

    /// A session for somebody who was proven, and the writes that make it last.
    pub(crate) fn begin(
        &self,
        proven: Proven,
        now: Timestamp,
        used: Option<&BrowserToken>,
    ) -> Result<(BrowserToken, Batch), Refusal> {
        let token = BrowserToken::draw()?;
        let (idle, lasts) = (self.policy.idle, self.policy.lasts);
        let session = Session {
            hash: token.hash(),
            name: proven.name,
            display_name: proven.display_name,
            role: proven.role,
            way: proven.way,
            created: now,
            seen: now,
            idle,
            ends: now.saturating_add(lasts).unwrap_or(Timestamp::MAX),
        };
        let audit = Write::Audit {
            who: session.name.clone(),
            action: "signed-in".to_owned(),
            subject: session.name.clone(),
            detail: format!("{} as {}", session.way.name(), session.role.name()),
        };
        let mut batch = Batch::new(now);
        if let Some(state) = used {
            batch.push(Write::TakePendingSignIn(state.hash()));
        }
        Ok((token, batch.with(Write::Session(session)).with(audit)))
    }

    /// A sign-in under way that leads to `target`, and its state.
    pub(crate) fn pending(
        &self,
        visit: &BrowserToken,
        target: Option<String>,
        now: Timestamp,
    ) -> Result<(BrowserToken, PendingSignIn), Refusal> {
        let state = BrowserToken::draw()?;
        let pending = PendingSignIn {
            state: state.hash(),
            visit: visit.hash(),
            target,
            nonce: None,
            verifier: None,
            expires: now.saturating_add(self.policy.pending).unwrap_or(Timestamp::MAX),
        };
        Ok((state, pending))
    }

    /// Whether there is nothing to choose: then nobody is asked, but sent to the provider.
    pub(crate) fn only_openid(&self) -> bool {
        self.openid.is_some() && !self.policy.local
    }

    pub(crate) fn cookies(&self) -> Cookies {
        Cookies { secure: self.policy.public_url.as_ref().is_some_and(PublicUrl::is_https) }
    }
}
