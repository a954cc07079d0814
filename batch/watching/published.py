"""Whether the files that relying parties download say what the database says, and the next ones can be written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import or_, select

from batch.lists.files import list_files
from batch.watching.alarms import Alarm, Fault, Subject
from storage import tables
from storage.database import Database

# A list is stored first and written into its file then; this is far more than the time between the two.
_WRITING = timedelta(seconds=30)
_PROBE_BYTES = 64 * 1024


def find_stale_files(db: Database, publication: Path, now: datetime) -> list[Alarm]:
    """Lists in force that are not, or not whole, in their files: nobody downloads what was revoked last."""
    crl = tables.Crl
    with db.read() as session:
        names = session.execute(
            select(crl.autorite, crl.apportee).where(or_(crl.publie_le <= now - _WRITING, crl.publie_le > now))
        ).all()
        alarms = []
        for name, carried in names:
            row = session.execute(select(crl.der, crl.delta).where(crl.autorite == name)).one()
            kinds = (Subject.ROOT_CRL if carried else Subject.CRL, Subject.DELTA)
            for subject, file, content in zip(kinds, list_files(publication, name), row, strict=True):
                if _content(file) != content:
                    alarms.append(Alarm(subject, name, None, Fault.UNPUBLISHED))
    return alarms


def find_unwritable(folders: Iterable[Path]) -> list[Alarm]:
    """Folders in which nothing can be written any more: read-only, full, closed to their own account.

    A file is made in each and removed again. A folder of another account is not judged: that one may be able to write.
    """
    alarms = []
    for folder in folders:
        try:
            ours = os.geteuid() in {0, folder.stat().st_uid}
            with NamedTemporaryFile(dir=folder, prefix=".verification.") as probe:
                probe.write(bytes(_PROBE_BYTES))
                probe.flush()
                os.fsync(probe.fileno())
        except PermissionError:
            if ours:
                alarms.append(Alarm(Subject.FOLDER, str(folder), None, Fault.UNWRITABLE))
        except OSError:
            alarms.append(Alarm(Subject.FOLDER, str(folder), None, Fault.UNWRITABLE))
    return alarms


def _content(file: Path) -> bytes | None:
    with suppress(OSError):
        return file.read_bytes()
    return None
