"""Organizers with exchangelib, a mail client nobody here wrote: invite the conference mailbox, read the answers, change, move one
occurrence, and call off.

The test says `ews` and `password`; the conference mailbox has the rooms 7040 to 7049, meetings of at most two hours, and the
domain vmr.example.
"""

import datetime
import re

from exchangelib import Attendee, CalendarItem, EWSDateTime, EWSTimeZone
from exchangelib.items import SEND_TO_ALL_AND_SAVE_COPY, MeetingResponse
from exchangelib.recurrence import DailyPattern, Recurrence

from exchange import sign_in
from judge import check, eventually, main

CONFERENCE = "conference@lab.example"
BERLIN = EWSTimeZone("Europe/Berlin")


def person(site, name):
    return sign_in({**site, "address": f"{name}@lab.example"})


def at(day, hour, minute=0):
    return EWSDateTime(2027, 3, day, hour, minute, tzinfo=BERLIN)


def invite(user, subject, location, start, minutes=60, body="See you there.", **more):
    item = CalendarItem(
        account=user,
        folder=user.calendar,
        subject=subject,
        body=body,
        location=location,
        start=start,
        end=start + datetime.timedelta(minutes=minutes),
        required_attendees=[Attendee(mailbox=CONFERENCE)],
        **more,
    )
    item.save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    return item


SEEN = set()


def answers(user, subject):
    found = [item for item in user.inbox.all() if isinstance(item, MeetingResponse)]
    return [item for item in found if item.subject and item.subject.endswith(subject)]


def answer(user, subject, nth=1):
    """The nth answer to a meeting, and that there are no more of them. Several may come in one second: it is the unseen one."""
    found = eventually(f"answer {nth} to {subject}", lambda: len(answers(user, subject)) >= nth and answers(user, subject))
    assert len(found) == nth, f"{len(found)} answers: {[(item.response_type, item.body) for item in found]}"
    new = [item for item in found if item.id not in SEEN]
    assert len(new) == 1, f"{len(new)} new answers"
    SEEN.add(new[0].id)
    return new[0].response_type, str(new[0].body)


@check
def is_given_a_room_with_everything_to_join(site):
    """Covers: PO-01 (without the add-in), PO-02, PO-15 (exchangelib)"""
    alice = person(site, "alice")
    invite(alice, "Plans", "@vmr 7042", at(1, 10))
    kind, text = answer(alice, "Plans")
    assert kind == "Accept", (kind, text)
    for part in ["sip:7042@vmr.example", "Room 7042", "[tieline-conference number=7042]"]:
        assert part in text, f"{part} in {text}"


@check
def is_declined_with_three_reasons_and_accepted_with_a_proposal(site):
    """Covers: PO-24 (exchangelib), PO-20 (answered), PO-21 (answered), PO-22 (answered)"""
    bob = person(site, "bob")
    item = invite(
        bob, "Late", "", at(1, 10, 30), minutes=180, body="Hello\n[tieline-conference number=7042 passcode=12]\n"
    )
    kind, text = answer(bob, "Late")
    assert kind == "Decline", (kind, text)
    reasons = ["Room 7042 is taken by another meeting", "The meeting lasts 180 minutes; at most 120", "passcode has too few digits"]
    assert all(reason in text for reason in reasons), text
    assert text.count("<li>") == 3 + text.split("would be accepted")[1].count("<li>"), text
    proposal = re.search(r"<li>room (\d+), (\d+) minutes long, passcode (\d+)", text)
    assert proposal, text
    number, minutes, code = proposal.groups()
    item = bob.calendar.get(id=item.id)
    item.body = f"Hello\n[tieline-conference number={number} passcode={code}]\n"
    item.end = item.start + datetime.timedelta(minutes=int(minutes))
    item.save(update_fields=["body", "end"], send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    kind, text = answer(bob, "Late", nth=2)
    assert kind == "Accept" and f"sip:{number}@vmr.example" in text and code in text, (kind, text)


@check
def moves_and_frees_the_room(site):
    """Covers: PO-27 (exchangelib)"""
    alice, bob = person(site, "alice"), person(site, "bob")
    item = invite(alice, "Moving", "@vmr 7043", at(2, 10))
    assert answer(alice, "Moving")[0] == "Accept"
    item = alice.calendar.get(id=item.id)
    item.start, item.end = at(2, 14), at(2, 15)
    item.save(update_fields=["start", "end"], send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    assert answer(alice, "Moving", nth=2)[0] == "Accept"
    invite(bob, "In its old place", "@vmr 7043", at(2, 10))
    assert answer(bob, "In its old place")[0] == "Accept"
    invite(bob, "In its new place", "@vmr 7043", at(2, 14))
    assert answer(bob, "In its new place")[0] == "Decline"
    alice.calendar.get(id=item.id).delete(send_meeting_cancellations=SEND_TO_ALL_AND_SAVE_COPY)
    invite(bob, "After it", "@vmr 7043", at(2, 14))
    assert answer(bob, "After it")[0] == "Accept"
    assert len(answers(alice, "Moving")) == 2, "a cancellation is not answered"


@check
def a_series_is_kept_and_one_occurrence_moves_alone(site):
    """Covers: PO-08"""
    alice, bob = person(site, "alice"), person(site, "bob")
    begin = at(8, 9)
    recurrence = Recurrence(pattern=DailyPattern(interval=1), start=begin.date(), number=5)
    master = invite(alice, "Daily", "@vmr 7044", begin, recurrence=recurrence)
    assert answer(alice, "Daily")[0] == "Accept"
    invite(bob, "Against the third", "@vmr 7044", at(10, 9, 30))
    assert answer(bob, "Against the third")[0] == "Decline"
    third = alice.calendar.get(id=master.id).occurrence(3)
    third.refresh()
    third.start, third.end = at(10, 16), at(10, 17)
    third.save(update_fields=["start", "end"], send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    assert answer(alice, "Daily", nth=2)[0] == "Accept"
    invite(bob, "Where the third was", "@vmr 7044", at(10, 9))
    assert answer(bob, "Where the third was")[0] == "Accept"
    invite(bob, "Where the third is", "@vmr 7044", at(10, 16, 30))
    assert answer(bob, "Where the third is")[0] == "Decline"


@check
def invites(site):
    """What the test does next happens in the middle of the answer."""
    invite(person(site, "alice"), site["subject"], "@vmr 7045", at(site["day"], site["hour"]))


@check
def is_answered_once(site):
    """Covers: PO-15"""
    alice = person(site, "alice")
    kind, text = answer(alice, site["subject"])
    assert kind == "Accept" and "sip:7045@vmr.example" in text, (kind, text)
    invite(alice, f"After {site['subject']}", "@vmr 7046", at(site["day"], site["hour"]))
    assert answer(alice, f"After {site['subject']}")[0] == "Accept"
    assert len(answers(alice, site["subject"])) == 2, "of the one and of the other, and no third"


@check
def meets_now_and_tomorrow(site):
    """Room 7047 with both codes for a meeting that began five minutes ago, room 7048 tomorrow."""
    alice = person(site, "alice")
    start = EWSDateTime.now(tz=BERLIN).replace(second=0, microsecond=0) - datetime.timedelta(minutes=5)
    block = "[tieline-conference number=7047 passcode=123456 chairperson=987654]"
    invite(alice, "Now", "", start, body=block)
    assert answer(alice, "Now")[0] == "Accept"
    invite(alice, "Tomorrow", "@vmr 7048", start + datetime.timedelta(days=1))
    assert answer(alice, "Tomorrow")[0] == "Accept"


main()
