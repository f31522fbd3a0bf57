"""A mail user with exchangelib, a mail client nobody here wrote: finds, searches, plays, marks, moves and deletes what Tieline
delivered, and forges what it did not.

The test says `ews`, `address`, `password`, the `checks` to run, and what they need: `expect` (the messages, newest first, each
`number`, `duration_s` and, when known, `name`), `save_to` (a file for the recording), `folder` (where a rule moves to).
"""

import wave
from datetime import timedelta

from exchangelib import FileAttachment, Folder, HTMLBody, Message

from exchange import VOICE_CLASS, sign_in, voice_messages
from judge import check, eventually, main


@check
def finds_what_was_delivered(site):
    """Exactly the messages that were deposited: class, unread, caller, duration, one playable attachment, no receipt asked.

    Covers: AV-87
    """
    found = voice_messages(sign_in(site).inbox)
    expected = site["expect"]
    assert len(found) == len(expected), f"{len(found)} items: {[item.subject for item in found]}"
    for item, wanted in zip(found, expected):
        assert item.item_class == VOICE_CLASS
        assert item.is_read is wanted.get("read", False)
        assert item.telephone_number == wanted["number"], item.telephone_number
        assert item.duration_s == wanted["duration_s"], item.duration_s
        assert wanted["number"] in item.subject or wanted.get("name", wanted["number"]) in item.subject, item.subject
        assert item.is_draft is False
        assert not item.is_read_receipt_requested and not item.is_delivery_receipt_requested
        assert item.has_attachments and len(item.attachments) == 1, item.attachments
        assert item.attachment_order == item.attachments[0].name


@check
def becomes(site):
    """The Inbox comes to hold exactly these messages in this state."""
    inbox = sign_in(site).inbox
    wanted = [(expected["number"], expected.get("read", False)) for expected in site["expect"]]
    eventually(
        f"{wanted} in the Inbox",
        lambda: [(item.telephone_number, item.is_read) for item in voice_messages(inbox)] == wanted,
    )


def find_folder(account, path):
    """`inbox/Calls` to the folder; None while it is not there."""
    names = path.split("/")
    folder = account.inbox
    assert names[0] == "inbox"
    for name in names[1:]:
        folder.refresh()
        folder = next((child for child in folder.children if child.name == name), None)
        if folder is None:
            return None
    return folder


@check
def folder_comes_to_hold(site):
    """So many voice messages or faxes, no more and no fewer."""
    account = sign_in(site)

    def held():
        account.root.clear_cache()
        folder = find_folder(account, site["folder"])
        if folder is None:
            return False
        return len([item for item in folder.all() if item.item_class.startswith("IPM.Note.Microsoft.")]) == site["count"]

    eventually(f"{site['count']} in {site['folder']}", held)


@check
def renames_a_folder(site):
    folder = find_folder(sign_in(site), site["folder"])
    folder.name = site["to"]
    folder.save(update_fields=["name"])


@check
def holds_each_exactly_once(site):
    """Each caller's message is there once, and nothing else is."""
    found = sorted(item.telephone_number for item in sign_in(site).inbox.filter(item_class=VOICE_CLASS))
    wanted = sorted(site["numbers"])
    assert found == wanted, f"missing {set(wanted) - set(found)}, doubled {[n for n in set(found) if found.count(n) > 1]}"


@check
def reads_the_body(site):
    """The body is HTML that names the caller and holds nothing that a program would run."""
    item = voice_messages(sign_in(site).inbox)[0]
    assert isinstance(item.body, HTMLBody), type(item.body)
    assert site["expect"][0]["number"] in item.body
    assert "<script" not in item.body.lower()


@check
def searches(site):
    """Restrictions find the message by what an Outlook user searches for, and nothing else."""
    inbox = sign_in(site).inbox
    newest = voice_messages(inbox)[0]
    number = site["expect"][0]["number"]
    unread = inbox.filter(item_class=VOICE_CLASS, is_read=False)
    assert unread.count() == len([wanted for wanted in site["expect"] if not wanted.get("read", False)])
    assert newest.id in [item.id for item in inbox.filter(telephone_number=number)]
    assert newest.id in [item.id for item in inbox.filter(subject__icontains=newest.subject[:12].lower())]
    since = newest.datetime_received - timedelta(seconds=1)
    assert newest.id in [item.id for item in inbox.filter(datetime_received__gt=since)]
    assert not inbox.filter(telephone_number="+000000").exists()
    assert not inbox.filter(item_class__startswith="IPM.Appointment").exists()


@check
def plays_the_recording(site):
    """The attachment is saved byte by byte; the test measures it with sox."""
    attachment = voice_messages(sign_in(site).inbox)[0].attachments[0]
    assert isinstance(attachment, FileAttachment)
    content = attachment.content
    assert len(content) == attachment.size or attachment.size > 0
    if content[:4] == b"RIFF" and site.get("pcm"):
        with attachment.fp as stream, wave.open(stream) as recording:
            assert recording.getnframes() > 0
    with open(site["save_to"], "wb") as file:
        file.write(content)


@check
def marks_it_read(site):
    """The newest one, or the one from `number`."""
    inbox = sign_in(site).inbox
    number = site.get("number")
    item = next(item for item in voice_messages(inbox) if number in {None, item.telephone_number})
    item.is_read = True
    item.save(update_fields=["is_read"])
    assert inbox.get(id=item.id, changekey=item.changekey).is_read is True


@check
def marks_it_unread(site):
    item = voice_messages(sign_in(site).inbox)[0]
    item.is_read = False
    item.save(update_fields=["is_read"])


@check
def moves_it_as_a_rule_would(site):
    """Into a folder below the Inbox; the item's id changes."""
    inbox = sign_in(site).inbox
    item = voice_messages(inbox)[0]
    folder = Folder(parent=inbox, name=site["folder"])
    folder.save()
    before = item.id
    item.move(to_folder=folder)
    assert item.id != before
    assert len(voice_messages(folder)) == 1


@check
def marks_it_read_in_that_folder(site):
    item = voice_messages(sign_in(site).inbox / site["folder"])[0]
    item.is_read = True
    item.save(update_fields=["is_read"])


@check
def moves_it_to_deleted_items(site):
    account = sign_in(site)
    before = account.trash.filter(item_class=VOICE_CLASS).count()
    voice_messages(account.inbox)[0].move_to_trash()
    assert account.trash.filter(item_class=VOICE_CLASS).count() == before + 1


@check
def soft_deletes_it(site):
    account = sign_in(site)
    before = account.inbox.filter(item_class=VOICE_CLASS).count()
    voice_messages(account.inbox)[0].soft_delete()
    assert account.inbox.filter(item_class=VOICE_CLASS).count() == before - 1


@check
def deletes_it_for_good(site):
    account = sign_in(site)
    before = account.inbox.filter(item_class=VOICE_CLASS).count()
    voice_messages(account.inbox)[0].delete()
    assert account.inbox.filter(item_class=VOICE_CLASS).count() == before - 1


@check
def forges_a_voice_message(site):
    """One with the class and the properties of a voice message, and one copied from a real one with all its marks."""
    account = sign_in(site)
    before = account.inbox.filter(item_class=VOICE_CLASS).count()
    forged = Message(
        account=account,
        folder=account.inbox,
        subject="Voice Mail (9 seconds)",
        body=HTMLBody("<p>Please call.</p>"),
        item_class=VOICE_CLASS,
        telephone_number="+4930999",
        duration_s=9,
        is_read=False,
    )
    forged.attach(FileAttachment(name="voice.wav", content=b"RIFF----WAVEfmt "))
    forged.save()
    copied = 0
    if site.get("copy"):
        voice_messages(account.inbox)[-1].copy(to_folder=account.inbox)
        copied = 1
    assert account.inbox.filter(item_class=VOICE_CLASS).count() == before + 1 + copied


@check
def sends_an_ordinary_message(site):
    account = sign_in(site)
    Message(account=account, folder=account.inbox, subject="Lunch", body="At noon?", is_read=False).save()


main()
