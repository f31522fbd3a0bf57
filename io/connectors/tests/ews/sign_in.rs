//! Signing in to the lab's Exchange in every way that Exchange knows.

use tieline_lab::{CLIENT_ID, CLIENT_SECRET, ExtendedProtection, Fault, FaultKind, RESOURCE, Scheme};
use tieline_model::{Authentication, Class, FolderPath};
use tieline_ports::{MailAccount, MailSystem, PortError};

use crate::lab::Lab;
use crate::world::{brisk, exchange, soon, target, voice_message};

fn by(account: MailAccount, authentication: Authentication) -> MailAccount {
    let mut account = account;
    account.endpoint.authentication = authentication;
    account
}

fn oauth2(lab: &Lab) -> MailAccount {
    let authentication = Authentication::OAuth2 {
        token_url: lab.token_url(),
        client_id: CLIENT_ID.to_owned(),
        scope: format!("{RESOURCE}/.default"),
    };
    MailAccount { password: CLIENT_SECRET.to_owned().into(), ..by(lab.account(), authentication) }
}

/// Delivers a message to alice and reads the folder back: some requests of each kind.
async fn deliver(account: &MailAccount) -> Result<(), PortError> {
    let (exchange, alice) = (exchange(brisk()), target(account, "alice"));
    let folder = exchange.ensure_folder(&alice, &FolderPath::inbox()).await?;
    let before = exchange.count(&alice, &folder).await?;
    exchange.create(&alice, &folder, &voice_message(), soon()).await?;
    assert_eq!(exchange.count(&alice, &folder).await?, before + 1);
    Ok(())
}

/// How requests that were let in had signed in, each way once.
fn ways(lab: &Lab) -> Vec<Scheme> {
    let mut ways: Vec<_> = lab.requests().into_iter().filter_map(|record| record.scheme).collect();
    ways.dedup();
    ways
}

#[tokio::test]
async fn ntlm_works_over_http_and_bound_to_its_connection_over_tls() {
    for (scheme, protection, by_http) in [
        (Scheme::Ntlm, ExtendedProtection::None, true),
        (Scheme::Ntlm, ExtendedProtection::Allow, true),
        // Without TLS there is nothing to be bound to.
        (Scheme::Ntlm, ExtendedProtection::Require, false),
        // In SPNEGO, with its signature over the list of mechanisms.
        (Scheme::Negotiate, ExtendedProtection::Allow, true),
        (Scheme::Negotiate, ExtendedProtection::Require, false),
    ] {
        let lab = Lab::with(|settings| {
            settings.authentication = vec![scheme];
            settings.extended_protection = protection;
        })
        .await;
        deliver(&by(lab.account_by_tls(), Authentication::Ntlm)).await.unwrap();
        let plain = deliver(&by(lab.account(), Authentication::Ntlm)).await;
        match by_http {
            true => plain.unwrap(),
            false => {
                let refusal = plain.unwrap_err().refusal();
                assert_eq!((refusal.code.as_str(), refusal.class), ("wrong-password", Class::Operator));
                assert!(refusal.next.contains("Extended Protection"), "{refusal}");
            }
        }
        assert_eq!(ways(&lab), [scheme]);
    }
}

#[tokio::test]
async fn a_handshake_serves_many_requests() {
    let lab = Lab::with(|settings| settings.authentication = vec![Scheme::Ntlm]).await;
    let (exchange, alice) = (exchange(brisk()), target(&by(lab.account(), Authentication::Ntlm), "alice"));
    for _ in 0..10 {
        exchange.check(&alice).await.unwrap();
    }
    let refused = lab.requests().iter().filter(|record| record.status == Some(401)).count();
    assert_eq!(refused, 1, "one connection, one challenge");
    // The server forgets who holds the connection: the request goes again on a new one, and nobody notices.
    lab.fault(Fault::once(FaultKind::Unauthorized, "GetFolder"));
    exchange.check(&alice).await.unwrap();
}

#[tokio::test]
async fn without_basic_a_password_goes_by_ntlm_by_itself() {
    for (offered, seen) in [
        (vec![Scheme::Negotiate, Scheme::Ntlm], Scheme::Ntlm),
        (vec![Scheme::Negotiate], Scheme::Negotiate),
        (vec![Scheme::Ntlm, Scheme::Basic], Scheme::Basic),
    ] {
        let lab = Lab::with(|settings| settings.authentication = offered).await;
        deliver(&lab.account()).await.unwrap();
        assert_eq!(ways(&lab), [seen]);
    }
}

#[tokio::test]
async fn a_wrong_password_is_named_in_each_way() {
    for (offered, authentication) in [
        (Scheme::Ntlm, Authentication::Ntlm),
        (Scheme::Ntlm, Authentication::Automatic),
        (Scheme::Basic, Authentication::Basic),
    ] {
        let lab = Lab::with(|settings| settings.authentication = vec![offered]).await;
        let account =
            MailAccount { password: "guess".to_owned().into(), ..by(lab.account(), authentication) };
        let error = exchange(brisk()).probe(&account).await.unwrap_err();
        assert_eq!(error.refusal().code, "wrong-password", "{error}");
        assert!(!format!("{error} {error:?}").contains("guess"), "{error}");
    }
    let lab = Lab::with(|settings| settings.authentication = vec![Scheme::Basic]).await;
    let error = exchange(brisk()).probe(&by(lab.account(), Authentication::Ntlm)).await.unwrap_err();
    assert_eq!(error.refusal().code, "no-ntlm-authentication", "{error}");
}

#[tokio::test]
async fn an_application_acts_for_mailboxes_with_tokens_that_it_renews() {
    let lab = Lab::with(|settings| settings.authentication = vec![Scheme::Bearer]).await;
    deliver(&oauth2(&lab)).await.unwrap();
    assert_eq!(ways(&lab), [Scheme::Bearer]);
    // Refused although it has not ended, as after a key change of the issuer: one new token, one repetition.
    let (exchange, alice) = (exchange(brisk()), target(&oauth2(&lab), "alice"));
    exchange.check(&alice).await.unwrap();
    lab.fault(Fault::once(FaultKind::Unauthorized, "GetFolder"));
    exchange.check(&alice).await.unwrap();
}

#[tokio::test]
async fn a_wrong_secret_tenant_or_resource_is_told_apart() {
    let lab = Lab::with(|settings| settings.authentication = vec![Scheme::Bearer]).await;
    let changed = |change: &dyn Fn(&mut String, &mut String)| {
        let mut account = oauth2(&lab);
        if let Authentication::OAuth2 { token_url, scope, .. } = &mut account.endpoint.authentication {
            change(token_url, scope);
        }
        account
    };
    let secret = MailAccount { password: "guess".to_owned().into(), ..oauth2(&lab) };
    let tenant = changed(&|url, _| *url = url.replace("6c616200", "ffffffff"));
    let resource = changed(&|_, scope| *scope = "https://graph.microsoft.com/.default".to_owned());
    for (account, code, words) in [
        (secret, "no-token", "AADSTS7000215"),
        (tenant, "no-token", "AADSTS90002"),
        (resource, "token-refused", "audience claim value is invalid"),
    ] {
        let error = exchange(brisk()).check(&target(&account, "alice")).await.unwrap_err();
        let refusal = error.refusal();
        assert_eq!((refusal.code.as_str(), refusal.class), (code, Class::Operator), "{error}");
        assert!(refusal.what.contains(words), "{error}");
    }
}

#[tokio::test]
async fn notifications_come_over_ntlm_as_well() {
    use futures_util::StreamExt;
    let lab = Lab::with(|settings| settings.authentication = vec![Scheme::Ntlm, Scheme::Basic]).await;
    let alice = target(&by(lab.account(), Authentication::Ntlm), "alice");
    let mut hints = exchange(brisk()).watch(vec![alice.clone()]);
    assert_eq!(hints.next().await.unwrap().mailbox, alice.mailbox, "the first look");
    deliver(&by(lab.account(), Authentication::Basic)).await.unwrap();
    assert_eq!(hints.next().await.unwrap().mailbox, alice.mailbox);
}
