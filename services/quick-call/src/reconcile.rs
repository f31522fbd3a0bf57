//! Who is in the directory and not in the ticket system, and the reverse (EV-22).

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use tieline_model::{QuickCallTarget, Refusal};

use crate::QuickCall;
use crate::target::find;

/// People that are read at once.
const PAGE: usize = 1000;
/// An ITSM that never comes to an end is cut here.
const MOST: usize = 2_000_000;

/// What the comparison found. Lists hold at most as many as were asked for, the counts are whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// People in the directory.
    pub in_directory: usize,
    /// People in the ticket system.
    pub in_itsm: usize,
    /// People with a mail address that both know.
    pub in_both: usize,
    /// In the directory only: a quick call for them opens nobody's form.
    pub only_in_directory: usize,
    /// Some of them, as `Name <mail>`.
    pub only_in_directory_sample: Vec<String>,
    /// In the ticket system only.
    pub only_in_itsm: usize,
    /// Some of them, as `Name <mail>`.
    pub only_in_itsm_sample: Vec<String>,
    /// In the directory without a mail address: they cannot be compared.
    pub without_mail: usize,
    /// In the ticket system without a mail address.
    pub itsm_without_mail: usize,
    /// Mail addresses that several people in the ticket system have, with how many (EV-21).
    pub shared_in_itsm: Vec<(String, usize)>,
    /// Addresses that several people in the directory have, with how many (EV-21).
    pub shared_in_directory: Vec<(String, usize)>,
    /// The directory's state that was compared; `None` when it was never read.
    pub as_of: Option<String>,
}

impl QuickCall {
    /// Compares the directory with a target's ticket system, by mail address. Reads both as a whole.
    ///
    /// # Errors
    /// When the target has no API, the ticket system fails on the way, or the directory was never read: a comparison
    /// with half a list would call people missing who are not.
    pub async fn reconcile(&self, target: &str, sample: usize) -> Result<Reconciled, Refusal> {
        let opened = self.opened().await?;
        let opened = find(&opened, target)?;
        let account = opened.itsm.as_ref().ok_or_else(|| no_api(&opened.target))?;
        let status = self.directory.status();
        let as_of = status.as_of.ok_or_else(|| {
            let next = "configure [directory] and wait for its first pass";
            Refusal::operator("directory-never-read", "the directory was never read completely", next)
        })?;
        let mut report = Reconciled { as_of: Some(as_of.to_string()), ..Reconciled::default() };

        let (mut known, mut place) = (HashMap::<String, usize>::new(), Some(0));
        let mut itsm_people: Vec<(String, Vec<String>)> = Vec::new();
        while let Some(at) = place {
            let page = self.itsm.people(account, at).await.map_err(|error| error.refusal())?;
            for person in page.people {
                let mails: Vec<String> = person.mail.iter().map(|mail| mail.trim().to_lowercase()).collect();
                let distinct: HashSet<&String> = mails.iter().filter(|mail| !mail.is_empty()).collect();
                distinct.into_iter().for_each(|mail| *known.entry(mail.clone()).or_default() += 1);
                itsm_people.push((person.name, mails));
            }
            place = page.next.filter(|next| *next > at);
            if itsm_people.len() > MOST {
                let what = "the ticket system lists more than 2,000,000 people";
                return Err(Refusal::operator("itsm-endless", what, "check its API").at(&opened.target.name));
            }
        }

        let mut ours = HashSet::new();
        let mut after = None;
        loop {
            let people = self.directory.people(after.as_ref(), PAGE);
            for person in &people {
                report.in_directory += 1;
                let mails: Vec<String> =
                    person.mail.iter().chain(&person.proxy_addresses).map(|mail| mail.key()).collect();
                if mails.is_empty() {
                    report.without_mail += 1;
                } else if mails.iter().any(|mail| known.contains_key(mail)) {
                    report.in_both += 1;
                } else {
                    report.only_in_directory += 1;
                    if report.only_in_directory_sample.len() < sample {
                        let mail = mails.first().map_or("", String::as_str);
                        report.only_in_directory_sample.push(format!("{} <{mail}>", person.display_name));
                    }
                }
                ours.extend(mails);
            }
            if people.len() < PAGE {
                break;
            }
            after = people.last().map(|person| person.id.clone());
        }

        report.in_itsm = itsm_people.len();
        for (name, mails) in itsm_people {
            let mut mails = mails.iter().filter(|mail| !mail.is_empty()).peekable();
            match mails.peek().copied().cloned() {
                None => report.itsm_without_mail += 1,
                Some(first) if !mails.any(|mail| ours.contains(mail)) => {
                    report.only_in_itsm += 1;
                    if report.only_in_itsm_sample.len() < sample {
                        report.only_in_itsm_sample.push(format!("{name} <{first}>"));
                    }
                }
                Some(_) => {}
            }
        }
        report.shared_in_itsm = known.into_iter().filter(|(_, count)| *count > 1).collect();
        report.shared_in_itsm.sort();
        report.shared_in_itsm.truncate(sample);
        let shared = self.directory.shared_addresses(sample);
        report.shared_in_directory = shared.into_iter().map(|one| (one.address, one.people.len())).collect();
        Ok(report)
    }
}

fn no_api(target: &QuickCallTarget) -> Refusal {
    let next = format!(
        "tieline quick-call target edit {} --api glpi|zammad --api-url URL --token-file FILE",
        target.name
    );
    Refusal::operator("no-api", "the target's ticket system has no API that Tieline could ask", next)
        .at(&target.name)
}
