"""Every metric there is: docs/metriques.md is written from it, dashboard and alert rules are checked against it.

Labels are bounded: words of the contract, patterns of routes, codes of the catalogue of errors, names of authorities;
never a number of a demande, an id or an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """As in Prometheus."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; ``text`` is French, for operators. ``buckets`` of a histogram are in its unit."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_CALLS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_JOBS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

REQUESTS = Metric(
    "igc_requests_total",
    Kind.COUNTER,
    "Requêtes servies. `canal` : ws, portail, sans-login, publication. `operation` : opération du contrat, page (motif "
    "de l'adresse, sans ses valeurs), ou ocsp, fichier, autre. `outcome` : ok ou code ERR pour ws, statut HTTP sinon.",
    ("canal", "operation", "outcome"),
)
REQUEST_SECONDS = Metric(
    "igc_request_seconds", Kind.HISTOGRAM, "Durée de ces requêtes, en secondes.", ("canal", "operation"), _CALLS
)
JOBS = Metric(
    "igc_jobs_total",
    Kind.COUNTER,
    "Tâches faites par les workers. `outcome` : ok ou erreur.",
    ("job", "outcome"),
)
JOB_SECONDS = Metric("igc_job_seconds", Kind.HISTOGRAM, "Durée de ces tâches, en secondes.", ("job",), _JOBS)
TASK_FAILURES = Metric(
    "igc_task_failures_total",
    Kind.COUNTER,
    "Enregistrements et signatures qui ont échoué. `cause` : alentours (base, disque, clé, piste : tout attend, rien "
    "ne perd d'essai) ou demandes (elles sont prises à part, puis essayées de nouveau).",
    ("cause",),
)
CERTIFICATES = Metric(
    "igc_certificats_signed_total",
    Kind.COUNTER,
    "Certificats de demandes signés et enregistrés, par AC.",
    ("autorite",),
)
REFUSED = Metric(
    "igc_demandes_refused_total",
    Kind.COUNTER,
    "Demandes que le cœur de l'AC a refusées (profil, contrôle, clé interdite).",
)
SIGNER_FAILURES = Metric(
    "igc_signer_failures_total", Kind.COUNTER, "Signatures qui n'ont pas eu lieu : clé ou module qui ne répond pas."
)
LISTS = Metric("igc_crls_signed_total", Kind.COUNTER, "CRL signées, par AC.", ("autorite",))

BY_PROCESSES = (
    REQUESTS,
    REQUEST_SECONDS,
    JOBS,
    JOB_SECONDS,
    TASK_FAILURES,
    CERTIFICATES,
    REFUSED,
    SIGNER_FAILURES,
    LISTS,
)
"""Counted where it happens, added up over all processes."""


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(f"igc_{name}", Kind.GAUGE, text, labels)


DATABASE_UP = _gauge("database_up", "1 quand la base répond, 0 sinon : le reste de ce tableau manque alors.")
STOPPED = _gauge("stopped", "1 quand la plateforme s'est arrêtée d'elle-même (base ancienne, `igc restore`).")
QUEUE_UP = _gauge("queue_up", "1 quand le relais vient de dire que la file répond, 0 sinon.")
QUEUE_JOBS = _gauge("queue_jobs", "Tâches envoyées à la file que personne n'a encore prises.")
WORKERS = _gauge("workers", "Workers qui écoutent la file.")
RELAY_AGE = _gauge("relay_sign_age_seconds", "Temps depuis le dernier signe de vie du relais, en secondes.")
OWED = _gauge("outbox_tasks", "Tâches dues, par nature (REGISTER_PAGE, ISSUE).", "nature")
HELD = _gauge("outbox_held", "Parmi elles, celles que la file ou un worker tient.", "nature")
TRIED_AGAIN = _gauge("outbox_tried_again", "Parmi elles, celles qui ont déjà échoué.", "nature")
OLDEST_OWED = _gauge("outbox_oldest_seconds", "Attente de la plus ancienne, en secondes ; 0 sans aucune.", "nature")
UNTREATED = _gauge("demandes_untreated", "Demandes enregistrées qui attendent leur signature.")
OLDEST_UNTREATED = _gauge(
    "demandes_oldest_untreated_seconds", "Attente de la plus ancienne depuis son dépôt, en secondes ; 0 sans aucune."
)
LOTS = _gauge("lots_in_progress", "Lots dont quelque chose est dû.")
CRL_AGE = _gauge("crl_age_seconds", "Âge de la CRL complète (depuis thisUpdate), en secondes.", "autorite")
CRL_LEFT = _gauge(
    "crl_left_seconds",
    "Temps jusqu'à nextUpdate, en secondes, négatif après. `list` : complete ou delta.",
    "autorite",
    "list",
)
CERTIFICATE_LEFT = _gauge(
    "certificate_left_seconds",
    "Temps jusqu'à la fin d'un certificat de la plateforme, en secondes. `kind` : tls, autorite, ocsp, sceau.",
    "kind",
    "name",
)
NOTICES = _gauge("notices", "Avis par mail à envoyer (A_ENVOYER) et refusés (REFUSE).", "etat")
ALARMS = _gauge(
    "alarms",
    "Alarmes en vigueur : celles de `igc check-publication`. `urgent` : true ou false.",
    "subject",
    "fault",
    "urgent",
)
TRAIL_LINES = _gauge("trail_lines", "Lignes de la piste d'audit.")
CHECKPOINT_AGE = _gauge("trail_checkpoint_age_seconds", "Âge du dernier scellement de la piste, en secondes.")
UNSEALED = _gauge(
    "trail_unsealed_seconds",
    "Âge de la plus ancienne ligne qu'aucun scellement ne couvre, en secondes ; 0 sans aucune.",
)
COLLECT_SECONDS = _gauge("collect_seconds", "Temps qu'a pris ce relevé, en secondes.")

BY_COLLECTOR = (
    DATABASE_UP, STOPPED, QUEUE_UP, QUEUE_JOBS, WORKERS, RELAY_AGE, OWED, HELD, TRIED_AGAIN, OLDEST_OWED, UNTREATED,
    OLDEST_UNTREATED, LOTS, CRL_AGE, CRL_LEFT, CERTIFICATE_LEFT, NOTICES, ALARMS, TRAIL_LINES, CHECKPOINT_AGE, UNSEALED,
    COLLECT_SECONDS,
)  # fmt: skip
"""Read from the database and the files by the one process that answers Prometheus."""

CATALOGUE = (*BY_PROCESSES, *BY_COLLECTOR)
