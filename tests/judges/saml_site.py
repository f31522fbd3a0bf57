"""A ticket form behind a SAML 2.0 sign-on that nobody here wrote: pysaml2 as identity provider and as service provider.

Told as one JSON argument: `provider` and `form`, two ports on loopback, and `folder` for keys. The form's server sends whoever
has no session of its own to the provider, with no more than a short RelayState, and shows afterwards what it was asked for:
every parameter, and the whole query as it came.
"""

import datetime
import html
import json
import sys
import threading
import uuid
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, make_response, redirect, request
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import IdPConfig, SPConfig
from saml2.metadata import create_metadata_string
from saml2.saml import NAMEID_FORMAT_EMAILADDRESS, NameID
from saml2.server import Server

TOLD = json.loads(sys.argv[1])
FOLDER = Path(TOLD["folder"])
PROVIDER = f"http://127.0.0.1:{TOLD['provider']}"
FORM = f"http://127.0.0.1:{TOLD['form']}"
PASSWORD = "lab"


def key_pair(name):
    """A private key and a certificate of its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    )
    paths = FOLDER / f"{name}.key", FOLDER / f"{name}.crt"
    paths[0].write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
    paths[1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return {"key_file": str(paths[0]), "cert_file": str(paths[1])}


def settings():
    provider = {
        "entityid": f"{PROVIDER}/metadata",
        "service": {"idp": {
            "name": "Lab sign-on",
            "endpoints": {"single_sign_on_service": [(f"{PROVIDER}/sso", BINDING_HTTP_REDIRECT)]},
            "sign_response": True,
            "sign_assertion": True,
            "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"}},
            "name_id_format": [NAMEID_FORMAT_EMAILADDRESS],
        }},
        **key_pair("provider"),
    }
    form = {
        "entityid": f"{FORM}/metadata",
        "service": {"sp": {
            "endpoints": {"assertion_consumer_service": [(f"{FORM}/acs", BINDING_HTTP_POST)]},
            "want_response_signed": True,
            "want_assertions_signed": True,
            "authn_requests_signed": False,
            "allow_unsolicited": False,
        }},
        **key_pair("form"),
    }
    known = {}
    for name, config, kind in [("provider", provider, IdPConfig), ("form", form, SPConfig)]:
        path = FOLDER / f"{name}.xml"
        path.write_bytes(create_metadata_string(None, config=kind().load(dict(config))))
        known[name] = str(path)
    provider["metadata"] = {"local": [known["form"]]}
    form["metadata"] = {"local": [known["provider"]]}
    return IdPConfig().load(provider), SPConfig().load(form)


def provider_app(config):
    server, app = Server(config=config), Flask("provider")

    @app.get("/sso")
    def ask():
        hidden = "".join(
            f'<input type=hidden name={name} value="{html.escape(request.args.get(name, ""))}">'
            for name in ("SAMLRequest", "RelayState"))
        return (f"<!doctype html><html lang=en><title>Lab sign-on</title><h1>Lab sign-on</h1><form method=post action=/login>{hidden}"
                "<label>User <input id=user name=user></label><label>Password <input id=password type=password name=password></label>"
                "<button>Sign on</button></form></html>")

    @app.post("/login")
    def login():
        if request.form["password"] != PASSWORD:
            return "wrong", 403
        asked = server.parse_authn_request(request.form["SAMLRequest"], BINDING_HTTP_REDIRECT).message
        answer = server.create_authn_response(
            {"mail": request.form["user"]}, userid=request.form["user"],
            name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=request.form["user"]),
            authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "authn_auth": PROVIDER},
            sign_response=True, sign_assertion=True, **server.response_args(asked))
        sent = server.apply_binding(BINDING_HTTP_POST, str(answer), f"{FORM}/acs", request.form["RelayState"], response=True)
        return sent["data"]

    return app


def form_app(config):
    app, kept, sessions, pending = Flask("form"), {}, set(), {}

    @app.post("/acs")
    def consume():
        answer = Saml2Client(config=config).parse_authn_request_response(
            request.form["SAMLResponse"], BINDING_HTTP_POST, outstanding=pending)
        assert answer.get_subject().text, "nobody is named"
        session = uuid.uuid4().hex
        sessions.add(session)
        response = make_response(redirect(FORM + kept.pop(request.form["RelayState"]), code=303))
        response.set_cookie("form-session", session, httponly=True)
        return response

    @app.get("/<path:page>")
    def show(page):
        query = request.environ["QUERY_STRING"]
        if request.cookies.get("form-session") not in sessions:
            state = uuid.uuid4().hex
            assert len(state) <= 80, "SAML 2.0 bindings, 3.4.3"
            kept[state] = f"/{page}?{query}"
            identifier, sent = Saml2Client(config=config).prepare_for_authenticate(relay_state=state)
            pending[identifier] = "/"
            return redirect(dict(sent["headers"])["Location"])
        fields = "".join(
            f'<label>{html.escape(name)} <input id="{html.escape(name)}" value="{html.escape(value)}"></label>'
            for name, value in request.args.items(multi=True))
        return (f'<!doctype html><html lang=en><title>Ticket</title><h1>Ticket</h1><form>{fields}'
                f'<label>query <input id=query value="{html.escape(query)}"></label></form></html>')

    return app


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    provider, form = settings()
    servers = [
        make_server("127.0.0.1", port, app, WSGIServer, Quiet)
        for port, app in [(TOLD["provider"], provider_app(provider)), (TOLD["form"], form_app(form))]
    ]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()
