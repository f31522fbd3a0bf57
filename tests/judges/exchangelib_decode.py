"""How fast exchangelib turns a SyncFolderItems answer into its own objects: `exchangelib_decode.py FILE`.

Prints the best of a few rounds. No check, and no judgement: a figure to stand beside ours in `scripts/bench`.
"""

import sys
import time

import exchangelib
from exchangelib import DELEGATE, Account, Configuration, Credentials
from exchangelib.services import SyncFolderItems


class Body:
    """What exchangelib wants of an HTTP answer: its content in pieces."""

    def __init__(self, content):
        self.content = content

    def iter_content(self):
        yield self.content

    def close(self):
        pass


def main():
    with open(sys.argv[1], "rb") as file:
        content = file.read()
    configuration = Configuration(
        service_endpoint="http://127.0.0.1:9/EWS/Exchange.asmx",
        credentials=Credentials("alice@lab.example", "unused"),
        auth_type="basic",
        version=exchangelib.Version(exchangelib.version.EXCHANGE_2016),
    )
    account = Account("alice@lab.example", config=configuration, autodiscover=False, access_type=DELEGATE)
    best, changes = float("inf"), []
    for _ in range(5):
        service = SyncFolderItems(account=account)
        begin = time.perf_counter()
        _, body = service._get_soap_parts(response=Body(content))
        elements = service._get_elements_in_response(response=service._get_soap_messages(body=body))
        changes = list(service._elems_to_objs(elements))
        best = min(best, time.perf_counter() - begin)
    print(f"exchangelib:        {len(content) / 1e6 / best:6.1f} MB/s  {best * 1e3:7.2f} ms  ({len(changes)} items)")


main()
