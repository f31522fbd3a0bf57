"""exchangelib against the lab: folders, messages, search, paging, attachments, flags, moves, deletions."""

import datetime

from exchangelib import (
    EWSDateTime,
    ExtendedProperty,
    FileAttachment,
    Folder,
    HTMLBody,
    ItemAttachment,
    Mailbox,
    Message,
    Q,
)
from exchangelib.errors import ErrorFolderExists, ErrorIrresolvableConflict, ErrorItemNotFound
from exchangelib.folders import Inbox

from lab_client import Judge, account, ready


class TielineGuid(ExtendedProperty):
    distinguished_property_set_id = "PublicStrings"
    property_name = "TielineGuid"
    property_type = "String"


class Flags(ExtendedProperty):
    property_tag = 0x0E07
    property_type = "Integer"


class MessageClass(ExtendedProperty):
    # exchangelib takes item_class for read-only; as a MAPI property it can be set.
    property_tag = 0x001A
    property_type = "String"


class Duration(ExtendedProperty):
    property_tag = 0x6801
    property_type = "Integer"


for name, prop in (
    ("tieline_guid", TielineGuid),
    ("flags", Flags),
    ("duration", Duration),
    ("message_class", MessageClass),
):
    Message.register(name, prop)

VOICE = "IPM.Note.Microsoft.Voicemail.UM.CA"


def refreshed(alice, folder):
    """The folder as the server sees it now, not as the client remembers it."""
    alice.root.clear_cache()
    return alice.inbox / folder.name


def folders(judge, alice):
    tree = alice.root.tree()
    for name in ("Inbox", "Sent Items", "Deleted Items", "Calendar", "Contacts", "Conversation History"):
        judge.check(f"folder tree shows {name}", name in tree)
    judge.equal("inbox class", alice.inbox.folder_class, "IPF.Note")
    made = Folder(parent=alice.inbox, name="Judge")
    made.save()
    judge.check("folder created", made.id is not None)
    try:
        Folder(parent=alice.inbox, name="judge").save()
        judge.check("second folder of that name refused", False)
    except ErrorFolderExists:
        judge.check("second folder of that name refused", True)
    made.name = "Judged"
    made.save(update_fields=["name"])
    judge.check("renamed folder found", (alice.inbox / "Judged").id == made.id)
    inner = Folder(parent=made, name="Inner")
    inner.save()
    judge.equal("child count", refreshed(alice, made).child_folder_count, 1)
    inner.move(alice.msg_folder_root)
    alice.root.clear_cache()
    judge.check("folder id survives the move", (alice.msg_folder_root / "Inner").id == inner.id)
    inner.delete()
    made.delete()
    alice.root.clear_cache()
    judge.check("deleted folder is gone", "Judged" not in [f.name for f in alice.inbox.children])


def voice_message(judge, alice):
    item = Message(
        account=alice,
        folder=alice.inbox,
        subject="Voice mail from +49 30 1234 (12 s)",
        message_class=VOICE,
        body=HTMLBody("<p>You received a voice message from <b>+49 30 1234</b>.</p>"),
        author=Mailbox(name="+49 30 1234", email_address="4930123@calls.lab.example"),
        to_recipients=[Mailbox(email_address="alice@lab.example")],
        tieline_guid="6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        flags=0,
        duration=12,
    )
    audio = bytes(range(256)) * 64
    item.attach(FileAttachment(name="voice.wav", content=audio, content_type="audio/wav"))
    item.save()
    found = list(alice.inbox.filter(tieline_guid="6f9619ff-8b86-d011-b42d-00cf4fc964ff"))
    judge.equal("found by GUID", len(found), 1)
    got = found[0]
    judge.equal("class", got.item_class, VOICE)
    judge.equal("unread", got.is_read, False)
    judge.equal("not a draft", got.is_draft, False)
    judge.equal("duration", got.duration, 12)
    judge.equal("caller", got.author.name, "+49 30 1234")
    judge.equal("attachment name", got.attachments[0].name, "voice.wav")
    judge.equal("audio", got.attachments[0].content, audio)
    judge.check("HTML body", "<b>+49 30 1234</b>" in got.body)
    judge.check("text body", "You received a voice message" in got.text_body)
    judge.check("MIME says voice-ca", b"Content-Class: voice-ca" in got.mime_content)
    judge.check("MIME has the audio", b"voice.wav" in got.mime_content)
    judge.equal("missing GUID finds nothing", alice.inbox.filter(tieline_guid="no such").count(), 0)
    voicemail = alice.inbox.filter(item_class__startswith="IPM.Note.Microsoft.Voicemail")
    judge.equal("unread voice messages", voicemail.filter(is_read=False).count(), 1)
    judge.equal("voicemail search folder", alice.voice_mail.all().count(), 1)
    got.is_read = True
    got.save(update_fields=["is_read"])
    judge.equal("unread after reading", voicemail.filter(is_read=False).count(), 0)
    again = alice.inbox.get(id=got.id)
    judge.equal("read flag", again.is_read, True)
    judge.check("change key changed", again.changekey != found[0].changekey or again.changekey == got.changekey)
    return got


def send(judge, alice, bob):
    before = bob.inbox.all().count()
    message = Message(
        account=alice,
        folder=alice.sent,
        subject="Hello Bob",
        body="Plain text",
        to_recipients=[Mailbox(email_address="bob@lab.example")],
        bcc_recipients=["carol@lab.example"],
    )
    message.send_and_save()
    judge.equal("delivered", bob.inbox.all().count(), before + 1)
    got = bob.inbox.get(subject="Hello Bob")
    judge.equal("sender", got.sender.email_address, "alice@lab.example")
    judge.equal("sender's name", got.sender.name, "Alice Adams")
    judge.equal("unread at bob's", got.is_read, False)
    judge.check("no blind copies told", not got.bcc_recipients)
    judge.equal("copy in Sent Items", alice.sent.filter(subject="Hello Bob").count(), 1)
    judge.equal("text body", got.body.strip(), "Plain text")
    draft = Message(account=alice, folder=alice.drafts, subject="Draft", body="d", to_recipients=["bob@lab.example"])
    draft.save()
    judge.equal("saved as draft", alice.drafts.get(id=draft.id).is_draft, True)
    draft.attach(FileAttachment(name="a.txt", content=b"attached"))
    draft.send()
    judge.equal("draft delivered", bob.inbox.get(subject="Draft").attachments[0].content, b"attached")
    judge.equal("draft gone from Drafts", alice.drafts.filter(subject="Draft").count(), 0)
    got.reply(subject="RE: Hello Bob", body="Hello Alice")
    answer = alice.inbox.get(subject="RE: Hello Bob")
    judge.equal("reply's sender", answer.sender.email_address, "bob@lab.example")
    judge.equal("reply's thread", answer.in_reply_to, got.message_id)
    judge.check("reply quotes", "Hello Alice" in answer.body and "Plain text" in answer.body)
    bob.inbox.get(subject="Draft").forward(subject="FW: Draft", body="see", to_recipients=["alice@lab.example"])
    judge.equal("forwarded attachment", alice.inbox.get(subject="FW: Draft").attachments[0].content, b"attached")
    lost = Message(account=alice, subject="Nobody", body="x", to_recipients=["nobody@lab.example"])
    lost.send()
    judge.equal("report of the unknown address", alice.inbox.filter(subject="Undeliverable: Nobody").count(), 1)


def bulk(judge, alice):
    folder = Folder(parent=alice.inbox, name="Bulk")
    folder.save()
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    items = [
        Message(subject=f"Item {n:03}", body=f"Body {n}", importance="High" if n % 10 == 0 else "Normal")
        for n in range(250)
    ]
    ids = alice.bulk_create(folder=folder, items=items)
    judge.equal("bulk created", len([i for i in ids if i.id]), 250)
    judge.equal("all ids differ", len({i.id for i in ids}), 250)
    judge.equal("count", folder.all().count(), 250)
    judge.equal("total_count", refreshed(alice, folder).total_count, 250)
    ordered = list(folder.all().only("subject").order_by("-subject")[:5])
    judge.equal("sorted, first page", [i.subject for i in ordered], [f"Item {n:03}" for n in range(249, 244, -1)])
    paged = folder.all().only("subject").order_by("subject")
    paged.page_size = 40
    judge.equal("paging reaches everything", [i.subject for i in paged], [f"Item {n:03}" for n in range(250)])
    judge.equal("importance filter", folder.filter(importance="High").count(), 25)
    judge.equal("contains", folder.filter(subject__contains="02").count(), 13)
    judge.equal("icontains", folder.filter(subject__icontains="ITEM 00").count(), 10)
    judge.equal("or", folder.filter(Q(subject="Item 001") | Q(subject="Item 002")).count(), 2)
    judge.equal("not", folder.exclude(subject__startswith="Item 0").count(), 150)
    judge.equal("range", folder.filter(datetime_received__gt=EWSDateTime.from_datetime(start)).count(), 250)
    judge.equal("none in the future", folder.filter(datetime_received__gt=EWSDateTime(2999, 1, 1, tzinfo=alice.default_timezone)).count(), 0)
    judge.equal("exists", folder.filter(tieline_guid__exists=True).count(), 0)
    fetched = list(alice.fetch([(i.id, i.changekey) for i in ids[:30]]))
    judge.equal("fetched with bodies", [i.body for i in fetched[:2]], ["Body 0", "Body 1"])
    for item in fetched:
        item.is_read = True
        item.categories = ["Judged"]
    alice.bulk_update([(item, ("is_read", "categories")) for item in fetched])
    judge.equal("bulk updated", folder.filter(categories__contains=["Judged"]).count(), 30)
    moved = alice.bulk_move(ids=[(i.id, i.changekey) for i in fetched[:10]], to_folder=alice.trash)
    judge.equal("moved", folder.all().count(), 240)
    judge.check("a move gives new ids", not ({m[0] for m in moved} & {i.id for i in fetched}))
    copies = alice.bulk_copy(ids=[(i.id, i.changekey) for i in fetched[10:15]], to_folder=folder)
    judge.equal("copied", (len(copies), folder.all().count()), (5, 245))
    folder.all().delete()
    judge.equal("emptied by deletion", folder.all().count(), 0)
    folder.delete()


def conflicts(judge, alice):
    item = Message(account=alice, folder=alice.drafts, subject="First", body="x")
    item.save()
    twin = alice.drafts.get(id=item.id)
    item.subject = "Second"
    item.save(update_fields=["subject"])
    twin.subject = "Third"
    try:
        twin.save(update_fields=["subject"], conflict_resolution="NeverOverwrite")
        judge.check("stale change refused", False)
    except ErrorIrresolvableConflict:
        judge.check("stale change refused", True)
    twin.save(update_fields=["subject"], conflict_resolution="AlwaysOverwrite")
    judge.equal("overwritten on request", alice.drafts.get(id=item.id).subject, "Third")
    old_id = item.id
    twin.move_to_trash()
    try:
        alice.drafts.get(id=old_id)
        judge.check("old id is void", False)
    except (ErrorItemNotFound, Message.DoesNotExist if hasattr(Message, "DoesNotExist") else ErrorItemNotFound):
        judge.check("old id is void", True)
    judge.equal("in Deleted Items", alice.trash.filter(subject="Third").count(), 1)
    trashed = alice.trash.get(subject="Third")
    trashed.soft_delete()
    judge.equal("soft-deleted to the recoverable items", alice.recoverable_items_deletions.filter(subject="Third").count(), 1)


def attachments(judge, alice):
    item = Message(account=alice, folder=alice.drafts, subject="Parts", body="x")
    item.save()
    item.attach(FileAttachment(name="one.bin", content=b"\x00\x01" * 1000))
    inner = Message(subject="Inner message", body="inside")
    item.attach(ItemAttachment(name="inner", item=inner))
    got = alice.drafts.get(id=item.id)
    judge.equal("two attachments", sorted(a.name for a in got.attachments), ["inner", "one.bin"])
    judge.equal("has_attachments", got.has_attachments, True)
    by_name = {a.name: a for a in got.attachments}
    judge.equal("file content", by_name["one.bin"].content, b"\x00\x01" * 1000)
    with by_name["one.bin"].fp as stream:
        judge.equal("streamed content", stream.read(), b"\x00\x01" * 1000)
    judge.equal("attached item", by_name["inner"].item.subject, "Inner message")
    got.detach(by_name["one.bin"])
    judge.equal("after deletion", [a.name for a in alice.drafts.get(id=item.id).attachments], ["inner"])
    item = alice.drafts.get(id=item.id)
    item.delete()


def mime(judge, alice):
    source = (
        b"From: Fax <fax@lab.example>\r\nTo: alice@lab.example\r\nSubject: =?utf-8?q?Fax_f=C3=BCr_dich?=\r\n"
        b"Message-ID: <mime-1@lab.example>\r\nContent-Class: fax\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nTwo pages\r\n"
    )
    item = Message(account=alice, folder=alice.inbox, mime_content=source)
    item.save()
    got = alice.inbox.get(id=item.id)
    judge.equal("subject from MIME", got.subject, "Fax für dich")
    judge.equal("message id from MIME", got.message_id, "<mime-1@lab.example>")
    judge.equal("class from MIME", got.item_class, "IPM.Note.Microsoft.Fax")
    judge.equal("source given back", got.mime_content, source)
    judge.check("headers", any(h.name == "Content-Class" and h.value == "fax" for h in got.headers))
    got.delete()


def sync(judge, alice):
    folder = Folder(parent=alice.inbox, name="Synced")
    folder.save()
    judge.equal("empty at first", list(folder.sync_items()), [])
    state = folder.item_sync_state
    one = Message(account=alice, folder=folder, subject="one", body="x")
    one.save()
    two = Message(account=alice, folder=folder, subject="two", body="x")
    two.save()
    changes = list(folder.sync_items(sync_state=state))
    judge.equal("two created", sorted((kind, item.subject) for kind, item in changes), [("create", "one"), ("create", "two")])
    state = folder.item_sync_state
    fresh = folder.get(id=one.id)
    fresh.is_read = not fresh.is_read
    fresh.save(update_fields=["is_read"])
    two.subject = "two again"
    two.save(update_fields=["subject"])
    changes = list(folder.sync_items(sync_state=state))
    judge.equal("kinds of change", sorted(kind for kind, _ in changes), ["read_flag_change", "update"])
    state = folder.item_sync_state
    folder.get(id=one.id).delete()
    changes = list(folder.sync_items(sync_state=state))
    judge.equal("deletion", [kind for kind, _ in changes], ["delete"])
    judge.equal("deleted id", changes[0][1].id, one.id)
    alice.bulk_create(folder=folder, items=[Message(subject=f"n{n}", body="x") for n in range(60)])
    folder.item_sync_state = None
    changes = list(folder.sync_items(max_changes_returned=7))
    judge.equal("full listing in pages", len({item.id for _, item in changes}), 61)
    list(alice.inbox.sync_hierarchy())
    state = alice.inbox.folder_sync_state
    child = Folder(parent=folder, name="Child")
    child.save()
    changes = list(alice.inbox.sync_hierarchy(sync_state=state))
    judge.equal("hierarchy change", [(kind, f.name) for kind, f in changes], [("create", "Child")])
    folder.all().delete()
    folder.delete()


def main():
    judge = Judge("exchangelib-messages")
    lab = ready()
    alice = account(lab, "alice", probe=True)
    bob = account(lab, "bob")
    judge.check("version found", str(alice.version).startswith("Build=15.1.2507"), str(alice.version))
    folders(judge, alice)
    voice_message(judge, alice)
    send(judge, alice, bob)
    bulk(judge, alice)
    conflicts(judge, alice)
    attachments(judge, alice)
    mime(judge, alice)
    sync(judge, alice)
    judge.check("alice's inbox is an Inbox", isinstance(alice.inbox, Inbox))
    judge.end()


if __name__ == "__main__":
    main()
