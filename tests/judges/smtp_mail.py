"""The lab before SMTP peers that nobody here wrote: smtplib hands mail in, aiosmtpd takes what leaves, exchangelib looks at
the mailboxes, and icalendar reads the invitations on the way."""

import argparse
import datetime
import email
import email.policy
import json
import smtplib
import threading
from email.message import EmailMessage

import icalendar
from aiosmtpd.controller import Controller
from exchangelib import UTC, CalendarItem, EWSTimeZone, Mailbox, Message
from exchangelib.items import SEND_TO_ALL_AND_SAVE_COPY
from judge import eventually
from lab_client import Judge, account

PASSWORD = "lab-password"
ALICE, BOB, ZOE = "alice@lab.example", "bob@lab.example", "zoe@elsewhere.example"
BERLIN = EWSTimeZone("Europe/Berlin")


class SmartHost:
    """Takes mail, refuses one address for good and one at first."""

    def __init__(self):
        self.lock = threading.Lock()
        self.mails = []
        self.hesitated = False

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address.startswith("refused@"):
            return "550 5.1.1 nobody of that name here"
        if address.startswith("later@") and not self.hesitated:
            self.hesitated = True
            return "451 4.2.1 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        with self.lock:
            self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), message, envelope.content))
        return "250 OK"

    def for_address(self, address, **wanted):
        """The mail that this address got, the newest last."""
        with self.lock:
            found = [mail for mail in self.mails if address in mail[1]]
        return [mail for mail in found if all(mail[2][name.replace("_", "-")] == value for name, value in wanted.items())]


def calendar_of(message):
    part = next((part for part in message.walk() if part.get_content_type() == "text/calendar"), None)
    assert part is not None, message.as_string()[:2000]
    calendar = icalendar.Calendar.from_ical(part.get_content())
    return part.get_param("method"), calendar, next(iter(calendar.walk("VEVENT")))


def code_of(function, *arguments):
    try:
        function(*arguments)
    except smtplib.SMTPRecipientsRefused as refused:
        return next(iter(refused.recipients.values()))[0]
    except smtplib.SMTPResponseException as refused:
        return refused.smtp_code
    return 250


def judge_in(judge, lab, host, port):
    alice = account(lab, "alice")
    message = EmailMessage()
    message["From"], message["To"] = f"Zoe Zero <{ZOE}>", ALICE
    message["Subject"] = "Von draußen"
    message.set_content("Hallo\n.dot\n" + "x" * 900 + "\n")
    message.add_attachment(b"\0\1\2" * 500, maintype="application", subtype="pdf", filename="Übersicht.pdf")
    with smtplib.SMTP(host, port) as peer:
        judge.check("size is announced", "size" in peer.ehlo()[1].decode().lower() or peer.has_extn("size"))
        peer.send_message(message)
        judge.equal("nobody of that name", code_of(peer.sendmail, ZOE, ["nobody@lab.example"], "x"), 550)
        peer.rset()
        judge.equal("no open relay", code_of(peer.sendmail, ZOE, ["other@elsewhere.example"], "x"), 550)
    item = alice.inbox.get(subject="Von draußen")
    judge.equal("from", (item.sender.email_address, item.sender.name), (ZOE, "Zoe Zero"))
    judge.check("unread, with its lines whole", not item.is_read and "\n.dot" in item.text_body.replace("\r", ""), item.text_body)
    judge.equal("attachment", [(one.name, one.content) for one in item.attachments], [("Übersicht.pdf", b"\0\1\2" * 500)])
    trace = [header.value for header in item.headers or [] if header.name == "Received"]
    judge.check("trace", trace and "with SMTP" in trace[0], trace)
    with smtplib.SMTP(host, port) as peer:
        judge.equal("wrong password", code_of(peer.login, BOB, "wrong"), 535)
        peer.login(BOB, PASSWORD)
        judge.equal("not as somebody else", code_of(peer.sendmail, ALICE, [ALICE], "x"), 550)


def judge_out(judge, lab, smart_host, host, port):
    source = b"From: bob@lab.example\r\nTo: zoe@elsewhere.example\r\nSubject: Signed in\r\n\r\n.\r\nline\r\n"
    with smtplib.SMTP(host, port) as peer:
        peer.login(BOB, PASSWORD)
        peer.sendmail(BOB, [ZOE], source)
    sender, _, _, content = eventually("mail of a user who signed in", lambda: smart_host.for_address(ZOE, Subject="Signed in"))[0]
    judge.equal("envelope", sender, BOB)
    judge.check("content as it was", content.replace(b"\r\n", b"\n").endswith(source.replace(b"\r\n", b"\n")), content)
    alice = account(lab, "alice")
    hidden = "hidden@elsewhere.example"
    Message(
        account=alice, folder=alice.sent, subject="Über EWS", body="Grüße",
        to_recipients=[Mailbox(email_address=ZOE)], bcc_recipients=[Mailbox(email_address=hidden)],
    ).send_and_save()
    _, _, message, _ = eventually("mail sent over EWS", lambda: smart_host.for_address(ZOE, Subject="Über EWS"))[0]
    judge.equal("its text", message.get_body().get_content().strip(), "Grüße")
    found = eventually("the blind copy", lambda: smart_host.for_address(hidden))
    judge.check("blind copies are not told", found[0][2]["Bcc"] is None and hidden not in found[0][3].decode(), found[0][3])
    for name in ("refused", "later"):
        to = [Mailbox(email_address=f"{name}@elsewhere.example")]
        Message(account=alice, subject=f"To {name}", body="x", to_recipients=to).send()
    eventually("a second try", lambda: smart_host.for_address("later@elsewhere.example"))
    judge.check("what is not taken at once is tried again", smart_host.hesitated)
    report = eventually("a report", lambda: list(alice.inbox.filter(subject="Undeliverable: To refused")))[0]
    judge.equal("a refusal comes back to the author", report.item_class, "REPORT.IPM.Note.NDR")
    judge.check("with the reason", "nobody of that name" in report.text_body, report.text_body)


def invitation(uid, start):
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//judge//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "REQUEST")
    event = icalendar.Event()
    event.add("uid", uid)
    event.add("summary", "Call from outside")
    event.add("dtstart", start)
    event.add("dtend", start + datetime.timedelta(minutes=45))
    event.add("dtstamp", datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc))
    event.add("organizer", f"mailto:{ZOE}")
    event.add("attendee", f"mailto:{ALICE}", parameters={"RSVP": "TRUE", "PARTSTAT": "NEEDS-ACTION"})
    calendar.add_component(event)
    calendar.add_missing_timezones()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ZOE, ALICE, "Call from outside"
    message.set_content("Please come\n")
    message.add_alternative(calendar.to_ical(), "text", "calendar", params={"method": "REQUEST", "charset": "utf-8"})
    return message


def judge_invited(judge, lab, smart_host, host, port):
    start = datetime.datetime(2026, 7, 1, 14, 0, tzinfo=BERLIN)
    with smtplib.SMTP(host, port) as peer:
        peer.send_message(invitation("outside-1", start))
    alice = account(lab, "alice")
    request = alice.inbox.get(subject="Call from outside")
    judge.equal("an invitation by mail is a meeting request", request.item_class, "IPM.Schedule.Meeting.Request")
    judge.equal("when", request.start.astimezone(UTC).isoformat(), "2026-07-01T12:00:00+00:00")
    item = alice.calendar.get(subject="Call from outside")
    judge.equal("it stands in the calendar", (item.uid, item.legacy_free_busy_status), ("outside-1", "Tentative"))
    request.accept(message_disposition="SendAndSaveCopy")
    answered = eventually("the answer by mail", lambda: [m for m in smart_host.for_address(ZOE) if m[2]["Subject"].endswith("Call from outside")])
    method, _, event = calendar_of(answered[-1][2])
    attendee = event["attendee"]
    judge.equal("the answer is iMIP", (method, str(event["uid"])), ("REPLY", "outside-1"))
    judge.equal("and says who and how", (attendee.lower(), attendee.params["PARTSTAT"]), (f"mailto:{ALICE}", "ACCEPTED"))


def judge_inviting(judge, lab, smart_host, host, port):
    alice = account(lab, "alice")
    start = datetime.datetime(2026, 11, 2, 9, 0, tzinfo=BERLIN)
    CalendarItem(
        account=alice, folder=alice.calendar, subject="Meeting outside", location="Room 1", start=start,
        end=start + datetime.timedelta(hours=1), required_attendees=[ZOE],
    ).save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
    sent = eventually("the invitation by mail", lambda: smart_host.for_address(ZOE, Subject="Meeting outside"))[0]
    method, calendar, event = calendar_of(sent[2])
    judge.equal("the invitation is iMIP", (method, str(event["summary"]), str(event["location"])), ("REQUEST", "Meeting outside", "Room 1"))
    when = event["dtstart"].dt.astimezone(datetime.timezone.utc).isoformat()
    judge.equal("when, by its own zone", when, "2026-11-02T08:00:00+00:00")
    judge.check("with that zone", calendar.walk("VTIMEZONE"), sent[3])
    judge.equal("whom", [one.lower() for one in [event["attendee"]]], [f"mailto:{ZOE}"])
    reply = EmailMessage()
    reply["From"], reply["To"], reply["Subject"] = ZOE, ALICE, "Declined: Meeting outside"
    reply.set_content("Sorry\n")
    text = (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:{event['uid']}\r\n"
        f"DTSTAMP:20270101T000000Z\r\nDTSTART:20261102T080000Z\r\nDTEND:20261102T090000Z\r\nSEQUENCE:{event.get('sequence', 0)}\r\n"
        f"ORGANIZER:mailto:{ALICE}\r\nATTENDEE;PARTSTAT=DECLINED:mailto:{ZOE}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    reply.add_alternative(text.encode(), "text", "calendar", params={"method": "REPLY", "charset": "utf-8"})
    with smtplib.SMTP(host, port) as peer:
        peer.send_message(reply)
    item = alice.calendar.get(subject="Meeting outside")
    answers = [(one.mailbox.email_address, one.response_type) for one in item.required_attendees]
    judge.equal("the answer by mail is kept", answers, [(ZOE, "Decline")])
    item.delete(send_meeting_cancellations=SEND_TO_ALL_AND_SAVE_COPY)
    cancelled = eventually("the cancellation", lambda: [m for m in smart_host.for_address(ZOE) if m[2]["Subject"].startswith("Canceled")])
    method, _, event = calendar_of(cancelled[0][2])
    judge.equal("the cancellation is iMIP", (method, str(event.get("status"))), ("CANCEL", "CANCELLED"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file", required=True)
    parser.add_argument("--smart-host", type=int, required=True, help="the port to which the lab sends")
    arguments = parser.parse_args()
    with open(arguments.ready_file, encoding="utf-8") as file:
        lab = json.load(file)
    lab["ews"] = lab["ews_http"]
    host, port = lab["smtp"].removeprefix("smtp://").split(":")
    judge = Judge("smtp-mail")
    smart_host = SmartHost()
    controller = Controller(smart_host, hostname="127.0.0.1", port=arguments.smart_host)
    controller.start()
    try:
        judge_in(judge, lab, host, int(port))
        judge_out(judge, lab, smart_host, host, int(port))
        judge_invited(judge, lab, smart_host, host, int(port))
        judge_inviting(judge, lab, smart_host, host, int(port))
    finally:
        controller.stop()
    judge.end()


if __name__ == "__main__":
    main()
