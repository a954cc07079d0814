"""The lot of the demo: all thirteen products, then items that are wrong on purpose, each with its expected code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from clients.contract.values import USAGES_BY_OFFRE, DemandeCertificat, Lot
from clients.keys.many import KeyTarget, make_keys
from commands.trial.fictitious import AGENT, HOPITAL, PHARMACIE

DOMAIN = "acacias.example"
CONTACT = f"dsi@{DOMAIN}"
PRODUCTS = tuple((offre, usage) for offre, usages in USAGES_BY_OFFRE.items() for usage in usages)
_SHORT_KEY_BITS = 1024


@dataclass(frozen=True, slots=True)
class BadItem:
    """What is wrong, for the summary, and the code the plateforme must answer."""

    title: str
    code: str


@dataclass(frozen=True, slots=True)
class DemoLot:
    """The lot and what is expected of it: position of each bad item, everything else must be issued."""

    lot: Lot
    bad: dict[int, BadItem]


def build_lot(reference: str, size: int, folder: Path, progress: Callable[[int], None]) -> DemoLot:
    """``size`` items in all, ``faults_in(size)`` of them bad; keys are made in parallel and stand in ``folder``."""
    makers = _bad_makers()[: faults_in(size)]
    good = size - len(makers)
    stems = [f"item-{number:05d}" for number in range(1, size + 1)]
    targets = [KeyTarget(folder=folder, stem=stem, common_name=f"Demo {stem}") for stem in stems]
    csrs = make_keys(targets, progress=progress)
    items = [_good_item(rank, stems[rank], csrs[rank]) for rank in range(good)]
    bad: dict[int, BadItem] = {}
    for rank, (description, maker) in enumerate(makers, good):
        items.append(maker(stems[rank], csrs[rank], items[0]))
        bad[rank + 1] = description
    return DemoLot(lot=Lot(reference=reference, demande=tuple(items)), bad=bad)


def faults_in(size: int) -> int:
    """How many items of a lot of this size are bad: ten, or as big a part of a lot too small for that."""
    faults = len(_bad_makers())
    return min(faults, size * faults // (len(PRODUCTS) + faults))


def _good_item(rank: int, reference: str, csr: bytes) -> DemandeCertificat:
    offre, usage = PRODUCTS[rank % len(PRODUCTS)]
    round_ = rank // len(PRODUCTS)
    ssl = usage == "SSL_SERV"
    application = f"Application {round_}" if offre in {"ORG", "SERV"} and not ssl else None
    return DemandeCertificat(
        reference=reference,
        offre=offre,
        usage=usage,
        structure=None if offre == "PS" else HOPITAL,
        beneficiaire=AGENT if offre == "PRO" else None,
        service_applicatif=application,
        adresse_email=f"application{round_}@{DOMAIN}" if offre == "SERV" and not ssl else None,
        fqdn=(f"srv{round_}.{DOMAIN}", f"www{round_}.{DOMAIN}") if ssl else (),
        email_acteur=CONTACT,
        csr=csr,
    )


Maker = Callable[[str, bytes, DemandeCertificat], DemandeCertificat]


def _bad_makers() -> list[tuple[BadItem, Maker]]:
    return [
        (BadItem("signature de CSR fausse", "ERR_IHM_007"), lambda ref, csr, _: _org(ref, _broken(csr))),
        (BadItem("clé RSA de 1024 bits", "ERR_IHM_007"), lambda ref, _csr, _: _org(ref, _short_csr())),
        (BadItem("clé déjà présente dans le lot", "ERR_IHM_007"), lambda ref, _csr, first: _org(ref, first.csr)),
        (BadItem("usage étranger à l'offre", "ERR_IHM_060"), lambda ref, csr, _: _org(ref, csr, usage="SSL_SERV")),
        (BadItem("service applicatif absent", "ERR_IHM_061"), lambda ref, csr, _: _org(ref, csr, service=None)),
        (BadItem("structure sans habilitation", "ERR_IHM_026"), lambda ref, csr, _: _org(ref, csr, PHARMACIE)),
        (BadItem("email de l'acteur mal écrit", "ERR_IHM_057"), lambda ref, csr, _: _org(ref, csr, contact="dsi@")),
        (BadItem("FQDN mal écrit", "ERR_IHM_062_2"), lambda ref, csr, _: _server(ref, csr, "srv_1")),
        (BadItem("domaine d'un autre (evil…)", "ERR_WS_039"), lambda ref, csr, _: _server(ref, csr, f"evil{DOMAIN}")),
        (BadItem("adresse email d'un autre porteur", "ERR_IHM_064"), lambda ref, csr, _: _taken_address(ref, csr)),
    ]


def _org(
    reference: str,
    csr: bytes,
    structure: str = HOPITAL,
    *,
    usage: str = "AUTH_CLI",
    service: str | None = "Application fautive",
    contact: str = CONTACT,
) -> DemandeCertificat:
    return DemandeCertificat(
        reference=reference,
        offre="ORG",
        usage=usage,
        structure=structure,
        service_applicatif=service,
        email_acteur=contact,
        csr=csr,
    )


def _server(reference: str, csr: bytes, fqdn: str) -> DemandeCertificat:
    return DemandeCertificat(
        reference=reference,
        offre="SERV",
        usage="SSL_SERV",
        structure=HOPITAL,
        fqdn=(fqdn,),
        email_acteur=CONTACT,
        csr=csr,
    )


def _taken_address(reference: str, csr: bytes) -> DemandeCertificat:
    return DemandeCertificat(
        reference=reference,
        offre="SERV",
        usage="SIGN",
        structure=HOPITAL,
        service_applicatif="Application voisine",
        adresse_email=f"application0@{DOMAIN}",
        email_acteur=CONTACT,
        csr=csr,
    )


def _broken(csr: bytes) -> bytes:
    """The same request with the last bit of its signature turned."""
    return csr[:-1] + bytes([csr[-1] ^ 1])


def _short_csr() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_SHORT_KEY_BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Demo")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.DER)
