"""How long exchangelib takes to read all contacts of a mailbox whole: `exchangelib_folder_read.py EWS ADDRESS PASSWORD COUNT`.

Prints seconds. No check, and no judgement: a figure to stand beside ours in `scripts/bench`.
"""

import sys
import time

from exchangelib import DELEGATE, Account, Configuration, Credentials, Version
from exchangelib.version import EXCHANGE_2016


def main():
    ews, address, password, count = sys.argv[1:]
    configuration = Configuration(
        service_endpoint=ews,
        credentials=Credentials(address, password),
        auth_type="basic",
        version=Version(EXCHANGE_2016),
    )
    account = Account(address, config=configuration, autodiscover=False, access_type=DELEGATE)
    contacts = account.contacts
    begin = time.perf_counter()
    read = sum(1 for _ in contacts.all())
    took = time.perf_counter() - begin
    assert read == int(count), f"{read} contacts were read, not {count}"
    print(took)


main()
