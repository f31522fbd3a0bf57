"""exchangelib against the lab's calendars: views, series and their exceptions, meetings between users, free and busy.

Series are held against python-dateutil: what it expands, the lab has to expand too.
"""

import datetime
import random
import zoneinfo

from dateutil import rrule
from exchangelib import Attendee, CalendarItem, EWSDate, EWSDateTime, EWSTimeZone, ExtendedProperty, Folder
from exchangelib.errors import (
    ErrorCalendarEndDateIsEarlierThanStartDate,
    ErrorCalendarFolderIsInvalidForCalendarView,
    ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange,
    ErrorCalendarOccurrenceIsDeletedFromRecurrence,
    ErrorCalendarViewRangeTooBig,
    ErrorItemNotFound,
)
from exchangelib.folders import Calendar
from exchangelib.items import (
    SEND_ONLY_TO_ALL,
    SEND_TO_ALL_AND_SAVE_COPY,
    SEND_TO_CHANGED_AND_SAVE_COPY,
    SEND_TO_NONE,
    MeetingCancellation,
    MeetingRequest,
    MeetingResponse,
)
from exchangelib.recurrence import (
    AbsoluteMonthlyPattern,
    AbsoluteYearlyPattern,
    DailyPattern,
    Recurrence,
    RelativeMonthlyPattern,
    RelativeYearlyPattern,
    WeeklyPattern,
)

from lab_client import Judge, account, ready

BERLIN = EWSTimeZone("Europe/Berlin")
UTC = EWSTimeZone("UTC")
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
RULE_DAYS = [rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU]


class CleanGlobalObjectId(ExtendedProperty):
    distinguished_property_set_id = "Meeting"
    property_id = 0x23
    property_type = "Binary"


class GlobalObjectId(ExtendedProperty):
    distinguished_property_set_id = "Meeting"
    property_id = 0x03
    property_type = "Binary"


CalendarItem.register("clean_global_object_id", CleanGlobalObjectId)
CalendarItem.register("global_object_id", GlobalObjectId)


def at(*parts, zone=BERLIN):
    return EWSDateTime(*parts, tzinfo=zone)


def new_calendar(user, name):
    folder = Calendar(parent=user.calendar, name=name)
    folder.save()
    return folder


def series(user, folder, subject, begin, pattern, hours=1, **kwargs):
    item = CalendarItem(
        account=user,
        folder=folder,
        subject=subject,
        start=begin,
        end=begin + datetime.timedelta(hours=hours),
        recurrence=Recurrence(pattern=pattern, **kwargs),
    )
    return item


def refused(judge, what, error, action):
    try:
        action()
    except error:
        judge.check(what, True)
    except Exception as other:
        judge.check(what, False, repr(other))
    else:
        judge.check(what, False, "was not refused")


def random_series(numbers):
    """A recurrence as exchangelib and as dateutil say it. Days 29 to 31 mean the month's last day where it is shorter."""
    start = datetime.date(2026, 1, 1) + datetime.timedelta(days=numbers.randrange(300))
    kind = numbers.choice(["daily", "weekly", "absolute monthly", "relative monthly", "absolute yearly", "relative yearly"])
    month, day, interval = numbers.randrange(1, 13), numbers.randrange(1, 32), numbers.randrange(1, 5)
    clamp = {"bymonthday": tuple(range(28, day + 1)) if day > 28 else (day,), "bysetpos": -1}
    week = numbers.randrange(1, 6)
    position = -1 if week == 5 else week
    weekday = numbers.randrange(10)
    names = [*DAYS, "Day", "Weekday", "WeekendDay"]
    sets = [*[[day] for day in RULE_DAYS], RULE_DAYS, RULE_DAYS[:5], RULE_DAYS[5:]]
    relative = {"byweekday": sets[weekday], "bysetpos": position}
    if kind == "daily":
        pattern, rule = DailyPattern(interval=interval), {"freq": rrule.DAILY, "interval": interval}
    elif kind == "weekly":
        chosen = sorted(numbers.sample(range(7), numbers.randrange(1, 4)))
        first = numbers.randrange(7)
        pattern = WeeklyPattern(interval=interval, weekdays=[DAYS[n] for n in chosen], first_day_of_week=DAYS[first])
        rule = {"freq": rrule.WEEKLY, "interval": interval, "byweekday": [RULE_DAYS[n] for n in chosen], "wkst": RULE_DAYS[first]}
    elif kind == "absolute monthly":
        pattern = AbsoluteMonthlyPattern(interval=interval, day_of_month=day)
        rule = {"freq": rrule.MONTHLY, "interval": interval, **clamp}
    elif kind == "relative monthly":
        pattern = RelativeMonthlyPattern(interval=interval, weekday=names[weekday], week_number=week)
        rule = {"freq": rrule.MONTHLY, "interval": interval, **relative}
    elif kind == "absolute yearly":
        pattern = AbsoluteYearlyPattern(day_of_month=day, month=month)
        rule = {"freq": rrule.YEARLY, "bymonth": month, **clamp}
    else:
        pattern = RelativeYearlyPattern(weekday=names[weekday], week_number=week, month=month)
        rule = {"freq": rrule.YEARLY, "bymonth": month, **relative}
    end = numbers.choice(["none", "number", "date"])
    boundary = {}
    if end == "number":
        boundary["number"] = rule["count"] = numbers.randrange(1, 60)
    elif end == "date":
        last = start + datetime.timedelta(days=numbers.randrange(400, 600))
        boundary["end"] = EWSDate.from_date(last)
        rule["until"] = datetime.datetime.combine(last, datetime.time(23, 59))
    return start, pattern, boundary, rule


def generated_series(judge, user):
    """Covers nothing by itself: every pattern over two years, hour by hour, against python-dateutil."""
    numbers = random.Random(20261123)
    folder = new_calendar(user, "Generated")
    zones = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "UTC"]
    window = (datetime.datetime(2026, 1, 1), datetime.datetime(2028, 1, 1))
    wanted, items = {}, []
    for n in range(80):
        start, pattern, boundary, rule = random_series(numbers)
        zone = zones[n % len(zones)]
        # Half of them at night, where the clocks change.
        time = datetime.time(numbers.choice([1, 2, 2, 3, 9, 17, 23]), 30)
        begin = datetime.datetime.combine(start, time)
        dates = rrule.rrule(dtstart=begin, **rule).between(window[0] - datetime.timedelta(2), window[1], inc=True)
        instants = [d.replace(tzinfo=zoneinfo.ZoneInfo(zone)).astimezone(datetime.timezone.utc) for d in dates]
        first, last = (d.replace(tzinfo=datetime.timezone.utc) for d in window)
        subject = f"Series {n}"
        if not rrule.rrule(dtstart=begin, **rule)[:1]:
            continue
        wanted[subject] = sorted(d for d in instants if first <= d < last)
        item = series(user, folder, subject, EWSDateTime.from_datetime(begin.replace(tzinfo=EWSTimeZone(zone))), pattern, 0,
                      start=EWSDate.from_date(start), **boundary)
        items.append(item)
    user.bulk_create(folder=folder, items=items, send_meeting_invitations=SEND_TO_NONE)
    found = {subject: set() for subject in wanted}
    month = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    while month < datetime.datetime(2028, 1, 1, tzinfo=UTC):
        until = (month + datetime.timedelta(days=32)).replace(day=1)
        view = folder.view(start=EWSDateTime.from_datetime(month), end=EWSDateTime.from_datetime(until))
        for item in view.only("subject", "start"):
            found[item.subject].add(datetime.datetime.fromtimestamp(item.start.timestamp(), datetime.timezone.utc))
        month = until
    different = {s: (sorted(found[s] ^ set(wanted[s]))[:4], items[n].recurrence) for n, s in enumerate(wanted) if found[s] != set(wanted[s])}
    judge.check("two years of generated series", not different, str(dict(list(different.items())[:3])))
    judge.check("and not few", sum(map(len, wanted.values())) > 2000, str(sum(map(len, wanted.values()))))
    judge.equal("masters without a view", {i.type for i in folder.all().only("type")}, {"RecurringMaster"})


def views(judge, user):
    folder = new_calendar(user, "Views")
    one = CalendarItem(account=user, folder=folder, subject="One", start=at(2026, 11, 23, 9), end=at(2026, 11, 23, 10), location="Room 1")
    one.save()
    day = CalendarItem(account=user, folder=folder, subject="All day", start=EWSDate(2026, 11, 24), end=EWSDate(2026, 11, 25), is_all_day=True)
    day.save()
    series(user, folder, "Daily", at(2026, 11, 20, 8), DailyPattern(interval=1), start=EWSDate(2026, 11, 20), number=10).save()
    view = lambda *bounds, **kwargs: [(i.subject, i.type) for i in folder.view(start=bounds[0], end=bounds[1], **kwargs)]
    judge.equal(
        "a window, by start",
        view(at(2026, 11, 23, 0), at(2026, 11, 24, 8)),
        [("Daily", "Occurrence"), ("One", "Single"), ("All day", "Single")],
    )
    judge.equal("overlap at the edges", view(at(2026, 11, 23, 9, 30), at(2026, 11, 23, 9, 45)), [("One", "Single")])
    judge.equal("touching is not overlapping", view(at(2026, 11, 23, 10), at(2026, 11, 23, 11)), [])
    judge.equal("cut at the most wanted", view(at(2026, 11, 20, 0), at(2026, 12, 20, 0), max_items=3), [("Daily", "Occurrence")] * 3)
    bounds = lambda *b: list(folder.view(start=b[0], end=b[1]))
    refused(judge, "too wide a window", ErrorCalendarViewRangeTooBig, lambda: bounds(at(2026, 1, 1), at(2029, 1, 1)))
    refused(
        judge, "a view of the inbox", ErrorCalendarFolderIsInvalidForCalendarView,
        lambda: list(Folder.view(user.inbox, start=at(2026, 1, 1), end=at(2026, 2, 1))) if hasattr(Folder, "view") else inbox_view(user),
    )
    got = folder.get(id=one.id)
    judge.equal("duration", got.duration, "PT1H")
    judge.equal("no meeting", (got.is_meeting, got.is_recurring, got.type, got.my_response_type), (False, False, "Single", "Unknown"))
    judge.equal("organizer", got.organizer.email_address, user.primary_smtp_address)
    judge.equal("zone", got._start_timezone.ms_id, "W. Europe Standard Time")
    judge.equal("an all-day event keeps its days", (folder.get(id=day.id).start, folder.get(id=day.id).end), (EWSDate(2026, 11, 24), EWSDate(2026, 11, 25)))
    uid, changekey = got.uid, got.changekey
    got.subject = "One again"
    got.save(update_fields=["subject"])
    again = folder.get(id=one.id)
    judge.equal("UID stays", again.uid, uid)
    judge.check("change key does not", again.changekey != changekey)
    twin = CalendarItem(account=user, folder=user.calendar, subject="Twin", start=at(2026, 12, 1, 9), end=at(2026, 12, 1, 10))
    twin.save()
    CalendarItem(account=user, folder=user.calendar, subject="Over", start=at(2026, 12, 1, 9, 30), end=at(2026, 12, 1, 11)).save()
    CalendarItem(account=user, folder=user.calendar, subject="Next", start=at(2026, 12, 1, 10), end=at(2026, 12, 1, 10, 30)).save()
    twin = user.calendar.get(id=twin.id)
    judge.equal("neighbours", (twin.conflicting_meeting_count, twin.adjacent_meeting_count), (1, 1))
    judge.equal("conflicting one", [i.subject for i in twin.conflicting_meetings], ["Over"])
    refused(
        judge, "an end before the start", ErrorCalendarEndDateIsEarlierThanStartDate,
        lambda: backwards(user, folder),
    )
    user.calendar.all().delete(send_meeting_cancellations=SEND_TO_NONE)


def inbox_view(user):
    from exchangelib.services import FindItem  # noqa: F401  a view needs a calendar's class in exchangelib

    inbox = Calendar(root=user.root, parent=user.inbox.parent, id=user.inbox.id, changekey=user.inbox.changekey, name="x")
    return list(inbox.view(start=at(2026, 1, 1), end=at(2026, 2, 1)))


def backwards(user, folder):
    item = CalendarItem(account=user, folder=folder, subject="Back", start=at(2026, 1, 2), end=at(2026, 1, 3))
    item.save()
    item.end = at(2026, 1, 1)
    CalendarItem.clean, kept = (lambda self, version=None: None), CalendarItem.clean
    try:
        item.save(update_fields=["end"])
    finally:
        CalendarItem.clean = kept


def occurrences(judge, user):
    folder = new_calendar(user, "Occurrences")
    start = at(2026, 3, 16, 9)
    item = series(user, folder, "Weekly", start, WeeklyPattern(interval=1, weekdays=["Monday"]), start=EWSDate(2026, 3, 16), number=5)
    item.save()
    master = folder.get(id=item.id)
    judge.equal("a master", (master.type, master.is_recurring), ("RecurringMaster", True))
    judge.equal("first and last", (master.first_occurrence.start, master.last_occurrence.start), (start, at(2026, 4, 13, 9)))
    listed = list(folder.view(start=at(2026, 3, 1), end=at(2026, 5, 1)))
    judge.equal("nine o'clock on both sides of summer time", [i.start for i in listed], [at(2026, 3, 16, 9) + datetime.timedelta(weeks=n) for n in range(5)])
    judge.equal("all of one meeting", {bytes(i.clean_global_object_id) for i in listed}, {bytes(master.clean_global_object_id)})
    judge.equal("each its own", len({bytes(i.global_object_id) for i in listed}), 5)
    second = master.occurrence(index=2)
    second.refresh()
    judge.equal("by index", (second.start, second.type, second.original_start), (at(2026, 3, 23, 9), "Occurrence", at(2026, 3, 23, 9)))
    judge.equal("the same as in the view", second.id, listed[1].id)
    above = second.recurring_master()
    above.refresh()
    judge.equal("its master", above.id, master.id)
    sync = list(folder.sync_items())
    state = folder.item_sync_state
    judge.equal("synchronised as a master", [(kind, i.type) for kind, i in sync], [("create", "RecurringMaster")])
    second.start, second.end = at(2026, 3, 24, 14), at(2026, 3, 24, 15)
    second.subject = "Moved"
    second.save(update_fields=["start", "end", "subject"], send_meeting_invitations=SEND_TO_NONE)
    third = master.occurrence(index=3)
    third.delete(send_meeting_cancellations=SEND_TO_NONE)
    changed = list(folder.sync_items(sync_state=state))
    judge.equal("an exception is an update of the master", [(kind, i.id) for kind, i in changed], [("update", master.id)])
    listed = list(folder.view(start=at(2026, 3, 1), end=at(2026, 5, 1)))
    judge.equal(
        "after a move and a deletion",
        [(i.start, i.subject, i.type) for i in listed],
        [
            (at(2026, 3, 16, 9), "Weekly", "Occurrence"),
            (at(2026, 3, 24, 14), "Moved", "Exception"),
            (at(2026, 4, 6, 9), "Weekly", "Occurrence"),
            (at(2026, 4, 13, 9), "Weekly", "Occurrence"),
        ],
    )
    master = folder.get(id=item.id)
    judge.equal("modified", [(o.start, o.original_start) for o in master.modified_occurrences], [(at(2026, 3, 24, 14), at(2026, 3, 23, 9))])
    judge.equal("deleted", [o.start for o in master.deleted_occurrences], [at(2026, 3, 30, 9)])
    refused(judge, "a deleted occurrence", ErrorCalendarOccurrenceIsDeletedFromRecurrence, master.occurrence(index=3).refresh)
    refused(judge, "beyond the last", ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange, master.occurrence(index=6).refresh)
    again = master.occurrence(index=2)
    again.refresh()
    judge.equal("an exception keeps its id", (again.id, again.subject), (second.id, "Moved"))
    master.location = "Hall"
    master.save(update_fields=["location"], send_meeting_invitations=SEND_TO_NONE)
    judge.equal("what the exception has not of its own", {i.location for i in folder.view(start=at(2026, 3, 1), end=at(2026, 5, 1))}, {"Hall"})
    master = folder.get(id=item.id)
    master.delete(send_meeting_cancellations=SEND_TO_NONE)
    refused(judge, "gone with its master", ErrorItemNotFound, lambda: folder.get(id=second.id))


def only(items):
    items = list(items)
    assert len(items) == 1, items
    return items[0]


def answer_of(meeting, user):
    attendees = (meeting.required_attendees or []) + (meeting.optional_attendees or []) + (meeting.resources or [])
    found = only(a for a in attendees if a.mailbox.email_address == user.primary_smtp_address)
    return found.response_type


def meeting(judge, alice, bob, carol):
    start = at(2027, 1, 12, 10)
    item = CalendarItem(
        account=alice, folder=alice.calendar, subject="Plan", body="Please come", location="Room 7", start=start,
        end=start + datetime.timedelta(hours=1), required_attendees=[Attendee(mailbox="bob@lab.example")],
        optional_attendees=[Attendee(mailbox="carol@lab.example")],
    )
    item.save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    mine = alice.calendar.get(id=item.id)
    judge.equal("organizer's side", (mine.is_meeting, mine.my_response_type, mine.meeting_request_was_sent), (True, "Organizer", True))
    judge.equal("copy in Sent Items", alice.sent.filter(subject="Plan").count(), 1)
    request = only(i for i in bob.inbox.filter(subject="Plan"))
    judge.check("a meeting request", isinstance(request, MeetingRequest), repr(type(request)))
    judge.equal("kind of request", request.meeting_request_type, "NewMeetingRequest")
    judge.equal("what it says", (request.start, request.location, request.organizer.email_address), (start, "Room 7", "alice@lab.example"))
    judge.check("its body", "Please come" in request.body)
    entry = only(bob.calendar.view(start=start, end=start + datetime.timedelta(hours=1)))
    judge.equal("entered tentatively", (entry.legacy_free_busy_status, entry.my_response_type), ("Tentative", "NoResponseReceived"))
    judge.equal("one UID", entry.uid, mine.uid)
    judge.equal("associated", request.associated_calendar_item_id.id, entry.id)
    request.accept(body="Gladly")
    entry = only(bob.calendar.view(start=start, end=start + datetime.timedelta(hours=1)))
    judge.equal("accepted", (entry.legacy_free_busy_status, entry.my_response_type), ("Busy", "Accept"))
    judge.equal("request put away", (bob.inbox.filter(subject="Plan").count(), bob.trash.filter(subject="Plan").count()), (0, 1))
    response = only(alice.inbox.filter(subject="Accepted: Plan"))
    judge.check("a response", isinstance(response, MeetingResponse), repr(type(response)))
    judge.equal("its answer", (response.response_type, response.item_class), ("Accept", "IPM.Schedule.Meeting.Resp.Pos"))
    mine = alice.calendar.get(id=item.id)
    judge.equal("tracked", (answer_of(mine, bob), answer_of(mine, carol)), ("Accept", "Unknown"))
    judge.check("with its time", only(mine.required_attendees).last_response_time is not None)
    entry_id = only(carol.calendar.view(start=start, end=start + datetime.timedelta(hours=1))).id
    carol.calendar.get(id=entry_id).tentatively_accept(body="Perhaps")
    mine = alice.calendar.get(id=item.id)
    judge.equal("answered on the calendar item", answer_of(mine, carol), "Tentative")

    mine.location = "Room 8"
    mine.save(update_fields=["location"], send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    update = only(bob.inbox.filter(subject="Plan"))
    judge.equal("a small update", update.meeting_request_type, "InformationalUpdate")
    entry = only(bob.calendar.view(start=start, end=start + datetime.timedelta(hours=1)))
    judge.equal("keeps the answer", (entry.location, entry.my_response_type), ("Room 8", "Accept"))
    mine = alice.calendar.get(id=item.id)
    later = start + datetime.timedelta(days=1)
    mine.start, mine.end = later, later + datetime.timedelta(hours=1)
    mine.save(update_fields=["start", "end"], send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    mine = alice.calendar.get(id=item.id)
    judge.equal("a new version", (mine.appointment_sequence_number, answer_of(mine, bob)), (1, "Unknown"))
    entry = only(bob.calendar.view(start=later, end=later + datetime.timedelta(hours=1)))
    judge.equal("to be answered anew", (entry.my_response_type, entry.legacy_free_busy_status), ("NoResponseReceived", "Tentative"))
    judge.equal("gone from the old time", list(bob.calendar.view(start=start, end=start + datetime.timedelta(hours=1))), [])
    only(i for i in bob.inbox.filter(subject="Plan") if i.meeting_request_type == "FullUpdate").decline()
    judge.equal("declined: out of the calendar", bob.calendar.all().count(), 0)
    judge.equal("declined: tracked", answer_of(alice.calendar.get(id=item.id), bob), "Decline")

    mine = alice.calendar.get(id=item.id)
    before = carol.inbox.all().count()
    mine.required_attendees = [Attendee(mailbox="user4@lab.example")]
    mine.save(update_fields=["required_attendees"], send_meeting_invitations=SEND_TO_CHANGED_AND_SAVE_COPY)
    judge.equal("who stayed is not told", carol.inbox.all().count(), before)
    judge.check("who left is told", any(isinstance(i, MeetingCancellation) for i in bob.inbox.filter(subject="Canceled: Plan")))
    user4 = account_of(alice, "user4")
    judge.equal("who came is invited", [i.meeting_request_type for i in user4.inbox.filter(subject="Plan")], ["NewMeetingRequest"])
    alice.calendar.get(id=item.id).cancel()
    notice = only(i for i in carol.inbox.filter(subject="Canceled: Plan"))
    judge.check("a cancellation", isinstance(notice, MeetingCancellation), repr(type(notice)))
    entry = only(carol.calendar.view(start=later, end=later + datetime.timedelta(hours=1)))
    judge.equal("cancelled entry", (entry.is_cancelled, entry.subject, entry.legacy_free_busy_status), (True, "Canceled: Plan", "Free"))
    judge.equal("organizer's entry is gone", alice.calendar.all().count(), 0)
    for user in (alice, bob, carol, user4):
        user.calendar.all().delete(send_meeting_cancellations=SEND_TO_NONE)
        user.inbox.all().delete()


def account_of(other, user):
    return account(LAB, user)


def series_meeting(judge, alice, bob):
    start = at(2027, 2, 1, 10)
    item = series(alice, alice.calendar, "Team", start, WeeklyPattern(interval=1, weekdays=["Monday"]), start=EWSDate(2027, 2, 1), number=4)
    item.required_attendees = [Attendee(mailbox="bob@lab.example")]
    item.save(send_meeting_invitations=SEND_ONLY_TO_ALL)
    judge.equal("no copy", alice.sent.filter(subject="Team").count(), 0)
    request = only(bob.inbox.filter(subject="Team"))
    judge.equal("a request for a series", (request.type, request.recurrence.boundary.number), ("RecurringMaster", 4))
    request.accept()
    month = (at(2027, 2, 1, 0), at(2027, 3, 15, 0))
    view = lambda user: [(i.start, i.my_response_type, i.is_cancelled) for i in user.calendar.view(*month)]
    judge.equal("accepted as a whole", {i[1] for i in view(bob)}, {"Accept"})
    master = alice.calendar.get(id=item.id)
    second = master.occurrence(index=2)
    second.refresh()
    moved = at(2027, 2, 9, 15)
    second.start, second.end = moved, moved + datetime.timedelta(hours=1)
    second.save(update_fields=["start", "end"], send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    update = only(i for i in bob.inbox.filter(subject="Team"))
    judge.equal("an update for one occurrence", (update.type, update.start), ("Exception", moved))
    judge.equal("only it moved, and asks again", view(bob)[1], (moved, "NoResponseReceived", False))
    judge.equal("the others stay accepted", {i[1] for n, i in enumerate(view(bob)) if n != 1}, {"Accept"})
    update.accept()
    judge.equal("answered", view(bob)[1], (moved, "Accept", False))
    second = master.occurrence(index=2)
    second.refresh()
    judge.equal("tracked at the occurrence", answer_of(second, bob), "Accept")
    third = alice.calendar.get(id=item.id).occurrence(index=3)
    third.refresh()
    third.delete(send_meeting_cancellations=SEND_ONLY_TO_ALL)
    judge.equal("three left at the organizer's", len(view(alice)), 3)
    judge.equal("one cancelled at the attendee's", [i[2] for i in view(bob)], [False, False, True, False])
    judge.equal("told so", bob.inbox.filter(subject="Canceled: Team").count(), 1)
    alice.calendar.get(id=item.id).delete(send_meeting_cancellations=SEND_TO_ALL_AND_SAVE_COPY)
    judge.equal("all cancelled", {i[2] for i in view(bob)}, {True})
    for user in (alice, bob):
        user.calendar.all().delete(send_meeting_cancellations=SEND_TO_NONE)
        user.inbox.all().delete()


def free_and_busy(judge, alice, bob, carol):
    day = lambda hour, minute=0: at(2027, 3, 10, hour, minute)
    for subject, start, end, status in [
        ("Busy", day(9), day(10), "Busy"),
        ("Tentative", day(9, 30), day(11), "Tentative"),
        ("Away", day(14), day(15), "OOF"),
        ("Free", day(16), day(17), "Free"),
    ]:
        CalendarItem(account=bob, folder=bob.calendar, subject=subject, start=start, end=end, legacy_free_busy_status=status).save()
    asked = [(bob, "Required", False), (carol, "Optional", False), ("nobody@lab.example", "Required", False)]
    found = list(alice.protocol.get_free_busy_info(accounts=asked, start=day(8), end=day(18), merged_free_busy_interval=30))
    judge.equal("bob's hours", found[0].merged, "00221100000033000000")
    judge.equal("carol is free", found[1].merged, "0" * 20)
    judge.equal("bob's events", [(e.start, e.end, e.busy_type) for e in found[0].calendar_events or []], [
        (day(9), day(10), "Busy"), (day(9, 30), day(11), "Tentative"), (day(14), day(15), "OOF"), (day(16), day(17), "Free"),
    ])
    judge.check("working hours", bool(found[0].working_hours))
    judge.check("an error for whom nobody knows", isinstance(found[2], Exception), repr(found[2]))
    plain = list(alice.protocol.get_free_busy_info(accounts=asked[:1], start=day(8), end=day(18), requested_view="FreeBusy"))
    judge.equal("only times", [e.details for e in plain[0].calendar_events], [None] * 4)
    bob.calendar.all().delete(send_meeting_cancellations=SEND_TO_NONE)


LAB = None


def main():
    global LAB
    judge = Judge("exchangelib-calendar")
    LAB = ready()
    alice, bob, carol = (account(LAB, name) for name in ("alice", "bob", "carol"))
    views(judge, alice)
    occurrences(judge, alice)
    generated_series(judge, alice)
    meeting(judge, alice, bob, carol)
    series_meeting(judge, alice, bob)
    free_and_busy(judge, alice, bob, carol)
    judge.end()


if __name__ == "__main__":
    main()
