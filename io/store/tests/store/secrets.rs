//! Passwords and tokens.

use secrecy::{ExposeSecret, SecretString};
use tieline_model::Refusal;
use tieline_store::{KeyFile, NewApiToken, Role, Store, TOKEN_PREFIX, TrustedCertificate, Write};

use crate::site::{Site, both, code};

const NAME: &str = "feature-group/fg_1/password";

fn set(site: &Site, value: Option<&str>) -> tieline_store::Batch {
    let value = value.map(SecretString::from);
    site.batch().with(Write::Secret { name: NAME.to_owned(), value, by: "admin".to_owned() })
}

async fn opened(store: &Store) -> Option<String> {
    store.secret(NAME).await.unwrap().map(|secret| secret.expose_secret().to_owned())
}

/// Everything that lies on the disk, or in the server's table.
fn raw(site: &Site) -> Vec<u8> {
    match &site.database {
        Some(database) => {
            let sql = "SELECT name, key, encode(nonce, 'escape'), encode(sealed, 'escape') FROM secret";
            database.query(sql).concat().into_bytes()
        }
        None => ["tieline.db", "tieline.db-wal"]
            .iter()
            .flat_map(|name| std::fs::read(site.folder.path().join(name)).unwrap_or_default())
            .collect(),
    }
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|part| part == needle.as_bytes())
}

both! {
    /// Covers: AV-04
    async fn a_password_lies_encrypted_and_its_key_elsewhere(site) {
        let store = site.open().await;
        store.commit(set(&site, Some("lab-password-7391"))).await.unwrap();
        let stored = raw(&site);
        assert!(holds(&stored, NAME) && !holds(&stored, "lab-password-7391"));
        let key = std::fs::read_to_string(site.folder.path().join("key")).unwrap();
        let key = key.lines().last().unwrap().split(' ').next_back().unwrap().to_owned();
        assert!(!holds(&stored, &key));
        store.close().await;

        let store = site.open().await;
        assert_eq!(opened(&store).await.as_deref(), Some("lab-password-7391"));
        let shown = format!("{:?} {:?}", store.secrets().await.unwrap(), set(&site, Some("lab-password-7391")));
        assert!(!shown.contains("7391"), "{shown}");
        store.close().await;
    }

    /// Covers: AV-06
    async fn passwords_are_changed_while_running_and_every_change_is_in_the_audit(site) {
        let store = site.open().await;
        store.commit(set(&site, Some("old"))).await.unwrap();
        store.commit(set(&site, Some("new"))).await.unwrap();
        assert_eq!(opened(&store).await.as_deref(), Some("new"));
        let info = &store.secrets().await.unwrap()[0];
        assert_eq!((info.name.as_str(), info.set_by.as_str(), info.set), (NAME, "admin", site.now()));
        store.commit(set(&site, None)).await.unwrap();
        assert_eq!(opened(&store).await, None);
        let audit = store.audit(10).await.unwrap();
        let told: Vec<_> = audit.iter().map(|entry| (entry.who.as_str(), entry.action.as_str())).collect();
        assert_eq!(told, [("admin", "secret-removed"), ("admin", "secret-set"), ("admin", "secret-set")]);
        store.close().await;
    }

    async fn a_new_key_is_taken_up_and_the_old_one_may_then_go(site) {
        let store = site.open().await;
        store.commit(set(&site, Some("lab-password"))).await.unwrap();
        assert_eq!(store.reseal().await.unwrap(), 0, "nothing to do yet");
        store.close().await;
        let file = site.folder.path().join("key");
        KeyFile::at(&file).rotate().unwrap();
        let store = site.open().await;
        assert_eq!(store.reseal().await.unwrap(), 1);
        store.close().await;

        let text = std::fs::read_to_string(&file).unwrap();
        let newest = text.lines().last().unwrap();
        std::fs::write(&file, format!("{newest}\n")).unwrap();
        let store = site.open().await;
        assert_eq!(opened(&store).await.as_deref(), Some("lab-password"));
        store.close().await;
    }

    /// A rotation that is killed after each of its steps: nothing is lost, the same call goes on, and no key is added
    /// twice.
    ///
    /// Covers: AV-06 (rotated without downtime)
    async fn a_rotation_goes_on_wherever_it_was_killed(site) {
        let file = KeyFile::at(site.folder.path().join("key"));
        let keys = || {
            let text = std::fs::read_to_string(site.folder.path().join("key")).unwrap();
            text.lines().filter(|line| !line.starts_with('#')).count()
        };
        let store = site.open().await;
        store.commit(set(&site, Some("lab-password"))).await.unwrap();
        store.close().await;
        let old_file = std::fs::read(site.folder.path().join("key")).unwrap();

        // Killed while the new file was written: what is left of it is in nobody's way.
        std::fs::write(site.folder.path().join("key.key-part"), "0123 half a li").unwrap();
        // Killed after the new key was in the file, before anything was sealed with it.
        let added = file.rotate().unwrap();
        assert_eq!(keys(), 2);
        let store = site.open().await;
        assert_eq!(opened(&store).await.as_deref(), Some("lab-password"));
        let sealing = store.sealing().await.unwrap();
        assert_eq!((sealing.key.as_str(), sealing.keys, sealing.behind), (added.as_str(), 2, 2));
        assert_eq!(code(store.drop_old_keys().await.unwrap_err()), "rotation-unfinished");
        // Killed between two secrets: this one is sealed with the new key, the other row is not.
        store.commit(set(&site, Some("set anew"))).await.unwrap();
        store.close().await;
        let store = site.open().await;
        assert_eq!(store.sealing().await.unwrap().behind, 1);
        let rotation = store.rotate_key().await.unwrap();
        assert_eq!((rotation.key.as_str(), rotation.resumed, keys()), (added.as_str(), true, 2));
        assert_eq!(opened(&store).await.as_deref(), Some("set anew"));

        // Prepared twice, a key is added once and used for nothing yet.
        let prepared = store.prepare_key().await.unwrap();
        assert_eq!((store.prepare_key().await.unwrap(), keys()), (prepared.clone(), 3));
        store.commit(set(&site, Some("in between"))).await.unwrap();
        assert_eq!(store.secrets().await.unwrap()[0].key, added);
        let rotation = store.rotate_key().await.unwrap();
        assert_eq!((rotation.key, rotation.resumed, keys()), (prepared.clone(), true, 3));
        store.commit(set(&site, Some("set anew"))).await.unwrap();
        // A rotation of its own, while the store is in use, and the old keys out.
        let rotation = store.rotate_key().await.unwrap();
        assert_eq!((rotation.resealed, rotation.resumed, keys()), (1, false, 4));
        assert_ne!(rotation.key, prepared);
        assert_eq!(store.drop_old_keys().await.unwrap(), 3);
        assert_eq!((keys(), opened(&store).await.as_deref()), (1, Some("set anew")));
        store.close().await;
        let store = site.open().await;
        assert_eq!(opened(&store).await.as_deref(), Some("set anew"));
        store.close().await;
        std::fs::write(site.folder.path().join("key"), old_file).unwrap();
        assert_eq!(code(Store::open(site.config()).await.unwrap_err()), "key-file-wrong", "the old key opens nothing");
    }

    /// Covers: X-06 (kept), AV-58 (kept)
    async fn trusted_certificates_are_kept_once_for_each_host(site) {
        let store = site.open().await;
        let certificate = |host: &str, byte: u8, authority| TrustedCertificate {
            sha256: [byte; 32],
            host: host.to_owned(),
            authority,
            der: vec![0x30, byte],
            added_by: "admin".to_owned(),
            added: site.now(),
        };
        let all = [certificate("a.example", 1, true), certificate("b.example", 2, false)];
        for one in all.iter().chain([&all[0]]) {
            store.commit(site.batch().with(Write::Trust(one.clone()))).await.unwrap();
        }
        assert_eq!(store.trusted_certificates().await.unwrap(), all);
        let out = || site.batch().with(Write::Distrust { sha256: [1; 32], by: "admin".to_owned() });
        store.commit(out()).await.unwrap();
        assert_eq!(store.trusted_certificates().await.unwrap(), all[1..]);
        assert_eq!(code(store.commit(out()).await.unwrap_err()), "unknown-certificate");
        let audit = store.audit(10).await.unwrap();
        let told: Vec<_> = audit.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(told, ["certificate-distrusted", "certificate-trusted", "certificate-trusted"]);
        store.close().await;
    }

    async fn another_databases_key_file_is_refused_when_opening(site) {
        let store = site.open().await;
        store.close().await;
        std::fs::remove_file(site.folder.path().join("key")).unwrap();
        let missing = Store::open(site.config()).await.unwrap_err();
        assert_eq!(code(missing), "key-file-missing");
        KeyFile::at(site.folder.path().join("key")).create().unwrap();
        let refusal = Refusal::from(Store::open(site.config()).await.unwrap_err());
        assert_eq!(refusal.code, "key-file-wrong");
        assert!(refusal.where_.ends_with("/key"), "{refusal}");
    }

    async fn a_token_is_shown_once_and_known_by_its_hash(site) {
        let store = site.open().await;
        let expires = Some(site.later(3600));
        let (new, token) = NewApiToken::draw(site.uuid(), "switchboard", Role::Deposit, "admin", expires).unwrap();
        assert!(token.expose_secret().starts_with(TOKEN_PREFIX) && token.expose_secret().len() > 40);
        let id = new.id;
        store.commit(site.batch().with(Write::ApiToken(new))).await.unwrap();
        let known = store.api_token(&token, site.now()).await.unwrap().unwrap();
        assert_eq!((known.id, known.name.as_str(), known.role), (id, "switchboard", Role::Deposit));
        let wrong = SecretString::from(format!("{}x", token.expose_secret()));
        assert_eq!(store.api_token(&wrong, site.now()).await.unwrap(), None);
        assert_eq!(store.api_token(&token, site.later(3600)).await.unwrap(), None, "it ended");

        let revoke = Write::RevokeApiToken { id, by: "admin".to_owned() };
        store.commit(site.batch().with(revoke)).await.unwrap();
        assert_eq!(store.api_token(&token, site.now()).await.unwrap(), None);
        assert_eq!(store.api_tokens().await.unwrap()[0].revoked, Some(site.now()));
        let unknown = Write::RevokeApiToken { id: site.uuid(), by: "admin".to_owned() };
        assert_eq!(code(store.commit(site.batch().with(unknown)).await.unwrap_err()), "unknown-token");
        store.close().await;
    }
}
