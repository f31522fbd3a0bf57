"""Invitations as they arrive after mail systems, gateways and people have had their hands on them: by iMIP over SMTP (smtplib and
icalendar) and by EWS (exchangelib). Each ends in the right answer or the right reason, none is left unanswered, and what is no
invitation is answered by nobody.

The test says `ews`, `smtp` and `password`; the conference mailbox has the rooms 7000 to 7999, meetings of at most two hours, and the
domain vmr.example.
"""

import datetime
import re
import smtplib
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import icalendar
from exchangelib import Attendee, CalendarItem, EWSDate, EWSDateTime, EWSTimeZone, HTMLBody
from exchangelib.items import SEND_TO_ALL_AND_SAVE_COPY, MeetingResponse
from exchangelib.recurrence import DailyPattern, Recurrence

from exchange import sign_in
from judge import check, eventually, main

CONFERENCE, ALICE = "conference@lab.example", "alice@lab.example"
FIRST = datetime.datetime(2027, 4, 5, 9, 0)


class Invitation:
    """What is asked for, before anything happens to it. Every one asks for a room of its own."""

    def __init__(self, number, form):
        self.number = number
        self.location, self.body, self.named = form(7000 + number)
        # Who takes any room takes none that somebody else asks for by its number.
        self.start = FIRST if self.named else FIRST + datetime.timedelta(days=30)
        self.minutes, self.zone = 60, "Europe/Berlin"
        self.subject = f"Mutated {number}."
        self.html = self.private = self.whole_day = False
        self.daily = 0
        self.people = [CONFERENCE]
        # Of mail alone.
        self.headers, self.text, self.method, self.kind = {}, [], "REQUEST", "calendar"


def block(room):
    return "", f"Hello\n[tieline-conference number={room} passcode=123456]\n", True


def in_location(room):
    return f"@vmr {room}", "Hello", True


def in_the_text(room):
    return "Berlin", f"Hello\n@vmr {room}\n", True


def any_room(_room):
    return "Berlin; @vmr", "Hello", False


def nothing_said(_room):
    return "Berlin", "Hello", False


FORMS = [block, in_location, in_the_text, any_room, nothing_said]
# What comes of it: as it was meant; nothing; or a no with these words.
AS_MEANT, NOBODY = "as meant", None
MUTATIONS, BY_MAIL = [], []


def mutation(wanted=AS_MEANT, into=MUTATIONS):
    def noted(function):
        into.append((function, wanted))
        return function

    return noted


@mutation()
def untouched(_one):
    pass


@mutation()
def as_html(one):
    one.html, one.body = True, f"<html><body><p>{one.body.replace(chr(10), '<br>')}</p></body></html>"


@mutation()
def quoted(one):
    one.body = "".join(f"> {line}\n" for line in one.body.splitlines())


@mutation()
def shouted(one):
    one.body, one.location = one.body.upper(), one.location.upper()


@mutation()
def hard_spaces(one):
    one.body, one.location = one.body.replace(" ", "\u00a0"), one.location.replace(" ", "\u00a0")


@mutation()
def wide_spaces(one):
    one.body = one.body.replace(" passcode", "  \t passcode")


@mutation()
def bracket_lost(one):
    one.body = one.body.replace("]", "")


@mutation()
def long_text_around(one):
    one.body = "a " * 10_000 + "\n" + one.body + "\n" + "b " * 10_000


@mutation()
def signature(one):
    one.body += "\n-- \nAlice, room 4711, tel. +49 30 1234567"


@mutation()
def letters_of_the_world(one):
    one.body += "\nGrüße, 你好, שלום, 🎉"


@mutation()
def markup_in_the_subject(one):
    one.subject = "<script>&amp;\u202e " + one.subject


@mutation()
def private(one):
    one.private = True


@mutation()
def many_people(one):
    one.people += [f"nobody{nth}@elsewhere.example" for nth in range(40)]


@mutation()
def series(one):
    one.daily = 4


@mutation()
def other_zone(one):
    one.zone = "Asia/Kolkata"


@mutation()
def over_midnight(one):
    one.start = one.start.replace(hour=23, minute=30)


@mutation()
def as_long_as_allowed(one):
    one.minutes = 120


@mutation("lasts 121 minutes; at most 120")
def too_long(one):
    one.minutes = 121


@mutation("minutes; at most 120")
def whole_day(one):
    one.whole_day = True


@mutation("ends before or when it begins")
def no_time_at_all(one):
    one.minutes = 0


@mutation("The meeting is over already")
def long_over(one):
    one.start = one.start.replace(year=2020)


@mutation("passcode has too few digits")
def short_code(one):
    one.body = "[tieline-conference passcode=12]\n" + one.body.replace(" passcode=123456", "")


@mutation("chairperson passcode must differ from the passcode")
def one_code_for_both(one):
    one.body = "[tieline-conference passcode=123456 chairperson=123456]\n" + one.body


@mutation("chairperson passcode may only have digits")
def letters_in_a_code(one):
    one.body = "[tieline-conference chairperson=12ab56]\n" + one.body


@mutation("names several rooms")
def two_rooms(one):
    one.location, one.body = "VMR 7998; VMR 7999", "Hello"


@mutation("There is no room 1234 here")
def room_of_nobody(one):
    one.location, one.body = "VMR 1234", "Hello"


@mutation("is not a room number")
def letter_in_the_number(one):
    one.location, one.body = "", "[tieline-conference number=7O42]"


@mutation()
def said_twice(one):
    if one.named:
        one.location = f"VMR {7000 + one.number}"


@mutation(into=BY_MAIL)
def only_line_feeds(one):
    one.text.append(lambda text: text.replace("\r\n", "\n"))


@mutation(into=BY_MAIL)
def folded_anywhere(one):
    one.text.append(lambda text: re.sub(r"(DESCRIPTION:.{20})", "\\1\r\n ", text.replace("\r\n ", ""), count=1))


@mutation(into=BY_MAIL)
def lower_case_names(one):
    one.text.append(lambda text: text.replace("DTSTART", "dtstart").replace("SUMMARY", "summary").replace("LOCATION", "location"))


@mutation(into=BY_MAIL)
def unknown_properties(one):
    extra = 'X-ODD;X-P="a:b;c":1\r\nCLASS:X-STRANGE\r\nBEGIN:VALARM\r\nACTION:NONE\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT'
    one.text.append(lambda text: text.replace("END:VEVENT", extra))


@mutation(into=BY_MAIL)
def zone_by_its_windows_name(one):
    one.text.append(lambda text: re.sub(r"BEGIN:VTIMEZONE.*END:VTIMEZONE\r\n", "", text, flags=re.S).replace("Europe/Berlin", "W. Europe Standard Time"))


@mutation(into=BY_MAIL)
def zone_that_nobody_knows(one):
    one.text.append(lambda text: text.replace("Europe/Berlin", "Our own time"))


@mutation(into=BY_MAIL)
def in_utc(one):
    one.zone = "UTC"


@mutation(into=BY_MAIL)
def duration_in_place_of_end(one):
    one.text.append(lambda text: re.sub(r"DTEND[^\r]*", "DURATION:PT1H", text))


@mutation(into=BY_MAIL)
def in_base64(one):
    one.headers["Transfer"] = "base64"


@mutation(NOBODY, into=BY_MAIL)
def somebodys_answer(one):
    one.method = "REPLY"


@mutation(NOBODY, into=BY_MAIL)
def bounce(one):
    one.kind = "report"


@mutation(NOBODY, into=BY_MAIL)
def out_of_office(one):
    one.kind, one.headers["Auto-Submitted"] = "text", "auto-replied"


def calendar(one):
    """The invitation as iCalendar text, with its zone written out."""
    zone = ZoneInfo(one.zone)
    start = one.start.replace(tzinfo=zone)
    event = icalendar.Event()
    event.add("uid", f"mutated-{one.number}@elsewhere.example")
    event.add("dtstamp", datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone.utc))
    event.add("summary", one.subject)
    if one.whole_day:
        event.add("dtstart", one.start.date())
        event.add("dtend", one.start.date() + datetime.timedelta(days=1))
    else:
        event.add("dtstart", start)
        event.add("dtend", start + datetime.timedelta(minutes=one.minutes))
    event.add("location", one.location)
    event.add("description", re.sub("<[^>]*>", "\n", one.body) if one.html else one.body)
    event.add("organizer", f"mailto:{ALICE}")
    for person in one.people:
        event.add("attendee", f"mailto:{person}")
    if one.private:
        event.add("class", "PRIVATE")
    if one.daily:
        event.add("rrule", {"freq": "daily", "count": one.daily})
    whole = icalendar.Calendar()
    whole.add("prodid", "-//mutations//EN")
    whole.add("version", "2.0")
    whole.add("method", one.method)
    if one.zone != "UTC":
        whole.add_component(icalendar.Timezone.from_tzid(one.zone))
    whole.add_component(event)
    text = whole.to_ical().decode()
    for change in one.text:
        text = change(text)
    return text


def mail(one):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Alice <{ALICE}>", CONFERENCE, one.subject
    message["Message-ID"] = f"<mutated-{one.number}@elsewhere.example>"
    encoding = one.headers.pop("Transfer", None)
    for name, value in one.headers.items():
        message[name] = value
    text = re.sub("<[^>]*>", "\n", one.body) if one.html else one.body
    if one.kind == "report":
        message["Content-Type"] = "multipart/report; report-type=delivery-status; boundary=b"
        message.set_payload(
            "--b\r\nContent-Type: text/plain\r\n\r\nNobody of that name.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            "Reporting-MTA: dns; elsewhere.example\r\n\r\nFinal-Recipient: rfc822; conference@lab.example\r\nAction: failed\r\n"
            "Status: 5.1.1\r\n\r\n--b--\r\n"
        )
        return message
    message.set_content(text)
    if one.html:
        message.add_alternative(one.body, subtype="html")
    if one.kind == "calendar":
        charset = {"cte": encoding} if encoding else {}
        message.add_alternative(calendar(one), subtype="calendar", params={"method": one.method}, **charset)
    return message


def by_exchange(alice, one):
    zone = EWSTimeZone(one.zone)
    start = EWSDateTime.from_datetime(one.start.replace(tzinfo=zone))
    item = CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject=one.subject.replace("\u202e", ""),
        location=one.location,
        body=HTMLBody(one.body) if one.html else one.body,
        start=start,
        end=start + datetime.timedelta(minutes=one.minutes),
        sensitivity="Private" if one.private else "Normal",
        required_attendees=[Attendee(mailbox=person) for person in one.people],
    )
    if one.whole_day:
        item.is_all_day = True
        item.start = item.end = EWSDate(one.start.year, one.start.month, one.start.day)
    if one.daily:
        item.recurrence = Recurrence(pattern=DailyPattern(interval=1), start=start.date(), number=one.daily)
    item.save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)


def read_answers(alice):
    """What lies in the organizer's Inbox: number of the invitation, yes or no, text."""
    found = [item for item in alice.inbox.all().only("subject", "body", "response_type") if isinstance(item, MeetingResponse)]
    told = [(re.search(r"Mutated (\d+)\.$", item.subject or ""), item) for item in found]
    return [(int(named[1]), item.response_type, str(item.body)) for named, item in told if named]


@check
def each_ends_in_the_right_answer_or_the_right_reason(site):
    """Covers: PO-03 (mutated), PO-20 (mutated)"""
    alice = sign_in({**site, "address": ALICE})
    host, port = site["smtp"].removeprefix("smtp://").rsplit(":", 1)
    sent = []
    with smtplib.SMTP(host, int(port)) as peer:
        for way, mutations in (("mail", MUTATIONS + BY_MAIL), ("exchange", MUTATIONS)):
            for change, wanted in mutations:
                for form in FORMS:
                    one = Invitation(len(sent), form)
                    change(one)
                    sent.append((way, change.__name__, form.__name__, wanted if wanted != AS_MEANT else (one.named and 7000 + one.number)))
                    if way == "mail":
                        peer.send_message(mail(one), from_addr=ALICE, to_addrs=[CONFERENCE])
                    else:
                        by_exchange(alice, one)
    assert len(sent) >= 300, len(sent)
    expected = {number for number, (_, _, _, wanted) in enumerate(sent) if wanted is not NOBODY}
    eventually("the last answer", lambda: {number for number, _, _ in read_answers(alice)} >= expected or None, site["patience_s"])
    # Behind all the others: whatever was answered twice, or needlessly, is there by now.
    last = Invitation(len(sent), any_room)
    by_exchange(alice, last)
    eventually("one more answer", lambda: any(number == last.number for number, _, _ in read_answers(alice)), site["patience_s"])
    wrong = []
    told = read_answers(alice)
    for number, (way, change, form, wanted) in enumerate(sent):
        mine = [(kind, text) for answered, kind, text in told if answered == number]
        match wanted:
            case None:
                good = not mine
            case str():
                good = [kind for kind, _ in mine] == ["Decline"] and wanted in mine[0][1]
            case room:
                good = [kind for kind, _ in mine] == ["Accept"] and f"sip:{room or ''}" in mine[0][1]
        if not good:
            wrong.append((way, change, form, wanted, [(kind, text[:160]) for kind, text in mine]))
    assert not wrong, f"{len(wrong)} of {len(sent)}: {wrong[:20]}"


main()
