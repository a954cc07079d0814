"""What must hold in the database at every moment, whatever has happened: asked after each test of a world."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy import select

from registration.rules.states import DEMANDE, REVOCATION
from registration.vocabulary import CodeAction, EtatDemande, EtatProduit, EtatRevocation
from storage import tables
from storage.database import Database

_KEPT = select(tables.LotCompte.id_lot, tables.LotCompte.etat, tables.LotCompte.etat_produit, tables.LotCompte.nombre)
_OPEN = {EtatDemande.VALIDEE, EtatDemande.TRANSMISE}
_WITHOUT_KEY = {EtatDemande.REJETEE, EtatDemande.NON_TRAITEE}
# Which states of its product go with which etat of a demande.
_PRODUITS: dict[EtatDemande, set[str | None]] = {
    EtatDemande.TRANSMISE: {None, EtatProduit.A_RETIRER.value},
    EtatDemande.CLOSE: {EtatProduit.ACTIF.value, EtatProduit.REVOQUE.value},
    EtatDemande.ANNULEE: {None, EtatProduit.REVOQUE.value},
    # Given up while another worker signed it.
    EtatDemande.NON_TRAITEE: {None, EtatProduit.REVOQUE.value},
}


def breaches(db: Database) -> list[str]:
    """Every rule of the plateforme that the rows break, in words."""
    with db.read() as session:
        demandes = {row.id: row for row in session.scalars(select(tables.Demande))}
        certificats = {row.id_demande: row for row in session.scalars(select(tables.Certificat)) if row.id_demande}
        keys = set(session.scalars(select(tables.ClePublique.id_demande)))
        owed = [row.payload.get("numeros", ()) for row in session.scalars(select(tables.Outbox))]
        kept = {(lot, etat, produit): nombre for lot, etat, produit, nombre in session.execute(_KEPT)}
        steps: dict[int, list[EtatDemande]] = defaultdict(list)
        overdue = set()
        for numero, etat, action in session.execute(
            select(tables.Historique.id_demande, tables.Historique.etat, tables.Historique.code_action).order_by(
                tables.Historique.id
            )
        ):
            steps[numero].append(EtatDemande(etat))
            if action == CodeAction.NOT_WITHDRAWN.value:
                overdue.add(numero)
        revocations = session.scalars(select(tables.DemandeRevocation)).all()
        structures = {(row.id_lot, row.id_structure, row.offre) for row in session.scalars(select(tables.LotStructure))}
        all_certificats = {row.id: row for row in session.scalars(select(tables.Certificat))}
    waiting = {numero for numeros in owed for numero in numeros}
    found = [f"a key of the unknown demande {numero}" for numero in keys - demandes.keys()]
    counted = Counter((row.id_lot, row.etat, row.etat_produit or "") for row in demandes.values() if row.id_lot)
    counted += Counter((row.id_lot, row.etat, "") for row in revocations if row.id_lot)
    found += [f"revocation {row.id} has the number of a demande" for row in revocations if row.id in demandes]
    for revocation in revocations:
        told = _revocation_breaches(revocation, steps[revocation.id], all_certificats)
        found += [f"revocation {revocation.id}: {text}" for text in told]
    found += _structure_breaches(structures, demandes, revocations)
    known = demandes.keys() | {row.id for row in revocations}
    found += [f"history of the unknown demande {numero}" for numero in steps.keys() - known]
    found += [
        f"lot_compte {key}: {kept.get(key, 0)}, {counted[key]} rows"
        for key in kept.keys() | counted.keys()
        if kept.get(key, 0) != counted[key]
    ]
    for numero, row in demandes.items():
        etat = EtatDemande(row.etat)
        found += [f"demande {numero}: {text}" for text in _history_breaches(steps[numero], etat)]
        if row.etat_produit not in _PRODUITS.get(etat, {None}):
            found.append(f"demande {numero}: {etat} with product {row.etat_produit}")
        found += [f"demande {numero}: {text}" for text in _certificat_breaches(row, certificats.get(numero))]
        if numero in keys and etat in _WITHOUT_KEY:
            found.append(f"demande {numero}: {etat} and it holds a key")
        # An item of a lot that was cancelled before it was registered has never claimed one.
        if numero not in keys and etat not in _WITHOUT_KEY | {EtatDemande.ANNULEE}:
            found.append(f"demande {numero}: {etat} and it holds no key")
        if etat in _OPEN and row.etat_produit is None and numero not in waiting:
            found.append(f"demande {numero}: {etat} and nothing owes its certificate")
        if (row.code_erreur is None) == (etat in _WITHOUT_KEY or numero in overdue):
            found.append(f"demande {numero}: {etat} with error {row.code_erreur}")
    return found


def _structure_breaches(
    kept: set[tuple[int, str, str]],
    demandes: dict[int, tables.Demande],
    revocations: Sequence[tables.DemandeRevocation],
) -> list[str]:
    """What finds the lot of another one is all that it concerns, and nothing else."""
    named = [(row.id_lot, row) for row in demandes.values()]
    named += [(row.id_lot, demandes[row.id_demande]) for row in revocations if row.id_demande in demandes]
    concerned = {
        (id_lot, row.id_structure, row.offre)
        for id_lot, row in named
        if id_lot and row.contenu is not None and row.id_structure
    }
    return [f"lot_structure {key}" for key in kept ^ concerned]


def _revocation_breaches(
    row: tables.DemandeRevocation, steps: list[EtatDemande], certificats: dict[int, tables.Certificat]
) -> list[str]:
    etats = [EtatRevocation(step.value) for step in steps]
    found = [f"no arrow {one} to {two}" for one, two in pairwise(etats) if two not in REVOCATION[one]]
    if not etats or etats[0] is not EtatRevocation.ENREGISTREE or etats[-1] != row.etat:
        found.append(f"{row.etat} after {etats}")
    certificat = certificats.get(row.id_certificat or 0)
    revoked = certificat is not None and certificat.revoque_le is not None
    if row.etat == EtatRevocation.CLOSE.value and not revoked:
        found.append("Close, and its certificate is not revoked")
    if row.etat == EtatRevocation.VALIDEE.value and (revoked or not row.differee):
        found.append("it waits for its day, and its certificate is revoked, or it has no day")
    if (row.resultat == "PROGRAMMEE") != (row.etat == EtatRevocation.VALIDEE.value):
        found.append(f"{row.etat} with {row.resultat}")
    return found


def _history_breaches(steps: list[EtatDemande], etat: EtatDemande) -> list[str]:
    if not steps:
        return ["no history"]
    found = [f"no arrow {one} to {two}" for one, two in pairwise(steps) if one is not two and two not in DEMANDE[one]]
    if steps[0] is not EtatDemande.ENREGISTREE:
        found.append(f"its history begins with {steps[0]}")
    if steps[-1] is not etat:
        found.append(f"its history ends with {steps[-1]}, its etat is {etat}")
    return found


def _certificat_breaches(row: tables.Demande, certificat: tables.Certificat | None) -> list[str]:
    produit = row.etat_produit
    issued = certificat is not None and certificat.der is not None
    found = []
    if (produit is not None) != issued:
        found.append(f"product {produit} and the certificate is {'there' if issued else 'missing'}")
    told = (certificat.emis_le, certificat.not_after) if certificat is not None and issued else (None, None)
    if (row.produit_emis_le, row.produit_fin_le) != told:
        found.append(f"dated {row.produit_emis_le} to {row.produit_fin_le}, its certificate {told[0]} to {told[1]}")
    if certificat is None:
        return found
    if (certificat.tbs is None) != issued:
        found.append("neither or both of the bytes to sign and the signed ones are kept")
    # What was never signed may be revoked all the same, so that it never comes to life.
    if issued and (certificat.revoque_le is not None) != (produit == EtatProduit.REVOQUE.value):
        found.append(f"product {produit} and revoked at {certificat.revoque_le}")
    if (certificat.retire_le is not None) != (row.etat == EtatDemande.CLOSE.value):
        found.append(f"{row.etat} and withdrawn at {certificat.retire_le}")
    return found
