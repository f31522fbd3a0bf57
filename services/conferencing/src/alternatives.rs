//! What would be accepted instead. A proposal is made by rule of thumb and then decided on like an invitation: what is
//! not accepted is not proposed.

use std::iter;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use tieline_model::{
    Alternative, AskedIn, Invitation, Passcode, Passcodes, Problem, Reason, RoomNumber, Schedule, Span, When,
};

use crate::decide::{department, free_numbers, passcode_fault};
use crate::policy::PasscodeRule;
use crate::{Decided, Situation, decide, spans};

/// So many are proposed.
const MOST: usize = 3;
/// So many other times are tried.
const TRIED_TIMES: usize = 24;
/// New codes have so many digits, where that is allowed.
const DIGITS: usize = 6;

/// At most three changes, each of which would have the invitation accepted at this moment. None where nothing that the
/// organizer can change would help, or a necessary part was never said.
#[must_use]
pub fn alternatives(
    invitation: &Invitation,
    reasons: &[Reason],
    situation: &Situation<'_>,
    random: u64,
) -> Vec<Alternative> {
    if !reasons.iter().all(can_be_helped) {
        return Vec::new();
    }
    let Some(schedule) = &invitation.schedule else { return Vec::new() };
    let passcodes = reasons
        .iter()
        .any(|reason| {
            matches!(reason, Reason::ConferencePasscode { .. } | Reason::ChairpersonPasscode { .. })
        })
        .then(|| new_codes(invitation, situation, random));
    let complete = |number: Option<RoomNumber>, start: Option<When>| {
        let mut change = Alternative { number, start, minutes: None, passcodes: passcodes.clone() };
        let asked = change.number.as_ref().or(invitation.number.as_ref());
        let limit = situation.policy.longest_minutes(asked, department(situation));
        let too_long = schedule_length(schedule) > SignedDuration::from_secs(limit.saturating_mul(60));
        let shorten = reasons.iter().any(|reason| matches!(reason, Reason::TooLong { .. }));
        change.minutes = (too_long || (shorten && schedule.recurrence.is_some())).then_some(limit);
        change
    };
    let mut proposals = Vec::new();
    for candidate in candidates(invitation, schedule, reasons, situation) {
        let change = complete(candidate.0, candidate.1);
        let changed = apply(invitation, &change);
        if !proposals.contains(&change) && matches!(decide(&changed, situation), Ok(Decided::Accepted(_))) {
            proposals.push(change);
            if proposals.len() == MOST {
                break;
            }
        }
    }
    proposals
}

/// The invitation as it would be with a change.
#[must_use]
pub fn apply(invitation: &Invitation, change: &Alternative) -> Invitation {
    let mut changed = invitation.clone();
    if let Some(number) = &change.number {
        changed.number = Some(number.clone());
        changed.asked_in = AskedIn::Block;
        changed.problems.retain(|problem| !is_about_number(problem));
    }
    if let Some(codes) = &change.passcodes {
        changed.conference_passcode.clone_from(&codes.conference);
        changed.chairperson_passcode.clone_from(&codes.chairperson);
    }
    if let Some(schedule) = &mut changed.schedule {
        if let Some(start) = &change.start {
            move_to(schedule, start);
        }
        if let Some(minutes) = change.minutes {
            shorten(schedule, SignedDuration::from_secs(minutes.saturating_mul(60)));
        }
    }
    changed
}

fn is_about_number(problem: &Problem) -> bool {
    matches!(problem, Problem::Number { .. } | Problem::SeveralNumbers { .. } | Problem::UnknownNumber { .. })
}

fn can_be_helped(reason: &Reason) -> bool {
    match reason {
        Reason::SenderUnknown { .. } => false,
        Reason::InvalidData { problem } => is_about_number(problem),
        _ => true,
    }
}

/// Rooms and times worth trying, the ones nearest to the wish first.
fn candidates(
    invitation: &Invitation,
    schedule: &Schedule,
    reasons: &[Reason],
    situation: &Situation<'_>,
) -> Vec<(Option<RoomNumber>, Option<When>)> {
    let uid = invitation.version.key.uid.as_str();
    let wanted = spans(schedule, situation.now, situation.policy.horizon_days).unwrap_or_default();
    let needs_room = reasons.iter().any(|reason| match reason {
        Reason::NumberInUse { .. } | Reason::NoRoomFree => true,
        Reason::InvalidData { problem } => is_about_number(problem),
        _ => false,
    });
    if !needs_room {
        return iter::once((None, None)).chain(roomier(uid, &wanted, situation)).collect();
    }
    let free: Vec<RoomNumber> =
        free_numbers(uid, &wanted, situation, invitation.number.as_ref()).take(MOST).collect();
    let mut free = free.into_iter().map(|number| (Some(number), None));
    let times = other_times(invitation, schedule, &wanted, situation);
    free.next().into_iter().chain(times).chain(free).collect()
}

/// Rooms in which longer meetings are allowed.
fn roomier<'a>(
    uid: &'a str,
    wanted: &'a [Span],
    situation: &'a Situation<'a>,
) -> impl Iterator<Item = (Option<RoomNumber>, Option<When>)> + 'a {
    let limit = situation.policy.longest_minutes(None, department(situation));
    let ranges = situation.policy.duration.iter().filter(move |rule| rule.minutes > limit);
    let numbers = ranges.filter_map(|rule| rule.numbers.as_ref()).filter_map(move |range| {
        range.numbers_from(0).take(200).find(|number| {
            situation.rooms.with(number).is_empty() && situation.calendar.is_free(number, wanted, uid)
        })
    });
    numbers.map(|number| (Some(number), None))
}

/// The first time after the wish at which the room is free; for a single meeting only.
fn other_times(
    invitation: &Invitation,
    schedule: &Schedule,
    wanted: &[Span],
    situation: &Situation<'_>,
) -> Option<(Option<RoomNumber>, Option<When>)> {
    let ([wish], None) = (wanted, &schedule.recurrence) else { return None };
    let number = invitation.number.as_ref()?;
    let uid = &invitation.version.key.uid;
    let mut try_at = *wish;
    for _ in 0..TRIED_TIMES {
        let collisions = situation.calendar.collisions(number, &[try_at], uid);
        let Some(last) = collisions.iter().map(|span| span.end).max() else {
            let zone = schedule.start.zone.resolve().ok()?;
            let local = zone.to_datetime(try_at.start);
            let start = When { local, zone: schedule.start.zone.clone() };
            return (try_at.start > wish.start).then_some((None, Some(start)));
        };
        try_at = Span { start: last, end: last.checked_add(wish.length()).ok()? };
    }
    None
}

fn schedule_length(schedule: &Schedule) -> SignedDuration {
    match (schedule.start.instant(), schedule.end.instant()) {
        (Ok(start), Ok(end)) => end.duration_since(start),
        _ => SignedDuration::ZERO,
    }
}

/// Keeps the length.
fn move_to(schedule: &mut Schedule, start: &When) {
    let length = schedule_length(schedule);
    schedule.start = start.clone();
    end_after(schedule, length);
}

fn end_after(schedule: &mut Schedule, length: SignedDuration) {
    let Ok(zone) = schedule.start.zone.resolve() else { return };
    let end = schedule.start.instant().ok().and_then(|start| start.checked_add(length).ok());
    if let Some(end) = end {
        schedule.end = When { local: zone.to_datetime(end), zone: schedule.start.zone.clone() };
    }
}

/// Ends every occurrence after this length at the latest.
fn shorten(schedule: &mut Schedule, length: SignedDuration) {
    if schedule_length(schedule) > length {
        schedule.all_day = false;
        end_after(schedule, length);
    }
    if let Some(series) = &mut schedule.recurrence {
        for changed in series.exceptions.values_mut() {
            let latest = changed.start.checked_add(length).unwrap_or(DateTime::MAX);
            changed.end = changed.end.min(latest);
        }
    }
}

/// Keeps the good codes and replaces the bad ones.
fn new_codes(invitation: &Invitation, situation: &Situation<'_>, random: u64) -> Passcodes {
    let policy = situation.policy;
    let asked = (invitation.conference_passcode.as_ref(), invitation.chairperson_passcode.as_ref());
    let good = |code: Option<&Passcode>, rule: &PasscodeRule, seed: u64| match passcode_fault(code, rule) {
        None => code.cloned(),
        Some(_) => Some(new_code(rule, seed)),
    };
    let conference = good(asked.0, &policy.conference_passcode, random);
    let mut chairperson = good(asked.1, &policy.chairperson_passcode, random.rotate_left(32));
    let mut seed = random;
    while chairperson.is_some() && chairperson == conference {
        seed = next(seed);
        chairperson = Some(new_code(&policy.chairperson_passcode, seed));
    }
    Passcodes { conference, chairperson }
}

fn new_code(rule: &PasscodeRule, seed: u64) -> Passcode {
    let digits = DIGITS.clamp(rule.min_digits, rule.max_digits);
    let mut state = seed;
    let text: String = iter::repeat_with(|| {
        state = next(state);
        char::from(b'0' + u8::try_from((state >> 33) % 10).unwrap_or(0))
    })
    .take(digits)
    .collect();
    Passcode::new(&text)
}

/// SplitMix64: spreads the caller's random bits over as many digits as are needed.
const fn next(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
