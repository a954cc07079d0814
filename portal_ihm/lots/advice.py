"""What to do about a refused item, in one sentence; for who deposits the next lot."""

from __future__ import annotations

from registration.errors import Code

_CORRECT = "Corrigez cet élément et déposez-le dans un autre lot, sous une autre référence de lot."
_RIGHT = (
    "Demandez l'habilitation au gestionnaire des habilitations de la structure, puis déposez cet élément dans un autre "
    "lot."
)
_AS_IT_IS = "Rien n'est à corriger : déposez cet élément tel quel dans un autre lot."
_BY_CODE = {
    Code.CSR_REFUSED: "Fabriquez une nouvelle clé et sa CSR, puis déposez l'élément dans un autre lot.",
    Code.HABILITATION_MISSING: _RIGHT,
    Code.HABILITATION_LOST: _RIGHT,
    Code.BENEFICIAIRE_NOT_ENTITLED: _RIGHT,
    Code.DOMAIN_NOT_ENTITLED: "Faites ajouter ce domaine à votre habilitation, puis déposez l'élément à nouveau.",
    Code.PRODUCT_CLOSED: "Ce produit n'est plus délivré pour le moment : revenez quand il sera rouvert.",
    Code.NOT_PROCESSED: _AS_IT_IS,
    Code.DIRECTORY_AWAY: _AS_IT_IS,
    Code.EMAIL_TAKEN: "Révoquez d'abord le certificat qui porte cette adresse, ou choisissez une autre adresse.",
    Code.RENEWAL_TAKEN: "Un renouvellement de ce produit est déjà en cours : suivez-le, ou annulez-le.",
    Code.RENEWAL_OUTSIDE_WINDOW: "Attendez que le renouvellement soit ouvert, puis déposez l'élément à nouveau.",
    Code.REVOCATION_TO_CANCEL: "Rien n'est à révoquer : annulez la demande.",
    Code.REVOCATION_PENDING: "Une révocation de ce certificat attend déjà son jour : abandonnez-la d'abord.",
}


def advice_of(code: str) -> str:
    """The sentence for a code of a verdict, the common one for those that say it all."""
    return _BY_CODE.get(Code(code), _CORRECT) if code in set(Code) else _CORRECT
