from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from clients.service import RetryPolicy, ServiceLots
from clients.values import DemandeCertificat, Lot
from tests.integration.clients.lots_stand_in import StandIn, TestAuthority, serve

FAST = RetryPolicy(attempts=4, first_delay=0.01, max_delay=0.02)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return TestAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def stand_in(authority):
    with serve(StandIn(authority)) as service:
        yield service


@pytest.fixture
def connect(stand_in, authority):
    opened = []

    def open_service(**options):
        given = {"certificate": authority.client_files, "ca": authority.ca_file, "retry": FAST, "timeout": 10} | options
        opened.append(ServiceLots(given.pop("url", stand_in.url), **given))
        return opened[-1]

    yield open_service
    for service in opened:
        service.close()


@pytest.fixture(scope="session")
def csrs():
    """A few real PKCS#10, DER; made once, keys are dear."""
    made = []
    for rank in range(3):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"essai {rank}")])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        made.append(request.public_bytes(serialization.Encoding.DER))
    return made


@pytest.fixture
def make_lot(csrs):
    def build(reference="lot-1", names=("accueil", "REFUS", "biologie")):
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
