"""DavMail (Debian's davmail-server) in front of the lab: a mail client of its own making that speaks EWS on one side and
IMAP, POP, SMTP, CalDAV, CardDAV and LDAP on the other.

    with DavMail(lab["ews_http"]) as gateway:
        imaplib.IMAP4(gateway.host, gateway.imap)

It listens on loopback, on free ports, keeps everything in a folder that ends with it, and is ended by its process id.
"""

import pathlib
import socket
import subprocess
import sys
import tempfile
import time

PASSWORD = "lab-password"
PATIENCE_S = 120


def free_ports(names):
    """A free port for each name. All are held until the last is known, so that no two are the same."""
    probes = [socket.socket() for _ in names]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = {name: probe.getsockname()[1] for name, probe in zip(names, probes)}
    for probe in probes:
        probe.close()
    return ports


class DavMail:
    """One running DavMail with a port for each protocol asked for."""

    host = "127.0.0.1"

    def __init__(self, ews, *protocols):
        self.ews = ews
        self.ports = free_ports(protocols)
        self.folder = tempfile.TemporaryDirectory(prefix="davmail-")
        self.process = None

    def __getattr__(self, name):
        try:
            return self.__dict__["ports"][name]
        except KeyError:
            raise AttributeError(name) from None

    def settings(self):
        folder = pathlib.Path(self.folder.name)
        settings = {
            "davmail.server": "true",
            "davmail.mode": "EWS",
            "davmail.enableEws": "true",
            "davmail.url": self.ews,
            "davmail.bindAddress": self.host,
            "davmail.allowRemote": "false",
            "davmail.disableUpdateCheck": "true",
            "davmail.enableKerberos": "false",
            "davmail.logFilePath": folder / "davmail.log",
            "log4j.rootLogger": "WARN",
            "log4j.logger.davmail": "DEBUG",
        }
        for protocol in ("imap", "pop", "smtp", "caldav", "ldap"):
            settings[f"davmail.{protocol}Port"] = self.ports.get(protocol, 0)
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def __enter__(self):
        folder = pathlib.Path(self.folder.name)
        file = folder / "davmail.properties"
        file.write_text(self.settings(), encoding="utf-8")
        self.output = open(folder / "davmail.out", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            ["davmail-server", str(file)], cwd=folder, stdout=self.output, stderr=subprocess.STDOUT
        )
        try:
            for port in self.ports.values():
                self.wait_for(port)
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_for(self, port):
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection((self.host, port), 1).close()
                return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"DavMail does not listen on {port}:\n{self.said()}")
            time.sleep(0.1)

    def said(self):
        """The end of its log, for a judge that found against us."""
        file = pathlib.Path(self.folder.name) / "davmail.out"
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
        told = [line[:400] for line in lines if "DEBUG" not in line or "- >" in line]
        return "\n".join(told[-60:])

    def __exit__(self, kind=None, *_):
        if kind is not None:
            print(self.said(), file=sys.stderr, flush=True)
        self.process.terminate()
        self.process.wait()
        self.output.close()
        self.folder.cleanup()
