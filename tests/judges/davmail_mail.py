"""DavMail over the lab: mail by IMAP, POP and SMTP goes as it does over Exchange.

DavMail is a mail client of its own making that speaks EWS; Python's imaplib, poplib and smtplib stand behind it.
"""

import email
import email.policy
import imaplib
import poplib
import smtplib
from email.message import EmailMessage

from davmail import PASSWORD, DavMail
from lab_client import Judge, ready

ALICE = "alice@lab.example"
BOB = "bob@lab.example"
PICTURE = bytes(range(256)) * 8


def rich_message():
    """HTML beside text, a picture in the text, a file, a message within the message, words in several alphabets."""
    message = EmailMessage()
    message["From"] = "Bob Brown <bob@lab.example>"
    message["To"] = "Alice Adams <alice@lab.example>"
    message["Subject"] = "Grüße, Привет, 你好"
    message["Importance"] = "high"
    message["X-Judge"] = "davmail"
    message.set_content("Text für alle\n")
    message.add_alternative('<p>Text für alle <img src="cid:picture@judge"></p>', subtype="html")
    message.get_payload()[1].add_related(PICTURE, "image", "png", cid="<picture@judge>", filename="p.png")
    message.add_attachment(PICTURE, maintype="application", subtype="octet-stream", filename="Maße.bin")
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner["From"] = "carol@lab.example"
    inner.set_content("inside\n")
    message.add_attachment(inner)
    return message


def judge_imap(judge, gateway):
    client = imaplib.IMAP4(gateway.host, gateway.imap)
    client.login(ALICE, PASSWORD)
    names = [line.decode().split('"')[-2] for line in client.list()[1]]
    judge.check("folders listed", {"INBOX", "Sent", "Trash", "Drafts"} <= set(names), names)
    client.select("INBOX")
    before = len(client.search(None, "ALL")[1][0].split())
    with smtplib.SMTP(gateway.host, gateway.smtp) as sender:
        sender.login(BOB, PASSWORD)
        source = b"From: bob@lab.example\r\nTo: alice@lab.example\r\nSubject: Over SMTP\r\n\r\nhello\r\n"
        sender.sendmail(BOB, [ALICE], source)
    client.select("INBOX")
    found = client.search(None, "ALL")[1][0].split()
    judge.equal("delivered", len(found), before + 1)
    newest = found[-1]
    message = email.message_from_bytes(client.fetch(newest, "(BODY.PEEK[])")[1][0][1])
    judge.equal("subject", message["Subject"], "Over SMTP")
    judge.equal("body", message.get_payload().strip(), "hello")
    judge.check("delivered mail has an id and a date", message["Message-ID"] and message["Date"])
    judge.check("unseen", newest in client.search(None, "UNSEEN")[1][0].split())
    client.store(newest, "+FLAGS", "\\Seen")
    client.select("INBOX")
    judge.check("seen", newest not in client.search(None, "UNSEEN")[1][0].split())
    judge.equal("copied", client.copy(newest, "Trash")[0], "OK")
    client.store(newest, "+FLAGS", "\\Deleted")
    client.expunge()
    client.select("INBOX")
    judge.equal("expunged", len(client.search(None, "ALL")[1][0].split()), before)
    client.append("INBOX", None, None, b"From: x@lab.example\r\nTo: alice@lab.example\r\nSubject: Appended\r\n\r\nx\r\n")
    client.select("INBOX")
    judge.equal("appended and found by subject", len(client.search(None, "SUBJECT", '"Appended"')[1][0].split()), 1)
    done = (client.create("Judged")[0], client.rename("Judged", "Judged again")[0], client.delete('"Judged again"')[0])
    judge.equal("folder made, renamed, deleted", done, ("OK", "OK", "OK"))
    return client


def judge_rich(judge, gateway, client):
    with smtplib.SMTP(gateway.host, gateway.smtp) as sender:
        sender.login(BOB, PASSWORD)
        sender.send_message(rich_message())
    client.select("INBOX")
    newest = client.search(None, "ALL")[1][0].split()[-1]
    answer = client.fetch(newest, "(BODYSTRUCTURE RFC822.SIZE BODY.PEEK[])")[1]
    message = email.message_from_bytes(answer[0][1], policy=email.policy.default)
    judge.equal("words in every alphabet", message["Subject"], "Grüße, Привет, 你好")
    judge.equal("own header fields", message["X-Judge"], "davmail")
    files = {part.get_filename(): part.get_content() for part in message.iter_attachments() if part.get_filename()}
    judge.equal("file", files.get("Maße.bin"), PICTURE)
    inner = [part for part in message.walk() if part.get_content_type() == "message/rfc822"]
    judge.equal("message within the message", [part.get_content()["Subject"] for part in inner], ["Inner"])
    html = message.get_body(("html",))
    judge.check("html", "Text für alle" in html.get_content(), html)
    pictures = [part for part in message.walk() if part.get("Content-ID") == "<picture@judge>"]
    judge.equal("picture in the text", [part.get_content() for part in pictures], [PICTURE])
    flagged = client.store(newest, "+FLAGS", "\\Flagged")[0]
    judge.equal("flagged", (flagged, newest in client.search(None, "FLAGGED")[1][0].split()), ("OK", True))
    client.logout()


def judge_pop(judge, gateway):
    def sign_in():
        client = poplib.POP3(gateway.host, gateway.pop)
        client.user(ALICE)
        client.pass_(PASSWORD)
        return client

    client = sign_in()
    count = client.stat()[0]
    sizes = client.list()[1]
    judge.check("messages counted", count >= 2 and len(sizes) == count, (count, sizes))
    uids = [line.split()[1] for line in client.uidl()[1]]
    judge.equal("each has an id of its own", len(set(uids)), count)
    lines = client.retr(1)[1]
    judge.check("retrieved", any(line.startswith(b"Subject:") for line in lines), lines[:20])
    head = client.top(1, 0)[1]
    judge.check("headers alone", 0 < len(head) <= len(lines), (len(head), len(lines)))
    client.dele(1)
    client.quit()
    client = sign_in()
    judge.equal("deleted", client.stat()[0], count - 1)
    judge.equal("the others kept their ids", [line.split()[1] for line in client.uidl()[1]], uids[1:])
    client.quit()


def main():
    judge = Judge("davmail-mail")
    with DavMail(ready()["ews_http"], "imap", "pop", "smtp") as gateway:
        client = judge_imap(judge, gateway)
        judge_rich(judge, gateway, client)
        judge_pop(judge, gateway)
    judge.end()


if __name__ == "__main__":
    main()
