"""A form under way and where its reader is in it: read for each request, kept step by step, told by its address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from portal_ihm.shell.context import caller_of, portal_of
from portal_ihm.shell.errors import http_page
from portal_ihm.shell.secure_forms import read_upload
from registration.values import Origin
from registration.vocabulary import GenreBrouillon, Offre, Usage, offre_of, usage_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.views import Brouillon

GENRES = frozenset({GenreBrouillon.DEMANDE, GenreBrouillon.RENOUVELLEMENT})
STEPS = ("Offre et structure", "Nouveau ou renouvellement", "Produit", "CSR", "Finalisation")
FINALISATION = "finalisation"
_GONE = (
    "Ce formulaire n'existe plus : il a été annulé, ou laissé plus de trois jours. Reprenez par « Demander » ; une "
    "demande déjà envoyée se retrouve dans le suivi."
)
_LONGEST_TEXT = 600
_PAGES = {1: "etape-1", 2: "etape-2", 3: "etape-3", 4: "etape-4", 5: FINALISATION}


class _Etape(dict[str, Any]):
    """What was kept; a template may ask for what was not."""

    def __missing__(self, _name: str) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Parcours:
    """The brouillon as it was when the request came. What it keeps was typed: nothing in it is a right."""

    request: Request
    brouillon: Brouillon

    def etape(self, number: int) -> Mapping[str, Any]:
        """What was kept of one step; empty when nothing was."""
        kept = self.brouillon.donnees.get(f"etape{number}")
        return _Etape(kept if isinstance(kept, dict) else {})

    @property
    def offre(self) -> Offre | None:
        """The offre that was chosen."""
        return offre_of(self.etape(1).get("offre"))

    @property
    def structure(self) -> str | None:
        """The structure that was chosen; it was one of his when it was."""
        return self.etape(1).get("structure") or None

    @property
    def beneficiaire(self) -> str | None:
        """Who bears the certificate, where somebody does."""
        return self.etape(1).get("beneficiaire") or None

    @property
    def usage(self) -> Usage | None:
        """The usage that was chosen."""
        return usage_of(self.etape(3).get("usage"))

    @property
    def renouvelle(self) -> int | None:
        """The product that this one renews, if it does."""
        numero = self.etape(2).get("renouvelle")
        return numero if isinstance(numero, int) else None

    @property
    def is_renewal_from_the_list(self) -> bool:
        """Whether it began with a product: its first two steps were never shown."""
        return self.brouillon.genre is GenreBrouillon.RENOUVELLEMENT

    def url(self, page: int | str) -> str:
        """The address of a step, or of a page beside them."""
        return f"/demander/{self.brouillon.id}/{_PAGES[page] if isinstance(page, int) else page}"

    def go(self, page: int | str, anchor: str = "") -> Response:
        """See other."""
        return RedirectResponse(self.url(page) + (f"#{anchor}" if anchor else ""), status_code=303)

    def keep(self, number: int, values: Mapping[str, Any]) -> Parcours:
        """Keep what was typed at a step in the place of what stood there; texts are cut where no field is so long."""
        brouillons = portal_of(self.request).authority.brouillons
        cut = {name: _cut(value) for name, value in values.items()}
        kept = brouillons.keep(caller_of(self.request), self.brouillon.id, f"etape{number}", cut)
        return Parcours(self.request, kept or self.brouillon)

    def keep_csr(self, values: Mapping[str, str]) -> None:
        """Keep a request and where it is from, in the place of another one."""
        brouillons = portal_of(self.request).authority.brouillons
        brouillons.keep(caller_of(self.request), self.brouillon.id, "etape4", dict(values))

    @property
    def reached(self) -> int:
        """The last step whose predecessors all have what they need."""
        if self.renouvelle is None:
            named = self.offre is Offre.PS or (self.offre is not None and self.structure is not None)
            if not named or (self.offre is Offre.PRO and self.beneficiaire is None):
                return 1
            if "renouvelle" not in self.etape(2):
                return 2
        if not self.etape(3).get("email_acteur") or (self.renouvelle is None and self.usage is None):
            return 3
        return 5 if self.etape(4).get("csr") else 4

    def origin(self, base: Origin) -> Origin:
        """Who sends it: the structure was his when it was kept, so that a right that is lost is told as such."""
        return Origin(
            acteur=base.acteur,
            administrateur=base.administrateur,
            canal=base.canal,
            identite=base.identite,
            offered=frozenset({self.structure} if self.structure else ()),
            to_enter=base.to_enter,
        )


def _cut(value: Any) -> Any:  # noqa: ANN401 -- of the JSON that a brouillon is
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if isinstance(value, list):
        return [_cut(each) for each in value]
    if isinstance(value, dict):
        return {name: _cut(each) for name, each in value.items()}
    return value


def text_of(data: FormData, name: str) -> str:
    """A text of a form, empty when it is not there."""
    value = data.get(name)
    return value if isinstance(value, str) else ""


Posted = Callable[[Parcours, FormData, tuple[str, bytes] | None], "Response"]
"""A form as it was sent, and the name and content of its file."""


def shown(view: Callable[[Parcours], Response], step: int) -> Callable[[Request], Response]:
    """The endpoint of a page of the step: of his own brouillon, not sent yet, and not before its time."""

    def endpoint(request: Request) -> Response:
        found = _find(request)
        if not isinstance(found, Parcours):
            return found
        return view(found) if step <= found.reached else found.go(found.reached)

    return endpoint


def posted(view: Posted, *, upload: str | None = None, longest: int = 0) -> Callable[[Request], Any]:
    """The endpoint of what is typed at a step; ``upload`` is the field that may hold a file."""

    async def endpoint(request: Request) -> Response:
        texts, content = await read_upload(request, upload, longest)

        def run() -> Response:
            found = _find(request)
            return view(found, texts, content) if isinstance(found, Parcours) else found

        return await run_in_threadpool(run)

    return endpoint


def gone(request: Request) -> Response:
    """The page of a form that is not his, or not any more; of another one's nothing is told."""
    return http_page(request, 404, text=_GONE)


def _find(request: Request) -> Parcours | Response:
    brouillons = portal_of(request).authority.brouillons
    brouillon = brouillons.read(caller_of(request), request.path_params["brouillon"])
    if brouillon is None or brouillon.genre not in GENRES:
        return gone(request)
    found = Parcours(request, brouillon)
    return found if brouillon.numero is None else found.go("confirmation")
