//! Yes or no. Every reason is looked for, also after the first was found.

use jiff::{SignedDuration, Timestamp};
use tieline_model::{
    Invitation, Passcode, PasscodeFault, Passcodes, Problem, Reason, Refusal, RoomKind, RoomNumber,
    SmtpAddress, Span, Verdict,
};

use crate::policy::{PasscodeRule, Rule};
use crate::{Calendar, Policy, RoomBook, alternatives, spans};

/// Of colliding times, so many are named.
const NAMED_COLLISIONS: usize = 3;
/// Of a range of numbers, so many are tried in search of a free one.
const TRIED_NUMBERS: usize = 2000;

/// What the directory says of who invites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// In the directory.
    Known {
        /// Every address of the person.
        addresses: Vec<SmtpAddress>,
        /// The department, which may have a longest duration of its own.
        department: Option<String>,
    },
    /// The directory itself said that there is nobody with these addresses.
    NotInDirectory,
    /// The directory could not be asked: neither yes nor no can be said.
    Unasked(Refusal),
}

/// What the meeting was granted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its room.
    pub number: RoomNumber,
    /// The codes that hold in it.
    pub passcodes: Passcodes,
}

/// Everything that a decision looks at beside the invitation.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The rules.
    pub policy: &'a Policy,
    /// The rooms that always exist.
    pub rooms: &'a RoomBook,
    /// When which room is taken.
    pub calendar: &'a Calendar,
    /// What the directory says.
    pub sender: &'a Sender,
    /// What the meeting has already.
    pub held: Option<&'a Held>,
    /// The present instant.
    pub now: Timestamp,
}

/// What is reserved with a yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The room.
    pub number: RoomNumber,
    /// The codes that hold in it.
    pub passcodes: Passcodes,
    /// When, as far as the horizon.
    pub spans: Vec<Span>,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// Yes.
    Accepted(Grant),
    /// No, for each of these reasons.
    Declined(Vec<Reason>),
}

/// Decides.
///
/// # Errors
/// When the directory could not be asked and that matters: decide again later.
pub fn decide(invitation: &Invitation, situation: &Situation<'_>) -> Result<Decided, Refusal> {
    let mut reasons = Vec::new();
    sender_reasons(invitation, situation, &mut reasons)?;
    let times = time_reasons(invitation, situation, &mut reasons);
    let number = number_reasons(invitation, situation, times.as_deref(), &mut reasons);
    duration_reasons(invitation, situation, number.as_ref(), times.as_deref(), &mut reasons);
    let passcodes = passcode_reasons(invitation, situation, &mut reasons);
    match (number, times) {
        (Some(number), Some(spans)) if reasons.is_empty() => {
            Ok(Decided::Accepted(Grant { number, passcodes, spans }))
        }
        _ => {
            sort_by_kind(&mut reasons);
            Ok(Decided::Declined(reasons))
        }
    }
}

/// Decides, and with a no looks for what would be accepted. `random` chooses new codes.
///
/// # Errors
/// As [`decide`].
pub fn verdict(
    invitation: &Invitation,
    situation: &Situation<'_>,
    random: u64,
) -> Result<(Verdict, Option<Grant>), Refusal> {
    Ok(match decide(invitation, situation)? {
        Decided::Accepted(grant) => {
            let (number, passcodes) = (grant.number.clone(), grant.passcodes.clone());
            (Verdict::Accepted { number, passcodes }, Some(grant))
        }
        Decided::Declined(reasons) => {
            let alternatives = alternatives(invitation, &reasons, situation, random);
            (Verdict::Declined { reasons, alternatives }, None)
        }
    })
}

fn sort_by_kind(reasons: &mut Vec<Reason>) {
    reasons.sort_by_key(Reason::kind);
    reasons.dedup();
}

fn sender_reasons(
    invitation: &Invitation,
    situation: &Situation<'_>,
    reasons: &mut Vec<Reason>,
) -> Result<(), Refusal> {
    if situation.policy.rules.sender_unknown == Rule::Accept {
        return Ok(());
    }
    match situation.sender {
        Sender::Known { .. } => {}
        Sender::Unasked(refusal) => return Err(refusal.clone()),
        Sender::NotInDirectory => {
            let mut addresses = vec![invitation.organizer.clone()];
            addresses.extend(invitation.sender.clone().filter(|sender| *sender != invitation.organizer));
            reasons.push(Reason::SenderUnknown { addresses });
        }
    }
    Ok(())
}

/// The times at which a room is needed, unless there are none.
fn time_reasons(
    invitation: &Invitation,
    situation: &Situation<'_>,
    reasons: &mut Vec<Reason>,
) -> Option<Vec<Span>> {
    let invalid = |problem: Problem| Reason::InvalidData { problem };
    reasons.extend(invitation.problems.iter().cloned().map(invalid));
    let schedule = invitation.schedule.as_ref()?;
    let policy = situation.policy;
    match spans(schedule, situation.now, policy.horizon_days) {
        Err(unknown) => {
            reasons.push(invalid(Problem::Zone { zone: unknown.0 }));
            None
        }
        Ok(coming) if coming.is_empty() => match (took_place(schedule, situation.now), policy.rules.past) {
            (false, _) => {
                reasons.push(invalid(Problem::NoOccurrence));
                None
            }
            (true, Rule::Decline) => {
                reasons.push(invalid(Problem::Past));
                None
            }
            (true, Rule::Accept) => Some(coming),
        },
        Ok(coming) => Some(coming),
    }
}

/// Whether any occurrence began before now.
fn took_place(schedule: &tieline_model::Schedule, now: Timestamp) -> bool {
    let Ok(start) = schedule.start.instant() else { return false };
    start <= now && schedule.expand(start, now).is_ok_and(|found| !found.is_empty())
}

/// The room, if one can be named; the reasons say whether it can be had.
fn number_reasons(
    invitation: &Invitation,
    situation: &Situation<'_>,
    times: Option<&[Span]>,
    reasons: &mut Vec<Reason>,
) -> Option<RoomNumber> {
    let uid = &invitation.version.key.uid;
    let Some(number) = &invitation.number else {
        if names_a_number_badly(invitation) {
            return None;
        }
        let spans = times?;
        let held =
            situation.held.map(|held| &held.number).filter(|number| usable(number, spans, uid, situation));
        let number = held.cloned().or_else(|| free_numbers(uid, spans, situation, None).next());
        if number.is_none() {
            reasons.push(Reason::NoRoomFree);
        }
        return number;
    };
    let rules = &situation.policy.rules;
    let ranges = &situation.policy.numbers;
    let rooms = situation.rooms.with(number);
    if rooms.is_empty()
        && !ranges.is_empty()
        && !ranges.iter().any(|range| range.has(number))
        && rules.unknown_number == Rule::Decline
    {
        reasons.push(Reason::InvalidData { problem: Problem::UnknownNumber { number: number.clone() } });
    }
    for kind in [RoomKind::Enterprise, RoomKind::Custom] {
        if rooms.iter().any(|room| room.kind == kind && counts(room, situation)) {
            let number = number.clone();
            reasons.push(Reason::NumberInUse { number, by: kind, times: Vec::new(), collisions: 0 });
        }
    }
    if let (Some(spans), Rule::Decline) = (times, rules.calendared_number_in_use) {
        let mut times = situation.calendar.collisions(number, spans, uid);
        let collisions = times.len();
        times.truncate(NAMED_COLLISIONS);
        if collisions > 0 {
            let (number, by) = (number.clone(), RoomKind::Calendared);
            reasons.push(Reason::NumberInUse { number, by, times, collisions });
        }
    }
    Some(number.clone())
}

fn names_a_number_badly(invitation: &Invitation) -> bool {
    invitation
        .problems
        .iter()
        .any(|problem| matches!(problem, Problem::Number { .. } | Problem::SeveralNumbers { .. }))
}

/// Whether a room that always exists keeps its number from this meeting.
fn counts(room: &tieline_model::Room, situation: &Situation<'_>) -> bool {
    let rules = &situation.policy.rules;
    let own = match situation.sender {
        Sender::Known { addresses, .. } => situation.rooms.is_own(room, addresses),
        Sender::NotInDirectory | Sender::Unasked(_) => false,
    };
    let rule = match room.kind {
        RoomKind::Enterprise if own => rules.own_room,
        RoomKind::Enterprise => rules.enterprise_number_in_use,
        RoomKind::Custom => rules.custom_number_in_use,
        RoomKind::Calendared => return false,
    };
    rule == Rule::Decline
}

fn usable(number: &RoomNumber, spans: &[Span], uid: &str, situation: &Situation<'_>) -> bool {
    situation.calendar.is_free(number, spans, uid)
        && !situation.rooms.with(number).iter().any(|room| counts(room, situation))
}

/// Rooms that are free at all these times, beginning somewhere that the meeting's UID chooses, so that meetings spread.
pub(crate) fn free_numbers<'a>(
    uid: &'a str,
    spans: &'a [Span],
    situation: &'a Situation<'a>,
    but: Option<&'a RoomNumber>,
) -> impl Iterator<Item = RoomNumber> + 'a {
    let from = uid.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let ranges = situation.policy.numbers.iter();
    let tried = ranges.flat_map(move |range| range.numbers_from(from)).take(TRIED_NUMBERS);
    tried.filter(move |number| {
        Some(number) != but
            && situation.rooms.with(number).is_empty()
            && situation.calendar.is_free(number, spans, uid)
    })
}

/// A length in whole minutes, begun ones counted.
fn minutes(length: SignedDuration) -> i64 {
    length.as_secs().saturating_add(59) / 60
}

/// What counts is the time that passes, also where clocks are changed during the meeting.
fn duration_reasons(
    invitation: &Invitation,
    situation: &Situation<'_>,
    number: Option<&RoomNumber>,
    times: Option<&[Span]>,
    reasons: &mut Vec<Reason>,
) {
    if situation.policy.rules.too_long == Rule::Accept {
        return;
    }
    let Some(longest) = longest(invitation, times) else { return };
    let limit = situation.policy.longest_minutes(number, department(situation));
    if longest > SignedDuration::from_secs(limit.saturating_mul(60)) {
        reasons.push(Reason::TooLong { minutes: minutes(longest), limit_minutes: limit });
    }
}

pub(crate) fn department<'a>(situation: &Situation<'a>) -> Option<&'a str> {
    match situation.sender {
        Sender::Known { department, .. } => department.as_deref(),
        Sender::NotInDirectory | Sender::Unasked(_) => None,
    }
}

/// The longest occurrence that is still to come; where none is, the first.
fn longest(invitation: &Invitation, times: Option<&[Span]>) -> Option<SignedDuration> {
    let first = || {
        let schedule = invitation.schedule.as_ref()?;
        let (start, end) = (schedule.start.instant().ok()?, schedule.end.instant().ok()?);
        Some(end.duration_since(start))
    };
    times.unwrap_or_default().iter().map(Span::length).max().or_else(first)
}

/// The codes that would hold: those asked for, else those that the meeting has.
fn passcode_reasons(
    invitation: &Invitation,
    situation: &Situation<'_>,
    reasons: &mut Vec<Reason>,
) -> Passcodes {
    let held = situation.held.map(|held| held.passcodes.clone()).unwrap_or_default();
    let asked = invitation.conference_passcode.is_some() || invitation.chairperson_passcode.is_some();
    let codes = if asked {
        Passcodes {
            conference: invitation.conference_passcode.clone(),
            chairperson: invitation.chairperson_passcode.clone(),
        }
    } else {
        held
    };
    let policy = situation.policy;
    if let Some(fault) = passcode_fault(codes.conference.as_ref(), &policy.conference_passcode) {
        reasons.push(Reason::ConferencePasscode { fault });
    }
    let equal = codes.chairperson.is_some() && codes.chairperson == codes.conference;
    let fault = passcode_fault(codes.chairperson.as_ref(), &policy.chairperson_passcode)
        .or_else(|| equal.then_some(PasscodeFault::SameAsOther));
    if let Some(fault) = fault {
        reasons.push(Reason::ChairpersonPasscode { fault });
    }
    codes
}

/// What is wrong with a code.
pub(crate) fn passcode_fault(code: Option<&Passcode>, rule: &PasscodeRule) -> Option<PasscodeFault> {
    let Some(code) = code.map(Passcode::reveal).filter(|code| !code.is_empty()) else {
        return rule.required.then_some(PasscodeFault::Missing);
    };
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(PasscodeFault::NotDigits);
    }
    match code.len() {
        short if short < rule.min_digits => Some(PasscodeFault::TooShort),
        long if long > rule.max_digits => Some(PasscodeFault::TooLong),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
