"""No process signs with profiles that the full lint has not seen: checked when they changed, remembered otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import structlog

from batch.context import WorkerContext
from pki.authority import Authority
from pki.issuing.profile_samples import fingerprint
from runtime.settings.model import Settings
from runtime.whole_files import replace

log = structlog.get_logger()
_STAMP = Path("profils-verifies.json")


def check_deployed_profiles(settings: Settings, context: WorkerContext) -> None:
    """Return when the profiles of every authority that signs here are clean; LintError with the findings otherwise.

    The full lint costs seconds, so the bytes of a sample of each product are compared with those it saw last.
    """
    in_force = _in_force(context)
    found = {authority.short_name: fingerprint(authority) for authority in in_force}
    if found == _read(settings.data_dir / _STAMP):
        return
    from pki.issuing.profile_check import check_profiles  # noqa: PLC0415 -- the linter loads slowly

    for authority in in_force:
        check_profiles(authority, context.clock())
    log.info("profiles checked", autorites=sorted(found))
    _write(settings.data_dir / _STAMP, found)


def trust_default_profiles(settings: Settings, context: WorkerContext) -> None:
    """Remember profiles made of the defaults of the tree alone as checked: the tests have checked those."""
    _write(
        settings.data_dir / _STAMP, {authority.short_name: fingerprint(authority) for authority in _in_force(context)}
    )


def _in_force(context: WorkerContext) -> list[Authority]:
    now = context.clock()
    return [
        authority
        for name, authority in context.authorities.items()
        if name in context.signers and authority.products and authority.not_before <= now < authority.not_after
    ]


def _read(stamp: Path) -> object:
    try:
        return json.loads(stamp.read_text())
    except (OSError, ValueError):
        return None


def _write(stamp: Path, found: dict[str, str]) -> None:
    """Keep what was checked; where nothing can be written, it is checked at each start."""
    try:
        replace(stamp, json.dumps(found).encode(), secret=False)
    except OSError:
        log.warning("profile check not remembered", file=stamp.name)
