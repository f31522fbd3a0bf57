//! From a contact in Lync to a pre-filled form, as a technician's browser sees it.

use serde_json::{Value, json};
use tieline_tests::chromium::walk;
use tieline_tests::desk::{Desk, SENTENCE, TECHNICIAN};
use tieline_tests::page::encoded;
use tieline_tests::seed::count;

const BOB: &str = "/quick-call?target=easyvista&contactId=Contacts%3D%3Csip:bob@lab.example%3E";

/// The whole way in a real Chromium: asked to sign in, back with every parameter, the form filled; then every page that
/// takes one more click, narrow and wide. axe-core finds nothing, and nothing is fetched from elsewhere.
///
/// Covers: EV-01, EV-02, EV-14, EV-16, EV-20 (page), EV-21 (page), EV-26 (page), EV-57
#[test]
fn a_browser_follows_the_way_to_a_filled_form() {
    let desk = Desk::start("");
    let group = "/quick-call?target=sandbox&contactId=Contacts%3D%3Csip:bob@lab.example%3E%2C%3Csip:carol@lab.example%3E";
    for width in [360, 1280] {
        let seen = walk(
            &desk.server.base(),
            &[desk.itsm_origin()],
            width,
            &json!([
                {"open": BOB}, {"axe": true},
                {"fill": {"#name": TECHNICIAN, "#password": SENTENCE}}, {"click": "button"},
                {"open": "/"}, {"axe": true},
                {"open": "/quick-call"}, {"axe": true},
                {"open": group}, {"axe": true}, {"click": ".person >> nth=1"},
                {"open": "/quick-call?target=easyvista&contactId=sip:bbo@lab.example"}, {"axe": true},
                {"open": "/quick-call?target=easyvista&contactId=%3Cjavascript:alert(1)%3E"}, {"axe": true},
                {"open": "/sign-out"}, {"axe": true}, {"click": "main button"}, {"axe": true},
            ]),
        );
        assert_eq!(seen["axe"], json!([]), "axe-core found something at {width} px");
        assert_eq!(seen["foreign"], json!([]));
        let pages = seen["pages"].as_array().unwrap();
        assert!(
            pages.iter().all(|page| page["overflow"].as_i64() <= Some(0)),
            "wider than the window: {seen:#}"
        );
        let text = |at: usize| pages[at]["text"].as_str().unwrap();
        assert!(pages[0]["url"].as_str().unwrap().contains("/sign-in?pending="), "{}", pages[0]);
        let form = |page: &Value, mail: &str| {
            assert!(page["url"].as_str().unwrap().starts_with(desk.itsm()), "{page}");
            assert_eq!(page["fields"]["mail"], mail, "{page}");
        };
        form(&pages[1], "bob@lab.example");
        assert_eq!(pages[1]["fields"]["requestor"], "Bob Brown");
        assert!(text(1).contains("production"));
        assert!(text(2).contains("Dana Desk") && text(2).contains("No mailbox yet"));
        assert!(
            text(4).contains("Sandbox") && text(4).contains("Bob Brown") && text(4).contains("Carol Clark")
        );
        // The lab's ticket system does not know carol, but she is who was sent.
        assert!(
            pages[5]["url"].as_str().unwrap().ends_with("url_requestor=carol%40lab.example"),
            "{}",
            pages[5]
        );
        assert!(text(6).contains("Did you mean") && text(6).contains("Bob Brown"));
        assert!(text(7).contains("Next:"));
    }
}

/// The requestor is the contact, never who is signed in; both are on record.
///
/// Covers: EV-58
#[test]
fn the_requestor_is_the_contact_and_the_technician_is_on_record() {
    let desk = Desk::start("");
    let mut pages = desk.signed_in();
    let seen = pages.get(BOB);
    assert_eq!(seen.status, 302);
    let wanted =
        format!("{}/sso_samlindexlync.php?do_quickcall=1&url_requestor=bob%40lab.example", desk.itsm());
    assert_eq!(seen.location.as_deref(), Some(wanted.as_str()));
    assert_eq!(seen.header("cache-control"), "no-store");
    assert!(seen.body.is_empty());
    let id =
        desk.server.cli(&["quick-call", "target", "show", "easyvista"])["id"].as_str().unwrap().to_owned();
    let told = tieline_tests::process::eventually("the decision is written", || {
        let told = desk.server.command(&["explain", &id, "--json"]);
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        told.contains("quick-call-form").then_some(told)
    });
    assert!(told.contains(TECHNICIAN) && told.contains("bob@lab.example"), "{told}");
}

/// A person's tickets come before a new one where the ticket system's API tells them.
#[test]
fn open_tickets_come_before_a_new_one() {
    let desk = Desk::start("");
    let (url, api) = (
        format!("{}/glpi/front/ticket.form.php?_users_id_requester={{itsm-id}}", desk.itsm()),
        format!("{}/glpi", desk.itsm()),
    );
    let token = desk.file("glpi.token", "lab-glpi-user-token");
    desk.server.cli(&[
        "quick-call",
        "target",
        "add",
        "glpi",
        "--template",
        &url,
        "--api",
        "glpi",
        "--api-url",
        &api,
        "--token-file",
        &token,
        "--environment",
        "production",
    ]);
    let mut pages = desk.signed_in();
    let seen = pages.get("/quick-call?target=glpi&contactId=sip:alice@lab.example");
    assert_eq!(seen.status, 200, "{seen:?}");
    assert!(seen.body.contains("Headset without sound") && seen.body.contains("Production"), "{}", seen.body);
    let new = seen
        .body
        .split("class=\"button primary\" href=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    let seen = pages.get(&new.replace("&amp;", "&"));
    assert!(seen.location.unwrap().contains("_users_id_requester="));
}

/// Whatever a contact says: a page with a reason or a redirect to the configured form with one value in it. Never a failure,
/// never a redirect anywhere else.
///
/// Covers: EV-31, EV-48
#[test]
fn hostile_contacts_get_a_page_with_a_reason() {
    // A twentieth of what is read as strings alone: each of these is a request and a look-up.
    let rounds = count("TIELINE_FUZZ_ITERATIONS", 20_000).div_ceil(20);
    let desk = Desk::start("");
    let mut pages = desk.signed_in();
    let prefix = format!("{}/sso_samlindexlync.php?do_quickcall=1&url_requestor=", desk.itsm());
    let corpus: [&[u8]; 14] = [
        b"Contacts=<sip:bob@lab.example>",
        b"Contacts%3D%3Csip%3Abob%40lab.example%3E",
        b"sips:BOB@LAB.example;transport=tls",
        b"<tel:+493055501004>",
        b"//evil.example/",
        b"https://evil.example/?x=bob@lab.example",
        b"javascript:alert(1)",
        b"%0d%0aLocation:%20https://evil.example",
        b"bob@lab.example%26url_requestor=root",
        b"\xff\xfe\x00<>\"'",
        b"<script>alert(1)</script>",
        b"*)(objectClass=*",
        b"%2525253Csip",
        b"<sip:bob@lab.example>,<sip:carol@lab.example>",
    ];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut redirects = 0;
    for round in 0..rounds {
        let mut contact = corpus[draw(corpus.len())].to_vec();
        for _ in 0..draw(5) {
            let at = draw(contact.len().max(1));
            match draw(4) {
                0 if !contact.is_empty() => contact[at] = draw(256) as u8,
                1 => contact.insert(at.min(contact.len()), draw(256) as u8),
                2 if !contact.is_empty() => drop(contact.remove(at)),
                _ => {
                    let other = corpus[draw(corpus.len())];
                    contact.splice(
                        at.min(contact.len())..at.min(contact.len()),
                        other[..draw(other.len())].iter().copied(),
                    );
                }
            }
        }
        // What an address cannot carry is percent-encoded, as every browser does.
        let bare = |byte: &u8| (0x21..0x7f).contains(byte) && !b"<>\"#&`{}^|\\".contains(byte);
        let sent: String = contact
            .iter()
            .map(|byte| if bare(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
            .collect();
        let parameter = if round % 3 == 0 { "who" } else { "contactId" };
        let seen = pages.get(&format!("/quick-call?target=easyvista&{parameter}={sent}"));
        assert!(matches!(seen.status, 200 | 302 | 400 | 404 | 413 | 422), "{sent}: {seen:?}");
        match seen.location {
            None => {
                assert!(
                    seen.body.contains("Tieline") && !seen.body.contains("<script"),
                    "{sent}: {}",
                    seen.body
                );
            }
            Some(location) => {
                redirects += 1;
                let value =
                    location.strip_prefix(&prefix).unwrap_or_else(|| panic!("{sent} leads to {location}"));
                assert!(
                    matches!(value, "bob%40lab.example" | "carol%40lab.example"),
                    "{sent} leads to {location}"
                );
            }
        }
        if round % 500 == 0 {
            let other = pages
                .get(&format!("/quick-call?target={}&contactId=sip:bob@lab.example", encoded("../../x")));
            assert_eq!(other.status, 404);
        }
    }
    assert!(rounds < 100 || redirects * 50 > rounds, "only {redirects} of {rounds} contacts were understood");
}
