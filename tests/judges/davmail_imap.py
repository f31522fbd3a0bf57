"""DavMail (Debian's davmail-server) over the lab: its IMAP and SMTP sides work as they do over Exchange.

DavMail is a mail client of its own making that speaks EWS; Python's imaplib and smtplib stand behind it.
"""

import email
import imaplib
import pathlib
import smtplib
import socket
import subprocess
import tempfile
import time

from lab_client import Judge, ready

PASSWORD = "lab-password"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def properties(url, imap, smtp, folder):
    settings = {
        "davmail.server": "true",
        "davmail.mode": "EWS",
        "davmail.enableEws": "true",
        "davmail.url": url,
        "davmail.imapPort": imap,
        "davmail.smtpPort": smtp,
        "davmail.caldavPort": 0,
        "davmail.ldapPort": 0,
        "davmail.popPort": 0,
        "davmail.bindAddress": "127.0.0.1",
        "davmail.allowRemote": "false",
        "davmail.disableUpdateCheck": "true",
        "davmail.enableKerberos": "false",
        "davmail.timezoneId": "Europe/Berlin",
        "davmail.logFilePath": folder / "davmail.log",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def start(url, imap, smtp, folder):
    file = folder / "davmail.properties"
    file.write_text(properties(url, imap, smtp, folder), encoding="utf-8")
    output = open(folder / "davmail.out", "w", encoding="utf-8")
    process = subprocess.Popen(["davmail-server", str(file)], stdout=output, stderr=subprocess.STDOUT)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", imap), 1).close()
            return process
        except OSError:
            time.sleep(0.2)
    process.terminate()
    raise SystemExit(f"DavMail did not listen on {imap} within 60 s; see {folder}")


def judge_mail(judge, imap, smtp):
    client = imaplib.IMAP4("127.0.0.1", imap)
    client.login("alice@lab.example", PASSWORD)
    names = [line.decode().split('"')[-2] for line in client.list()[1]]
    judge.check("folders listed", {"INBOX", "Sent", "Trash", "Drafts", "Conversation History"} <= set(names), names)
    client.select("INBOX")
    before = len(client.search(None, "ALL")[1][0].split())
    with smtplib.SMTP("127.0.0.1", smtp) as sender:
        sender.login("bob@lab.example", PASSWORD)
        source = b"From: bob@lab.example\r\nTo: alice@lab.example\r\nSubject: Over SMTP\r\n\r\nhello\r\n"
        sender.sendmail("bob@lab.example", ["alice@lab.example"], source)
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
    client.logout()


def main():
    judge = Judge("davmail-imap")
    lab = ready()
    imap, smtp = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = start(lab["ews_http"], imap, smtp, pathlib.Path(folder))
        try:
            judge_mail(judge, imap, smtp)
        finally:
            process.terminate()
            process.wait()
    judge.end()


if __name__ == "__main__":
    main()
