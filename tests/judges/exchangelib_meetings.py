"""Organizers with exchangelib, a mail client nobody here wrote: invite the conference mailbox, read the answers, change, move one
occurrence, and call off.

The test says `ews` and `password`; the conference mailbox has the rooms 7040 to 7049, meetings of at most two hours, and the
domain vmr.example.
"""

import datetime
import re

import requests
from exchangelib import Attendee, CalendarItem, EWSDateTime, EWSTimeZone, ExtendedProperty
from exchangelib.items import SEND_TO_ALL_AND_SAVE_COPY, MeetingRequest, MeetingResponse
from exchangelib.recurrence import DailyPattern, Recurrence

from exchange import sign_in
from judge import check, eventually, main

CONFERENCE = "conference@lab.example"


class ExternalLink(ExtendedProperty):
    """Where Skype for Business and many room systems look for a meeting's link."""

    distinguished_property_set_id = "PublicStrings"
    property_name = "OnlineMeetingExternalLink"
    property_type = "String"


class ConferenceLink(ExtendedProperty):
    """Where they look for its SIP address."""

    distinguished_property_set_id = "PublicStrings"
    property_name = "OnlineMeetingConfLink"
    property_type = "String"


CalendarItem.register("external_link", ExternalLink)
CalendarItem.register("conference_link", ConferenceLink)
BERLIN = EWSTimeZone("Europe/Berlin")


def person(site, name):
    return sign_in({**site, "address": f"{name}@lab.example"})


def at(day, hour, minute=0):
    return EWSDateTime(2027, 3, day, hour, minute, tzinfo=BERLIN)


def invite(user, subject, location, start, minutes=60, body="See you there.", people=(CONFERENCE,), **more):
    item = CalendarItem(
        account=user,
        folder=user.calendar,
        subject=subject,
        body=body,
        location=location,
        start=start,
        end=start + datetime.timedelta(minutes=minutes),
        required_attendees=[Attendee(mailbox=person) for person in people],
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


def entry(user, subject, hold=lambda item: True):
    """A meeting as a user's, or a device's, calendar has it."""
    found = lambda: [item for item in user.calendar.filter(subject=subject) if hold(item)]
    return eventually(f"{subject} in the calendar", found)[0]


@check
def attendees_and_their_devices_have_the_join_data(site):
    """Covers: PO-09 (attendee), PO-10, PO-12, PO-13"""
    alice, bob = person(site, "alice"), person(site, "bob")
    body = "Bring your plans.\n[tieline-conference number=7047 passcode=123456]\n"
    item = invite(alice, "Together", "Berlin 3.14", at(5, 10), body=body, people=(CONFERENCE, "bob@lab.example"))
    kind, text = answer(alice, "Together")
    assert kind == "Accept" and "Everybody who is invited has this" in text, (kind, text)
    seen = entry(bob, "Together", lambda item: "sip:" in (item.location or ""))
    # As a device reads it: the address in the location, or behind the two properties, or in the text.
    assert seen.location == "Berlin 3.14; sip:7047@vmr.example", seen.location
    assert seen.conference_link == "conf:sip:7047@vmr.example", seen.conference_link
    link = re.search(r"https://tieline\.example/join/[\w-]+", str(seen.body))
    assert link and seen.external_link == link[0], (seen.external_link, seen.body)
    assert "Bring your plans." in seen.body and "123456" in seen.body, seen.body
    assert seen.reminder_is_set and seen.reminder_minutes_before_start == 15
    requests = lambda: [item for item in bob.inbox.all() if isinstance(item, MeetingRequest) and item.subject == "Together"]
    assert len(requests()) == 2, "the invitation, and one update with the join data"
    # Moved at the last minute: the device has the new time, the same link, and reminds.
    item = alice.calendar.get(id=item.id)
    item.start, item.end = at(5, 12), at(5, 13)
    item.save(update_fields=["start", "end"], send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    assert answer(alice, "Together", nth=2)[0] == "Accept"
    moved = entry(bob, "Together", lambda item: item.start == at(5, 12))
    assert moved.external_link == link[0] and moved.location == seen.location and moved.reminder_is_set
    assert len(requests()) == 3, "the organizer's own update brought everything"
    # The text is written anew: the join data come back into it.
    item = alice.calendar.get(id=item.id)
    item.body = "Bring other plans.\n[tieline-conference number=7047 passcode=654321]\n"
    item.save(update_fields=["body"], send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    assert answer(alice, "Together", nth=3)[0] == "Accept"
    last = entry(bob, "Together", lambda item: "654321" in str(item.body) and "/join/" in str(item.body))
    assert str(last.body).count("/join/") <= 2, last.body
    assert len(answers(alice, "Together")) == 3, "an own update is not answered"


@check
def without_the_right_to_act_for_organizers_the_answer_says_so(site):
    """Covers: PO-12 (forwarded)"""
    alice, bob = person(site, "alice"), person(site, "bob")
    invite(alice, "Forwarded", "@vmr 7047", at(6, 10), people=(CONFERENCE, "bob@lab.example"))
    kind, text = answer(alice, "Forwarded")
    assert kind == "Accept" and "Your attendees do not have this yet" in text, (kind, text)
    assert "mailto:bob@lab.example?subject=Forwarded" in text and "7047" in text, text
    seen = entry(bob, "Forwarded")
    assert seen.location == "@vmr 7047" and "sip:" not in str(seen.body), seen.body


@check
def is_told_of_a_forgotten_mailbox(site):
    """Covers: PO-14"""
    alice = person(site, "alice")
    invite(alice, "Half invited", "@vmr 7047", at(7, 10), people=("room-berlin@lab.example",))
    mail = lambda: [item for item in alice.inbox.all() if "No room is booked for: Half invited" in (item.subject or "")]
    told = eventually("a word about it", mail)
    assert len(told) == 1 and f"add {CONFERENCE} to the attendees" in told[0].body, told
    # She does: now there is a room.
    item = entry(alice, "Half invited")
    item.required_attendees = [Attendee(mailbox=who) for who in ("room-berlin@lab.example", CONFERENCE)]
    item.save(update_fields=["required_attendees"], send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    kind, text = next((a.response_type, str(a.body)) for a in eventually("an answer", lambda: [
        a for a in answers(alice, "Half invited") if "sip:7047@vmr.example" in str(a.body)]))
    assert kind == "Accept", (kind, text)
    assert len(mail()) == 1


@check
def meets_now(site):
    """A meeting that is about to begin, one of next year, and a private one."""
    alice = person(site, "alice")
    soon = EWSDateTime.now(tz=BERLIN).replace(microsecond=0) + datetime.timedelta(minutes=5)
    for subject, location, start, more in [
        ("Now", "@vmr 7041", soon, {}),
        ("Then", "@vmr 7042", at(9, 10), {}),
        ("Salaries", "@vmr 7042", at(8, 10), {"sensitivity": "Private"}),
    ]:
        invite(alice, subject, location, start, **more)
        assert answer(alice, subject)[0] == "Accept"


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


# Three hours and a half behind UTC, and an hour less from the second Sunday of March to the first of November.
ODD_2010 = """<t:StartTimeZone Id="Customized Time Zone"><t:Periods><t:Period Bias="PT3H30M" Name="Standard" Id="s"/>
<t:Period Bias="PT2H30M" Name="Daylight" Id="d"/></t:Periods><t:TransitionsGroups><t:TransitionsGroup Id="0">
<t:RecurringDayTransition><t:To Kind="Period">d</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>3</t:Month>
<t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>2</t:Occurrence></t:RecurringDayTransition>
<t:RecurringDayTransition><t:To Kind="Period">s</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>11</t:Month>
<t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>1</t:Occurrence></t:RecurringDayTransition></t:TransitionsGroup>
</t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind="Group">0</t:To></t:Transition></t:Transitions>
</t:StartTimeZone>"""

ODD_2007 = """<t:MeetingTimeZone TimeZoneName="Customized Time Zone"><t:BaseOffset>PT3H30M</t:BaseOffset><t:Standard>
<t:Offset>P0D</t:Offset><t:RelativeYearlyRecurrence><t:DaysOfWeek>Sunday</t:DaysOfWeek><t:DayOfWeekIndex>First</t:DayOfWeekIndex>
<t:Month>November</t:Month></t:RelativeYearlyRecurrence><t:Time>02:00:00</t:Time></t:Standard><t:Daylight><t:Offset>-PT1H</t:Offset>
<t:RelativeYearlyRecurrence><t:DaysOfWeek>Sunday</t:DaysOfWeek><t:DayOfWeekIndex>Second</t:DayOfWeekIndex><t:Month>March</t:Month>
</t:RelativeYearlyRecurrence><t:Time>02:00:00</t:Time></t:Daylight></t:MeetingTimeZone>"""


def invite_by_the_letter(site, version, subject, location, start, end, recurrence, zone):
    """What exchangelib has no words for: an appointment with the rules of its zone."""
    document = f"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header><t:RequestServerVersion Version="{version}"/></s:Header>
 <s:Body><m:CreateItem SendMeetingInvitations="SendToAllAndSaveCopy"><m:Items><t:CalendarItem><t:Subject>{subject}</t:Subject>
 <t:Start>{start}</t:Start><t:End>{end}</t:End><t:Location>{location}</t:Location><t:RequiredAttendees><t:Attendee><t:Mailbox>
 <t:EmailAddress>{CONFERENCE}</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>{recurrence}{zone}</t:CalendarItem>
 </m:Items></m:CreateItem></s:Body></s:Envelope>"""
    answered = requests.post(
        site["ews"], data=document.encode(), auth=("alice@lab.example", site["password"]),
        headers={"Content-Type": "text/xml; charset=utf-8"}, timeout=60,
    )
    assert answered.status_code == 200 and "NoError" in answered.text, answered.text


@check
def meets_by_the_clock_of_a_zone_that_nobody_knows(site):
    """Covers: PO-08 (zones of invitations)"""
    alice, bob = person(site, "alice"), person(site, "bob")
    weekly = """<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence>
    <t:NumberedRecurrence><t:StartDate>2027-03-08</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence>
    </t:Recurrence>"""
    invite_by_the_letter(
        site, "Exchange2010_SP1", "Odd weeks", "@vmr 7048", "2027-03-08T09:00:00", "2027-03-08T10:00:00", weekly, ODD_2010
    )
    assert answer(alice, "Odd weeks")[0] == "Accept"
    invite_by_the_letter(
        site, "Exchange2007_SP1", "Odd summer", "@vmr 7049", "2027-07-05T09:00:00", "2027-07-05T10:00:00", "", ODD_2007
    )
    assert answer(alice, "Odd summer")[0] == "Accept"
    utc = datetime.timezone.utc
    times = [
        # The first week is in winter, the others in summer; nine o'clock is nowhere nine o'clock UTC.
        ("7048", datetime.datetime(2027, 3, 8, 12, 30, tzinfo=utc), "Decline"),
        ("7048", datetime.datetime(2027, 3, 8, 11, 30, tzinfo=utc), "Accept"),
        ("7048", datetime.datetime(2027, 3, 8, 9, 0, tzinfo=utc), "Accept"),
        ("7048", datetime.datetime(2027, 3, 15, 11, 30, tzinfo=utc), "Decline"),
        ("7048", datetime.datetime(2027, 3, 15, 12, 30, tzinfo=utc), "Accept"),
        ("7049", datetime.datetime(2027, 7, 5, 11, 30, tzinfo=utc), "Decline"),
        ("7049", datetime.datetime(2027, 7, 5, 9, 0, tzinfo=utc), "Accept"),
    ]
    for nth, (room, start, wanted) in enumerate(times):
        subject = f"Beside {nth}."
        invite(bob, subject, f"@vmr {room}", EWSDateTime.from_datetime(start).astimezone(BERLIN))
        kind, text = answer(bob, subject)
        assert kind == wanted, (room, start, kind, text)


main()
