//! What a mail in the conference mailbox is: an invitation, a cancellation, or nothing to be answered.
//!
//! A mail loop cannot arise: only meeting requests are answered, an answer is never a request, a request whose
//! organizer is the conference mailbox itself is passed over, and so is whatever a program sent (RFC 3834).

mod ask;
mod text;

use sha2::{Digest, Sha256};
use tieline_model::{
    ConferenceMail, Invitation, InvitationVersion, Language, MailKind, MeetingKey, Problem, Schedule,
    SmtpAddress,
};

use crate::Policy;

/// UIDs are no longer.
const LONGEST_UID: usize = 1000;

/// What a mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mail {
    /// To be decided on and answered.
    Invitation(Box<Invitation>),
    /// The meeting or occurrence is called off. Not answered.
    Cancelled {
        /// Which.
        key: MeetingKey,
        /// Its `SEQUENCE`; an older one than that known is out of date.
        sequence: u32,
    },
    /// To be left alone.
    Ignored(Ignored),
}

/// Why a mail is left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// It is no meeting message.
    #[error("it is no meeting message but {0}")]
    NotAMeeting(String),
    /// Somebody's answer to a meeting.
    #[error("it is an attendee's answer")]
    Answer,
    /// Another time, proposed by somebody who is not the organizer.
    #[error("it is an attendee's proposal of another time, which is the organizer's to answer")]
    CounterProposal,
    /// A newer version is there.
    #[error("a newer version of the invitation is there")]
    Outdated,
    /// A copy for information.
    #[error("it is a copy for information; whoever it is meant for answers")]
    Copy,
    /// The conference mailbox's own meeting.
    #[error("the conference mailbox itself is the organizer")]
    Own,
    /// A program sent it.
    #[error("a program sent it (Auto-Submitted), and programs are not answered")]
    Automatic,
    /// There is neither organizer nor sender.
    #[error("it names neither organizer nor sender, so that there is nobody to answer")]
    Nobody,
    /// A cancellation without a UID.
    #[error("it calls off a meeting without saying which")]
    NoUid,
}

/// Reads a mail that lies in the mailbox `conference`.
#[must_use]
pub fn read(mail: &ConferenceMail, conference: &SmtpAddress, policy: &Policy) -> Mail {
    let uid = mail
        .uid
        .as_deref()
        .map(str::trim)
        .filter(|uid| !uid.is_empty() && uid.len() <= LONGEST_UID && !uid.contains(char::is_control));
    let ignored = match &mail.kind {
        MailKind::Other { class } => Some(Ignored::NotAMeeting(class.chars().take(60).collect())),
        MailKind::Response { counter_proposal: true } => Some(Ignored::CounterProposal),
        MailKind::Response { counter_proposal: false } => Some(Ignored::Answer),
        MailKind::Cancellation => {
            return uid.map_or(Mail::Ignored(Ignored::NoUid), |uid| Mail::Cancelled {
                key: MeetingKey { uid: uid.to_owned(), occurrence: mail.occurrence },
                sequence: mail.sequence,
            });
        }
        MailKind::Request { copy: true, .. } => Some(Ignored::Copy),
        MailKind::Request { outdated: true, .. } => Some(Ignored::Outdated),
        MailKind::Request { .. } if mail.automatic => Some(Ignored::Automatic),
        MailKind::Request { .. } => None,
    };
    if let Some(ignored) = ignored {
        return Mail::Ignored(ignored);
    }
    let Some(organizer) = mail.organizer.as_ref().or(mail.sender.as_ref()) else {
        return Mail::Ignored(Ignored::Nobody);
    };
    if organizer == conference {
        return Mail::Ignored(Ignored::Own);
    }
    Mail::Invitation(Box::new(invitation(mail, organizer, uid, policy)))
}

fn invitation(
    mail: &ConferenceMail,
    organizer: &SmtpAddress,
    uid: Option<&str>,
    policy: &Policy,
) -> Invitation {
    let ask = ask::ask(&text::plain(&mail.location), &text::plain(&mail.body), policy);
    let mut problems = Vec::new();
    if uid.is_none() {
        problems.push(Problem::Uid);
    }
    let schedule = schedule(mail, &mut problems);
    problems.extend(ask.problems);
    let fingerprint = fingerprint(&[
        format!("{organizer} {:?}", mail.sender),
        format!("{schedule:?} {problems:?} {:?} {:?}", ask.number, ask.asked_in),
        format!("{:?}", ask.conference.as_ref().map(tieline_model::Passcode::reveal)),
        format!("{:?}", ask.chairperson.as_ref().map(tieline_model::Passcode::reveal)),
    ]);
    let key = MeetingKey {
        uid: uid.map_or_else(|| format!("without-uid-{fingerprint}"), str::to_owned),
        occurrence: mail.occurrence,
    };
    Invitation {
        version: InvitationVersion { key, sequence: mail.sequence, fingerprint },
        organizer: organizer.clone(),
        sender: mail.sender.clone().filter(|sender| sender != organizer),
        subject: mail.subject.chars().filter(|c| !c.is_control()).take(500).collect(),
        schedule,
        number: ask.number,
        asked_in: ask.asked_in,
        conference_passcode: ask.conference,
        chairperson_passcode: ask.chairperson,
        problems,
        private: mail.private,
        language: mail.language.as_deref().and_then(Language::of_tag).unwrap_or(policy.language),
    }
}

/// When; `None` with the problems that keep it from being known.
fn schedule(mail: &ConferenceMail, problems: &mut Vec<Problem>) -> Option<Schedule> {
    let before = problems.len();
    let (start, end) = (mail.start.as_ref(), mail.end.as_ref());
    if start.is_none() {
        problems.push(Problem::Start);
    }
    if end.is_none() {
        problems.push(Problem::End);
    }
    let zones = [start, end].into_iter().flatten().filter_map(|when| when.zone.resolve().err());
    problems.extend(zones.take(1).map(|unknown| Problem::Zone { zone: unknown.0 }));
    if problems.len() > before {
        return None;
    }
    let (start, end) = (start?, end?);
    let good = matches!((start.instant(), end.instant()), (Ok(start), Ok(end)) if start < end);
    if !good {
        problems.push(Problem::EndBeforeStart);
        return None;
    }
    Some(Schedule {
        start: start.clone(),
        end: end.clone(),
        all_day: mail.all_day,
        recurrence: mail.recurrence.clone(),
    })
}

fn fingerprint(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
