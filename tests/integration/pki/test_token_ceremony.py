"""A ceremony whose every key is made in a token and stays there. SoftHSM2 is real."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pki.ceremony.configuration import CeremonyConfig, IssuingConfig, RootConfig
from pki.ceremony.perform import advance
from pki.ceremony.steps import PROTOCOL_NAME, Workshop
from pki.issuing.issuance import issue, lint, prepare
from pki.issuing.signers.pkcs11 import load_pkcs11_signer
from pki.issuing.signers.stores import TokenStore
from tests.support.softhsm import SoftHsm
from tests.vectors.samples import SERIAL, SHAPES, spki

pytestmark = pytest.mark.needs("softhsm2")

MADE = datetime(2026, 11, 23, 17, 33, 19, tzinfo=UTC)
LATER = MADE + timedelta(days=900)
ORG = IssuingConfig(
    short_name="ACI-ORG", common_name="AC ORGANISATIONS", products=("ORG_SIGN", "TLS_SERVER"), key="pkcs11"
)
ORG_2 = msgspec.structs.replace(ORG, short_name="ACI-ORG-2")


def configured(*issuing: IssuingConfig) -> CeremonyConfig:
    return CeremonyConfig(plateforme="PRODUCTION", key_bits=2048, issuing=issuing, root=RootConfig(key="pkcs11"))


def test_all_keys_of_a_hierarchy_in_a_token(tmp_path: Path) -> None:
    hsm = SoftHsm(tmp_path / "softhsm")
    hsm.start()
    try:
        token = hsm.make_token("ceremony")
        store = {"pkcs11": TokenStore(token)}
        shop = Workshop(authorities=tmp_path / "ac", stores=store, root_stores=store)
        advance(configured(ORG), shop, MADE)
        made = advance(configured(ORG, ORG_2), shop, LATER).authorities
        when = LATER + timedelta(days=1)
        for authority in (made["ACI-ORG"], made["ACI-ORG-2"]):
            signer = load_pkcs11_signer(authority, token)
            issue(lint(prepare(authority, SHAPES["org-sign"], spki(), SERIAL, when), authority), signer)
        assert not list(tmp_path.rglob("*.key.pem"))
        places = [json.loads(line).get("place") for line in (tmp_path / "ac" / PROTOCOL_NAME).read_text().splitlines()]
        assert places.count("pkcs11") == 3
    finally:
        hsm.stop()
