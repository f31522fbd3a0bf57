//! Who may see the pages: local accounts, an OpenID provider that nobody here wrote, a reverse proxy.

use std::process::Command;

use serde_json::json;
use tieline_tests::chromium::walk;
use tieline_tests::desk::{Desk, SENTENCE, TECHNICIAN};
use tieline_tests::judge::python;
use tieline_tests::page::Pages;
use tieline_tests::port;
use tieline_tests::process::Running;

const BOB: &str = "/quick-call?target=easyvista&contactId=Contacts%3D%3Csip:bob@lab.example%3E";

/// A technician signs in and is where she wanted to be; a wrong password stays on the page with its reason.
#[test]
fn a_local_account_opens_the_page_that_was_asked_for() {
    let desk = Desk::start("");
    let mut pages = desk.pages();
    let asked = pages.get(BOB);
    let sign_in = asked.location.unwrap();
    assert!(
        asked.status == 303 && !sign_in.contains("contactId"),
        "parameters stay on the server: {sign_in}"
    );
    let form = pages.get(&sign_in);
    let (token, pending) = (form.hidden("form_token"), form.hidden("pending"));
    let mut typed = |name: &str, password: &str| {
        pages.post(
            "/sign-in",
            &[("form_token", &token), ("pending", &pending), ("name", name), ("password", password)],
        )
    };
    let wrong = typed(TECHNICIAN, "a sentence does not");
    let unknown = typed("nobody@lab.example", SENTENCE);
    let reason = |body: &str| {
        body.split("class=\"what\">").nth(1).and_then(|rest| rest.split('<').next()).map(str::to_owned)
    };
    assert_eq!((wrong.status, unknown.status, wrong.location), (403, 403, None));
    assert!(
        reason(&wrong.body).is_some() && reason(&wrong.body) == reason(&unknown.body),
        "nobody learns who has an account"
    );
    let right = typed("Dana@LAB.example", SENTENCE);
    assert_eq!(right.status, 200);
    assert!(right.body.contains("contactId=Contacts%3D%3Csip:bob@lab.example%3E"), "{}", right.body);
    assert_eq!(pages.get(BOB).status, 302);

    let mut old = desk.pages();
    assert_eq!(old.get("/").status, 303, "another browser is not signed in");
    let password = desk.file("other.pw", "another sentence does as well");
    desk.server.cli(&["user", "set-password", TECHNICIAN, "--password-file", &password]);
    assert_eq!(pages.get("/").status, 303, "another password ends the sessions");
}

/// Forms count only from our own page; pages are in nobody's frame and let no script in; a sign-out ends the session.
#[test]
fn other_sites_cannot_send_our_forms() {
    let desk = Desk::start("");
    let mut pages = desk.pages();
    let form = pages.get("/sign-in");
    let policy = form.header("content-security-policy").to_owned();
    assert!(
        policy.contains("default-src 'none'")
            && !policy.contains("unsafe")
            && policy.contains("frame-ancestors 'none'")
    );
    let cookie = form.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let token = form.hidden("form_token");
    let fields = [("form_token", token.as_str()), ("name", TECHNICIAN), ("password", SENTENCE)];
    for (name, value) in
        [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        assert_eq!(pages.post_with("/sign-in", &fields, &[(name, value)]).status, 403, "{name}: {value}");
    }
    assert_eq!(pages.post("/sign-in", &fields[1..]).status, 403, "no token");
    let base = desk.server.base();
    assert_eq!(
        pages.post_with("/sign-in", &fields, &[("origin", &base), ("sec-fetch-site", "same-origin")]).status,
        200
    );
    let session = pages.cookies()["tieline-session"].clone();

    assert_eq!(pages.post("/sign-out", &[("form_token", "guessed")]).status, 403);
    let token = pages.get("/sign-out").hidden("form_token");
    assert_eq!(pages.post("/sign-out", &[("form_token", &token)]).status, 200);
    assert!(!pages.cookies().contains_key("tieline-session"));
    let mut thief = Pages::new(&base).with_header("cookie", &format!("tieline-session={session}"));
    assert_eq!(thief.get("/").status, 303, "the session is over, not only forgotten");
}

/// A browser that opens an address which is none gets a page; a program gets problem details.
#[test]
fn lost_browsers_get_a_page() {
    let desk = Desk::start("");
    let mut browser = desk.pages().with_header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    for (path, status) in [("/nothing", 404), ("/quick-calls", 404)] {
        let seen = browser.get(path);
        assert_eq!(seen.status, status, "{seen:?}");
        assert!(seen.header("content-type").starts_with("text/html"), "{seen:?}");
        assert!(seen.body.contains("Next:") && seen.body.contains("href=\"/\""), "{}", seen.body);
        assert!(seen.header("content-security-policy").contains("default-src 'none'"));
    }
    assert_eq!(browser.post("/quick-call", &[]).status, 405);
    assert!(browser.get("/api/v1/nothing").header("content-type").starts_with("application/problem+json"));
    assert!(desk.pages().get("/nothing").header("content-type").starts_with("application/problem+json"));
}

/// Guessing stops after a few tries.
#[test]
fn guessing_passwords_is_slowed_down() {
    let desk = Desk::start("");
    let mut pages = desk.pages();
    let statuses: Vec<u16> =
        (0..10).map(|n| pages.sign_in(TECHNICIAN, &format!("guess number {n}")).status).collect();
    assert_eq!(statuses[0], 403);
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(pages.sign_in(TECHNICIAN, SENTENCE).status, 429, "the right one, too, for a while");
}

/// Authorization code with PKCE, the ID token signed with RSA, in a real browser; denied ends on a page and not in a circle.
///
/// Covers: EV-05, EV-25
#[test]
fn an_openid_provider_signs_people_in() {
    let port = port::free();
    let issuer = format!("http://127.0.0.1:{port}");
    let desk = Desk::start(&format!(
        "[sign_in]\npublic_url = \"{{base}}\"\nlocal_accounts = false\n\n[sign_in.openid]\nissuer = \"{issuer}\"\n\
         client_id = \"tieline\"\nclient_secret_file = \"directory.pw\"\ngroups_claim = \"groups\"\ntechnicians = [\"desk\"]\n"
    ));
    let mut provider = Command::new(python());
    provider.args(["-W", "ignore", "-m", "oidc_provider_mock", "-n", "true", "-p", &port.to_string()]);
    for (name, group) in [("erik@lab.example", "desk"), ("frida@lab.example", "kitchen")] {
        let claims = json!({"sub": name, "name": name, "email": name, "groups": [group]});
        provider.args(["--user-claims", &claims.to_string()]);
    }
    let mut provider = Running::start("provider", &mut provider, desk.folder());
    provider.wait_until("the provider", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    let own = [desk.itsm_origin(), &issuer];
    let signed_in = |who: &str, more: &serde_json::Value| {
        let mut steps =
            vec![json!({"open": BOB}), json!({"fill": {"input[name=sub]": who}}), json!({"click": "button"})];
        steps.extend(more.as_array().unwrap().clone());
        walk(&desk.server.base(), &own, 1280, &json!(steps))
    };
    let seen = signed_in("erik@lab.example", &json!([{"open": "/"}]));
    assert!(
        seen["pages"][0]["url"].as_str().unwrap().starts_with(&issuer),
        "nobody is asked which way: {seen:#}"
    );
    assert_eq!(seen["pages"][1]["fields"]["mail"], "bob@lab.example", "{seen:#}");
    assert!(seen["pages"][2]["text"].as_str().unwrap().contains("erik@lab.example"));

    let seen = signed_in("frida@lab.example", &json!([]));
    let page = &seen["pages"][1];
    assert!(page["url"].as_str().unwrap().starts_with(&desk.server.base()), "{page}");
    assert!(page["text"].as_str().unwrap().contains("may not use Tieline"), "{page}");

    let mut stranger = desk.pages();
    assert_eq!(stranger.get("/sign-in/openid/callback?code=x&state=y").status, 403);
    let twice = stranger.get("/sign-in/openid/callback?code=x&state=y");
    assert!(twice.status == 403 && twice.location.is_none(), "a page, not a circle: {twice:?}");
}

/// A reverse proxy's header counts from its own address only.
#[test]
fn a_reverse_proxy_is_believed_from_its_own_address_only() {
    let header = ("x-remote-user", "Greta@lab.example");
    let section = "[sign_in.proxy]\nuser_header = \"X-Remote-User\"\n";
    let believed = Desk::start(&format!("{section}peers = [\"127.0.0.1\"]\n"));
    let mut pages = believed.pages().with_header(header.0, header.1);
    assert!(pages.get("/").body.contains("Greta@lab.example"));
    assert_eq!(believed.pages().get("/").status, 303);
    let elsewhere = Desk::start(&format!("{section}peers = [\"192.0.2.1\"]\n"));
    assert_eq!(elsewhere.pages().with_header(header.0, header.1).get("/").status, 303);
}
