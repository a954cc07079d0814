"""Keys in a token: the same signatures as software keys, found by certificate, and losses survived. SoftHSM2 is real."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from pkcs11 import Attribute, ObjectClass, Session
from pkcs11.exceptions import PKCS11Error

from pki.authority import Authority
from pki.errors import CeremonyError, SignerError
from pki.issuing.crl import build_crl
from pki.issuing.issuance import issue, lint, prepare
from pki.issuing.signers import token as tokens
from pki.issuing.signers.pkcs11 import generate_key, load_pkcs11_signer
from pki.issuing.signers.token import Token, _Library
from tests.support.softhsm import PIN, SoftHsm, import_key
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, make_issuing, spki

pytestmark = pytest.mark.needs("softhsm2")

_numbers = count(1)
LABEL = "ACI-EL-TEST"


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    hsm = SoftHsm(tmp_path_factory.mktemp("softhsm"))
    hsm.start()
    yield hsm
    hsm.stop()


@pytest.fixture(scope="module")
def filled(softhsm: SoftHsm) -> Token:
    """A token with the key of the test authority."""
    token = softhsm.make_token("filled")
    library_of(token, softhsm).reset()
    import_key(token, LABEL, key("issuing"))
    return token


@pytest.fixture
def empty(softhsm: SoftHsm) -> Token:
    token = softhsm.make_token(f"token-{next(_numbers)}")
    library_of(token, softhsm).reset()
    return token


def library_of(_token: Token, softhsm: SoftHsm) -> tokens._Library:
    return tokens._library(str(softhsm.module))


def test_it_issues_the_same_certificate_as_the_key_itself(issuing: Authority, signer: KeySigner, filled: Token) -> None:
    of_token = load_pkcs11_signer(issuing, filled)
    linted = lint(prepare(issuing, SHAPES["org-sign"], spki(), SERIAL, NOW), issuing)
    assert issue(linted, of_token) == issue(linted, signer)
    assert of_token.public_key == issuing.public_key
    assert of_token.authority == "ACI-EL-TEST"


def test_it_signs_the_same_crl_as_the_key_itself(issuing: Authority, signer: KeySigner, filled: Token) -> None:
    until = NOW + timedelta(days=3)
    of_token = load_pkcs11_signer(issuing, filled)
    assert build_crl(issuing, of_token, [], 7, NOW, until) == build_crl(issuing, signer, [], 7, NOW, until)


def test_key_may_have_a_label_of_its_own(issuing: Authority, empty: Token) -> None:
    import_key(empty, "another label", key("issuing"))
    load_pkcs11_signer(issuing, empty, "another label")
    with pytest.raises(SignerError, match="aucune clé ACI-EL-TEST"):
        load_pkcs11_signer(issuing, empty)


def test_of_two_keys_with_one_label_each_certificate_finds_its_own(empty: Token) -> None:
    import_key(empty, LABEL, key("issuing"))
    import_key(empty, LABEL, key("issuing-2"))
    for label in ("issuing", "issuing-2"):
        authority = make_issuing(label=label)
        assert load_pkcs11_signer(authority, empty).public_key == key(label).public_key()


def test_key_of_another_authority_is_refused(issuing: Authority, empty: Token) -> None:
    import_key(empty, LABEL, key("root"))
    with pytest.raises(SignerError, match="aucune clé ACI-EL-TEST qui soit celle du certificat"):
        load_pkcs11_signer(issuing, empty)


def _close_session(token: Token, library: _Library) -> None:
    library.sessions[token.label].close()


def _finalise(_token: Token, library: _Library) -> None:
    library._library.finalize()


def _log_out_behind_its_back(token: Token, library: _Library) -> None:
    # A second login elsewhere in the process that closes everything, as a driver does when the network is lost.
    session = library.sessions[token.label]
    token_of_driver = library._library.get_token(token_label=token.label)
    other = token_of_driver.open()
    session.close()
    other.close()


LOSSES = {"session closed": _close_session, "library lost": _finalise, "logged out": _log_out_behind_its_back}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_survived(issuing: Authority, signer: KeySigner, filled: Token, softhsm: SoftHsm, name: str) -> None:
    of_token = load_pkcs11_signer(issuing, filled)
    LOSSES[name](filled, library_of(filled, softhsm))
    assert of_token.sign(b"to be signed") == signer.sign(b"to be signed")


def test_token_that_does_not_come_back_is_a_typed_error_and_one_that_does_is_used(
    issuing: Authority, signer: KeySigner, empty: Token, softhsm: SoftHsm
) -> None:
    import_key(empty, LABEL, key("issuing"))
    of_token = load_pkcs11_signer(issuing, empty)
    away = softhsm.folder / "away"
    (softhsm.folder / "tokens").rename(away)
    (softhsm.folder / "tokens").mkdir()
    try:
        library_of(empty, softhsm).reset()
        with pytest.raises(SignerError, match="NoSuchToken"):
            of_token.sign(b"to be signed")
    finally:
        (softhsm.folder / "tokens").rmdir()
        away.rename(softhsm.folder / "tokens")
    assert of_token.sign(b"to be signed") == signer.sign(b"to be signed")


def test_failure_is_tried_again_exactly_once(filled: Token) -> None:
    calls = []

    def fail(_session: Session) -> None:
        calls.append(1)
        raise PKCS11Error("words of a driver")

    with pytest.raises(SignerError) as caught:
        filled.run(fail)
    assert len(calls) == 2
    assert "words" not in str(caught.value)


def test_refused_pin_is_not_presented_again(issuing: Authority, empty: Token, softhsm: SoftHsm) -> None:
    import_key(empty, LABEL, key("issuing"))
    of_token = load_pkcs11_signer(issuing, empty)
    pin_file = empty.pin_file.path
    pin_file.write_text("a wrong pin")
    library_of(empty, softhsm).reset()
    with pytest.raises(SignerError, match="PinIncorrect") as caught:
        of_token.sign(b"data")
    assert "a wrong pin" not in str(caught.value)
    # Not even a PIN that would be right: three wrong ones lock the token for everybody.
    pin_file.write_text(PIN)
    with pytest.raises(SignerError, match="pas présenté de nouveau"):
        of_token.sign(b"data")


def test_pin_file_open_to_others_is_refused(issuing: Authority, empty: Token) -> None:
    empty.pin_file.path.chmod(0o640)
    with pytest.raises(SignerError, match="fichier du code"):
        load_pkcs11_signer(issuing, empty)


def test_module_that_is_none_is_refused(issuing: Authority, filled: Token, tmp_path: Path) -> None:
    (tmp_path / "module.so").write_bytes(b"no library")
    for module in (tmp_path / "module.so", tmp_path / "missing.so"):
        with pytest.raises(SignerError):
            load_pkcs11_signer(issuing, Token(module, "filled", filled.pin_file.path))


def test_unknown_token_is_refused(issuing: Authority, filled: Token, softhsm: SoftHsm) -> None:
    with pytest.raises(SignerError, match="NoSuchToken"):
        load_pkcs11_signer(issuing, Token(softhsm.module, "missing", filled.pin_file.path))


def test_threads_share_one_session(issuing: Authority, signer: KeySigner, filled: Token) -> None:
    of_token = load_pkcs11_signer(issuing, filled)
    with ThreadPoolExecutor(4) as pool:
        signatures = list(pool.map(lambda number: of_token.sign(b"%d" % number), range(80)))
    assert signatures == [signer.sign(b"%d" % number) for number in range(80)]


def test_child_process_opens_its_own_session(issuing: Authority, signer: KeySigner, filled: Token) -> None:
    of_token = load_pkcs11_signer(issuing, filled)
    expected = signer.sign(b"to be signed")
    child = os.fork()
    if child == 0:
        os._exit(0 if of_token.sign(b"to be signed") == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert of_token.sign(b"to be signed") == expected


def test_generated_key_stays_in_the_token_and_its_label_is_taken(empty: Token) -> None:
    made = generate_key(empty, "ACI-NEW", 2048)
    assert made.public_key.key_size == 2048
    assert made.public_key.public_numbers().e == 65537

    def read(session: Session) -> list[bool]:
        (found,) = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: "ACI-NEW"})
        flags = (Attribute.SENSITIVE, Attribute.NEVER_EXTRACTABLE, Attribute.LOCAL, Attribute.SIGN, Attribute.DECRYPT)
        return [found[flag] for flag in flags]

    assert empty.run(read) == [True, True, True, True, False]
    with pytest.raises(CeremonyError, match="existe déjà"):
        generate_key(empty, "ACI-NEW", 2048)


def test_neither_pin_nor_key_is_ever_shown(issuing: Authority, filled: Token) -> None:
    assert repr(load_pkcs11_signer(issuing, filled)) == "Pkcs11Signer('ACI-EL-TEST')"
    assert repr(filled) == "Token('filled')"
    assert Path(filled.pin_file.path).name not in repr(filled)
