from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from clients.contract.values import DemandeCertificat, Lot
from clients.lots.file import write_lot
from clients.service.lots import RetryPolicy, ServiceLots
from tests.integration.clients.cli_desk import CODE
from tests.integration.clients.stand_in.authority import StandInAuthority
from tests.integration.clients.stand_in.listener import serve
from tests.integration.clients.stand_in.service import StandIn

FAST = RetryPolicy(attempts=4, first_delay=0.01, max_delay=0.02)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> StandInAuthority:
    return StandInAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def stand_in(authority: StandInAuthority) -> Iterator[StandIn]:
    with serve(StandIn(authority)) as service:
        yield service


@pytest.fixture
def connect(stand_in: StandIn, authority: StandInAuthority) -> Iterator[Callable[..., ServiceLots]]:
    opened = []

    def open_service(**options: Any) -> ServiceLots:
        given: dict[str, Any] = {
            "certificate": authority.client_files,
            "ca": authority.ca_file,
            "retry": FAST,
            "timeout": 10,
            **options,
        }
        opened.append(ServiceLots(given.pop("url", stand_in.url), **given))
        return opened[-1]

    yield open_service
    for service in opened:
        service.close()


@pytest.fixture(scope="session")
def csrs() -> list[bytes]:
    """A few real PKCS#10, DER; made once, keys are dear."""
    made = []
    for rank in range(3):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"essai {rank}")])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        made.append(request.public_bytes(serialization.Encoding.DER))
    return made


@pytest.fixture
def make_lot(csrs: list[bytes]) -> Callable[..., Lot]:
    def build(
        reference: str = "lot-1",
        names: tuple[str, ...] = ("accueil", "REFUS", "biologie"),
    ) -> Lot:
        return Lot(
            reference=reference,
            demande=tuple(
                DemandeCertificat(
                    reference=f"d-{rank}",
                    offre="ORG",
                    usage="AUTH_CLI",
                    structure="1750140014",
                    service_applicatif=name,
                    email_acteur="si@hopital.example",
                    csr=csrs[rank % len(csrs)],
                )
                for rank, name in enumerate(names)
            ),
        )

    return build


@pytest.fixture
def desk(
    stand_in: StandIn,
    authority: StandInAuthority,
    make_lot: Callable[..., Lot],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder with a configuration, a lot and a revocation code, as the current folder."""
    cert, key = authority.client_files
    (tmp_path / "igc-client.toml").write_text(
        f'url = "{stand_in.url}"\ncertificat = "{cert}"\ncle = "{key}"\nca = "{authority.ca_file}"\n', encoding="utf-8"
    )
    (tmp_path / "code.txt").write_text(CODE + "\n", encoding="utf-8")
    write_lot(make_lot(), tmp_path / "lot.xml")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("IGCCLIENT_")]:
        monkeypatch.delenv(name)
    return tmp_path
