"""The invented structures, persons and senders of a TEST plateforme, with the habilitations the demo needs."""

from __future__ import annotations

from dataclasses import dataclass

from pki.certificates.content import CertificateContent
from registration.directory.entries import PersonneEntry, RattachementEntry, StructureEntry
from registration.vocabulary import Offre, TypeActeurInscrit, TypePersonne


@dataclass(frozen=True, slots=True)
class FictitiousStructure:
    """A structure with its place on the map."""

    id_national: str
    raison_sociale: str
    departement: str

    @property
    def entry(self) -> StructureEntry:
        """As the directory has it."""
        return StructureEntry(self.id_national, self.raison_sociale, self.departement)


@dataclass(frozen=True, slots=True, kw_only=True)
class FictitiousPersonne:
    """A person and the structures where he works."""

    id_national: str
    type_personne: TypePersonne
    nom: str
    prenom: str
    titre: str
    code_profession: int | None = None
    savoir_faire: str | None = None
    tableau_pharmacien: str | None = None
    structures: tuple[str, ...] = ()

    @property
    def entry(self) -> PersonneEntry:
        """As the directory has him."""
        return PersonneEntry(
            id_national=self.id_national,
            type_personne=self.type_personne.value,
            nom=self.nom,
            prenom=self.prenom,
            titre=self.titre,
            code_profession=self.code_profession,
            savoir_faire=self.savoir_faire,
            tableau_pharmacien=self.tableau_pharmacien,
        )

    @property
    def rattachements(self) -> tuple[RattachementEntry, ...]:
        """Where he works."""
        return tuple(RattachementEntry(self.id_national, structure) for structure in self.structures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who holds a client certificate; ``name`` is the stem of its files."""

    name: str
    libelle: str
    id_national: str
    type_acteur: TypeActeurInscrit
    content: CertificateContent
    type_personne: str | None = None
    habilitations: tuple[tuple[Offre, str, str | None], ...] = ()


HOPITAL, CLINIQUE, PHARMACIE = "10B0990011", "10B0990029", "10B0990037"

STRUCTURES = (
    FictitiousStructure(HOPITAL, "CENTRE HOSPITALIER DES ACACIAS", "Paris (75)"),
    FictitiousStructure(CLINIQUE, "CLINIQUE DU VAL D'ORGE", "Rhône (69)"),
    FictitiousStructure(PHARMACIE, "PHARMACIE DU PONT NEUF", "Côte-d'Or (21)"),
)

MEDECIN, PHARMACIENNE, AGENT, ADMINISTRATRICE = "899700990011", "899700990029", "30B0990011/CPE001", "899700990037"

PERSONNES = (
    FictitiousPersonne(
        id_national=MEDECIN,
        type_personne=TypePersonne.PS,
        nom="LEROUX",
        prenom="CAMILLE",
        titre="Médecin",
        code_profession=10,
        savoir_faire="SM54",
        structures=(HOPITAL, CLINIQUE),
    ),
    FictitiousPersonne(
        id_national=PHARMACIENNE,
        type_personne=TypePersonne.PS,
        nom="ARNAUD",
        prenom="INES",
        titre="Pharmacien",
        code_profession=21,
        tableau_pharmacien="A",
        structures=(PHARMACIE, HOPITAL),
    ),
    FictitiousPersonne(
        id_national=AGENT,
        type_personne=TypePersonne.PE,
        nom="BERTIN",
        prenom="HUGO",
        titre="Personnel santé ou social",
        structures=(HOPITAL,),
    ),
    FictitiousPersonne(
        id_national=ADMINISTRATRICE,
        type_personne=TypePersonne.PS,
        nom="MARCHAND",
        prenom="SOPHIE",
        titre="Infirmier",
        code_profession=60,
        structures=(CLINIQUE,),
    ),
)

SENDERS = (
    # Holds every right on the hospital and may order for herself: her lot can carry all thirteen products.
    Sender(
        name="dr-leroux",
        libelle="LEROUX CAMILLE",
        id_national=MEDECIN,
        type_acteur=TypeActeurInscrit.PERSONNE,
        type_personne=TypePersonne.PS.value,
        content=CertificateContent(
            product="CPS_AUTH",
            common_name=MEDECIN,
            surname="LEROUX",
            given_name="CAMILLE",
            title="Médecin",
            upn="8.99700990011@carte.igc.example",
            profession=10,
            card_number="8025000001/0000000011",
        ),
        habilitations=(
            (Offre.SERV, HOPITAL, "*acacias.example"),
            (Offre.PRO, HOPITAL, "*@acacias.example"),
            (Offre.SERV, CLINIQUE, "portail.valdorge.example"),
        ),
    ),
    # The hospital's information system: an application, without a person behind it.
    Sender(
        name="dpi-acacias",
        libelle="DPI DES ACACIAS",
        id_national=f"{HOPITAL}/DPI",
        type_acteur=TypeActeurInscrit.APPLICATION,
        content=CertificateContent(
            product="ORG_AUTH_CLI",
            common_name="DPI DES ACACIAS",
            state="Paris (75)",
            organization="CENTRE HOSPITALIER DES ACACIAS",
            organizational_unit=HOPITAL,
        ),
        habilitations=(
            (Offre.SERV, HOPITAL, "*acacias.example"),
            (Offre.PRO, HOPITAL, "*acacias.example"),
        ),
    ),
    # Another structure's administrator: sees nothing of the hospital.
    Sender(
        name="ide-marchand",
        libelle="MARCHAND SOPHIE",
        id_national=ADMINISTRATRICE,
        type_acteur=TypeActeurInscrit.PERSONNE,
        type_personne=TypePersonne.PS.value,
        content=CertificateContent(
            product="CPS_AUTH",
            common_name=ADMINISTRATRICE,
            surname="MARCHAND",
            given_name="SOPHIE",
            title="Infirmier",
            upn="8.99700990037@carte.igc.example",
            profession=60,
            card_number="8025000001/0000000037",
        ),
        habilitations=((Offre.ORG, CLINIQUE, None),),
    ),
    # A pharmacist with no explicit habilitation: may only order for herself.
    Sender(
        name="ph-arnaud",
        libelle="ARNAUD INES",
        id_national=PHARMACIENNE,
        type_acteur=TypeActeurInscrit.PERSONNE,
        type_personne=TypePersonne.PS.value,
        content=CertificateContent(
            product="CPS_AUTH",
            common_name=PHARMACIENNE,
            surname="ARNAUD",
            given_name="INES",
            title="Pharmacien",
            upn="8.99700990029@carte.igc.example",
            profession=21,
            card_number="8025000001/0000000029",
        ),
    ),
)
