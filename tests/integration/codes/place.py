"""A plateforme that serves the web service, in which every refusal is provoked by a real message."""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import update

from registration.values import DemandeForm
from storage import tables
from tests.integration.directory.test_completing import Elsewhere, Time
from tests.integration.ws.conftest import Door
from tests.integration.ws.test_canal import as_xml
from tests.support.csrs import csr
from tests.support.produits import CODE
from tests.support.revoking import revocation_form
from tests.support.world import World
from tests.unit.ws.messages import V11, envelope, lot, request
from ws.contract.files import ENDPOINT


def codes_of(answer: bytes) -> list[str]:
    """Every code in an answer, of its fault or of its verdicts."""
    return [each.text or "" for each in etree.fromstring(answer).iter("{*}code")]


@dataclass
class Place:
    """``world`` behind its ``door``; ``elsewhere`` is the directory that it asks for whom it does not know."""

    world: World
    door: Door
    foreign: World
    elsewhere: Elsewhere
    time: Time
    folder: Path
    patch: pytest.MonkeyPatch
    _numbers: Iterator[int] = field(default_factory=count)

    def form(self, product: str = "ORG_AUTH_CLI", **changes: Any) -> DemandeForm:
        """A good demande with a key of its own."""
        return self.world.form(product, next(self._numbers), **changes)

    def call(self, operation: str, content: str = "", name: str = "dr-leroux") -> bytes:
        return self.door.post(envelope(request(operation, content)), name)[1]

    def by_number(self, operation: str, numero: int, champ: str = "numeroDemande", name: str = "dr-leroux") -> bytes:
        return self.call(operation, f"<l:{champ}>{numero}</l:{champ}>", name)

    def verify(self, *forms: DemandeForm, name: str = "dr-leroux") -> bytes:
        """What a deposit of these items would be told."""
        return self.verify_items(*map(as_xml, forms), name=name)

    def verify_items(self, *items: str, name: str = "dr-leroux") -> bytes:
        return self.door.post(envelope(lot(*items, operation="verifierLot")), name)[1]

    def renewal(self, numero: int) -> str:
        """An item that renews a product with a key of its own."""
        key = base64.b64encode(csr(next(self._numbers))).decode()
        return f"<l:demande><l:renouvelle>{numero}</l:renouvelle><l:csr>{key}</l:csr></l:demande>"

    def deposit(self, *forms: DemandeForm, reference: str, name: str = "dr-leroux") -> bytes:
        return self.door.post(envelope(lot(*map(as_xml, forms), reference=reference)), name)[1]

    def withdraw(
        self, numero: int, code: str = CODE, confirmation: str = CODE, cgu: str = "true", name: str = "dr-leroux"
    ) -> bytes:
        conditions = (
            f"<l:codeRevocation>{code}</l:codeRevocation><l:confirmation>{confirmation}</l:confirmation>"
            f"<l:acceptationCgu>{cgu}</l:acceptationCgu>"
        )
        content = f"<l:numeroDemande>{numero}</l:numeroDemande><l:conditions>{conditions}</l:conditions>"
        return self.call("retirerDemande", content, name)

    def revoke(self, numero: int | None, more: str = "", confirmation: str = "true", name: str = "dr-leroux") -> bytes:
        """An immediate revocation for the end of an activity, or what ``more`` adds to it."""
        named = "" if numero is None else f"<l:numeroProduit>{numero}</l:numeroProduit>"
        said = f"<l:emailActeur>a@acacias.example</l:emailActeur><l:confirmation>{confirmation}</l:confirmation>"
        content = f"{more if numero is None else named}<l:motif>FIN_ACTIVITE</l:motif>"
        content += (more if numero is not None else "") + said
        return self.call("revoquerCertificat", f"<l:revocation>{content}</l:revocation>", name)

    def fresh(self) -> int:
        """The numero of a demande that waits for its signature."""
        return self.world.place(self.form())

    def waiting(self) -> int:
        """The numero of a certificate that waits for its withdrawal."""
        numero = self.fresh()
        self.world.run_batch()
        return numero

    def active(self) -> int:
        """The numero of a certificate in use."""
        numero = self.waiting()
        assert codes_of(self.withdraw(numero)) == []
        return numero

    def planned(self, numero: int, day: str) -> int | None:
        form = revocation_form(numero, date_effet=day)
        return self.world.ra.revocations.revoke(self.world.origin(), form).numero

    def ends(self, numero: int, moment: datetime) -> None:
        """From now on its certificate has this end."""
        self.world.set_end([numero], moment)

    def set(self, numero: int, **values: Any) -> None:
        """Change the row of a demande past every rule."""
        with self.world.db.write() as session:
            session.execute(update(tables.Demande).where(tables.Demande.id == numero).values(**values))

    def post(self, message: bytes, content_type: str = V11.content_type) -> bytes:
        """A message with the type that is asked for."""
        return self._exchange(self.door.connect(), message, content_type)

    def post_unknown(self, message: bytes) -> bytes:
        """From a client that presents no certificate."""
        context = ssl.create_default_context(cafile=str(self.door.server_ca))
        connection = http.client.HTTPSConnection("localhost", self.door.port, context=context, timeout=60)
        return self._exchange(connection, message, V11.content_type)

    def _exchange(self, connection: http.client.HTTPSConnection, message: bytes, content_type: str) -> bytes:
        try:
            connection.request("POST", ENDPOINT, message, {"Content-Type": content_type})
            return connection.getresponse().read()
        finally:
            connection.close()

    @contextmanager
    def stopped_counter(self) -> Iterator[None]:
        """No number of a demande may be handed out inside, as when nobody writes down how far they go."""
        counter = tables.Compteur.nom == "demande"
        with self.world.db.write() as session:
            session.execute(update(tables.Compteur).where(counter).values(plafond=0))
        yield
        with self.world.db.write() as session:
            session.execute(update(tables.Compteur).where(counter).values(plafond=None))
