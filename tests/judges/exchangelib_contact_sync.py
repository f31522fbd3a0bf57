"""A mail user with exchangelib, a mail client nobody here wrote, whose contacts Tieline keeps in step.

The test says `ews`, `address`, `password`, and the `checks` to run.
"""

from exchangelib import Contact

from exchange import sign_in
from judge import check, eventually, main


def by_name(site):
    return {contact.surname: contact for contact in sign_in(site).contacts.all() if isinstance(contact, Contact)}


@check
def makes_a_contact(site):
    account = sign_in(site)
    Contact(folder=account.contacts, given_name="Theirs", surname="Alone", display_name="Theirs Alone", company_name="Lab Ltd").save()


@check
def has_only_its_own(site):
    """Covers: AV-63 (contacts)"""
    assert set(by_name(site)) == {"Alone"}, by_name(site)


@check
def has_both(site):
    """Covers: AV-85 (there and undone)"""
    found = eventually("both contacts", lambda: (lambda names: names if set(names) == {"Alone", "Only"} else None)(by_name(site)))
    ours = found["Only"]
    assert [entry.email for entry in ours.email_addresses] == ["ours@x.example"], ours.email_addresses


@check
def edits_another_field(site):
    contact = by_name(site)["Only"]
    contact.company_name = "Edited There"
    contact.save(update_fields=["company_name"])


@check
def sees_both_edits(site):
    """Covers: AV-85 (fields)"""

    def both():
        contact = by_name(site)["Only"]
        numbers = {entry.label: entry.phone_number for entry in contact.phone_numbers or []}
        return contact.company_name == "Edited There" and numbers.get("MobilePhone") == "+49 1"

    eventually("both edits", both)


@check
def deletes_ours(site):
    by_name(site)["Only"].move_to_trash()


@check
def has_exactly(site):
    found = sorted(contact.surname for contact in sign_in(site).contacts.all() if isinstance(contact, Contact))
    assert found == sorted(site["surnames"]), found


@check
def has_many(site):
    """Covers: AV-12 (contacts), AV-76 (exact)"""
    found = [(contact.surname, contact.given_name) for contact in sign_in(site).contacts.all().only("surname", "given_name")]
    wanted = {(name, f"Number {number}") for name, many in site["many"].items() for number in range(many)}
    assert len(found) == len(wanted) and set(found) == wanted, (len(found), len(wanted), sorted(set(found) ^ wanted)[:5])


@check
def makes_one_named(site):
    account = sign_in(site)
    Contact(folder=account.contacts, surname=site["name"], display_name=site["name"], body=site.get("notes")).save()


@check
def deletes_one_named(site):
    by_name(site)[site["name"]].move_to_trash()


@check
def writes_company(site):
    contact = by_name(site)[site["name"]]
    contact.company_name = site["company"]
    contact.save(update_fields=["company_name"])


@check
def shows_company(site):
    contact = by_name(site)[site["name"]]
    assert contact.company_name == site["company"], contact.company_name


@check
def has_one_named(site):
    found = [contact.surname for contact in sign_in(site).contacts.all()]
    assert found == [site["name"]], found


@check
def has_none(site):
    eventually("all to go", lambda: not by_name(site))


@check
def finds_among_the_deleted(site):
    found = sorted(contact.surname for contact in sign_in(site).trash.all() if isinstance(contact, Contact))
    assert found == sorted(site["surnames"]), found


def saved(site):
    """The contact that was saved from the directory, by its name there."""
    found = [contact for contact in sign_in(site).contacts.all() if contact.display_name == site["name"]]
    assert len(found) == 1, found
    return found[0]


@check
def has_the_saved_one(site):
    """Covers: LY-16 (seen in Outlook), LY-28 (seen in Outlook)"""

    def as_told():
        contact = saved(site)
        numbers = {entry.label: entry.phone_number for entry in contact.phone_numbers or []}
        ims = [entry.im_address for entry in contact.im_addresses or []]
        return numbers.get("BusinessPhone") == site["phone"] and site["sip"] in ims

    eventually("the saved contact", as_told)


@check
def edits_the_department(site):
    contact = saved(site)
    contact.department = "Edited There"
    contact.save(update_fields=["department"])


main()
