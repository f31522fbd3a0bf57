"""What items look like as MIME, iCalendar and vCard, both ways: exchangelib carries the content, Python's email and the package
icalendar read and write it."""

import base64
import datetime
import email
import email.policy
from email.message import EmailMessage

import icalendar
import requests
from exchangelib import UTC, CalendarItem, Contact, EWSTimeZone, FileAttachment, HTMLBody, ItemAttachment, Mailbox, Message
from exchangelib.indexed_properties import EmailAddress, PhoneNumber
from exchangelib.recurrence import Recurrence, WeeklyPattern
from lab_client import Judge, account, ready

BERLIN = EWSTimeZone("Europe/Berlin")
PICTURE = bytes(range(200)) * 5


ENVELOPE = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header><t:RequestServerVersion Version="Exchange2016"/></s:Header><s:Body>
<m:CreateItem MessageDisposition="SaveOnly" SendMeetingInvitations="SendToNone"><m:SavedItemFolderId><t:DistinguishedFolderId Id="{folder}"/>
</m:SavedItemFolderId><m:Items><t:{kind}><t:MimeContent>{content}</t:MimeContent></t:{kind}></m:Items></m:CreateItem></s:Body></s:Envelope>"""


def create(lab, kind, folder, content):
    """An item from its source alone; exchangelib always sends properties beside it, which count for more."""
    body = ENVELOPE.format(kind=kind, folder=folder, content=base64.b64encode(content).decode())
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    answer = requests.post(lab["ews"], body.encode(), headers=headers, auth=("alice@lab.example", "lab-password"), timeout=60)
    assert 'ResponseClass="Success"' in answer.text, answer.text


def parsed(item):
    return email.message_from_bytes(item.mime_content, policy=email.policy.default)


def judge_message(judge, user):
    inner = Message(account=user, folder=user.inbox, subject="Inner", body="inside", to_recipients=[Mailbox(email_address="x@y.example")])
    message = Message(
        account=user, folder=user.drafts, subject="Größe 你好", to_recipients=[Mailbox(name="Zoë", email_address="zoe@elsewhere.example")],
        body=HTMLBody('<html><body>Übersicht <img src="cid:pic"></body></html>'), importance="High", categories=["Red", "Blau"],
    )
    message.attach(FileAttachment(name="pic.png", content=PICTURE, is_inline=True, content_id="pic", content_type="image/png"))
    message.attach(FileAttachment(name="Maße.bin", content=PICTURE))
    message.attach(ItemAttachment(name="Inner", item=inner))
    message.save()
    source = parsed(user.drafts.get(subject="Größe 你好"))
    judge.equal("subject", source["Subject"], "Größe 你好")
    judge.equal("recipient", [(one.display_name, one.addr_spec) for one in source["To"].addresses], [("Zoë", "zoe@elsewhere.example")])
    judge.equal("importance and categories", (source["Importance"], source["Keywords"]), ("High", "Red, Blau"))
    judge.check("html beside text", "Übersicht" in source.get_body(("html",)).get_content() and "Übersicht" in source.get_body(("plain",)).get_content())
    related = [part for part in source.walk() if part.get("Content-ID") == "<pic>"]
    judge.equal("picture in the text", [(part.get_content_disposition(), part.get_content()) for part in related], [("inline", PICTURE)])
    files = {part.get_filename(): part for part in source.iter_attachments()}
    judge.equal("file", files["Maße.bin"].get_content(), PICTURE)
    nested = [part.get_content() for part in source.walk() if part.get_content_type() == "message/rfc822"]
    judge.equal("attached item", [(one["Subject"], one.get_content().strip()) for one in nested], [("Inner", "inside")])
    attached = next(one for one in user.drafts.get(subject="Größe 你好").attachments if isinstance(one, ItemAttachment))
    judge.equal("an attached item has a source of its own", parsed(attached.item)["Subject"], "Inner")


def judge_source(judge, lab, user):
    inner = EmailMessage()
    inner["Subject"], inner["From"] = "Deep", "a@b.example"
    inner.set_content("deep\n")
    inner.add_attachment(PICTURE, "application", "pdf", filename="deep.pdf")
    source = EmailMessage()
    source["Subject"], source["From"], source["To"] = "Aus Quelle", "Zoë <zoe@elsewhere.example>", "alice@lab.example"
    source["Sensitivity"], source["Disposition-Notification-To"], source["X-Own"] = "Private", "zoe@elsewhere.example", "value"
    source["Keywords"] = "One, Two"
    source.set_content("Grüße\n", charset="iso-8859-1")
    source.add_attachment(inner)
    source.add_attachment(PICTURE, "image", "png", filename="ü.png")
    create(lab, "Message", "inbox", source.as_bytes())
    item = user.inbox.get(subject="Aus Quelle")
    judge.equal("text in its character set", item.text_body.strip(), "Grüße")
    judge.equal("from", (item.author.name, item.author.email_address), ("Zoë", "zoe@elsewhere.example"))
    judge.equal("header fields become properties", (item.sensitivity, item.is_read_receipt_requested, item.categories), ("Private", True, ["One", "Two"]))
    judge.check("and stand in the headers", any((one.name, one.value) == ("X-Own", "value") for one in item.headers), item.headers)
    kinds = {one.name: type(one).__name__ for one in item.attachments}
    judge.equal("attachments", kinds, {"Deep": "ItemAttachment", "ü.png": "FileAttachment"})
    deep = next(one for one in item.attachments if isinstance(one, ItemAttachment)).item
    judge.equal("a message within the message", (deep.subject, deep.text_body.strip()), ("Deep", "deep"))
    judge.equal("with its own attachment", [(one.name, one.content) for one in deep.attachments], [("deep.pdf", PICTURE)])
    judge.equal("the source comes back as it was", item.mime_content.replace(b"\r\n", b"\n"), source.as_bytes().replace(b"\r\n", b"\n"))


def judge_calendar(judge, lab, user):
    start = datetime.datetime(2026, 10, 19, 9, 0, tzinfo=BERLIN)
    CalendarItem(
        account=user, folder=user.calendar, subject="Serie, wöchentlich", location="Raum; 1", start=start, end=start + datetime.timedelta(hours=1),
        body="Zeile 1\nZeile 2", reminder_minutes_before_start=20, reminder_is_set=True,
        recurrence=Recurrence(pattern=WeeklyPattern(interval=1, weekdays=["Monday"], first_day_of_week="Monday"), start=start.date(), number=4),
    ).save()
    master = user.calendar.get(subject="Serie, wöchentlich")
    second = user.calendar.get(subject="Serie, wöchentlich").occurrence(index=2)
    second.location = "Garten"
    second.save(update_fields=["location"])
    master.occurrence(index=3).delete()
    text = user.calendar.get(subject="Serie, wöchentlich").mime_content
    calendar = icalendar.Calendar.from_ical(text)
    events = calendar.walk("VEVENT")
    judge.equal("one series and one exception", len(events), 2)
    judge.equal("text", (str(events[0]["summary"]), str(events[0]["location"])), ("Serie, wöchentlich", "Raum; 1"))
    judge.equal("rule", (events[0]["rrule"]["freq"], events[0]["rrule"]["count"]), (["WEEKLY"], [4]))
    judge.equal("exception", (str(events[1]["location"]), events[1]["recurrence-id"].dt.isoformat()[:16]), ("Garten", "2026-10-26T09:00"))
    judge.equal("deleted one", [one.dt.isoformat()[:16] for one in events[0]["exdate"].dts], ["2026-11-02T09:00"])
    zones = calendar.walk("VTIMEZONE")
    judge.equal("zone", [str(zone["tzid"]) for zone in zones], ["W. Europe Standard Time"])
    judge.equal("alarm", [str(alarm["trigger"].dt) for alarm in events[0].walk("VALARM")], ["-1 day, 23:40:00"])
    other = text.replace(master.uid.encode(), b"copied-1").replace(b"Serie", b"Kopie")
    create(lab, "CalendarItem", "calendar", other)
    window = {"start": datetime.datetime(2026, 10, 1, tzinfo=UTC), "end": datetime.datetime(2026, 12, 1, tzinfo=UTC)}
    found = [(item.start, item.location) for item in user.calendar.view(**window) if item.subject.startswith("Kopie")]
    first = [(item.start, item.location) for item in user.calendar.view(**window) if item.subject.startswith("Serie")]
    judge.equal("written again it is the same series", sorted(found), sorted(first))
    judge.equal("with as many occurrences", len(found), 3)
    custom = icalendar.Calendar.from_ical(text).to_ical().replace(b"W. Europe Standard Time", b"Nobody Knows").replace(b"+0200", b"+0430").replace(b"+0100", b"+0330")
    create(lab, "CalendarItem", "calendar", custom.replace(master.uid.encode(), b"custom-1").replace(b"Serie", b"Eigen"))
    own = next(item for item in user.calendar.all() if item.subject.startswith("Eigen"))
    judge.equal("a zone that nobody knows is read by its rules", own.start.astimezone(UTC).isoformat()[:16], "2026-10-19T04:30")


def judge_contact(judge, lab, user):
    Contact(
        account=user, folder=user.contacts, given_name="Zoë", surname="Ångström", display_name="Zoë Ångström", company_name="Acme; Söhne",
        job_title="Boss", email_addresses=[EmailAddress(label="EmailAddress1", email="zoe@elsewhere.example")],
        phone_numbers=[PhoneNumber(label="MobilePhone", phone_number="+49 170 1")], birthday=datetime.date(1980, 2, 3),
    ).save()
    card = user.contacts.get(given_name="Zoë").mime_content.decode().replace("\r\n ", "").replace(";CHARSET=UTF-8", "")
    lines = card.splitlines()
    for what, line in [("begins", "BEGIN:VCARD"), ("version", "VERSION:3.0"), ("name", "N:Ångström;Zoë;;;"), ("birthday", "BDAY:1980-02-03")]:
        judge.check(f"card: {what}", line in lines, card)
    judge.check("card: firm, escaped", any(line.startswith("ORG:Acme\\; Söhne") for line in lines), card)
    judge.check("card: telephone", any(line.startswith("TEL") and "CELL" in line.upper() and line.endswith("+49 170 1") for line in lines), card)
    create(lab, "Contact", "contacts", card.replace("Zoë", "Adam").encode())
    copy = user.contacts.get(given_name="Adam")
    found = (copy.surname, copy.company_name, copy.job_title, copy.birthday.isoformat()[:10])
    judge.equal("written again it is the same person", found, ("Ångström", "Acme; Söhne", "Boss", "1980-02-03"))
    judge.equal("reached the same way", [one.email for one in copy.email_addresses if one.email], ["zoe@elsewhere.example"])


def main():
    judge = Judge("exchangelib-content")
    lab = ready()
    user = account(lab, "alice")
    judge_message(judge, user)
    judge_source(judge, lab, user)
    judge_calendar(judge, lab, user)
    judge_contact(judge, lab, user)
    judge.end()


if __name__ == "__main__":
    main()
