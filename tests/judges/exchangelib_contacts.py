"""A mail user's contacts with exchangelib, a client nobody here wrote: what Tieline wrote there, and what the user does with it.

The test says `ews`, `address`, `password`, the `checks` to run, and `contact`: the contact as Tieline's REST API shows it.
"""

from datetime import date

from exchangelib import Contact, DistributionList, ExtendedProperty, FileAttachment, Mailbox
from exchangelib.indexed_properties import PhoneNumber
from exchangelib.properties import Member

from exchange import sign_in
from judge import check, eventually, main

PHONES = {
    "assistant": "AssistantPhone", "business-fax": "BusinessFax", "business": "BusinessPhone", "business-2": "BusinessPhone2",
    "callback": "Callback", "car": "CarPhone", "company-main": "CompanyMainPhone", "home-fax": "HomeFax", "home": "HomePhone",
    "home-2": "HomePhone2", "isdn": "Isdn", "mobile": "MobilePhone", "other-fax": "OtherFax", "other": "OtherTelephone",
    "pager": "Pager", "primary": "PrimaryPhone", "radio": "RadioPhone", "telex": "Telex", "tty-tdd": "TtyTddPhone",
}
TEXTS = {
    "file_as": "file_as", "display_name": "display_name", "given_name": "given_name", "middle_name": "middle_name",
    "surname": "surname", "suffix": "generation", "nickname": "nickname", "initials": "initials", "company": "company_name",
    "department": "department", "job_title": "job_title", "office": "office", "profession": "profession",
    "manager": "manager", "assistant_name": "assistant_name", "spouse": "spouse_name", "web_page": "business_homepage",
}


# As much of a JPEG as makes one.
PICTURE = bytes.fromhex("ffd8ffe0") + b"JFIF a face" * 100


class Title(ExtendedProperty):
    property_tag = 0x3A45
    property_type = "String"


Contact.register("title_prefix", Title)


def the_contact(site):
    found = list(sign_in(site).contacts.all())
    assert len(found) == 1, found
    return found[0]


@check
def reads_every_field(site):
    """Covers: AV-84 (Exchange)"""
    wanted, found = site["contact"], the_contact(site)
    for ours, theirs in TEXTS.items():
        assert getattr(found, theirs) == wanted[ours], (ours, getattr(found, theirs))
    assert found.title_prefix == wanted["title"]
    mails = {entry.label: entry.email for entry in found.email_addresses}
    assert mails == {f"EmailAddress{slot}": mail["address"] for slot, mail in wanted["mails"].items()}, mails
    ims = {entry.label: entry.im_address for entry in found.im_addresses}
    assert ims == {f"ImAddress{slot}": address for slot, address in wanted["ims"].items()}, ims
    phones = {entry.label: entry.phone_number for entry in found.phone_numbers}
    assert phones == {PHONES[kind]: number for kind, number in wanted["phones"].items()}, phones
    addresses = {entry.label: entry for entry in found.physical_addresses}
    for kind, address in wanted["addresses"].items():
        entry = addresses[kind.capitalize()]
        shown = (entry.street, entry.city, entry.state, entry.zipcode, entry.country)
        assert shown == tuple(address[part] for part in ("street", "city", "state", "postal_code", "country")), shown
    assert found.birthday == date.fromisoformat(wanted["birthday"]), found.birthday
    assert found.wedding_anniversary == date.fromisoformat(wanted["anniversary"])
    assert found.body.replace("\r\n", "\n") == wanted["notes"], found.body
    assert set(found.categories) == set(wanted["categories"])
    assert found.sensitivity == wanted["sensitivity"].capitalize()


@check
def edits_the_contact(site):
    contact = the_contact(site)
    contact.company_name = "Edited Ltd"
    contact.body = "edited there"
    contact.mileage = "17 miles"
    numbers = [n for n in contact.phone_numbers if n.label not in ("MobilePhone", "Pager")]
    contact.phone_numbers = numbers + [PhoneNumber(label="MobilePhone", phone_number="+1 555 0100")]
    contact.save(update_fields=["company_name", "body", "mileage", "phone_numbers"])


@check
def still_has_what_tieline_does_not_know(site):
    """Covers: AV-84 (only what changed)"""
    contact = the_contact(site)
    assert contact.surname == "King"
    assert (contact.mileage, contact.company_name) == ("17 miles", "Edited Ltd")
    homes = [entry for entry in contact.physical_addresses or [] if entry.label == "Home"]
    assert not any((entry.street or entry.city) for entry in homes), homes


@check
def finds_it_among_the_deleted(site):
    account = sign_in(site)
    assert not list(account.contacts.all())
    eventually("the contact in Deleted Items", lambda: [item for item in account.trash.all() if isinstance(item, Contact)])


@check
def makes_contacts(site):
    account = sign_in(site)
    numbers = [("BusinessPhone", "1"), ("BusinessPhone2", "2"), ("MobilePhone", "3")]
    person = Contact(
        folder=account.contacts, given_name="李", surname="小龙", display_name="李 小龙",
        phone_numbers=[PhoneNumber(label=label, phone_number=number) for label, number in numbers],
    )
    person.save()
    person.attach(FileAttachment(name="ContactPicture.jpg", content=PICTURE, is_contact_photo=True))
    members = [Member(mailbox=Mailbox(name=name, email_address=f"{name}@x.example", mailbox_type="OneOff")) for name in "ab"]
    DistributionList(folder=account.contacts, display_name="Team", members=members).save()


@check
def removes_the_picture(site):
    person = next(found for found in sign_in(site).contacts.all() if isinstance(found, Contact))
    person.detach([one for one in person.attachments if one.is_contact_photo])


def pictures(site):
    """Of the only contact that is a person."""
    people = [found for found in sign_in(site).contacts.all() if isinstance(found, Contact)]
    assert len(people) == 1, people
    return [one for one in people[0].attachments if one.is_contact_photo]


@check
def has_one_picture(site):
    """Covers: AV-83 (pictures)"""
    wanted = bytes.fromhex("ffd8ffe0") + site["picture"].encode() if "picture" in site else PICTURE
    found = [one.content for one in pictures(site)]
    assert found == [wanted], found


@check
def has_no_picture(site):
    assert not pictures(site)


@check
def deletes_the_person(site):
    person = next(found for found in sign_in(site).contacts.all() if isinstance(found, Contact))
    person.move_to_trash()


@check
def reads_what_fits(site):
    """Covers: AV-84 (what cannot go over)"""
    found = the_contact(site)
    assert found.department == site["department"], len(found.department)
    assert found.company_name == "Analytical", found.company_name


main()
