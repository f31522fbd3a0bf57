//! Contacts and calendars in step with Exchange through the real server: what is carried over, what stops it, and what a
//! crash leaves.

mod both_ways;
mod contacts;
mod first;
mod foreign_client;
mod kills;
mod requests;
mod restoring;
mod safety;
mod settings;
mod words;

use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::process::eventually;
use tieline_tests::site::{Options, Site};

fn judge(site: &Site, checks: &[&str], told: Value) {
    Judge::new("exchangelib_contact_sync.py").arg(site.judged_by("alice", checks, told)).run();
}

fn start() -> Site {
    start_with(&Options::default(), "messages,contacts")
}

/// Alice's mailbox 1001, with these kinds kept in step.
fn start_with(options: &Options, kinds: &str) -> Site {
    let site = Site::with(options);
    site.server.cli(&["feature-group", "edit", "Staff", "--sync", kinds]);
    site
}

fn add(site: &Site, set: &[&str]) -> String {
    let mut command = vec!["contact", "add", "--mailbox", "1001"];
    for field in set {
        command.extend(["--set", field]);
    }
    site.server.cli(&command)["id"].as_str().expect("an id").to_owned()
}

fn contact(site: &Site, name: &str) -> Option<Value> {
    let listed = site.server.cli(&["contact", "list", "--mailbox", "1001", "--search", name]);
    listed["items"].as_array().and_then(|items| items.first().cloned())
}

fn wait(site: &Site, name: &str, what: &str, hold: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{name} {what}"), || contact(site, name).filter(|contact| hold(&contact["contact"])))
}

fn sync(site: &Site, verb: &str) -> Value {
    site.server.cli(&["sync", verb, "--mailbox", "1001"])
}

/// Dry run, approval, and everything carried over.
fn in_step(site: &Site) -> Value {
    let plan = sync(site, "plan");
    assert_eq!(plan["standing"], "awaits-approval", "{plan:#}");
    let applied = sync(site, "apply");
    assert_eq!(applied["standing"], "in-step", "{applied:#}");
    applied
}

/// How many contacts Tieline has.
fn here(site: &Site) -> usize {
    let listed = site.server.cli(&["contact", "list", "--mailbox", "1001", "--limit", "500"]);
    listed["items"].as_array().map_or(0, Vec::len)
}

fn has_exactly(site: &Site, surnames: &[&str]) {
    judge(site, &["has_exactly"], json!({ "surnames": surnames }));
}
