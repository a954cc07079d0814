"""Names of SOAP and of the contract: namespaces, versions, operations. No behaviour."""

from __future__ import annotations

from enum import Enum

CONTRACT_NS = "urn:igc-exemple:lots:1.0"
CONTRACT_VERSION = "1.0"
XSI_NS = "http://www.w3.org/2001/XMLSchema-instance"
TIERS = "pourLeCompteDe"
"""The one header block of the contract: the number of the third party in whose place the sender acts."""

XML_NS = "http://www.w3.org/XML/1998/namespace"

SECRETS = frozenset({"conditions", "codeRevocation", "confirmation"})
"""Members whose values, and those of all below them, are never repeated, not even to who sent them.

All of ``conditions``: the code may stand in the member beside the one that it was meant for.
"""


class SoapVersion(Enum):
    """One of the two bindings: its envelope namespace, media type, and names of the two sides of a fault."""

    V11 = ("http://schemas.xmlsoap.org/soap/envelope/", "text/xml", "Client", "Server")
    V12 = ("http://www.w3.org/2003/05/soap-envelope", "application/soap+xml", "Sender", "Receiver")

    def __init__(self, namespace: str, media_type: str, sender: str, receiver: str) -> None:
        self.namespace = namespace
        self.media_type = media_type
        self.sender = sender
        self.receiver = receiver

    @property
    def content_type(self) -> str:
        """The Content-Type of an answer."""
        return f"{self.media_type}; charset=utf-8"

    def tag(self, name: str) -> str:
        """The qualified name of an element of the envelope."""
        return f"{{{self.namespace}}}{name}"


class Operation(Enum):
    """Every operation of the contract."""

    DEPOSER_LOT = "deposerLot"
    VERIFIER_LOT = "verifierLot"
    SUIVRE_LOT = "suivreLot"
    LISTER_DEMANDES_LOT = "listerDemandesLot"
    RETIRER_DEMANDE = "retirerDemande"
    RETIRER_PAGE_LOT = "retirerPageLot"
    ANNULER_DEMANDE = "annulerDemande"
    ANNULER_LOT = "annulerLot"
    RECHERCHER_DEMANDES = "rechercherDemandes"
    LISTER_A_RENOUVELER = "listerARenouveler"
    CONSULTER_DEMANDE = "consulterDemande"
    RECHERCHER_PRODUITS = "rechercherProduits"
    CONSULTER_PRODUIT = "consulterProduit"
    TELECHARGER_CERTIFICAT = "telechargerCertificat"
    REVOQUER_CERTIFICAT = "revoquerCertificat"
    ABANDONNER_REVOCATION = "abandonnerRevocation"
    DEPOSER_LOT_REVOCATIONS = "deposerLotRevocations"
    VERIFIER_LOT_REVOCATIONS = "verifierLotRevocations"
    LISTER_REVOCATIONS_LOT = "listerRevocationsLot"
    RECHERCHER_REVOCATIONS = "rechercherRevocations"
    CONSULTER_REVOCATION = "consulterRevocation"
    MES_DROITS = "mesDroits"
    CONSULTER_SERVICE = "consulterService"

    @property
    def tag(self) -> str:
        """The qualified name of its request element."""
        return contract_tag(self.value)

    @property
    def action(self) -> str:
        """The SOAPAction of the WSDL."""
        return f"{CONTRACT_NS}/{self.value}"

    @property
    def carries_lot(self) -> bool:
        """Whether the request holds a lot, hence may be big."""
        return self in (Operation.DEPOSER_LOT, Operation.VERIFIER_LOT) or self.carries_revocations

    @property
    def carries_revocations(self) -> bool:
        """Whether that lot is one of revocations."""
        return self in (Operation.DEPOSER_LOT_REVOCATIONS, Operation.VERIFIER_LOT_REVOCATIONS)

    @property
    def writes(self) -> bool:
        """Whether the operation changes anything, hence may wait for somebody else's change."""
        return self not in _READING


_READING = frozenset(
    {
        Operation.VERIFIER_LOT,
        Operation.SUIVRE_LOT,
        Operation.LISTER_DEMANDES_LOT,
        Operation.RECHERCHER_DEMANDES,
        Operation.LISTER_A_RENOUVELER,
        Operation.CONSULTER_DEMANDE,
        Operation.RECHERCHER_PRODUITS,
        Operation.CONSULTER_PRODUIT,
        Operation.TELECHARGER_CERTIFICAT,
        Operation.VERIFIER_LOT_REVOCATIONS,
        Operation.LISTER_REVOCATIONS_LOT,
        Operation.RECHERCHER_REVOCATIONS,
        Operation.CONSULTER_REVOCATION,
        Operation.MES_DROITS,
        Operation.CONSULTER_SERVICE,
    }
)


def contract_tag(name: str) -> str:
    """The qualified name of an element of the contract."""
    return f"{{{CONTRACT_NS}}}{name}"
