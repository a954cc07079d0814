"""The files that relying parties download: what the database holds, replaced in one step."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import select

from storage import tables
from storage.database import Database

CRL_FOLDER = "CRL"
_PUBLIC = 0o644


def bring_up_to_date(db: Database, publication: Path, autorite: str) -> None:
    """Write the stored lists; under their lock, so that no slower worker puts an older one back."""
    crl = tables.Crl
    folder = publication / CRL_FOLDER
    with db.write() as session:
        row = session.execute(
            select(crl.der, crl.delta).where(crl.autorite == autorite).with_for_update()
        ).one_or_none()
        if row is None:
            return
        for path, content in (
            (folder / f"{autorite}.crl", row.der),
            (folder / f"{autorite}-delta.crl", row.delta),
        ):
            if content is None:
                path.unlink(missing_ok=True)
            elif not (path.is_file() and path.read_bytes() == content):
                replace(path, content, mode=_PUBLIC)


def replace(path: Path, content: bytes, *, mode: int) -> None:
    """Replace a file in one step: who reads at this moment gets the old or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as temporary:
        temporary.write(content)
        temporary.flush()
        os.fsync(temporary.fileno())
    Path(temporary.name).chmod(mode)
    Path(temporary.name).replace(path)
