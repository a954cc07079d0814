"""What the client says of a message that the XSD refuses: the values and limits of that field, at that place."""

from __future__ import annotations

import pytest
from lxml import etree

from clients.contract.files import NAMESPACE, allowed_values, field_hint, limits_hint
from clients.contract.schema_check import find_problems

ETATS = "ENREGISTREE, VALIDEE, TRANSMISE, CLOSE, REJETEE, NON_TRAITEE, ANNULEE"


def problem_of(message: str) -> str:
    root = etree.fromstring(message.replace(">", f' xmlns="{NAMESPACE}">', 1))
    envelope = etree.Element("{http://schemas.xmlsoap.org/soap/envelope/}Body")
    envelope.append(root)
    (problem,) = find_problems(root)
    return problem.texte


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("<listerDemandesLot><indexLot>1</indexLot><etat>TERMINE</etat></listerDemandesLot>", ETATS),
        ("<rechercherDemandes><criteres><etat>X</etat></criteres></rechercherDemandes>", ETATS),
        (
            "<rechercherDemandes><criteres><offre>X</offre></criteres></rechercherDemandes>",
            "PS, PRO, ORG, SERV, TOUTES",
        ),
        ("<suivreLot><indexLot>0</indexLot></suivreLot>", "1 au moins."),
        ("<suivreLot><indexLot>1</indexLot><attente>31</attente></suivreLot>", "De 0 à 30."),
        (
            f"<rechercherDemandes><criteres><fqdn>{'x' * 254}</fqdn></criteres></rechercherDemandes>",
            "253 caractères au plus.",
        ),
        (
            f"<rechercherDemandes><criteres><adresseEmail>{'x' * 255}</adresseEmail></criteres></rechercherDemandes>",
            "254 caractères au plus.",
        ),
    ],
)
def test_values_and_limits_are_those_of_the_field_at_that_place(message: str, words: str) -> None:
    assert words in problem_of(message)


def test_a_name_has_the_type_of_its_place() -> None:
    assert allowed_values(("suivreLotResponse", "suivi", "etat")) == ("EN_COURS", "TERMINE")
    assert "ANNULEE" in allowed_values(("listerDemandesLotResponse", "page", "demande", "etat"))
    assert allowed_values(("etat",)) == ()
    assert field_hint(("lot", "demande", "nulle", "part")) is None
    assert limits_hint(("lot", "demande", "csr")) == "16384 octets au plus."
    assert limits_hint(("lot", "demande", "serviceApplicatif")) is None, "its documentation says it"
