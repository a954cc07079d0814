"""Demander as a program walks through it: each step is posted as its page has it, and nothing is known beforehand."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import requests
from cryptography.hazmat.primitives.serialization import Encoding

from registration.vocabulary import Offre
from storage import tables
from tests.integration.portal.world import PortalWorld, new_csr
from tests.support.acteurs import HOPITAL

MAIL = "demandes@acacias.example"


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', page)
    assert found, page
    return found[1]


def errors_at(page: str) -> dict[str, str]:
    """The text beside each field that has one."""
    found = re.findall(
        r'id="([^"]+)-erreur"><span class="visually-hidden">Erreur\s*:\s*</span>(.*?)</p>', page, re.DOTALL
    )
    return {name: unescape(text) for name, text in found}


def codes_at(page: str) -> dict[str, list[str]]:
    """The codes beside each field."""
    return {name: re.findall(r"\((ERR_\w+)\)", text) for name, text in errors_at(page).items()}


def summary_of(page: str) -> str:
    """What the summary of errors says, empty without one."""
    found = re.search(r'<div class="alert alert-danger resume-erreurs".*?</div>', page, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", found[0])) if found else ""


class Wizard:
    """One form under way in one session."""

    def __init__(self, world: PortalWorld, session: requests.Session) -> None:
        self.world, self.session, self.base = world, session, ""

    @property
    def ident(self) -> str:
        return self.base.rpartition("/")[2]

    def begin(self, offre: str) -> requests.Response:
        answer = self.post("/demander", offre=offre)
        if answer.status_code == 303:
            self.base = answer.headers["location"].rpartition("/")[0]
        return answer

    def begin_like(self, numero: int) -> requests.Response:
        answer = self.post("/demander", comme=str(numero))
        if answer.status_code == 303:
            self.base = answer.headers["location"].rpartition("/")[0]
        return answer

    def renew(self, numero: int) -> requests.Response:
        answer = self.post(f"/renouveler/{numero}")
        if answer.status_code == 303:
            self.base = answer.headers["location"].rpartition("/")[0]
        return answer

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.world.url + path, allow_redirects=False)

    def page(self, step: int | str) -> requests.Response:
        return self.get(self.url(step))

    def url(self, step: int | str) -> str:
        return f"{self.base}/{f'etape-{step}' if isinstance(step, int) else step}"

    def hidden(self, page: str) -> dict[str, str]:
        """Hidden fields of the page's main form that go back as they came."""
        found = dict(re.findall(r'name="(offertes|usage_affiche)" type="hidden" value="([^"]*)"', page))
        return {"csrf_token": token(page), **found}

    def post(self, path: str, *, page: str | None = None, files: Any = None, **fields: str) -> requests.Response:
        shown = self.get(path).text if page is None else page
        return self.session.post(
            self.world.url + path,
            data={**self.hidden(shown), **{name.replace("__", "-"): value for name, value in fields.items()}},
            files=files,
            headers={"Origin": self.world.url},
            allow_redirects=False,
        )

    def step(self, number: int | str, **fields: str) -> requests.Response:
        return self.post(self.url(number), **fields)

    def choose(self, offre: str, structure: str | None = None, beneficiaire: str | None = None) -> requests.Response:
        """Steps 1 and 2 of a new product."""
        self.begin(offre)
        chosen = {"offre": offre, "structure": structure, "beneficiaire": beneficiaire}
        answer = self.step(1, **{name: value for name, value in chosen.items() if value})
        if answer.status_code == 303 and answer.headers["location"] == self.url(2):
            return self.step(2, action="nouveau")
        return answer

    def fill(self, usage: str, **fields: str) -> requests.Response:
        """Step 3: the usage, then its fields."""
        self.step(3, usage=usage, action="usage")
        return self.step(3, **{"usage": usage, "email_acteur": MAIL, "action": "suivant", **fields})

    def upload(self, content: bytes | None = None, name: str = "a.csr") -> requests.Response:
        content = new_csr().public_bytes(Encoding.PEM) if content is None else content
        return self.post(self.url(4), files={"csr": (name, content)})

    def send(self) -> requests.Response:
        return self.step("finalisation")

    def numero(self) -> int:
        """What the form has become."""
        found = re.search(r"numéro (\d+)</strong>", self.page("confirmation").text)
        assert found
        return int(found[1])


def ready(
    world: PortalWorld, session: requests.Session, *, usage: str = "AUTH_CLI", structure: str = HOPITAL, **fields: str
) -> Wizard:
    """A form of offre ORG with all that it needs, which is only to be sent."""
    one = Wizard(world, session)
    assert one.choose("ORG", structure).headers["location"] == one.url(3)
    answer = one.fill(usage, **{"service_applicatif": "Prête à partir", **fields})
    assert answer.status_code == 303, summary_of(answer.text)
    assert one.upload().headers["location"] == one.url("finalisation")
    return one


def grow(world: PortalWorld, name: str, count: int) -> None:
    """So many more structures, and an habilitation of his on each."""
    with world.db.write() as session:
        for rank in range(count):
            ident = f"10B1{rank:06d}"
            if session.get(tables.Structure, (world.plateforme.value, ident)) is not None:
                continue
            row = {
                "raison_sociale": f"STRUCTURE {rank}",
                "raison_pliee": f"structure {rank}",
                "departement": "Paris (75)",
            }
            session.add(tables.Structure(plateforme=world.plateforme.value, id_national=ident, **row))
    for rank in range(count):
        world.grant(name, Offre.SERV, f"10B1{rank:06d}", "*acacias.example")
