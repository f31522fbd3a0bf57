"""DavMail over the lab: contacts by CardDAV (vdirsyncer) and the directory by LDAP (ldapsearch)."""

import subprocess
import tempfile

from dav_sync import DavSync
from davmail import PASSWORD, DavMail
from lab_client import Judge, account, ready

ALICE = "alice@lab.example"
CARD = """BEGIN:VCARD
VERSION:3.0
UID:eve-1
FN:Eve Eden
N:Eden;Eve;Maria;;
NICKNAME:Evi
EMAIL;TYPE=WORK:eve@x.example
TEL;TYPE=CELL:+49 170 1
TEL;TYPE=WORK:+49 30 1
ORG:Acme;Sales
TITLE:Boss
BDAY:1980-02-03
ADR;TYPE=WORK:;;Main 1;Town;ST;12345;Germany
NOTE:Große Kundin
CATEGORIES:Red
END:VCARD
"""


def judge_cards(judge, lab, gateway):
    url = f"http://{gateway.host}:{gateway.caldav}/users/{ALICE}/contacts/"
    contacts = account(lab, "alice").contacts
    with tempfile.TemporaryDirectory() as folder:
        sync = DavSync(folder, "carddav", url, ALICE, PASSWORD)
        judge.equal("nothing at first", sync.sync(), {})
        sync.write("eve.vcf", CARD)
        sync.sync()
        eve = next(iter(contacts.all()), None)
        found = eve and (eve.display_name, eve.given_name, eve.surname, eve.company_name, eve.job_title)
        judge.equal("a card becomes a contact", found, ("Eve Eden", "Eve", "Eden", "Acme", "Boss"))
        phones = {phone.label: phone.phone_number for phone in eve.phone_numbers or [] if phone.phone_number}
        judge.equal("telephones", (phones.get("MobilePhone"), phones.get("BusinessPhone")), ("+49 170 1", "+49 30 1"))
        judge.equal("birthday", eve.birthday and eve.birthday.isoformat()[:10], "1980-02-03")
        sync.next_second()
        eve.job_title = "Chief"
        eve.save(update_fields=["job_title"])
        cards = sync.sync()
        changed = [text for text in cards.values() if "TITLE:Chief" in text and "FN:Eve Eden" in text]
        judge.equal("a change at the server reaches the file", len(changed), 1)
        judge.check("text beyond ASCII", any("Große Kundin" in text for text in cards.values()), cards)
        sync.next_second()
        name = next(iter(cards))
        sync.write(name, cards[name].replace("TITLE:Chief", "TITLE:Retired"))
        sync.sync()
        judge.equal("a change of the file reaches the server", contacts.get().job_title, "Retired")
        sync.write("second.vcf", CARD.replace("eve-1", "adam-1").replace("Eve", "Adam"))
        sync.sync()
        judge.equal("two contacts", contacts.all().count(), 2)
        sync.remove(name)
        sync.sync()
        judge.equal("a removed file removes the contact", [one.given_name for one in contacts.all()], ["Adam"])
        judge.equal("nothing is left to do", len(sync.sync()), 1)


def judge_directory(judge, gateway):
    def search(query):
        command = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", f"ldap://{gateway.host}:{gateway.ldap}"]
        command += ["-D", ALICE, "-w", PASSWORD, "-b", "ou=people", query]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    code, text = search("(mail=bob*)")
    judge.check("somebody is found by address", code == 0 and "mail: bob@lab.example" in text, (code, text))
    judge.check("with names", "cn: Bob Brown" in text and "sn: Brown" in text, text)
    code, text = search("(cn=Carol*)")
    judge.check("and by name", code == 0 and "mail: carol@lab.example" in text, (code, text))
    code, text = search("(mail=nobody-here*)")
    judge.check("nobody is nobody", code == 0 and "mail:" not in text, (code, text))


def main():
    judge = Judge("davmail-people")
    lab = ready()
    with DavMail(lab["ews_http"], "caldav", "ldap") as gateway:
        judge_cards(judge, lab, gateway)
        judge_directory(judge, gateway)
    judge.end()


if __name__ == "__main__":
    main()
