"""exchangelib and curl sign in to the lab: NTLM, Basic and OAuth2, over plain HTTP and over TLS, with and without
Extended Protection.

`--require` says that the lab requires channel bindings."""

import argparse
import json
import os
import subprocess

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

import urllib3
from exchangelib import IMPERSONATION, DELEGATE, BASIC, NTLM, OAUTH2, Account, Configuration, Credentials, Identity
from exchangelib import OAuth2Credentials, Message
from exchangelib.errors import UnauthorizedError
from exchangelib.protocol import BaseProtocol, NoVerifyHTTPAdapter
from exchangelib.version import EXCHANGE_2016, Version

from lab_client import Judge

urllib3.disable_warnings()
BaseProtocol.HTTP_ADAPTER_CLS = NoVerifyHTTPAdapter


class LabCredentials(OAuth2Credentials):
    """The lab is its own issuer."""

    url = None

    @property
    def token_url(self):
        return self.url


def account(url, user, credentials, auth_type, access=DELEGATE):
    version = Version(EXCHANGE_2016)
    config = Configuration(service_endpoint=url, credentials=credentials, auth_type=auth_type, version=version)
    return Account(f"{user}@lab.example", config=config, autodiscover=False, access_type=access)


def works(person, subject):
    """Writes a message and finds it again, over as many requests as that takes."""
    Message(account=person, folder=person.inbox, subject=subject, body="x").save()
    return person.inbox.filter(subject=subject).count() == 1


def refused(person):
    try:
        person.inbox.refresh()
    except UnauthorizedError:
        return True
    return False


def curl(url, *options):
    """HTTP status of a GET."""
    command = ["curl", "--silent", "--insecure", "--output", os.devnull, "--write-out", "%{http_code}", *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout


def passwords(judge, where, url, bound):
    for auth_type, logon in ((NTLM, "LAB\\alice"), (BASIC, "alice@lab.example")):
        person = account(url, "alice", Credentials(logon, "lab-password"), auth_type)
        if bound or auth_type == BASIC:
            judge.check(f"exchangelib by {auth_type} {where}", works(person, f"{auth_type} {where}"))
        else:
            judge.check(f"exchangelib by {auth_type} {where} is refused unbound", refused(person))
        stranger = account(url, "bob", Credentials(logon.replace("alice", "bob"), "wrong"), auth_type)
        judge.check(f"exchangelib by {auth_type} {where} with a wrong password", refused(stranger))


def tokens(judge, where, url, oauth2):
    LabCredentials.url = oauth2["token_url"]
    credentials = LabCredentials(
        client_id=oauth2["client_id"],
        client_secret=oauth2["client_secret"],
        tenant_id=oauth2["tenant"],
        identity=Identity(primary_smtp_address="carol@lab.example"),
    )
    carol = account(url, "carol", credentials, OAUTH2, IMPERSONATION)
    judge.check(f"exchangelib by oauth2 {where}", works(carol, f"oauth2 {where}"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file", required=True)
    parser.add_argument("--require", action="store_true")
    arguments = parser.parse_args()
    with open(arguments.ready_file, encoding="utf-8") as file:
        lab = json.load(file)
    judge = Judge("lab_sign_in")
    for where, url in (("over http", lab["ews_http"]), ("over https", lab["ews_https"])):
        # exchangelib binds its answer to the connection, where there is TLS; curl never does.
        passwords(judge, where, url, bound=not arguments.require or where == "over https")
        tokens(judge, where, url, lab["oauth2"])
        status = "401" if arguments.require else "200"
        judge.equal(f"curl --ntlm {where}", curl(url, "--ntlm", "--user", "LAB\\alice:lab-password"), status)
        judge.equal(f"curl --ntlm {where}, wrong password", curl(url, "--ntlm", "--user", "LAB\\alice:x"), "401")
        judge.equal(f"curl --basic {where}", curl(url, "--basic", "--user", "alice:lab-password"), "200")
        judge.equal(f"curl {where}", curl(url), "401")
    judge.end()


if __name__ == "__main__":
    main()
