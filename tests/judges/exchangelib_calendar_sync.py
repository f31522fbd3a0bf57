"""A mail user with exchangelib, a mail client nobody here wrote, whose calendar Tieline keeps in step.

The test says `ews`, `address`, `password`, and the `checks` to run.
"""

import datetime

from exchangelib import Attendee, CalendarItem, EWSDate, EWSDateTime, EWSTimeZone, Mailbox
from exchangelib.items import SEND_TO_NONE
from exchangelib.recurrence import Recurrence, WeeklyPattern

from exchange import sign_in
from judge import check, eventually, main

BERLIN = EWSTimeZone("Europe/Berlin")
QUIETLY = {"send_meeting_invitations": SEND_TO_NONE}


def at(*parts, zone=BERLIN):
    return EWSDateTime(*parts, tzinfo=zone)


def by_subject(site):
    return {item.subject: item for item in sign_in(site).calendar.all()}


def occurrences(site, subject):
    view = sign_in(site).calendar.view(start=at(2026, 3, 1), end=at(2026, 4, 20))
    return [(item.start.astimezone(BERLIN).strftime("%m-%d %H:%M"), item.location) for item in view if item.subject.startswith(subject)]


def invited(item):
    return {a.mailbox.email_address: a.response_type for a in (item.required_attendees or []) + (item.optional_attendees or [])}


@check
def makes_events(site):
    account = sign_in(site)
    guests = [Attendee(mailbox=Mailbox(email_address="bob@lab.example", name="Bob"), response_type="Unknown")]
    CalendarItem(
        folder=account.calendar, subject="Theirs", start=at(2026, 3, 24, 14), end=at(2026, 3, 24, 15), location="Hall", body="agenda",
        required_attendees=guests, sensitivity="Private", legacy_free_busy_status="OOF", reminder_is_set=True,
        reminder_minutes_before_start=45, categories=["Red"],
    ).save(**QUIETLY)
    day = EWSDate(2026, 7, 1)
    CalendarItem(folder=account.calendar, subject="Their holiday", start=day, end=day, is_all_day=True).save(**QUIETLY)
    series = CalendarItem(
        folder=account.calendar, subject="Their series", start=at(2026, 3, 16, 9), end=at(2026, 3, 16, 10),
        recurrence=Recurrence(pattern=WeeklyPattern(interval=1, weekdays=["Monday"]), start=EWSDate(2026, 3, 16), number=5),
    )
    series.save(**QUIETLY)
    moved = account.calendar.get(id=series.id).occurrence(index=2)
    moved.refresh()
    moved.start, moved.end, moved.location = at(2026, 3, 24, 16), at(2026, 3, 24, 17), "Garden"
    moved.save(update_fields=["start", "end", "location"], **QUIETLY)
    account.calendar.get(id=series.id).occurrence(index=4).delete(send_meeting_cancellations=SEND_TO_NONE)


@check
def has_only_its_own(site):
    """Covers: AV-63 (calendar)"""
    assert set(by_subject(site)) == {"Theirs", "Their holiday", "Their series"}, by_subject(site).keys()


@check
def has_ours(site):
    """Covers: AV-78 (Exchange shows ours), AV-79 (to the instant)"""
    ours = eventually("ours", lambda: by_subject(site).get("Ours"))
    assert (ours.start, ours.end) == (at(2026, 11, 23, 9), at(2026, 11, 23, 10, 30)), (ours.start, ours.end)
    assert (ours.location, ours.text_body.strip(), ours.legacy_free_busy_status) == ("Room 1", "our agenda", "Tentative"), ours
    assert (ours.reminder_is_set, ours.reminder_minutes_before_start) == (True, 5), ours
    assert invited(ours).keys() == {"bob@lab.example"}, ours.required_attendees
    assert ours._start_timezone.ms_id == "W. Europe Standard Time", ours._start_timezone
    night = by_subject(site)["Night"]
    assert night.start == at(2026, 12, 1, 2, 15, zone=EWSTimeZone("UTC")) - datetime.timedelta(hours=5, minutes=45), night.start
    whole = by_subject(site)["Our holiday"]
    assert whole.is_all_day and (whole.start, whole.end) == (EWSDate(2026, 12, 24), EWSDate(2026, 12, 25)), (whole.start, whole.end)
    far = {item.subject for item in by_subject(site).values() if item.start and str(item.start)[:4] in ("2019", "2031")}
    assert far == {"Long ago", "Long after"}, far


@check
def has_our_series(site):
    """Covers: AV-78 (series, Exchange)"""
    wanted = [("03-02 09:00", "Desk"), ("03-16 14:00", "Desk"), ("03-23 09:00", "Desk"), ("03-30 09:00", "Desk"), ("04-06 09:00", "Desk")]
    found = eventually("our series", lambda: (lambda all: all if all == wanted else None)(occurrences(site, "Stand-up")[:5]))
    assert found == wanted, found


@check
def has_the_series(site):
    """Covers: AV-78 (broken off)"""
    starts = [start for start, _ in occurrences(site, site["name"])]
    assert starts[:4] == ["03-02 09:00", "03-16 14:00", "03-23 09:00", "03-30 09:00"], starts
    assert sum(item.subject == site["name"] for item in sign_in(site).calendar.all()) == 1


@check
def edits_ours(site):
    ours = by_subject(site)["Ours"]
    ours.location = "Room 2"
    ours.save(update_fields=["location"], **QUIETLY)
    series = by_subject(site)["Stand-up"]
    later = series.occurrence(index=6)
    later.refresh()
    later.start, later.end = at(2026, 4, 7, 10), at(2026, 4, 7, 11)
    later.save(update_fields=["start", "end"], **QUIETLY)


@check
def sees_both_edits(site):
    """Covers: AV-78 (both ways)"""

    def both():
        ours = by_subject(site)["Our subject"] if "Our subject" in by_subject(site) else None
        return ours and ours.location == "Room 2" and ours.start == at(2026, 11, 23, 11)

    eventually("both edits", both)
    wanted = ["03-02 09:00", "03-16 14:00", "03-23 09:00", "04-07 10:00", "04-13 09:00"]
    eventually("both changed occurrences", lambda: [start for start, _ in occurrences(site, "Stand-up")][:5] == wanted)


@check
def knows_what_tieline_does_not(site):
    """An update writes what changed and leaves the rest: how important the user finds one occurrence."""
    moved = by_subject(site)["Stand-up"].occurrence(index=6)
    moved.refresh()
    moved.importance = "High"
    moved.save(update_fields=["importance"], **QUIETLY)


@check
def still_has_it(site):
    moved = by_subject(site)["Stand-up"].occurrence(index=6)
    moved.refresh()
    assert moved.importance == "High", moved.importance


@check
def changes_one_occurrence(site):
    """The second one gets another text and another guest, and its guest has declined."""
    one = by_subject(site)["Ours weekly"].occurrence(index=2)
    one.refresh()
    one.body = "bring slides"
    guests = [("bob@lab.example", "Decline"), ("carol@lab.example", "Unknown")]
    one.required_attendees = [Attendee(mailbox=Mailbox(email_address=address), response_type=answer) for address, answer in guests]
    one.save(update_fields=["body", "required_attendees"], **QUIETLY)


@check
def sees_the_other_occurrence(site):
    """Covers: AV-78 (one occurrence's text and guests)"""

    def third():
        one = by_subject(site)["Ours weekly"].occurrence(index=3)
        one.refresh()
        return (one.text_body or "").strip() == "from here" and set(invited(one)) == {"carol@lab.example"}

    eventually("the third occurrence", third)
    series = by_subject(site)["Ours weekly"]
    assert (series.text_body or "").strip() == "usual" and set(invited(series)) == {"bob@lab.example"}, series.text_body
    second = series.occurrence(index=2)
    second.refresh()
    assert (second.text_body or "").strip() == "bring slides", second.text_body


@check
def invites_alice(site):
    account = sign_in(site)
    guests = [Attendee(mailbox=Mailbox(email_address="alice@lab.example"), response_type="Unknown")]
    CalendarItem(
        folder=account.calendar, subject="Bob's", start=at(2026, 11, 25, 9), end=at(2026, 11, 25, 10), required_attendees=guests
    ).save(send_meeting_invitations="SendToAllAndSaveCopy")


@check
def calls_it_off(site):
    by_subject(site)["Bob's"].cancel()


@check
def sees_who_organizes(site):
    """Covers: AV-78 (organizer, Exchange)"""
    items = eventually("both", lambda: (lambda all: all if {"Own", "Carol's"} <= set(all) else None)(by_subject(site)))
    found = {name: items[name].organizer.email_address for name in ("Own", "Carol's")}
    assert found == {"Own": "alice@lab.example", "Carol's": "carol@lab.example"}, found
    assert not items["Own"].is_cancelled and not items["Carol's"].is_cancelled


@check
def sees_it_called_off(site):
    """Covers: AV-78 (called off, Exchange)"""
    eventually("it to be called off", lambda: by_subject(site)["Carol's"].is_cancelled)
    assert by_subject(site)["Carol's"].organizer.email_address == "carol@lab.example"


@check
def has_each_once(site):
    """Covers: AV-12 (calendar), AV-76 (exact)"""
    subjects = sorted(item.subject for item in sign_in(site).calendar.all())
    assert subjects == ["Ours", "Their holiday", "Their series", "Theirs"], subjects


@check
def makes_one_named(site):
    account = sign_in(site)
    CalendarItem(folder=account.calendar, subject=site["name"], start=at(2026, 11, 24, 9), end=at(2026, 11, 24, 10)).save(**QUIETLY)


@check
def writes_company(site):
    """The field of an event that both sides edit is its location."""
    event = by_subject(site)[site["name"]]
    event.location = site["company"]
    event.save(update_fields=["location"], **QUIETLY)


@check
def shows_company(site):
    event = by_subject(site)[site["name"]]
    assert event.location == site["company"], event.location


@check
def deletes_one_named(site):
    by_subject(site)[site["name"]].move_to_trash(send_meeting_cancellations=SEND_TO_NONE)


@check
def has_none(site):
    eventually("all to go", lambda: not by_subject(site))


@check
def deletes_ours(site):
    by_subject(site)["Our subject"].move_to_trash(send_meeting_cancellations=SEND_TO_NONE)


@check
def has_ours_again(site):
    ours = eventually("ours again", lambda: by_subject(site).get("Our subject"))
    assert invited(ours).keys() == {"bob@lab.example"}, ours.required_attendees


@check
def has_lost_theirs(site):
    eventually("theirs to go", lambda: "Theirs" not in by_subject(site))


@check
def has_one_named(site):
    assert list(by_subject(site)) == [site["name"]], by_subject(site).keys()


@check
def has_many_events(site):
    """Covers: AV-76 (exact calendar)"""
    found = [item.subject for item in sign_in(site).calendar.all().only("subject")]
    wanted = {f"Number {number} {name}" for name, many in site["many"].items() for number in range(many)}
    assert len(found) == len(wanted) and set(found) == wanted, (len(found), len(wanted), sorted(set(found) ^ wanted)[:5])


@check
def was_told_nothing(site):
    """Covers: AV-78 (no invitations)"""
    account = sign_in(site)
    assert not list(account.inbox.all().only("subject")), [item.subject for item in account.inbox.all()]
    assert not list(account.sent.all().only("subject")), [item.subject for item in account.sent.all()]


main()
