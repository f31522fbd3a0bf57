"""exchangelib finds out by itself which Exchange it talks to, and works with it. `EXCHANGE` names the version."""

import os

from exchangelib import Message
from exchangelib.errors import ErrorInvalidRequest, ErrorInvalidSchemaVersionForMailboxVersion
from exchangelib.services import GetInboxRules, GetRoomLists

from lab_client import Judge, account, ready

WANTED = {
    "2007-sp1": ("Exchange2007_SP1", 8),
    "2010-sp2": ("Exchange2010_SP2", 14),
    "2013": ("Exchange2013", 15),
    "2019": ("Exchange2016", 15),
}


def main():
    version = os.environ["EXCHANGE"]
    judge = Judge(f"exchangelib-versions {version}")
    lab = ready()
    alice = account(lab, "alice", probe=True)
    found = alice.protocol.version
    judge.equal(f"{version} is recognised", (found.api_version, found.build.major_version), WANTED[version])
    item = Message(account=alice, folder=alice.inbox, subject="In every version", body="text")
    item.save()
    read = alice.inbox.get(subject="In every version")
    judge.equal("an item is written, found and read", (read.id, read.body), (item.id, "text"))
    judge.check("folders are walked", any(folder.name == "Inbox" for folder in alice.root.walk()))
    changes = list(alice.inbox.sync_items())
    judge.check("and synchronised", [change for change, _ in changes] == ["create"], changes)
    for service, since in ((GetRoomLists, "2010"), (GetInboxRules, "2010")):
        name = service.SERVICE_NAME
        # exchangelib does not ask servers that it knows to be too old; asked all the same, they refuse every version.
        try:
            list(service(protocol=alice.protocol).call() if service is GetRoomLists else service(account=alice).call())
            judge.check(f"{name} is there", version >= since)
        except (NotImplementedError, ErrorInvalidRequest, ErrorInvalidSchemaVersionForMailboxVersion) as error:
            judge.check(f"{name} came with {since}", version < since, error)
    judge.end()


if __name__ == "__main__":
    main()
