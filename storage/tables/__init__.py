"""Every table of the plateforme, by area. Names are the singular French nouns of the contract.

``etat`` and the other coded columns are plain strings: their enums and transitions live in ``registration``,
which stands above this room.
"""

from storage.tables.acteurs import Acteur, Administrateur, Habilitation, Identite, Operateur
from storage.tables.audit import Arret, PisteAudit, Scellement, TeteAudit
from storage.tables.avis import Avis
from storage.tables.base import Base
from storage.tables.brouillons import Brouillon, BrouillonPage
from storage.tables.certificats import TO_LIST, BlocCles, Certificat, CleInterdite, CodeRevocation, Crl, RepondeurOcsp
from storage.tables.counters import Compteur
from storage.tables.demandes import WAITING, AdresseProtegee, ClePublique, Demande, Historique
from storage.tables.directory import ImportAnnuaire, Personne, Rattachement, Structure
from storage.tables.essais import EssaiCode, JetonServi
from storage.tables.lots import Lot, LotCompte, LotPage, LotStructure, Outbox, SigneDeVie
from storage.tables.products import Fermeture
from storage.tables.revocations import DemandeRevocation
from storage.tables.sessions import SessionPortail
from storage.tables.textes import Acceptation, Texte

__all__ = [
    "TO_LIST",
    "WAITING",
    "Acceptation",
    "Acteur",
    "Administrateur",
    "AdresseProtegee",
    "Arret",
    "Avis",
    "Base",
    "BlocCles",
    "Brouillon",
    "BrouillonPage",
    "Certificat",
    "CleInterdite",
    "ClePublique",
    "CodeRevocation",
    "Compteur",
    "Crl",
    "Demande",
    "DemandeRevocation",
    "EssaiCode",
    "Fermeture",
    "Habilitation",
    "Historique",
    "Identite",
    "ImportAnnuaire",
    "JetonServi",
    "Lot",
    "LotCompte",
    "LotPage",
    "LotStructure",
    "Operateur",
    "Outbox",
    "Personne",
    "PisteAudit",
    "Rattachement",
    "RepondeurOcsp",
    "Scellement",
    "SessionPortail",
    "SigneDeVie",
    "Structure",
    "TeteAudit",
    "Texte",
]
