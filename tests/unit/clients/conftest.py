from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from clients.contract.values import DemandeCertificat, Lot


@pytest.fixture(scope="session")
def csr_pem() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "essai")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def csr(csr_pem: bytes) -> bytes:
    return x509.load_pem_x509_csr(csr_pem).public_bytes(serialization.Encoding.DER)


@pytest.fixture
def lot(csr: bytes) -> Lot:
    full = DemandeCertificat(
        reference="serveur-1",
        offre="SERV",
        usage="SSL_SERV",
        structure="1750140014",
        fqdn=("a.hopital.example", "b.hopital.example"),
        email_acteur="si@hopital.example",
        email_informe="astreinte@hopital.example",
        csr=csr,
    )
    person = DemandeCertificat(
        offre="PRO",
        usage="AUTH",
        structure="1750140014",
        beneficiaire="899700027131",
        upn="durand@hopital.example",
        email_acteur="si@hopital.example",
        csr=csr,
    )
    mail = DemandeCertificat(
        reference="bal/1",
        offre="SERV",
        usage="S/MIME",
        structure="1750140014",
        service_applicatif="Messagerie & résultats",
        adresse_email="labo@hopital.example",
        email_acteur="si@hopital.example",
        csr=csr,
    )
    return Lot(reference="essai-1", demande=(full, person, mail))
