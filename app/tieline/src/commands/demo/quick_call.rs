//! The second job's tour: from a contact in Lync to a ticket form with that person filled in.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, header};
use serde_json::{Value, json};
use tieline_model::Refusal;
use tieline_transport::{Client, ClientOptions, Credentials, Endpoint, Trust};

use super::site::{Site, failed};
use super::story::{Story, Told};
use crate::api::{Api, segment};
use crate::output::text;

/// As Lync 2013 and Skype for Business write it into the address of the menu entry.
const CONTACT: &str = "Contacts%3D%3Csip%3Abob%40lab.example%3E";
/// What a mischievous page might send instead.
const HOSTILE: &str = "%3Chttps%3A%2F%2Fevil.example%2F%3Furl_requestor%3Dboss%3E";
/// The technician's account.
const TECHNICIAN: &str = "dana@lab.example";
const PASSWORD: &str = "a sentence does well";
const PATIENCE: Duration = Duration::from_secs(20);
const WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn tour(story: &mut Story, site: &Site) -> Result<(), Refusal> {
    let api = site.api()?;
    story.step("targets", set_up(site, &api)).await?;
    story.step("directory", directory(&api)).await?;
    let mut browser = Browser::new(&site.http)?;
    story.step("sign-in", sign_in(&mut browser)).await?;
    story.step("form", form(&mut browser)).await?;
    story.step("hostile", hostile(&mut browser)).await?;
    story.step("registry-file", registry_file(&api)).await
}

/// Two ticket databases, and a technician with an account.
async fn set_up(site: &Site, api: &Api) -> Result<((), Told), Refusal> {
    let itsm = &site.lab.ready().itsm;
    for (name, page, environment) in
        [("desk", "sso_samlindexlync.php", "production"), ("sandbox", "sso_samlindexlyncsbox.php", "sandbox")]
    {
        let url = format!("{itsm}/{page}?do_quickcall=1&url_requestor=");
        let target = json!({"name": name, "environment": environment, "method1": url});
        api.post("/api/v1/quick-call/targets", &target).await?;
    }
    let user =
        json!({"name": TECHNICIAN, "display_name": "Dana Desk", "role": "technician", "password": PASSWORD});
    api.post("/api/v1/users", &user).await?;
    let sentence = "The service desk has a production and a sandbox form, and a technician, Dana";
    Ok(((), Told::new(sentence, json!({"itsm": itsm, "technician": TECHNICIAN}))))
}

/// The directory is read when the server starts; it finds bob by his SIP address.
async fn directory(api: &Api) -> Result<((), Told), Refusal> {
    let begun = Instant::now();
    loop {
        let asked = json!({"target": "desk", "contact": CONTACT});
        let tested = api.post("/api/v1/quick-call/test", &asked).await?;
        let steps = tested.get("steps").and_then(Value::as_array).into_iter().flatten();
        let found =
            steps.clone().find(|step| text(step, "name") == "requestor").map(|step| text(step, "detail"));
        if let Some(found) = found {
            let name = found.split(" <").next().unwrap_or(&found);
            let sentence = format!("Contacts=<sip:bob@lab.example> arrives; the directory finds {name}");
            return Ok(((), Told::new(sentence, tested)));
        }
        if begun.elapsed() > PATIENCE {
            return Err(failed(format!("the directory does not know bob: {tested}"), "report this line"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The technician is asked once who she is; what she clicked on is kept meanwhile.
async fn sign_in(browser: &mut Browser) -> Result<((), Told), Refusal> {
    let asked = browser.get(&format!("/quick-call?target=desk&contactId={CONTACT}")).await?;
    let place = asked.location.ok_or_else(|| failed("nobody was asked to sign in", "report this line"))?;
    let page = browser.get(&place).await?;
    let fields = [
        ("form_token", page.hidden("form_token")),
        ("pending", page.hidden("pending")),
        ("name", TECHNICIAN.to_owned()),
        ("password", PASSWORD.to_owned()),
    ];
    let done = browser.post("/sign-in", &fields).await?;
    if done.status != 200 || !done.body.contains("contactId=Contacts") {
        return Err(failed(format!("signing in was answered with {}", done.status), "report this line"));
    }
    Ok(((), Told::new("Dana signs in once, and the contact is not lost on the way", json!({"kept": true}))))
}

/// The form of the lab's ticket system, as it opens.
async fn form(browser: &mut Browser) -> Result<((), Told), Refusal> {
    let sent = browser.get(&format!("/quick-call?target=desk&contactId={CONTACT}")).await?;
    let url =
        sent.location.ok_or_else(|| failed(format!("{} and no form", sent.status), "report this line"))?;
    let endpoint = Endpoint::parse(&url).map_err(|error| failed(error, "report this line"))?;
    let shown = Browser::at(&endpoint)?.get(endpoint.path()).await?;
    if !shown.body.contains("value=\"Bob Brown\"") {
        return Err(failed("the form opened without the person", "report this line"));
    }
    let detail = json!({"status": sent.status, "url": url, "requestor": "Bob Brown"});
    Ok(((), Told::new("The ticket form opens with Bob Brown and his address filled in", detail)))
}

async fn hostile(browser: &mut Browser) -> Result<((), Told), Refusal> {
    let page = browser.get(&format!("/quick-call?target=desk&contactId={HOSTILE}")).await?;
    let reason = page.body.split("class=\"what\">").nth(1).and_then(|rest| rest.split('<').next());
    match (reason, &page.location) {
        (Some(reason), None) => {
            let detail = json!({"status": page.status, "reason": reason});
            Ok((
                (),
                Told::new("A contact that is an address in disguise gets a page with the reason", detail),
            ))
        }
        _ => Err(failed(format!("it was answered with {}", page.status), "report this line")),
    }
}

/// What puts the entry into the clients' menus, read back as the registry editor reads it.
async fn registry_file(api: &Api) -> Result<((), Told), Refusal> {
    let address = segment("https://tieline.lab.example");
    let file = api.bytes(&format!("/api/v1/quick-call/kit/reg?address={address}")).await?;
    let units: Vec<u16> = file.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let text = String::from_utf16_lossy(&units);
    let text = text.strip_prefix('\u{feff}').unwrap_or_default();
    let entries = text.lines().filter(|line| line.starts_with("\"Path\"=")).count();
    if !text.starts_with("Windows Registry Editor Version 5.00\r\n") || entries == 0 {
        return Err(failed("the registry file cannot be read back", "report this line"));
    }
    let sentence = format!("The registry file for the menu is written and read back: {entries} entries");
    Ok(((), Told::new(sentence, json!({"bytes": file.len(), "entries": entries}))))
}

/// As much of a browser as forms and redirects take.
struct Browser {
    client: Client,
    cookies: Vec<(String, String)>,
}

struct Shown {
    status: u16,
    location: Option<String>,
    body: String,
}

impl Shown {
    /// The value of a hidden field.
    fn hidden(&self, name: &str) -> String {
        let rest = self.body.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}

impl Browser {
    fn new(url: &str) -> Result<Self, Refusal> {
        Self::at(&Endpoint::parse(url).map_err(|error| failed(error, "report this line"))?)
    }

    fn at(endpoint: &Endpoint) -> Result<Self, Refusal> {
        let options = ClientOptions::default();
        let client = Client::new(endpoint.clone(), Credentials::Anonymous, &Trust::Platform, options);
        let client = client.map_err(|error| failed(error, "report this line"))?;
        Ok(Self { client, cookies: Vec::new() })
    }

    async fn get(&mut self, path: &str) -> Result<Shown, Refusal> {
        self.send(Request::get(path), String::new()).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, String)]) -> Result<Shown, Refusal> {
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", segment(value))).collect();
        let kind = "application/x-www-form-urlencoded";
        self.send(Request::post(path).header(header::CONTENT_TYPE, kind), body.join("&")).await
    }

    async fn send(&mut self, request: http::request::Builder, body: String) -> Result<Shown, Refusal> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(header::COOKIE, cookies.join("; ")).body(Bytes::from(body));
        let request = request.map_err(|error| failed(error, "report this line"))?;
        let answer =
            self.client.send(request, WITHIN).await.map_err(|error| failed(error, "report this line"))?;
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let pair = line.to_str().ok().and_then(|line| line.split(';').next()?.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.retain(|(known, _)| known != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let location =
            answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
        let status = answer.status.as_u16();
        let body =
            answer.collect(1 << 20, WITHIN).await.map_err(|error| failed(error, "report this line"))?;
        Ok(Shown { status, location, body: String::from_utf8_lossy(&body).into_owned() })
    }
}
