"""What others take for what Tieline does: the benchmark of synchronization asks for one of them by its name and is told the
seconds. Not a judge: nothing is checked but that as much was read.

    sync_peers.py '{"peer": "exchangelib", "ews": …, "address": …, "password": …, "many": 10000}'
    sync_peers.py '{"peer": "vdirsyncer", "folder": …, "port": 5232, "many": 10000}'
"""

import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

CARD = """BEGIN:VCARD\r
VERSION:3.0\r
UID:{uid}\r
FN:Number {number} Many\r
N:Many;Number {number};;;\r
ORG:Company {company}\r
EMAIL;TYPE=work:many.{number}@many.example\r
TEL;TYPE=work:+49 30 {number:07}\r
TEL;TYPE=cell:+49 170 {number:07}\r
TITLE:Engineer\r
END:VCARD\r
"""


def exchangelib_reads(told):
    """Every contact of the folder, whole."""
    from exchange import sign_in

    account = sign_in(told)
    began = time.monotonic()
    many = len(list(account.contacts.all()))
    return many, time.monotonic() - began


def vdirsyncer_pulls(told):
    """Every contact of a Radicale collection into an empty folder."""
    from dav_sync import DavSync

    folder = pathlib.Path(told["folder"])
    collection = folder / "radicale/collection-root/bench/contacts"
    collection.mkdir(parents=True)
    (collection / ".Radicale.props").write_text('{"tag": "VADDRESSBOOK"}')
    for number in range(told["many"]):
        text = CARD.format(uid=f"card-{number}", number=number, company=number % 40)
        (collection / f"card-{number}.vcf").write_text(text, newline="")
    site = f"127.0.0.1:{told['port']}"
    command = [sys.executable, "-m", "radicale", "--server-hosts", site, "--auth-type", "none"]
    command += ["--storage-filesystem-folder", str(folder / "radicale"), "--logging-level", "error"]
    with subprocess.Popen(command) as radicale:
        try:
            wait(site)
            peer = DavSync(folder / "pulled", "carddav", f"http://{site}/bench/contacts/", "bench", "bench")
            began = time.monotonic()
            many = len(peer.sync())
            return many, time.monotonic() - began
        finally:
            radicale.terminate()


def wait(site):
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://{site}/", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("Radicale does not answer")


def run():
    told = json.loads(sys.argv[1])
    peer = {"exchangelib": exchangelib_reads, "vdirsyncer": vdirsyncer_pulls}[told["peer"]]
    many, seconds = peer(told)
    assert many == told["many"], f"{many} of {told['many']}"
    print(f"{seconds:.3f}")


run()
