//! Accounts, sessions, and sign-ins under way.

use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use tieline_store::{
    BrowserToken, NewUser, PendingSignIn, Retention, Session, SignInWay, Store, UserRole, Write,
};

use crate::site::{Site, both, code};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA";

fn account(name: &str) -> NewUser {
    let (name, display_name) = (name.to_owned(), "Dana".to_owned());
    NewUser { name, display_name, role: UserRole::Technician, password: HASH.into() }
}

fn add(site: &Site, name: &str) -> tieline_store::Batch {
    site.batch().with(Write::AddUser { user: account(name), by: "admin".to_owned() })
}

fn session(site: &Site, token: &BrowserToken, name: &str, way: SignInWay) -> Session {
    Session {
        hash: token.hash(),
        name: name.to_owned(),
        display_name: "Dana".to_owned(),
        role: UserRole::Technician,
        way,
        created: site.now(),
        seen: site.now(),
        idle: SignedDuration::from_secs(600),
        ends: site.later(3600),
    }
}

async fn signed_in(site: &Site, store: &Store, name: &str, way: SignInWay) -> BrowserToken {
    let token = BrowserToken::draw().unwrap();
    let session = session(site, &token, name, way);
    store.commit(site.batch().with(Write::Session(session))).await.unwrap();
    token
}

fn pending(site: &Site, state: &BrowserToken, visit: &BrowserToken, target: &str) -> PendingSignIn {
    PendingSignIn {
        state: state.hash(),
        visit: visit.hash(),
        target: Some(target.to_owned()),
        nonce: Some("n".to_owned()),
        verifier: Some("v".into()),
        expires: site.later(600),
    }
}

both! {
    async fn an_account_is_added_once_and_gone_with_its_sessions(site) {
        let store = site.open().await;
        store.commit(add(&site, "dana")).await.unwrap();
        assert_eq!(code(store.commit(add(&site, "dana")).await.unwrap_err()), "duplicate-user");
        let (user, password) = store.user("dana").await.unwrap().unwrap();
        assert_eq!((user.role, user.created, password.expose_secret()), (UserRole::Technician, site.now(), HASH));
        assert!(!format!("{:?}", add(&site, "dana")).contains("argon2id"), "hashes are not printed");

        let local = signed_in(&site, &store, "dana", SignInWay::Local).await;
        let elsewhere = signed_in(&site, &store, "dana", SignInWay::OpenId).await;
        let set = Write::UserPassword { name: "dana".into(), password: "$argon2id$x".into(), by: "admin".into() };
        store.commit(site.batch().with(set)).await.unwrap();
        assert_eq!(store.session(&local, site.now()).await.unwrap(), None, "another password ends sessions");
        assert!(store.session(&elsewhere, site.now()).await.unwrap().is_some(), "the provider's are not ours");

        let local = signed_in(&site, &store, "dana", SignInWay::Local).await;
        let remove = || site.batch().with(Write::RemoveUser { name: "dana".into(), by: "admin".into() });
        store.commit(remove()).await.unwrap();
        assert_eq!(store.session(&local, site.now()).await.unwrap(), None);
        assert_eq!(store.users().await.unwrap(), []);
        assert_eq!(code(store.commit(remove()).await.unwrap_err()), "unknown-user");
        let told: Vec<_> = store.audit(10).await.unwrap().into_iter().map(|entry| entry.action).collect();
        assert_eq!(told, ["user-removed", "user-password-set", "user-added"]);
        store.close().await;
    }

    async fn a_session_ends_when_idle_when_its_time_is_up_and_by_signing_out(site) {
        let store = site.open().await;
        let token = signed_in(&site, &store, "dana", SignInWay::Local).await;
        let at = |seconds| site.later(seconds);
        assert!(store.session(&token, at(599)).await.unwrap().is_some());
        assert_eq!(store.session(&token, at(600)).await.unwrap(), None, "nothing was asked for ten minutes");
        for seconds in (500..3500).step_by(500) {
            let seen = tieline_store::Batch::new(at(seconds)).with(Write::SessionSeen(token.hash()));
            store.commit(seen).await.unwrap();
        }
        assert!(store.session(&token, at(3599)).await.unwrap().is_some(), "seen at 3000 s");
        assert_eq!(store.session(&token, at(3600)).await.unwrap(), None, "an hour is the most");
        assert_eq!(store.session(&BrowserToken::draw().unwrap(), at(0)).await.unwrap(), None);

        store.commit(site.batch().with(Write::EndSession(token.hash()))).await.unwrap();
        assert_eq!(store.session(&token, at(1)).await.unwrap(), None);
        store.close().await;
    }

    async fn a_pending_sign_in_is_its_browsers_own_and_used_once(site) {
        let store = site.open().await;
        let (state, visit) = (BrowserToken::draw().unwrap(), BrowserToken::draw().unwrap());
        let target = "/quick-call?contactId=Contacts%3D%3Csip:bob@lab.example%3E";
        let begun = pending(&site, &state, &visit, target);
        store.commit(site.batch().with(Write::PendingSignIn(begun))).await.unwrap();
        let other = BrowserToken::draw().unwrap();
        assert!(store.pending_sign_in(&state, &other, site.now()).await.unwrap().is_none());
        assert!(store.pending_sign_in(&state, &visit, site.later(600)).await.unwrap().is_none());
        let found = store.pending_sign_in(&state, &visit, site.now()).await.unwrap().unwrap();
        assert_eq!(found.target.as_deref(), Some(target), "every byte of the parameters survives");

        let token = BrowserToken::draw().unwrap();
        let session = session(&site, &token, "dana", SignInWay::OpenId);
        let take = || site.batch().with(Write::TakePendingSignIn(state.hash())).with(Write::Session(session.clone()));
        store.commit(take()).await.unwrap();
        assert_eq!(code(store.commit(take()).await.unwrap_err()), "sign-in-used");
        store.close().await;
    }

    async fn what_ended_is_swept(site) {
        let store = site.open().await;
        let token = signed_in(&site, &store, "dana", SignInWay::Local).await;
        let (state, visit) = (BrowserToken::draw().unwrap(), BrowserToken::draw().unwrap());
        store.commit(site.batch().with(Write::PendingSignIn(pending(&site, &state, &visit, "/")))).await.unwrap();
        let swept = store.sweep(site.later(599), &Retention::default()).await.unwrap();
        assert_eq!((swept.sessions, swept.pending_sign_ins), (0, 0));
        let swept = store.sweep(site.later(700), &Retention::default()).await.unwrap();
        assert_eq!((swept.sessions, swept.pending_sign_ins), (1, 1));
        assert_eq!(store.session(&token, site.now()).await.unwrap(), None);
        store.close().await;
    }
}
