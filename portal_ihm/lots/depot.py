"""Deposit of a lot that one has in a file: read by the gates of the web service, checked, looked at, sent once.

Every step is an address of its own: a reload, a second tab or a double click does nothing twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import IO, TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from portal_ihm.lots.checking import checks_of
from portal_ihm.lots.forms import TOO_OLD, ConfirmForm
from portal_ihm.shell.context import acteur_of, caller_of, form_session, origin_of, portal_of
from portal_ihm.shell.labels import refusal_text
from portal_ihm.shell.rendering import render
from registration.errors import AccessError, Code, ConflictError, IgcError
from registration.lot_files import FileRefusedError
from registration.vocabulary import NatureLot

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.lot_files import LotFile, ReadLot
    from registration.views import Depot, LotReceipt

PATH = "/lots/depot"
REFRESH_SECONDS = 3
_STALE = timedelta(minutes=1)
_CHUNK = 64 * 1024
# A message of ten thousand items takes a good part of the interpreter and of its memory while it is read.
_reading = threading.BoundedSemaphore(1)


def formulaire(request: Request) -> Response:
    """The choice of the file."""
    _reader(request)
    return _page(request, _form(request, None))


async def envoi(request: Request) -> Response:
    """Read the file, which stands on the disk by now, and keep its lot; or say what is wrong with it, and where."""
    _reader(request)
    async with request.form(max_files=1, max_fields=10, max_part_size=1024) as data:
        upload = data.get("fichier")
        content = upload.file if isinstance(upload, UploadFile) and upload.size else None
        texts = FormData([(name, value) for name, value in data.multi_items() if isinstance(value, str)])
        return await run_in_threadpool(_take, request, texts, content)


def verification(request: Request) -> Response:
    """How far the check is, then what a deposit would give, with the button that deposits."""
    return _verification(request, _form(request, None))


async def depot(request: Request) -> Response:
    """Deposit the lot; whoever sends this twice is led to the one lot that came of it."""
    async with request.form(max_files=0, max_fields=10, max_part_size=1024) as data:
        texts = FormData([(name, value) for name, value in data.multi_items() if isinstance(value, str)])
        return await run_in_threadpool(_send, request, texts)


def _take(request: Request, data: FormData, content: IO[bytes] | None) -> Response:
    form = _form(request, data)
    if not form.validate():
        return _page(request, form, errors=[TOO_OLD], status=422)
    if content is None:
        return _page(request, form, errors=["Choisissez le fichier XML du lot."], status=422)
    try:
        prepared = _prepare(request, content)
    except FileRefusedError as refused:
        return _page(request, form, errors=[_summary(refused)], faults=refused.faults, more=refused.more, status=422)
    except IgcError as error:
        if isinstance(error, AccessError) or error.code is Code.BUSY:
            raise
        return _page(request, form, errors=[_with_code(error)], conflict=error.data.get("index"), status=422)
    if prepared.index is not None:
        return RedirectResponse(f"/lots/{prepared.index}?depose=deja", status_code=303)
    checks_of(request).begin(origin_of(request), prepared.id or "")
    return RedirectResponse(f"{PATH}/{prepared.id}", status_code=303)


def _prepare(request: Request, content: IO[bytes]) -> Depot:
    with _reading:
        read = _reader(request)(_chunks(content))
    _check_tiers(request, read)
    return portal_of(request).authority.depots.prepare(origin_of(request), read.form)


def _summary(refused: FileRefusedError) -> str:
    """What is wrong, without what the list of faults says better."""
    error, count = refused.error, len(refused.faults) + refused.more
    if error.code is not Code.SCHEMA or not refused.faults:
        return _with_code(error)
    told = "une faute" if count == 1 else f"{count} fautes"
    return f"Le fichier ne respecte pas le schéma publié : {told} ({error.code.value})"


def _check_tiers(request: Request, read: LotFile) -> None:
    """What a file wants to be done for a third party is not done for anybody else."""
    if read.tiers is None or read.tiers.strip() == acteur_of(request).id_national:
        return
    raison = (
        "le fichier est à déposer pour le compte d'un tiers (pourLeCompteDe) pour qui vous n'agissez pas. Choisissez "
        "d'abord ce tiers par « Agir pour un tiers »."
    )
    raise FileRefusedError(IgcError(Code.ENVELOPE, raison=raison), ())


def _send(request: Request, data: FormData) -> Response:
    form = _form(request, data)
    ident = request.path_params["ident"]
    if not form.validate():
        return _verification(request, form, errors=[TOO_OLD], status=422)
    if data.get("action") == "verifier":
        portal_of(request).authority.depots.read(caller_of(request), ident)  # his own
        checks_of(request).begin(origin_of(request), ident)
        return RedirectResponse(f"{PATH}/{ident}", status_code=303)
    try:
        receipt: LotReceipt = portal_of(request).authority.depots.submit(origin_of(request), ident)
    except ConflictError as error:
        return _verification(request, form, errors=[_with_code(error)], conflict=error.data.get("index"), status=409)
    done = "deja" if receipt.already_known else "1"
    return RedirectResponse(f"/lots/{receipt.index}?depose={done}", status_code=303)


def _verification(
    request: Request,
    form: ConfirmForm,
    *,
    errors: list[str] | None = None,
    conflict: object = None,
    status: int = 200,
) -> Response:
    portal, ident = portal_of(request), request.path_params["ident"]
    found = portal.authority.depots.read(caller_of(request), ident)
    if found.index is not None and not errors:
        return RedirectResponse(f"/lots/{found.index}?depose=deja", status_code=303)
    moves = _keep_going(request, found)
    is_paused = request.query_params.get("pause") == "1"
    page = render(
        request,
        "lots/verification.html",
        status=status,
        depot=found,
        form=form,
        errors=[("", text) for text in errors or []],
        conflict=conflict,
        of_revocations=found.nature is NatureLot.REVOCATIONS,
        moves=moves,
        is_paused=is_paused,
        has_failed=checks_of(request).has_failed(ident),
        seconds=REFRESH_SECONDS,
    )
    if moves and not is_paused and request.method == "GET":
        page.headers["Refresh"] = f"{REFRESH_SECONDS}; url={PATH}/{ident}"
    return page


def _keep_going(request: Request, found: Depot) -> bool:
    """Whether its check is under way; it begins again where whoever was at it has gone."""
    ident, checks, told = found.id or "", checks_of(request), found.verification
    if told is not None and told.fini:
        return False
    if checks.has_failed(ident):
        return False
    now = portal_of(request).clock()
    if not checks.is_under_way(ident) and (told is None or now - told.modifie_le > _STALE):
        checks.begin(origin_of(request), ident)
    return True


def _reader(request: Request) -> ReadLot:
    read_lot = portal_of(request).read_lot
    if read_lot is None:
        raise HTTPException(404)
    return read_lot


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    content.seek(0)
    while piece := content.read(_CHUNK):
        yield piece


def _with_code(error: IgcError) -> str:
    return f"{refusal_text(error)} ({error.code.value})"


def _form(request: Request, data: FormData | None) -> ConfirmForm:
    return ConfirmForm(data, form_session(request), portal_of(request).csrf_secret)


def _page(
    request: Request,
    form: ConfirmForm,
    *,
    errors: list[str] | None = None,
    faults: tuple[str, ...] = (),
    more: int = 0,
    conflict: object = None,
    status: int = 200,
) -> Response:
    limit = portal_of(request).limit_of(PATH) - portal_of(request).max_body
    return render(
        request,
        "lots/depot.html",
        status=status,
        form=form,
        errors=errors or [],
        faults=faults,
        more=more,
        conflict=conflict,
        mebibytes=limit // 2**20,
    )


ROUTES = [
    Route(PATH, formulaire),
    Route(PATH, envoi, methods=["POST"]),
    Route(f"{PATH}/{{ident}}", verification),
    Route(f"{PATH}/{{ident}}", depot, methods=["POST"]),
]
