"""What the walks of the model play on, and how somebody acts there: by a message, by a form, by a use case.

Deposits, withdrawals, cancellations and revocations of the web service are real messages behind mutual TLS, demandes of
the portal's form are sent by it; what the portal has no page for yet is done by its use case.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import requests
from hypothesis import strategies as st

from registration.errors import IgcError
from registration.values import DemandeForm
from registration.vocabulary import Canal, EtatProduit, Motif, Offre
from tests.integration.codes.place import codes_of
from tests.integration.registration.model import Demande, Model, Right, Wanted, Who
from tests.integration.ws.conftest import Door
from tests.support.acteurs import ADMINISTRATRICE, AGENT, CLINIQUE, HOPITAL, MEDECIN, PHARMACIENNE
from tests.support.csrs import csr
from tests.support.produits import CODE
from tests.support.revoking import revocation_form
from tests.support.world import World
from tests.unit.ws.messages import body_of, envelope, lot, request

PARIS = ZoneInfo("Europe/Paris")
WHO = {
    who.name: who
    for who in (
        Who("dr-leroux", MEDECIN, is_ps=True),
        Who("administrateur", AGENT, is_ps=False),
        Who("ide-marchand", ADMINISTRATRICE, is_ps=True),
        Who("ph-arnaud", PHARMACIENNE, is_ps=True),
        Who("dpi-acacias", None, is_ps=False),
    )
}
PATTERNS = {Offre.ORG: None, Offre.PRO: "*@acacias.example", Offre.SERV: "*acacias.example"}
RIGHTS: list[Right] = [
    (Offre.ORG, HOPITAL), (Offre.ORG, CLINIQUE), (Offre.SERV, HOPITAL), (Offre.PRO, HOPITAL), (Offre.PRO, HOPITAL),
]  # fmt: skip
NOTHING = Wanted(None, "", None, None, None)
_PRODUCTS: dict[Offre | None, str] = {
    Offre.ORG: "ORG_SIGN", Offre.PRO: "PRO_SIGN", Offre.SERV: "SERV_SMIME", Offre.PS: "PS_CONF",
}  # fmt: skip
CODES = (CODE, "Autre-Sesame-2-ferme")
_KEYS = 30
LONGEST = timedelta(days=60)
# Who has most rights comes most often.
PEOPLE = st.sampled_from(
    ["dr-leroux"] * 4 + ["dpi-acacias"] * 2 + ["administrateur"] * 2 + ["ide-marchand", "ph-arnaud"]
)
CANAL = st.sampled_from([Canal.WS, Canal.IHM])
KEY = st.integers(0, _KEYS - 1)
MAIL = st.sampled_from(["a@acacias.example", "b@acacias.example"])
PICK = st.integers(0, 999)


@dataclass
class Stage:
    """What every example of a run plays on: a database that is emptied for each, and both canals, served."""

    door: Door
    portal: str
    renew: Callable[[], World]
    audited: Callable[[World], list[Any]]
    sessions: dict[str, requests.Session] = field(default_factory=dict)

    def session(self, name: str) -> requests.Session:
        """The browser of somebody."""
        if name not in self.sessions:
            session = self.sessions[name] = requests.Session()
            session.trust_env, session.verify = False, str(self.door.server_ca)
            session.cert = self.door.pair(name).strings
        return self.sessions[name]


def wanted(kind: str, who: Who, mail: str, bearer: str) -> Wanted:
    """What the form of this kind asks for, for whoever sends it."""
    own = f"{who.name}@cabinet.example"
    return {
        "org": Wanted(Offre.ORG, "SIGN", HOPITAL, None, None),
        "org-clinique": Wanted(Offre.ORG, "SIGN", CLINIQUE, None, None),
        "pro": Wanted(Offre.PRO, "SIGN", HOPITAL, bearer, mail),
        "serv": Wanted(Offre.SERV, "S/MIME", HOPITAL, None, mail),
        "ps": Wanted(Offre.PS, "CONF", None, who.ident, own),
    }[kind]


KIND = st.sampled_from(["org", "org", "org-clinique", "pro", "pro", "serv", "ps"])
ITEM = st.tuples(KIND, MAIL, st.sampled_from([AGENT, MEDECIN]), KEY)


class Acting:
    """One walk: the stage, the world that is on it now, and what the model says of that."""

    stage: Stage
    world: World
    model: Model
    lots: int

    def _pick(self, number: int, rather: EtatProduit | None = None) -> Demande:
        """One of the demandes: mostly one with such a product, where there is any."""
        numeros = sorted(self.model.demandes)
        among = [one for one in numeros if self.model.demandes[one].produit is rather]
        numeros = among if rather is not None and among and number % 4 else numeros
        return self.model.demandes[numeros[number // 4 % len(numeros)]]

    def _form(self, asked: Wanted, key: int) -> DemandeForm:
        changes: dict[str, Any] = {"adresse_email": asked.address}
        if asked.offre is not Offre.PS:
            changes |= {"structure": asked.structure, "beneficiaire": asked.beneficiaire}
        return self.world.form(_PRODUCTS[asked.offre], key, **changes)

    def _message(self, who: str, operation: str, content: str) -> str | None:
        """The code of the answer's fault or verdict, None without one."""
        answer = self.stage.door.post(envelope(request(operation, content)), who)[1]
        body_of(answer)
        return next(iter(codes_of(answer)), None)

    def _deposit(self, sender: Who, items: list[str], expected: list[set[str]]) -> list[tuple[int, int, str | None]]:
        """By message, twice; gives index, number and code of each item, none when the lot is refused whole."""
        self.lots += 1
        message = envelope(lot(*items, reference=f"lot-{self.lots}"))
        answer = self.stage.door.post(message, sender.name)[1]
        refusal = self.model.whole_lot(sender)
        if refusal is not None:
            assert codes_of(answer) == [refusal]
            return []
        index = int(body_of(answer).findtext(".//{*}indexLot") or "0")
        again = body_of(self.stage.door.post(message, sender.name)[1])
        assert (again.findtext(".//{*}indexLot"), again.findtext(".//{*}dejaDepose")) == (str(index), "true")
        rows = self.world.demandes(index)
        for row, codes in zip(rows, expected, strict=True):
            assert_told(row.code_erreur, codes)
        return [(index, row.id, row.code_erreur) for row in rows]

    def _by_the_form(self, sender: Who, one: Wanted, key: int, page: str) -> tuple[str | None, int]:
        """The steps that the portal makes of it: the first code that it shows, or the number that was given."""
        session, portal = self.stage.session(sender.name), self.stage.portal

        def post(path: str, shown: str, files: Any = None, **fields: str) -> requests.Response:
            hidden = dict(re.findall(r'name="(csrf_token|offertes)" type="hidden" value="([^"]+)"', shown))
            headers = {"Origin": portal}
            return session.post(
                portal + path, data=hidden | fields, files=files, headers=headers, allow_redirects=False
            )

        begun = post("/demander", page, offre=Offre.ORG.value)
        assert begun.status_code == HTTPStatus.SEE_OTHER, begun.text
        base = begun.headers["location"].rpartition("/")[0]
        product = {"usage": one.usage, "usage_affiche": one.usage, "service_applicatif": "Dossier"}
        steps: list[tuple[str, dict[str, str], Any]] = [
            ("etape-1", {"offre": Offre.ORG.value, "structure": one.structure or ""}, None),
            ("etape-2", {"action": "nouveau"}, None),
            ("etape-3", {**product, "email_acteur": "acteur@acacias.example"}, None),
            ("etape-4", {}, {"csr": ("a.csr", csr(key))}),
            ("finalisation", {}, None),
        ]
        for step, fields, files in steps:
            shown = session.get(f"{portal}{base}/{step}").text
            answer = post(f"{base}/{step}", shown, files, **fields)
            if answer.status_code != HTTPStatus.SEE_OTHER:
                codes = re.findall(r"\((ERR_(?:IHM|WS)_\d+)\)", answer.text)
                assert codes, answer.text
                return codes[0], 0
        given = re.search(r"numéro (\d+)</strong>", session.get(f"{portal}{base}/confirmation").text)
        assert given
        return None, int(given[1])

    def _revoke(
        self, who: str, canal: Canal, numero: int, motif: Motif, day: date | None, role: str | None
    ) -> tuple[str, int | None]:
        """The result or the code of the refusal, and the number of the demande de révocation."""
        if canal is Canal.WS:
            more = "" if day is None else f"<l:dateEffet>{day}</l:dateEffet>"
            more += "" if role is None else f"<l:enTantQue>{role}</l:enTantQue>"
            asked = (
                f"<l:numeroProduit>{numero}</l:numeroProduit><l:motif>{motif.value}</l:motif>{more}"
                "<l:emailActeur>a@acacias.example</l:emailActeur><l:confirmation>true</l:confirmation>"
            )
            message = request("revoquerCertificat", f"<l:revocation>{asked}</l:revocation>")
            answer = self.stage.door.post(envelope(message), who)[1]
            refused, done = codes_of(answer), body_of(answer)
            given = done.findtext(".//{*}numeroRevocation")
            return (*refused, done.findtext(".//{*}resultat", ""))[0], None if given is None else int(given)
        form = revocation_form(
            numero, motif=motif.value, date_effet=None if day is None else str(day), en_tant_que=role
        )
        code, result = told(lambda: self.world.ra.revocations.revoke(self.world.origin(who, canal), form))
        return (code, None) if code else (result.resultat.value, result.numero)


def told(act: Callable[[], object]) -> tuple[str | None, Any]:
    """The code of a refusal, or None and the answer."""
    try:
        return None, act()
    except IgcError as refusal:
        return refusal.code.value, None


def assert_told(code: str | None, expected: set[str]) -> None:
    assert (code in expected) if expected else code is None, (code, expected)


def renewal_xml(numero: int, key: int) -> str:
    """An item that renews a product."""
    given = base64.b64encode(csr(key)).decode()
    return f"<l:demande><l:renouvelle>{numero}</l:renouvelle><l:csr>{given}</l:csr></l:demande>"
