"""Acceptance of certification requests: every case has its verdict, and none crashes."""

import base64
import contextlib
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.authority import Authority, key_hashes
from pki.errors import CsrError, CsrProblem
from pki.keys.csr import MAX_CSR_BYTES, accept_csr, decode_csr
from pki.keys.key_policy import KeyPolicy
from tests.support.damage import flipped
from tests.vectors.csr_cases import CASES, P256_CASES, build, p256
from tests.vectors.keys import key
from tests.vectors.samples import spki


@pytest.mark.parametrize("name", CASES)
def test_verdict_of(name: str) -> None:
    case = CASES[name]
    data = case.make()
    if case.problem is None:
        accepted = accept_csr(data)
        assert accepted.der == data
        assert accepted.spki == spki()
        assert accepted.spki_sha256 == hashlib.sha256(spki()).digest()
        return
    with pytest.raises(CsrError) as caught:
        accept_csr(data)
    assert (caught.value.kind, caught.value.weakness) == (case.problem, case.weakness)


@pytest.mark.parametrize("name", P256_CASES)
def test_verdict_where_p256_is_admitted(name: str) -> None:
    case = P256_CASES[name]
    data = case.make()
    if case.problem is None:
        accepted = accept_csr(data, KeyPolicy(p256=True))
        assert accepted.spki in data
        assert accepted.spki_sha256 == hashlib.sha256(accepted.spki).digest()
    else:
        with pytest.raises(CsrError) as caught:
            accept_csr(data, KeyPolicy(p256=True))
        assert caught.value.kind is case.problem
    if name != "rsa":
        with pytest.raises(CsrError):
            accept_csr(data)


def test_blocked_p256_key_is_refused() -> None:
    blocked = {accept_csr(p256(), KeyPolicy(p256=True)).spki_sha256}
    with pytest.raises(CsrError) as caught:
        accept_csr(p256(), KeyPolicy(p256=True, is_blocked=blocked.__contains__))
    assert caught.value.kind is CsrProblem.BLOCKED_KEY
    accept_csr(p256(8), KeyPolicy(p256=True, is_blocked=blocked.__contains__))


def test_message_of_a_refusal_is_ours_alone() -> None:
    with pytest.raises(CsrError) as caught:
        accept_csr(build()[:-20])
    assert str(caught.value) == CsrProblem.TRUNCATED.value
    assert caught.value.__suppress_context__


def test_blocked_key_is_refused_by_the_hash_of_its_spki() -> None:
    blocked = {hashlib.sha256(spki()).digest()}
    with pytest.raises(CsrError) as caught:
        accept_csr(build(), KeyPolicy(is_blocked=blocked.__contains__))
    assert caught.value.kind is CsrProblem.BLOCKED_KEY
    other = build(spki=spki("leaf-2"), signer=key("leaf-2"))
    assert accept_csr(other, KeyPolicy(is_blocked=blocked.__contains__)).spki == spki("leaf-2")


def test_key_of_an_authority_is_refused(issuing: Authority) -> None:
    of_the_authority = build(spki=issuing.spki, signer=key("issuing"))
    assert accept_csr(of_the_authority).spki == issuing.spki
    with pytest.raises(CsrError) as caught:
        accept_csr(of_the_authority, KeyPolicy(is_blocked=key_hashes([issuing]).__contains__))
    assert caught.value.kind is CsrProblem.BLOCKED_KEY


def test_failure_of_the_block_list_is_not_taken_for_a_verdict() -> None:
    def broken(_digest: bytes) -> bool:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        accept_csr(build(), KeyPolicy(is_blocked=broken))


def test_largest_size_is_judged_and_one_more_octet_is_not() -> None:
    with pytest.raises(CsrError) as caught:
        accept_csr(b"\x30" * MAX_CSR_BYTES)
    assert caught.value.kind is CsrProblem.SEVERAL
    with pytest.raises(CsrError) as caught:
        accept_csr(b"\x30" * (MAX_CSR_BYTES + 1))
    assert caught.value.kind is CsrProblem.TOO_LARGE


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_crash_it(data: bytes) -> None:
    with pytest.raises(CsrError):
        accept_csr(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_mutation_of_a_good_request_crashes_it_or_changes_the_key(data: st.DataObject) -> None:
    good = bytearray(build())
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        accepted = accept_csr(bytes(good))
    except CsrError:
        return
    # Two flips of one bit undo each other; whatever else passes would be a forgery.
    assert accepted.der == build()


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)))
def test_no_envelope_crashes_the_decoder(data: str | bytes) -> None:
    with contextlib.suppress(CsrError):
        assert decode_csr(data).startswith(b"\x30")


def pem(label: str = "CERTIFICATE REQUEST", end: str = "\n") -> str:
    lines = base64.encodebytes(build()).decode().split()
    return end.join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


GOOD_ENVELOPES: dict[str, str | bytes] = {
    "pem": pem(),
    "pem-new": pem("NEW CERTIFICATE REQUEST"),
    "pem-crlf": pem(end="\r\n"),
    "pem-bytes": pem().encode(),
    "pem-with-bom": "\ufeff" + pem(),
    "pem-with-bom-bytes": b"\xef\xbb\xbf" + pem().encode(),
    "pem-after-other-text": "Certificate Request:\n    Data: ...\n" + pem(),
    "pem-with-blanks": pem().replace("\n", "\n  "),
    "der": build(),
    "base64": base64.b64encode(build()).decode(),
    "base64-lines": base64.encodebytes(build()),
    "pem-without-final-line-end": pem().rstrip(),
}


@pytest.mark.parametrize("name", GOOD_ENVELOPES)
def test_envelope_is_opened(name: str) -> None:
    assert decode_csr(GOOD_ENVELOPES[name]) == build()


_P = CsrProblem
BAD_ENVELOPES: dict[str, tuple[str | bytes, CsrProblem]] = {
    "nothing": ("", _P.MALFORMED),
    "blanks": (" \n ", _P.MALFORMED),
    "words": ("my request", _P.MALFORMED),
    "two-requests": (pem() + pem(), _P.SEVERAL),
    "request-and-key": (pem() + pem("RSA PRIVATE KEY"), _P.PRIVATE_KEY),
    "key-and-request": (pem("ENCRYPTED PRIVATE KEY") + pem(), _P.PRIVATE_KEY),
    "request-and-certificate": (pem() + pem("CERTIFICATE"), _P.SEVERAL),
    "certificate": (pem("CERTIFICATE"), _P.CERTIFICATE),
    "public-key": (pem("PUBLIC KEY"), _P.MALFORMED),
    "labels-that-differ": (pem().replace("END CERTIFICATE REQUEST", "END NEW CERTIFICATE REQUEST"), _P.MALFORMED),
    "no-end": (pem().split("-----END")[0], _P.MALFORMED),
    "one-without-end": (pem() + pem().split("-----END")[0], _P.TRUNCATED),
    "bad-base64": (pem().replace("M", "*", 1), _P.MALFORMED),
    "base64-of-words": (base64.b64encode(b"not a sequence").decode(), _P.MALFORMED),
    "base64-of-pem": (base64.b64encode(pem().encode()), _P.PEM_IN_BASE64),
    "base64-of-two": (base64.b64encode(pem().encode() * 2), _P.SEVERAL),
    "base64-of-a-key": (base64.b64encode(pem("PRIVATE KEY").encode()), _P.PRIVATE_KEY),
    "base64-twice": (base64.b64encode(base64.b64encode(build())), _P.ENCODED_TWICE),
    "encrypted-headers": (pem().replace("REQUEST-----\n", "REQUEST-----\nProc-Type: 4,ENCRYPTED\n\n", 1), _P.MALFORMED),
    "utf-16": (pem().encode("utf-16"), _P.UTF16),
    "utf-16-big": (b"\xfe\xff" + pem().encode("utf-16-be"), _P.UTF16),
    "utf-16-without-mark": (pem().encode("utf-16-le"), _P.UTF16),
    "utf-16-base64": (base64.b64encode(build()).decode().encode("utf-16"), _P.UTF16),
    "lone-surrogate": ("\ud800", _P.MALFORMED),
}


@pytest.mark.parametrize("name", BAD_ENVELOPES)
def test_envelope_is_refused_for_what_it_is(name: str) -> None:
    data, problem = BAD_ENVELOPES[name]
    with pytest.raises(CsrError) as caught:
        decode_csr(data)
    assert caught.value.kind is problem


def test_primality_is_asked_last_and_only_where_the_policy_wants_it() -> None:
    request = CASES["prime-modulus"].make()
    assert accept_csr(request, KeyPolicy(primality=False)).der == request
    with pytest.raises(CsrError) as caught:
        accept_csr(flipped(request))
    assert caught.value.kind is CsrProblem.BAD_SIGNATURE


def test_huge_envelope_is_refused_before_it_is_opened() -> None:
    with pytest.raises(CsrError) as caught:
        decode_csr("A" * 10_000_000)
    assert caught.value.kind is CsrProblem.TOO_LARGE
