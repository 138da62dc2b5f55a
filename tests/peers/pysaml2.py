"""pysaml2 as a SAML identity provider that a test steers: what is signed, what is encrypted, what is wrong.

    python pysaml2.py PORT FOLDER      FOLDER holds pysaml2.key and pysaml2.crt

GET  /metadata             its metadata
GET  /sso                  a page to choose who signs in; its buttons lead to /answer
POST /slo                  a LogoutRequest, which is answered, or the answer to ours, which is shown
GET  /logout               a LogoutRequest about whoever signed in last, to where they signed in
POST /service-providers    registers the metadata in the body
POST /next                 {"sign": "both" | "response" | "assertion" | "nothing", "encrypt": false, "audience": null}:
                           what the following answers look like
"""

import html
import json
import re
import sys
import warnings
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

warnings.filterwarnings("ignore")

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT  # noqa: E402
from saml2.config import IdPConfig  # noqa: E402
from saml2.metadata import create_metadata_string  # noqa: E402
from saml2.saml import NAME_FORMAT_URI, NAMEID_FORMAT_EMAILADDRESS, NameID  # noqa: E402
from saml2.server import Server  # noqa: E402
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256  # noqa: E402

PORT = int(sys.argv[1])
FOLDER = Path(sys.argv[2])
URL = f"http://127.0.0.1:{PORT}"
PEOPLE = json.loads((Path(__file__).parent / "people.json").read_text())
PASSWORD_CLASS = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


def make_server():
    """pysaml2 reads metadata when it is made, so each registration makes another one."""
    config = IdPConfig().load({
        "entityid": f"{URL}/idp",
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "key_file": str(FOLDER / "pysaml2.key"),
        "cert_file": str(FOLDER / "pysaml2.crt"),
        "metadata": {"local": sorted(str(file) for file in FOLDER.glob("sp-*.xml"))},
        "service": {"idp": {
            "name": "pysaml2",
            "endpoints": {
                "single_sign_on_service": [(f"{URL}/sso", BINDING_HTTP_REDIRECT)],
                "single_logout_service": [(f"{URL}/slo", BINDING_HTTP_POST)],
            },
            "name_id_format": [NAMEID_FORMAT_EMAILADDRESS],
            "want_authn_requests_signed": True,
            # Attributes go out by their OIDs, as Shibboleth does it.
            "policy": {"default": {"lifetime": {"minutes": 15}, "name_form": NAME_FORMAT_URI}},
        }},
    })
    return Server(config=config)


def choose_page(query):
    fields = "".join(f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in query.items())
    buttons = "".join(f'<button name="person" value="{name}">{name}</button> ' for name in PEOPLE)
    return f'<!doctype html><title>pysaml2</title><form action="/answer">{fields}{buttons}</form>'


class Handler(BaseHTTPRequestHandler):
    server_now = make_server()
    next = {"sign": "both", "encrypt": False, "audience": None}
    signed_in = None

    def do_GET(self):
        path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        if path == "/metadata":
            metadata = create_metadata_string(None, config=Handler.server_now.config, sign=False)
            self.answer(metadata, "application/samlmetadata+xml")
        elif path == "/sso":
            self.answer(choose_page(query), "text/html; charset=utf-8")
        elif path == "/answer":
            self.answer(self.sign_in(query), "text/html; charset=utf-8")
        elif path == "/logout":
            self.answer(self.log_out(), "text/html; charset=utf-8")
        else:
            self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/service-providers":
            # Of two files about one service provider it would go by the first.
            entity = re.search(rb'entityID="([^"]+)"', body).group(1)
            (FOLDER / f"sp-{sha256(entity).hexdigest()[:16]}.xml").write_bytes(body)
            Handler.server_now = make_server()
        elif self.path == "/next":
            Handler.next = Handler.next | json.loads(body)
        elif self.path == "/slo":
            return self.answer(self.logout_message(dict(parse_qsl(body.decode()))), "text/html; charset=utf-8")
        else:
            return self.send_error(404)
        self.answer(b"", "text/plain")

    def sign_in(self, query):
        idp, wanted, person = Handler.server_now, Handler.next, PEOPLE[query["person"]]
        request = idp.parse_authn_request(
            query["SAMLRequest"], BINDING_HTTP_REDIRECT, relay_state=query.get("RelayState"),
            sigalg=query.get("SigAlg"), signature=query.get("Signature"))
        args = idp.response_args(request.message)
        name_id = NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=person["mail"])
        Handler.signed_in = (args["sp_entity_id"], name_id)
        response = idp.create_authn_response(
            {name: value for name, value in person.items() if name != "password"},
            in_response_to=args["in_response_to"],
            destination=args["destination"],
            sp_entity_id=wanted["audience"] or args["sp_entity_id"],
            userid=query["person"],
            name_id=name_id,
            authn={"class_ref": PASSWORD_CLASS, "authn_auth": URL},
            sign_response=wanted["sign"] in ("both", "response"),
            sign_assertion=wanted["sign"] in ("both", "assertion"),
            encrypt_assertion=wanted["encrypt"],
            sign_alg=SIG_RSA_SHA256,
            digest_alg=DIGEST_SHA256)
        relay_state = query.get("RelayState", "")
        page = idp.apply_binding(BINDING_HTTP_POST, str(response), args["destination"], relay_state, response=True)
        return page["data"]

    def log_out(self):
        idp, (service_provider, name_id) = Handler.server_now, Handler.signed_in
        services = idp.metadata.single_logout_service(service_provider, BINDING_HTTP_POST, "spsso")
        destination = services[0]["location"]
        _, request = idp.create_logout_request(
            destination, service_provider, name_id=name_id, sign=True, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
        return idp.apply_binding(BINDING_HTTP_POST, str(request), destination, "ours")["data"]

    def logout_message(self, form):
        idp = Handler.server_now
        if "SAMLResponse" in form:
            assert form["RelayState"] == "ours", form
            response = idp.parse_logout_request_response(form["SAMLResponse"], BINDING_HTTP_POST).response
            return f'<!doctype html><title>pysaml2</title>signed out: {response.status.status_code.value.split(":")[-1]}'
        request = idp.parse_logout_request(form["SAMLRequest"], BINDING_HTTP_POST).message
        response = idp.create_logout_response(
            request, [BINDING_HTTP_POST], sign=True, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
        destination = idp.response_args(request, [BINDING_HTTP_POST])["destination"]
        relay_state = form.get("RelayState", "")
        return idp.apply_binding(BINDING_HTTP_POST, str(response), destination, relay_state, response=True)["data"]

    def answer(self, body, content_type):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
