"""Client certificates read strictly: the set of tests/vectors/chain_cases.py alone, and that nothing else is raised."""

import pytest
from cryptography import x509

from pki.authority import find_issuer
from pki.certificates.client_certificate import read_client_certificate
from pki.errors import AuthorityError, CertificateError
from registration.errors import Code
from tests.vectors.chain_cases import CASES, certificate, trusted
from tests.vectors.samples import NOW


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.code is Code.CERTIFICATE_REFUSED])
def test_refused_by_its_form_or_by_its_issuer(name: str) -> None:
    with pytest.raises((CertificateError, AuthorityError)):
        find_issuer(trusted(NOW), read_client_certificate(CASES[name].make(NOW)))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.code is not Code.CERTIFICATE_REFUSED])
def test_the_others_are_read(name: str) -> None:
    assert isinstance(read_client_certificate(CASES[name].make(NOW)), x509.Certificate)


def test_no_flipped_octet_is_a_client_of_ours_or_raises_anything_else() -> None:
    good, authorities = certificate(NOW), trusted(NOW)
    for place in range(len(good)):
        with pytest.raises((CertificateError, AuthorityError)):
            find_issuer(
                authorities, read_client_certificate(good[:place] + bytes((good[place] ^ 0x15,)) + good[place + 1 :])
            )
