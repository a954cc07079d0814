"""What who fills in a form is told before he sends it: what he may choose, and what the certificate would say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from pki.certificates.content import subject_fields
from pki.keys.csr import AcceptedCsr
from registration.demandes.candidates import Candidate, judge
from registration.demandes.claims import Claimed, peek
from registration.demandes.renewals import Renewals, complete, judge_renewals, read_renewals, refuse_rivals
from registration.directory.reading import load_view
from registration.policy import LotPolicy
from registration.rules.domains import offered
from registration.rules.preview import preview
from registration.rules.validation import Accepted, CsrVerdicts, content_of, judge_csrs, judge_rights
from registration.values import DemandeForm, Origin
from registration.views import Alternative, Apercu, DomaineOffert, OffreOuverte, Warned
from registration.vocabulary import Offre
from storage.database import Database

_NO_REQUEST = b"\0"
_TO_COME = AcceptedCsr(der=b"", spki=b"", spki_sha256=b"", modulus=None)


def read_ouverture(
    db: Database,
    origin: Origin,
    offre: Offre,
    structure: str | None,
    beneficiaire: str | None,
    now: datetime,
    policy: LotPolicy,
) -> OffreOuverte:
    """What the acteur may ask for now of one offre, for a structure, a person in it, or (PS) for himself.

    Refused as a demande for them would be: ERR_IHM_005, 006, 020, 024, 026, 027. On offre PRO the beneficiaire may
    still be to choose.
    """
    form, acteur = DemandeForm(offre=offre.value, structure=structure, beneficiaire=beneficiaire), origin.acteur
    is_whole = complete(db, acteur, (form,), now, policy)
    with db.read() as session:
        view = load_view(session, origin, (form,), is_whole=is_whole)
    refusal = judge_rights(view, offre, form)
    if refusal is not None and not (refusal.champ == "beneficiaire" and beneficiaire is None):
        raise refusal
    patterns = view.rights.domains(offre, structure or "")
    known = view.structures.get(structure or "")
    personne = view.personnes.get(acteur.id_national or "" if offre is Offre.PS else beneficiaire or "")
    return OffreOuverte(
        offre=offre,
        structure=structure,
        raison_sociale=None if known is None else known.raison_sociale,
        beneficiaire=None if personne is None else personne.id_national,
        beneficiaire_libelle=None if personne is None else f"{personne.nom} {personne.prenom}",
        domaines=_offered(patterns, offre),
        # An address pattern gives no name of a server (guide §8.2.3).
        domaines_serveur=_offered((one for one in patterns if not one.startswith("*@")), offre),
        fermes=frozenset(usage for of, usage in view.closed if of is offre),
    )


def foresee(db: Database, origin: Origin, form: DemandeForm, now: datetime, policy: LotPolicy) -> Apercu:
    """Every refusal that ``single.submit`` could meet, or what the certificate will say; nothing is written.

    A form without a CSR is judged as if a good one were to come. What a directory elsewhere says is kept, as there.
    """
    judged = form if form.csr else replace(form, csr=_NO_REQUEST)
    csrs: CsrVerdicts = judge_csrs((form,), policy.keys) if form.csr else {_NO_REQUEST: _TO_COME}
    is_whole = complete(db, origin.acteur, (judged,), now, policy)
    with db.read() as session:
        renewals = read_renewals(session, origin.acteur, (judged,), policy)
        view = load_view(session, origin, renewals.forms, is_whole=is_whole)
        candidates = judge(view, renewals.forms, 1, now, policy, csrs)
        judge_renewals(renewals, candidates, view, now, policy)
        refuse_rivals(session, renewals, candidates, {})
        peek(session, origin.acteur, candidates, Claimed(), now)
    return _told(candidates[0], renewals)


def _offered(patterns: Iterable[str], offre: Offre) -> tuple[DomaineOffert, ...]:
    return tuple(DomaineOffert(domaine=domaine, saisie=saisie) for domaine, saisie in offered(patterns, offre))


def _told(candidate: Candidate, renewals: Renewals) -> Apercu:
    verdict = candidate.verdict
    if not isinstance(verdict, Accepted):
        return Apercu(refusals=candidate.refusals)
    shown, content = preview(verdict, renewals.contenu_of(0)), content_of(verdict.contenu)
    return Apercu(
        refusals=(),
        subject=subject_fields(content),
        alternatives=tuple(Alternative(nature=nature, valeur=value) for nature, value in shown.alternatives),
        warnings=tuple(Warned(code=one.code.value, texte=one.texte, champ=one.champ) for one in shown.warnings),
        raison_sociale=content.organization,
        profession=content.profession,
        formation=content.training,
        specialites=content.specialities,
        tableau_pharmacien=content.pharmacist_table,
    )
