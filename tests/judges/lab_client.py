"""What the exchangelib judges share: the ready file, an account on the lab, and checks that say what they saw."""

import argparse
import json
import sys
import urllib3

from exchangelib import DELEGATE, IMPERSONATION, Account, Configuration, Credentials
from exchangelib.protocol import BaseProtocol, NoVerifyHTTPAdapter
from exchangelib.version import EXCHANGE_2016, Version

# The lab's certificate is its own; judges that trust it do so through REQUESTS_CA_BUNDLE.
urllib3.disable_warnings()


class Judge:
    """Counts what held and what did not."""

    def __init__(self, name):
        self.name = name
        self.held = 0
        self.failed = 0

    def check(self, what, ok, detail=""):
        if ok:
            self.held += 1
            print(f"ok {what}")
        else:
            self.failed += 1
            print(f"failed {what} {detail}")
        sys.stdout.flush()
        return ok

    def equal(self, what, found, wanted):
        return self.check(what, found == wanted, f"found {found!r}, wanted {wanted!r}")

    def end(self):
        print(f"{self.name}: {self.held} passed, {self.failed} failed")
        sys.exit(1 if self.failed or not self.held else 0)


def ready():
    """The ready file named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file", required=True)
    parser.add_argument("--https", action="store_true", help="use the self-signed HTTPS listener")
    arguments = parser.parse_args()
    with open(arguments.ready_file, encoding="utf-8") as file:
        found = json.load(file)
    found["ews"] = found["ews_https"] if arguments.https or not found["ews_http"] else found["ews_http"]
    return found


def account(lab, user, caller=None, signed_in=None, password="lab-password", probe=False):
    """An account on the lab: the user's own, or through `caller` who impersonates, or as `signed_in` sees it.
    `probe` lets the client find out version and authentication by itself."""
    BaseProtocol.HTTP_ADAPTER_CLS = NoVerifyHTTPAdapter
    address = f"{user}@lab.example"
    credentials = Credentials(username=f"{caller or signed_in or user}@lab.example", password=password)
    known = {} if probe else {"auth_type": "basic", "version": Version(EXCHANGE_2016)}
    config = Configuration(service_endpoint=lab["ews"], credentials=credentials, **known)
    access = IMPERSONATION if caller else DELEGATE
    return Account(address, config=config, autodiscover=False, access_type=access)
