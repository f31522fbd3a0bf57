"""DavMail over the lab: calendars by CalDAV (vdirsyncer), with zones, series, exceptions and invitations."""

import datetime
import tempfile

from dav_sync import DavSync
from davmail import PASSWORD, DavMail
from exchangelib import UTC
from lab_client import Judge, account, ready

ALICE = "alice@lab.example"

BERLIN = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


def calendar(*events, zones=BERLIN):
    text = "".join(f"BEGIN:VEVENT\nDTSTAMP:20260101T000000Z\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//judge//EN\n{zones}{text}END:VCALENDAR\n"


SINGLE = """
UID:single-1
SUMMARY:Lunch für zwei
LOCATION:Canteen
DTSTART;TZID=Europe/Berlin:20260701T120000
DTEND;TZID=Europe/Berlin:20260701T130000
DESCRIPTION:Soup\\nand salad
CLASS:PRIVATE
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:x
TRIGGER:-PT30M
END:VALARM
"""
DAY = """
UID:day-1
SUMMARY:Holiday
DTSTART;VALUE=DATE:20260703
DTEND;VALUE=DATE:20260705
TRANSP:TRANSPARENT
"""
WEEKLY = """
UID:weekly-1
SUMMARY:Stand-up
DTSTART;TZID=Europe/Berlin:20261012T090000
DTEND;TZID=Europe/Berlin:20261012T091500
RRULE:FREQ=WEEKLY;COUNT=5;BYDAY=MO
EXDATE;TZID=Europe/Berlin:20261019T090000
"""
MOVED = """
UID:weekly-1
SUMMARY:Stand-up, later
RECURRENCE-ID;TZID=Europe/Berlin:20261102T090000
DTSTART;TZID=Europe/Berlin:20261102T110000
DTEND;TZID=Europe/Berlin:20261102T111500
"""


def view(user, first, last):
    found = user.calendar.view(start=first, end=last)
    return sorted((item.start.astimezone(UTC).isoformat(), item.subject) for item in found)


def judge_single(judge, sync, user):
    sync.write("single.ics", calendar(SINGLE))
    sync.sync()
    item = user.calendar.get(subject="Lunch für zwei")
    judge.equal("start in its zone", item.start.astimezone(UTC).isoformat(), "2026-07-01T10:00:00+00:00")
    judge.equal("end", item.end.astimezone(UTC).isoformat(), "2026-07-01T11:00:00+00:00")
    judge.equal("zone", item._start_timezone.ms_id, "W. Europe Standard Time")
    judge.equal("place, privacy", (item.location, item.sensitivity), ("Canteen", "Private"))
    judge.equal("reminder", (item.reminder_is_set, item.reminder_minutes_before_start), (True, 30))
    judge.check("text", "Soup" in (item.text_body or ""), item.text_body)
    sync.next_second()
    item.location = "Garden"
    item.save(update_fields=["location"])
    files = sync.sync()
    changed = [text for text in files.values() if "LOCATION:Garden" in text]
    judge.check("a change at the server reaches the file", len(changed) == 1, files)
    judge.check("with its zone", changed and "BEGIN:VTIMEZONE" in changed[0] and "T120000" in changed[0], changed)
    sync.next_second()
    name = next(name for name, text in files.items() if "Garden" in text)
    sync.write(name, files[name].replace("T120000", "T123000", 1).replace("Lunch", "Brunch"))
    sync.sync()
    item = user.calendar.get(subject="Brunch für zwei")
    judge.equal("a change of the file reaches the server", item.start.astimezone(UTC).hour, 10)
    sync.remove(name)
    sync.sync()
    judge.equal("a removed file removes the item", user.calendar.all().count(), 0)


def judge_day(judge, sync, user):
    sync.write("day.ics", calendar(DAY, zones=""))
    sync.sync()
    item = user.calendar.get(subject="Holiday")
    judge.equal("whole days", (item.is_all_day, item.legacy_free_busy_status), (True, "Free"))
    lasts = [str(item.start)[:10], str(item.end)[:10]]
    judge.equal("which", lasts[0], "2026-07-03")
    sync.next_second()
    item.categories = ["Red"]
    item.save(update_fields=["categories"])
    files = sync.sync()
    text = next(text for text in files.values() if "Holiday" in text)
    judge.check("dates in the file", "DTSTART;VALUE=DATE:20260703" in text and "20260705" in text, text)
    item.delete()
    judge.equal("an item deleted at the server leaves no file", sync.sync(), {})


def judge_series(judge, sync, user):
    window = (datetime.datetime(2026, 10, 1, tzinfo=UTC), datetime.datetime(2026, 12, 1, tzinfo=UTC))
    sync.write("weekly.ics", calendar(WEEKLY, MOVED))
    sync.sync()
    wanted = [
        ("2026-10-12T07:00:00+00:00", "Stand-up"),
        ("2026-10-26T08:00:00+00:00", "Stand-up"),
        ("2026-11-02T10:00:00+00:00", "Stand-up, later"),
        ("2026-11-09T08:00:00+00:00", "Stand-up"),
    ]
    judge.equal("a series over the change of clocks, less one, one moved", view(user, *window), wanted)
    sync.next_second()
    master = user.calendar.get(subject="Stand-up")
    master.location = "Hall"
    master.save(update_fields=["location"])
    text = next(iter(sync.sync().values()))
    for what, part in [
        ("rule in the file", "RRULE:"),
        ("deleted one in the file", "EXDATE"),
        ("moved one in the file", "RECURRENCE-ID"),
        ("its text in the file", "later\n"),
    ]:
        judge.check(what, part in text, text)
    judge.equal("and nothing changed on the way", view(user, *window), wanted)


def judge_invitation(judge, sync, lab):
    meeting = SINGLE.replace("single-1", "meeting-1").replace("Lunch für zwei", "Invitation").replace("CLASS:PRIVATE\n", "")
    people = "ORGANIZER;CN=Alice:mailto:alice@lab.example\nATTENDEE;PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:bob@lab.example\n"
    sync.write("meeting.ics", calendar(people + meeting))
    sync.sync()
    bob = account(lab, "bob")
    requests = [item for item in bob.inbox.all() if item.item_class == "IPM.Schedule.Meeting.Request"]
    judge.equal("the invited are told", [item.subject for item in requests], ["Invitation"])
    if requests:
        sync.next_second()
        requests[0].accept(message_disposition="SendAndSaveCopy")
        item = account(lab, "alice").calendar.get(subject="Invitation")
        answers = [(one.mailbox.email_address, one.response_type) for one in item.required_attendees or []]
        judge.equal("and their answer is kept", answers, [("bob@lab.example", "Accept")])
        text = next(text for text in sync.sync().values() if "Invitation" in text)
        judge.check("and stands in the file", "PARTSTAT=ACCEPTED" in text.replace("\n ", ""), text)


def main():
    judge = Judge("davmail-calendar")
    lab = ready()
    user = account(lab, "alice")
    with DavMail(lab["ews_http"], "caldav") as gateway, tempfile.TemporaryDirectory() as folder:
        url = f"http://{gateway.host}:{gateway.caldav}/users/{ALICE}/calendar/"
        sync = DavSync(folder, "caldav", url, ALICE, PASSWORD)
        judge_single(judge, sync, user)
        judge_day(judge, sync, user)
        judge_series(judge, sync, user)
        judge_invitation(judge, sync, lab)
    judge.end()


if __name__ == "__main__":
    main()
