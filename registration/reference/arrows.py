"""What happens at each arrow of the state tables, in the words of docs/etats.md."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from registration.vocabulary import EtatAvis, EtatDemande, EtatImport, EtatProduit, EtatRevocation

Arrow = tuple[StrEnum, StrEnum]

DEMANDE: Mapping[Arrow, str] = {
    (EtatDemande.ENREGISTREE, EtatDemande.VALIDEE): (
        "Toutes les règles acceptent la demande ; sa clé et son adresse lui sont réservées."
    ),
    (EtatDemande.ENREGISTREE, EtatDemande.REJETEE): (
        "Une règle la refuse. Elle ne réserve rien : la même CSR peut revenir dans une autre demande."
    ),
    (EtatDemande.ENREGISTREE, EtatDemande.ANNULEE): "Le lot est annulé avant que cet élément soit examiné.",
    (EtatDemande.ENREGISTREE, EtatDemande.NON_TRAITEE): (
        "La page du lot n'a pas pu être traitée après tous les essais ; rien n'est réservé."
    ),
    (EtatDemande.VALIDEE, EtatDemande.TRANSMISE): (
        "Le numéro de série et le contenu à signer sont inscrits, puis l'AC signe."
    ),
    (EtatDemande.VALIDEE, EtatDemande.ANNULEE): "L'acteur annule avant la signature.",
    (EtatDemande.VALIDEE, EtatDemande.NON_TRAITEE): (
        "L'AC refuse le contenu ou tous les essais ont échoué, et la clé redevient libre ; ou la clé est interdite "
        "(ERR_IHM_007)."
    ),
    (EtatDemande.TRANSMISE, EtatDemande.CLOSE): "L'acteur retire le certificat.",
    (EtatDemande.TRANSMISE, EtatDemande.ANNULEE): (
        "L'acteur annule avant le retrait, l'exploitant révoque, ou la date limite du retrait est passée (la demande "
        "porte alors ERR_IHM_013, le motif) ; un certificat déjà signé est révoqué, un contenu pas encore signé l'est "
        "d'avance."
    ),
    (EtatDemande.TRANSMISE, EtatDemande.NON_TRAITEE): (
        "La signature a échoué à tous les essais, ou la clé est interdite avant la signature (ERR_IHM_007)."
    ),
}

PRODUIT: Mapping[Arrow, str] = {
    (EtatProduit.A_RETIRER, EtatProduit.ACTIF): "L'acteur retire le certificat et choisit son code de révocation.",
    (EtatProduit.A_RETIRER, EtatProduit.REVOQUE): (
        "La demande est annulée, par l'acteur, parce que l'exploitant révoque ou parce que la date limite est passée : "
        "un certificat que personne ne retire ne reste pas valable."
    ),
    (EtatProduit.ACTIF, EtatProduit.EXPIRE): "La date de fin est passée ; rien n'est écrit, l'état suit la date.",
    (EtatProduit.ACTIF, EtatProduit.REVOQUE): "Le certificat est révoqué (guide §11, ou par l'exploitant).",
}

REVOCATION: Mapping[Arrow, str] = {
    (EtatRevocation.ENREGISTREE, EtatRevocation.VALIDEE): (
        "Les règles l'acceptent ; différée, elle attend 00:00 à Paris du jour choisi."
    ),
    (EtatRevocation.ENREGISTREE, EtatRevocation.NON_TRAITEE): (
        "Une règle refuse l'élément d'un lot (son code d'erreur dit laquelle), ou sa page n'a pas pu être traitée. Ce "
        "qu'une demande seule a de fautif est dit aussitôt et n'est pas enregistré."
    ),
    (EtatRevocation.VALIDEE, EtatRevocation.CLOSE): (
        "Le certificat est révoqué, par elle (REVOQUE, RAISON_CHANGEE), avant elle (DEJA_REVOQUE), ou par une autre "
        "avant son jour (REMPLACEE, avec son numéro quand c'est une demande)."
    ),
    (EtatRevocation.VALIDEE, EtatRevocation.NON_TRAITEE): (
        "Différée, elle est abandonnée (ABANDONNEE), seule ou avec son lot ; ou son lot est annulé avant que le "
        "traitement l'atteigne ; ou le certificat a expiré avant que son jour soit traité (EXPIRE)."
    ),
}

AVIS: Mapping[Arrow, str] = {
    (EtatAvis.TO_GATHER, EtatAvis.TO_SEND): (
        "Le pas du lot est fini, ou il est sept heures à Paris : un avis par destinataire prend la place de la ligne, "
        "ou celle-ci attend le lendemain quand elle vaut pour chaque jour."
    ),
    (EtatAvis.TO_SEND, EtatAvis.SENT): "Le serveur de mail a accepté le message.",
    (EtatAvis.TO_SEND, EtatAvis.REFUSED): (
        "Le serveur refuse ce destinataire pour de bon, l'adresse ne peut pas s'écrire dans un mail, ou les essais ont "
        "duré trop longtemps. Rien d'autre ne s'en ressent."
    ),
    (EtatAvis.TO_SEND, EtatAvis.MOOT): "Au moment de l'envoi il n'y a plus rien à dire (par exemple, déjà renouvelé).",
    (EtatAvis.REFUSED, EtatAvis.TO_SEND): "L'exploitant le fait essayer à nouveau.",
}

IMPORT: Mapping[Arrow, str] = {
    (EtatImport.EN_COURS, EtatImport.TERMINE): "Tout le fichier est dans l'annuaire.",
    (EtatImport.EN_COURS, EtatImport.ABANDONNE): (
        "L'import s'est arrêté avant la fin, ou n'a plus donné signe de vie et un autre le remplace ; ce qui est écrit "
        "reste, et sera comparé par le suivant."
    ),
}
