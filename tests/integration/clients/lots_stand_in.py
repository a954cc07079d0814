"""A small service that speaks the published contract over real mutual TLS, and can cut the line where it is told to.

It is not our ws room: it stands for "any service that honours the contract", checks every message both ways against
the XSD, and signs real certificates from the CSRs it gets. An item whose serviceApplicatif is REFUS is rejected.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import re
import socket
import ssl
import threading
import time
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from lxml import etree

ROOT = Path(__file__).resolve().parents[3]
XSD = ROOT / "schemas" / "igc-lots-1.0.xsd"
NS = "urn:igc-exemple:lots:1.0"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
PATH = "/ws/lots/1.0"
WEAK_CODE = "faible"


STRANGE = {
    "foreign fault": f"<e:Envelope xmlns:e='{SOAP}'><e:Body><e:Fault><faultcode>e:Server</faultcode>"
    "<faultstring>proxy</faultstring></e:Fault></e:Body></e:Envelope>".encode(),
    "broken xml": b"<e:Envelope",
    "no soap": b"<html/>",
    "other answer": f"<e:Envelope xmlns:e='{SOAP}'><e:Body><accuse xmlns='{NS}'/></e:Body></e:Envelope>".encode(),
    "empty": b"",
    "no zone": f"<e:Envelope xmlns:e='{SOAP}'><e:Body><consulterServiceResponse xmlns='{NS}'><etatService>"
    "<plateforme>TEST</plateforme><versionContrat>1.0</versionContrat><heure>2026-11-23T08:00:00</heure>"
    "<acteur>x</acteur><demandesParLot>1</demandesParLot><octetsParMessage>1</octetsParMessage>"
    "</etatService></consulterServiceResponse></e:Body></e:Envelope>".encode(),
    "doctype": f"<!DOCTYPE a [<!ENTITY b 'c'>]><e:Envelope xmlns:e='{SOAP}'><e:Body>&b;</e:Body></e:Envelope>".encode(),
}


def now():
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


class TestAuthority:
    """A root, an issuing CA, and the files a server and a client need."""

    __test__ = False

    def __init__(self, folder):
        self.folder = folder
        self.root_key, self.root = self._make("AC RACINE IGC EXEMPLE ESSAI", None, None, ca=True)
        self.key, self.certificate = self._make("AC ORG IGC EXEMPLE ESSAI", self.root_key, self.root, ca=True)
        self.ca_file = self._write("ca.pem", self.root, self.certificate)
        self.server_files = self.leaf_files("server", server=True)
        self.client_files = self.leaf_files("client")

    def leaf_files(self, name, *, server=False, passphrase=None, days=30):
        key, certificate = self._make(name, self.key, self.certificate, ca=False, server=server, days=days)
        cert_file = self._write(f"{name}.pem", certificate, self.certificate)
        protection = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        key_file = self.folder / f"{name}.key"
        key_file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
        )
        return cert_file, key_file

    def sign(self, public_key, name):
        return self._certificate(name, public_key, self.key, self.certificate, ca=False, server=False, days=30)

    def chain(self, certificate):
        return pkcs7.serialize_certificates([self.root, certificate, self.certificate], serialization.Encoding.DER)

    def _make(self, name, issuer_key, issuer, *, ca, server=False, days=30):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        signer = issuer_key or key
        return key, self._certificate(name, key.public_key(), signer, issuer, ca=ca, server=server, days=days)

    def _certificate(self, name, public_key, signer, issuer, *, ca, server, days):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        end = now() + dt.timedelta(days=days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now(), end) - dt.timedelta(days=1))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if ca:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if server:
            import ipaddress

            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(signer, hashes.SHA256())

    def _write(self, name, *certificates):
        path = self.folder / name
        path.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates))
        return path


class FaultError(Exception):
    def __init__(self, kind, code, texte, **place):
        self.kind, self.code, self.texte, self.place = kind, code, texte, place
        super().__init__(texte)


class Demande:
    def __init__(self, numero, lot_index, position, node):
        self.numero, self.lot_index, self.position = numero, lot_index, position
        self.fields = [(etree.QName(child).localname, child.text) for child in node]
        self.etat, self.produit, self.certificate, self.code = "ENREGISTREE", None, None, None
        self.born = now()

    def text(self, name):
        return next((text for key, text in self.fields if key == name), None)

    @property
    def rejected(self):
        return self.text("serviceApplicatif") == "REFUS"

    def process(self, authority):
        if self.etat != "ENREGISTREE":
            return
        if self.rejected:
            self.etat = "REJETEE"
            return
        csr = x509.load_der_x509_csr(base64.b64decode(self.text("csr")))
        self.certificate = authority.sign(csr.public_key(), self.text("reference") or f"n{self.numero}")
        self.etat, self.produit = "TRANSMISE", "A_RETIRER"

    def as_members(self):
        yield "numeroDemande", self.numero
        yield "canal", "WS"
        yield "indexLot", self.lot_index
        yield "position", self.position
        for name in ("reference", "offre", "usage"):
            if self.text(name):
                yield name, self.text(name)
        yield "etat", self.etat
        if self.produit:
            yield "etatProduit", self.produit
        for name in ("structure", "beneficiaire", "serviceApplicatif", "adresseEmail"):
            if self.text(name):
                yield name, self.text(name)
        yield from ((name, text) for name, text in self.fields if name == "fqdn")
        yield "creeLe", self.born
        yield "modifieLe", self.born
        if self.certificate:
            yield "numeroSerie", f"{self.certificate.serial_number:X}"
            yield "finValidite", self.certificate.not_valid_after_utc
        if self.etat == "REJETEE":
            yield "erreur", list(refusal())


def refusal():
    yield "code", "ERR_WS_037"
    yield "texte", "Le champ « serviceApplicatif » est invalide : valeur d'essai."
    yield "champ", "serviceApplicatif"


class StandIn:
    """The service's memory, its operations, and the plan of cuts and faults; ``url`` is where it listens."""

    def __init__(self, authority, *, step=10_000):
        self.authority = authority
        self.step = step
        self.calls = Counter()
        self.connections = 0
        self.open_connections = set()
        self.plan = []
        self.lots = {}
        self.demandes = {}
        self.texts = []
        self.clients = set()
        self.paths = []
        self.published_address = None
        self.held = threading.Event()
        self.release = threading.Event()
        self.lock = threading.Lock()
        self.local = threading.local()

    def plan_next(self, operation, what, times=1):
        """The next ``times`` calls of the operation end as ``what``.

        before, after, truncated: the line is cut there; status:N: an HTML answer; fault, denied: a typed fault;
        slow: the answer takes half a second; hold: nothing is answered until ``release``; skip lets one call pass; a key of ``STRANGE``: those bytes.
        """
        self.plan += [[operation, what] for _ in range(times)]

    def take_plan(self, operation):
        for rank, (planned, what) in enumerate(self.plan):
            if planned in (operation, "*"):
                del self.plan[rank]
                return None if what == "skip" else what
        return None

    def validate(self, element):
        if not hasattr(self.local, "schema"):
            self.local.schema = etree.XMLSchema(etree.parse(str(XSD)))
        if not self.local.schema.validate(element):
            raise AssertionError(str(self.local.schema.error_log))

    def lot(self, index):
        if index not in self.lots:
            raise FaultError("introuvable", "ERR_WS_031", "Aucun lot visible par vous ne porte cet index.")
        return self.lots[index]

    def advance(self, lot):
        waiting = [demande for demande in lot["demandes"] if demande.etat == "ENREGISTREE"]
        for demande in waiting[: self.step]:
            demande.process(self.authority)
        if waiting:
            lot["version"] += 1

    def op_deposer_lot(self, body):
        lot = body[0]
        reference = lot.findtext(f"{{{NS}}}reference")
        content = etree.tostring(lot, method="c14n", exclusive=True)
        known = next((one for one in self.lots.values() if one["reference"] == reference), None)
        if known is not None and known["content"] != content:
            raise FaultError("conflit", "ERR_WS_030", "Cette référence de lot a déjà servi pour un autre contenu.")
        if known is None:
            index = len(self.lots) + 1
            known = {"index": index, "reference": reference, "content": content, "version": 1, "born": now()}
            known["demandes"] = []
            for position, node in enumerate(lot.findall(f"{{{NS}}}demande"), start=1):
                demande = Demande(len(self.demandes) + 1, index, position, node)
                self.demandes[demande.numero] = demande
                known["demandes"].append(demande)
            self.lots[index] = known
            already = False
        else:
            already = True
        yield (
            "accuse",
            [
                ("indexLot", known["index"]),
                ("reference", reference),
                ("nombre", len(known["demandes"])),
                ("deposeLe", known["born"]),
                ("dejaDepose", already),
            ],
        )

    def op_verifier_lot(self, body):
        demandes = body[0].findall(f"{{{NS}}}demande")
        verdicts = []
        for position, node in enumerate(demandes, start=1):
            bad = node.findtext(f"{{{NS}}}serviceApplicatif") == "REFUS"
            reference = node.findtext(f"{{{NS}}}reference")
            members = [("position", position)]
            members += [("reference", reference)] if reference else []
            members += [("acceptable", not bad)]
            members += [("erreur", list(refusal()))] if bad else []
            verdicts.append((bad, members))
        refused = sum(bad for bad, _ in verdicts)
        yield (
            "bilan",
            [
                ("nombre", len(demandes)),
                ("acceptables", len(demandes) - refused),
                ("refusees", refused),
                *(("verdict", members) for _, members in verdicts),
            ],
        )

    def op_suivre_lot(self, body):
        index, reference = body.findtext(f"{{{NS}}}indexLot"), body.findtext(f"{{{NS}}}reference")
        if index is None:
            index = next((lot["index"] for lot in self.lots.values() if lot["reference"] == reference), 0)
        lot = self.lot(int(index))
        counts = Counter(demande.etat for demande in lot["demandes"])
        ready = sum(demande.produit == "A_RETIRER" for demande in lot["demandes"])
        waiting = counts["ENREGISTREE"]
        total = len(lot["demandes"])
        yield (
            "suivi",
            [
                ("indexLot", lot["index"]),
                ("reference", lot["reference"]),
                ("etat", "EN_COURS" if waiting else "TERMINE"),
                ("nombre", total),
                ("enregistrees", waiting),
                ("validees", 0),
                ("transmises", counts["TRANSMISE"]),
                ("closes", counts["CLOSE"]),
                ("rejetees", counts["REJETEE"]),
                ("nonTraitees", 0),
                ("annulees", counts["ANNULEE"]),
                ("aRetirer", ready),
                ("avancement", 100 * (total - waiting) // total),
                ("deposeLe", lot["born"]),
                ("modifieLe", now()),
                ("version", str(lot["version"])),
            ],
        )
        self.advance(lot)

    def page(self, body, found):
        start = int(body.findtext(f"{{{NS}}}aPartirDe") or 0)
        size = int(body.findtext(f"{{{NS}}}taille") or 100)
        rest = [demande for demande in found if demande.numero > start]
        return rest[:size], rest[size - 1].numero if len(rest) > size else None

    def op_lister_demandes_lot(self, body):
        lot = self.lot(int(body.findtext(f"{{{NS}}}indexLot")))
        etat = body.findtext(f"{{{NS}}}etat")
        shown, after = self.page(body, [one for one in lot["demandes"] if etat in (None, one.etat)])
        members = [("demande", list(demande.as_members())) for demande in shown]
        yield "page", members + ([("suivant", after)] if after else [])

    def op_rechercher_demandes(self, body):
        offre = body.find(f"{{{NS}}}criteres").findtext(f"{{{NS}}}offre")
        if len(body.find(f"{{{NS}}}criteres")) == 0:
            raise FaultError(
                "messageRefuse", "ERR_IHM_025", "Précisez un numéro de demande, un index de lot ou une offre."
            )
        shown, after = self.page(body, [one for one in self.demandes.values() if one.text("offre") == offre])
        members = [("demande", list(demande.as_members())) for demande in shown]
        yield "page", members + ([("suivant", after)] if after else [])

    def check_conditions(self, body, demandes):
        conditions = body.find(f"{{{NS}}}conditions")
        code = conditions.findtext(f"{{{NS}}}codeRevocation")
        if code != conditions.findtext(f"{{{NS}}}confirmation"):
            raise FaultError("messageRefuse", "ERR_IHM_010", "Code et confirmation différents.", champ="confirmation")
        if code == WEAK_CODE:
            raise FaultError("messageRefuse", "ERR_IHM_011", "Code trop faible.", champ="codeRevocation")
        if conditions.findtext(f"{{{NS}}}acceptationCgu") != "true":
            raise FaultError("messageRefuse", "ERR_IHM_012", "CGU non acceptées.", champ="acceptationCgu")
        for demande in demandes:
            if demande.code not in (None, code):
                raise FaultError("conflit", "ERR_IHM_013", "Déjà retiré avec un autre code.", position=demande.position)
            if demande.certificate is not None:
                demande.code = code

    def retrait(self, demande):
        demande.etat, demande.produit = "CLOSE", "ACTIF"
        members = [("numeroDemande", demande.numero), ("indexLot", demande.lot_index), ("position", demande.position)]
        if demande.text("reference"):
            members.append(("reference", demande.text("reference")))
        return [
            *members,
            ("numeroSerie", f"{demande.certificate.serial_number:X}"),
            ("finValidite", demande.certificate.not_valid_after_utc),
            ("retireLe", now()),
            ("pkcs7", self.authority.chain(demande.certificate)),
        ]

    def op_retirer_demande(self, body):
        demande = self.demande(body)
        self.check_conditions(body, [demande])
        if demande.certificate is None:
            raise FaultError("conflit", "ERR_WS_033", f"Le certificat n'est pas à retirer (état {demande.etat}).")
        yield "retrait", self.retrait(demande)

    def op_retirer_page_lot(self, body):
        lot = self.lot(int(body.findtext(f"{{{NS}}}indexLot")))
        shown, after = self.page(body, lot["demandes"])
        self.check_conditions(body, shown)
        members = [("retrait", self.retrait(one)) for one in shown if one.certificate is not None]
        members += [("suivant", after)] if after else []
        yield "page", [*members, ("enAttente", sum(one.etat == "ENREGISTREE" for one in lot["demandes"]))]

    def cancel(self, demandes):
        changed = [one for one in demandes if one.etat in ("ENREGISTREE", "TRANSMISE")]
        for demande in changed:
            demande.etat, demande.produit, demande.certificate = "ANNULEE", None, None
        return [("annulees", len(changed)), ("inchangees", len(demandes) - len(changed))]

    def op_annuler_demande(self, body):
        demande = self.demande(body)
        if demande.etat == "CLOSE":
            raise FaultError("conflit", "ERR_WS_035", "Cette demande ne peut plus être annulée (état CLOSE).")
        yield "bilan", self.cancel([demande])

    def op_annuler_lot(self, body):
        yield "bilan", self.cancel(self.lot(int(body.findtext(f"{{{NS}}}indexLot")))["demandes"])

    def demande(self, body):
        numero = int(body.findtext(f"{{{NS}}}numeroDemande"))
        if numero not in self.demandes:
            raise FaultError("introuvable", "ERR_WS_032", "Aucune demande visible par vous ne porte ce numéro.")
        return self.demandes[numero]

    def op_consulter_demande(self, body):
        demande = self.demande(body)
        step = [
            ("numero", 1),
            ("canal", "WS"),
            ("date", demande.born),
            ("codeAction", "ACT_DCL_001"),
            ("etat", "ENREGISTREE"),
            ("typeActeur", "Mandataire"),
            ("acteur", "1750140014"),
        ]
        yield (
            "detail",
            [
                ("demande", list(demande.as_members())),
                ("attributSujet", [("nom", "CN"), ("valeur", "accueil")]),
                ("ligneHistorique", step),
            ],
        )

    def op_consulter_service(self, body):
        yield (
            "etatService",
            [
                ("plateforme", "TEST"),
                ("versionContrat", "1.0"),
                ("heure", now()),
                ("acteur", "application d'essai"),
                ("demandesParLot", 10000),
                ("octetsParMessage", 33554432),
            ],
        )

    def answer(self, body):
        operation = etree.QName(body).localname
        handler = "op_" + re.sub("([A-Z])", r"_\1", operation).lower()
        response = etree.Element(f"{{{NS}}}{operation}Response", nsmap={None: NS})
        fill(response, getattr(self, handler)(body))
        self.validate(response)
        return response


def fill(parent, members):
    for name, value in members:
        node = etree.SubElement(parent, f"{{{NS}}}{name}")
        if isinstance(value, list):
            fill(node, value)
        elif isinstance(value, bool):
            node.text = str(value).lower()
        elif isinstance(value, bytes):
            node.text = base64.b64encode(value).decode()
        elif isinstance(value, dt.datetime):
            node.text = value.isoformat()
        else:
            node.text = str(value)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *arguments):
        pass

    def setup(self):
        super().setup()
        self.server.stand_in.connections += 1
        self.server.stand_in.open_connections.add(self.client_address)

    def finish(self):
        super().finish()
        self.server.stand_in.open_connections.discard(self.client_address)

    def do_GET(self):
        files = {f"{PATH}?wsdl": ROOT / "ws/wsdl/igc-lots-1.0.wsdl", "/schemas/igc-lots-1.0.xsd": XSD}
        self.server.stand_in.paths.append(self.path)
        content = files[self.path].read_bytes() if self.path in files else b""
        if self.server.stand_in.published_address:
            address = self.server.stand_in.published_address.encode()
            content = content.replace(b"https://127.0.0.1:8443/ws/lots/1.0", address)
        self.reply(200 if content else 404, content)

    def do_POST(self):
        stand_in = self.server.stand_in
        message = self.rfile.read(int(self.headers["Content-Length"]))
        stand_in.texts.append(message)
        stand_in.clients.add(self.connection.getpeercert().get("serialNumber"))
        body = etree.fromstring(message).find(f"{{{SOAP}}}Body")[0]
        operation = etree.QName(body).localname
        stand_in.calls[operation] += 1
        stand_in.validate(body)
        what = stand_in.take_plan(operation)
        if what == "before":
            self.cut()
            return
        if what == "slow":
            time.sleep(0.5)
        try:
            with stand_in.lock:
                if what == "fault":
                    raise FaultError("erreurTechnique", "ERR_WS_050", "Très sollicité.", incident="inc-42")  # noqa: TRY301
                if what == "denied":
                    raise FaultError("accesRefuse", "ERR_WS_025", "Aucune habilitation.")  # noqa: TRY301
                answer, status = stand_in.answer(body), 200
        except FaultError as fault:
            answer, status = self.fault(fault), 500
        if what == "hold":
            stand_in.held.set()
            stand_in.release.wait(15)
        if what in ("after", "hold"):
            self.cut()
        elif what in STRANGE:
            self.reply(200, STRANGE[what])
        elif what and what.startswith("status:"):
            self.reply(int(what.partition(":")[2]), b"<html><body>passerelle</body></html>", "text/html")
        else:
            content = b"<?xml version='1.0' encoding='UTF-8'?>" + etree.tostring(envelope(answer))
            self.reply(status, content, truncated=what == "truncated")

    def fault(self, fault):
        node = etree.Element(f"{{{SOAP}}}Fault")
        etree.SubElement(node, "faultcode").text = "soap:Server"
        etree.SubElement(node, "faultstring").text = fault.texte
        detail = etree.SubElement(etree.SubElement(node, "detail"), f"{{{NS}}}{fault.kind}", nsmap={None: NS})
        fill(detail, [("code", fault.code), ("texte", fault.texte), *fault.place.items()])
        self.server.stand_in.validate(detail)
        return node

    def reply(self, status, content, media_type="text/xml; charset=utf-8", *, truncated=False):
        self.send_response(status)
        if status == HTTPStatus.FOUND:
            self.send_header("Location", "/ailleurs")
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if truncated else content)
        if truncated:
            self.cut()

    def cut(self):
        self.close_connection = True
        self.wfile.flush()


def envelope(body):
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(root, f"{{{SOAP}}}Body").append(body)
    return root


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def get_request(self):
        # The handshake belongs in the connection's own thread: done here it would block the listener.
        connection, address = self.socket.accept()
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def finish_request(self, request, client_address):
        try:
            request.do_handshake()
        except OSError:
            # Closing with unread bytes would reset the connection and take our TLS alert away with it.
            request.settimeout(5)
            with contextlib.suppress(OSError):
                while socket.socket.recv(request, 4096):
                    pass
            request.close()
            return
        with contextlib.suppress(OSError):
            super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        self.errors.append(client_address)
        super().handle_error(request, client_address)


@contextlib.contextmanager
def serve(stand_in):
    """The stand-in listening on a free port of 127.0.0.1 until the block ends."""
    server = QuietServer(("127.0.0.1", 0), Handler)
    server.stand_in = stand_in
    server.errors = []
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(*map(str, stand_in.authority.server_files))
    server.context.load_verify_locations(str(stand_in.authority.ca_file))
    server.context.verify_mode = ssl.CERT_REQUIRED
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    stand_in.url = f"https://127.0.0.1:{server.server_address[1]}{PATH}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    assert server.errors == [], "the stand-in got a message that breaks the contract"
