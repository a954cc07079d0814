"""The stages of a lot, and the code that each of them is.

A sample belongs to the stage of its innermost frame that has one: helpers, such as the encoding of DER or the ORM, fall
to who calls them. ``tests/unit/bench`` holds every name here to the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

EXAMINATION = "examen des clés certifiées (à part)"
OTHER = "reste"

# Whatever stands below them.
_WHOLE_JOBS: Mapping[str, str] = {
    "registration/revocation/weak_keys.py": EXAMINATION,
    "batch/queue/jobs.py:publish_crls": "listes, répondeurs, sceaux",
    "batch/queue/jobs.py:seal_trail": "listes, répondeurs, sceaux",
}
STAGES: Mapping[str, str] = {
    "pki/issuing/signers/": "signature",
    "pki/signing.py": "vérification de sa propre signature",
    "pki/lint/": "contrôle avant signature",
    "pki/issuing/issuance.py:lint": "contrôle avant signature",
    "pki/issuing/issuance.py": "TBS",
    "pki/keys/shared_primes.py": "facteurs communs dans une page",
    "registration/demandes/shared_primes.py": "facteurs communs dans une page",
    "pki/keys/": "CSR",
    "registration/rules/validation.py:judge_csrs": "CSR",
    "registration/demandes/claims.py": "réservations",
    "registration/rules/": "règles",
    "registration/demandes/": "reste de l'inscription",
    "registration/lots/": "reste de l'inscription",
    "batch/issuing/storing.py": "enregistrement des certificats",
    "batch/issuing/handover.py": "remise à l'AC",
    "batch/queue/leases.py": "lecture et prise en charge",
    "batch/queue/taking.py": "lecture et prise en charge",
    "batch/issuing/demandes.py:_read": "lecture et prise en charge",
    "batch/issuing/": "reste d'une tâche",
    "batch/": "entre deux tâches",
}
_ORDERED = sorted(STAGES, key=len, reverse=True)


def stage_of(frames: Iterable[str]) -> str:
    """The stage of a sample; the innermost frame comes first. What has none is ``OTHER``."""
    names = list(frames)
    for job, its_stage in _WHOLE_JOBS.items():
        if any(name.startswith(job) for name in names):
            return its_stage
    return next((stage for name in names if (stage := _stage_of_frame(name)) is not None), OTHER)


def _stage_of_frame(name: str) -> str | None:
    return next((STAGES[place] for place in _ORDERED if name.startswith(place)), None)


def places() -> Iterable[str]:
    """Every folder, module or function that a stage names."""
    return [*_WHOLE_JOBS, *STAGES]
