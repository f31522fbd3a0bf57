"""A user whose own programs speak CardDAV and CalDAV (vdirsyncer through DavMail), while Tieline keeps the same mailbox in step.

The test says `ews`, `address`, `password`, `tieline` (the server's address), `token`, and the `checks` to run.
"""

import json
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from davmail import DavMail
from davmail_calendar import calendar
from davmail_people import CARD
from dav_sync import DavSync
from judge import check, eventually, main

SERIES = """
UID:weekly-1
SUMMARY:Stand-up
LOCATION:Desk
DTSTART;TZID=Europe/Berlin:20260302T090000
DTEND;TZID=Europe/Berlin:20260302T091500
RRULE:FREQ=WEEKLY;COUNT=8;BYDAY=MO
EXDATE;TZID=Europe/Berlin:20260309T090000
"""
MOVED = """
UID:weekly-1
SUMMARY:Stand-up, later
LOCATION:Desk
RECURRENCE-ID;TZID=Europe/Berlin:20260316T090000
DTSTART;TZID=Europe/Berlin:20260316T140000
DTEND;TZID=Europe/Berlin:20260316T141500
"""
SPAN = {"from": "2026-03-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"}


class Tieline:
    """What an administrator's program asks."""

    def __init__(self, site):
        self.base, self.token = site["tieline"], site["token"]

    def ask(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def all(self, noun, **asked):
        query = "?" + urllib.parse.urlencode({"limit": 500, **asked})
        return self.ask("GET", f"/api/v1/mailboxes/1001/{noun}{query}")["items"]

    def run(self, kind):
        """A pass that begins now, to its end."""
        said = self.ask("POST", "/api/v1/mailboxes/1001/sync", {"kind": kind, "word": "run"})["said"]

        def heard():
            status = next(one for one in self.ask("GET", "/api/v1/mailboxes/1001/sync")["items"] if one["kind"] == kind)
            return status if (status["heard"] or "") >= said else None

        status = eventually(f"a pass over {kind}", heard)
        assert status["standing"] == "in-step" and status["conflicts"] == 0 and not status["aside"], status


def collection(site, gateway, folder, kind):
    name = {"caldav": "calendar", "carddav": "contacts"}[kind]
    url = f"http://{gateway.host}:{gateway.caldav}/users/{site['address']}/{name}/"
    return DavSync(folder, kind, url, site["address"], site["password"])


def unfolded(files):
    return {name: text.replace("\r\n", "\n").replace("\n ", "") for name, text in files.items()}


def settled(tieline, client, kind, noun, many):
    """Nothing is doubled, and nothing moves any more: each side has so many, and two more rounds change none of them."""
    before = None
    for _ in range(3):
        tieline.run(kind)
        files, here = client.sync(), tieline.all(noun)
        assert (len(files), len(here)) == (many, many), (list(files), [one["headline"] for one in here])
        now = (files, sorted((one["id"], one["version"]) for one in here))
        assert before in (None, now), (before, now)
        before = now
    return before[0]


@check
def contacts_meet(site):
    """Covers: AV-83 (CardDAV), AV-85 (CardDAV), X-08 (contacts)"""
    tieline = Tieline(site)
    with DavMail(site["ews"], "caldav") as gateway, tempfile.TemporaryDirectory() as folder:
        client = collection(site, gateway, folder, "carddav")
        client.write("eve.vcf", CARD)
        client.sync()
        tieline.run("contacts")
        (eve,) = tieline.all("contacts")
        fields = eve["contact"]
        assert (fields["given_name"], fields["surname"], fields["company"], fields["job_title"]) == ("Eve", "Eden", "Acme", "Boss"), fields
        assert (fields["phones"]["mobile"], fields["notes"].strip()) == ("+49 170 1", "Große Kundin"), fields

        # Each edits another field of her.
        client.next_second()
        tieline.ask("PATCH", f"/api/v1/contacts/{eve['id']}", {"company": "Acme Übersee"})
        tieline.ask("POST", "/api/v1/mailboxes/1001/contacts", {"given_name": "Adam", "surname": "Ours"})
        tieline.run("contacts")
        files = unfolded(client.sync())
        assert any("Acme Übersee" in text and "TITLE:Boss" in text for text in files.values()), files
        assert any("Ours" in text for text in files.values()), files
        client.next_second()
        name = next(name for name, text in files.items() if "TITLE:Boss" in text)
        text = (client.files / name).read_text(encoding="utf-8")
        client.write(name, text.replace("TITLE:Boss", "TITLE:Chief"))
        client.sync()
        tieline.run("contacts")
        now = tieline.ask("GET", f"/api/v1/contacts/{eve['id']}")["contact"]
        assert (now["job_title"], now["company"], now["phones"]["mobile"]) == ("Chief", "Acme Übersee", "+49 170 1"), now
        settled(tieline, client, "contacts", "contacts", 2)

        # One goes there, one goes here.
        client.remove(name)
        client.sync()
        tieline.run("contacts")
        (left,) = tieline.all("contacts")
        assert left["contact"]["surname"] == "Ours", left
        settled(tieline, client, "contacts", "contacts", 1)
        tieline.ask("DELETE", f"/api/v1/contacts/{left['id']}")
        tieline.run("contacts")
        assert client.sync() == {}


def starts(tieline):
    (series,) = [one for one in tieline.all("events", **SPAN) if one["event"]["schedule"]["recurrence"]]
    return [one["start"] for one in series["occurrences"]]


@check
def calendars_meet(site):
    """Covers: AV-78 (CalDAV), AV-79 (CalDAV), X-08 (calendar)"""
    tieline = Tieline(site)
    with DavMail(site["ews"], "caldav") as gateway, tempfile.TemporaryDirectory() as folder:
        client = collection(site, gateway, folder, "caldav")
        client.write("weekly.ics", calendar(SERIES, MOVED))
        client.sync()
        tieline.run("calendar")
        wanted = ["2026-03-02T08:00:00Z", "2026-03-16T13:00:00Z", "2026-03-23T08:00:00Z", "2026-03-30T07:00:00Z"]
        assert starts(tieline)[:4] == wanted, starts(tieline)
        assert len(starts(tieline)) == 7, starts(tieline)

        # Tieline moves the whole series to another place, calls one occurrence off, and has an event of its own.
        client.next_second()
        (series,) = tieline.all("events")
        schedule = series["event"]["schedule"]
        schedule["recurrence"]["cancelled"].append("2026-03-30T09:00:00")
        tieline.ask("PATCH", f"/api/v1/events/{series['id']}", {"location": "Hall", "schedule": schedule})
        when = {name: {"local": f"2026-04-02T{hour}:00:00", "zone": {"id": "Europe/Berlin"}} for name, hour in (("start", "12"), ("end", "13"))}
        tieline.ask("POST", "/api/v1/mailboxes/1001/events", {"subject": "Ours", "schedule": {**when, "all_day": False, "recurrence": None}})
        tieline.run("calendar")
        files = unfolded(client.sync())
        name, text = next((name, text) for name, text in files.items() if "Stand-up" in text)
        assert "RRULE:" in text and "RECURRENCE-ID" in text and "Stand-up, later" in text.replace("\\,", ","), text
        assert text.count("LOCATION:Hall") >= 1 and "T140000" in text, text
        gone = {day for day in ("20260309", "20260330") if any(line.startswith("EXDATE") and day in line for line in text.splitlines())}
        assert gone == {"20260309", "20260330"}, text
        ours = next(text for text in files.values() if "SUMMARY:Ours" in text)
        assert "DTSTART;TZID=Europe/Berlin:20260402T120000" in ours.replace('"', ""), ours

        # The user's own program moves the single one. A series it had better not touch: DavMail writes the pattern anew, without
        # its count and what was left out, and tells Exchange so.
        client.next_second()
        other = next(other for other, text in files.items() if "SUMMARY:Ours" in text)
        text = (client.files / other).read_text(encoding="utf-8")
        client.write(other, text.replace("T120000", "T150000").replace("T130000", "T160000"))
        client.sync()
        tieline.run("calendar")
        wanted = [
            "2026-03-02T08:00:00Z", "2026-03-16T13:00:00Z", "2026-03-23T08:00:00Z", "2026-04-06T07:00:00Z", "2026-04-13T07:00:00Z",
            "2026-04-20T07:00:00Z",
        ]
        assert starts(tieline) == wanted, starts(tieline)
        (ours,) = [one for one in tieline.all("events", **SPAN) if one["event"]["subject"] == "Ours"]
        assert ours["occurrences"][0]["start"] == "2026-04-02T13:00:00Z", ours
        settled(tieline, client, "calendar", "events", 2)

        # One goes there, one goes here.
        client.remove(other)
        client.sync()
        tieline.run("calendar")
        (left,) = tieline.all("events")
        assert left["event"]["subject"] == "Stand-up", left
        tieline.ask("DELETE", f"/api/v1/events/{left['id']}")
        tieline.run("calendar")
        assert client.sync() == {}


main()
