"""vdirsyncer between a folder of files and a DAV collection: a CalDAV and CardDAV client that nobody here wrote."""

import pathlib
import subprocess
import sys
import time

CONFIGURATION = """\
[general]
status_path = "{folder}/status/"

[pair judged]
a = "files"
b = "server"
collections = null
conflict_resolution = "b wins"

[storage files]
type = "filesystem"
path = "{files}"
fileext = "{suffix}"

[storage server]
type = "{kind}"
url = "{url}"
username = "{user}"
password = "{password}"
"""


class DavSync:
    """One folder that is kept the same as one collection. `kind` is `caldav` or `carddav`."""

    def __init__(self, folder, kind, url, user, password):
        self.folder = pathlib.Path(folder)
        self.files = self.folder / "files"
        self.files.mkdir(parents=True)
        self.suffix = ".ics" if kind == "caldav" else ".vcf"
        self.configuration = self.folder / "vdirsyncer.conf"
        text = CONFIGURATION.format(
            folder=self.folder, files=self.files, suffix=self.suffix, kind=kind, url=url, user=user, password=password
        )
        self.configuration.write_text(text, encoding="utf-8")
        self.run("discover")

    def run(self, *what):
        program = str(pathlib.Path(sys.executable).parent / "vdirsyncer")
        command = [program, "-vINFO", "--config", str(self.configuration), *what]
        done = subprocess.run(command, capture_output=True, text=True, input="y\n" * 5, timeout=3600, check=False)
        if done.returncode != 0:
            raise AssertionError(f"vdirsyncer {' '.join(what)}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def sync(self):
        """Carries changes both ways and gives the files there are now: name and text."""
        self.run("sync", "--force-delete")
        return {file.name: file.read_text(encoding="utf-8") for file in self.files.glob("*" + self.suffix)}

    def next_second(self):
        """Waits until a change gets another time than the one before: an item's version is known by its last second."""
        before = int(time.time())
        while int(time.time()) == before:
            time.sleep(0.05)

    def write(self, name, text):
        (self.files / name).write_text(text, encoding="utf-8")

    def remove(self, name):
        (self.files / name).unlink()
