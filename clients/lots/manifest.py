"""The folder of a withdrawal: one ``.p7b`` and one ``.pem`` per certificate, and the manifest that pairs them.

``manifeste.json`` is what a later run reads to go on; ``manifeste.csv`` says the same for people and spreadsheets.
Both are rewritten whole after each page; files are named like the demande's reference.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from clients.contract.values import Chaine, DemandeSuivie, Lot, PageRetraits, Retrait
from clients.errors import StateError, UnexpectedAnswerError
from clients.files import reason_of, unique_stems, write_atomically, write_plainly
from clients.keys.csr import UNREADABLE
from clients.lots.chain import chain_of
from clients.text import printable

CSV_NAME = "manifeste.csv"
JSON_NAME = "manifeste.json"

_WITHDRAWABLE = {"A_RETIRER", "ACTIF"}


class ManifestLine(msgspec.Struct, kw_only=True, rename="camel"):
    """One demande of the lot; file names, that of the key too, are relative to the folder of the manifest."""

    position: int | None
    reference: str | None
    numero_demande: int
    etat: str
    etat_produit: str | None = None
    numero_serie: str | None = None
    fin_validite: datetime | None = None
    fichier: str | None = None
    certificat: str | None = None
    cle: str | None = None
    code_erreur: str | None = None
    texte_erreur: str | None = None

    @property
    def expected(self) -> bool:
        """A certificate exists for this demande and can be withdrawn, now or again."""
        return self.etat_produit in _WITHDRAWABLE


class _Stored(msgspec.Struct, kw_only=True, rename="camel"):
    index_lot: int
    suivant: int | None = None
    demandes: list[ManifestLine]


class RetraitFolder:
    """The manifest of one lot in one folder, kept on disk after each change; safe to open again after a crash.

    ``keys`` (see ``find_keys``) pairs each certificate with its key; ``lot``, when given, lets every certificate be
    compared with the public key that was sent. Raises StateError when the folder belongs to another lot.
    """

    def __init__(
        self, folder: Path, index_lot: int, *, keys: Mapping[bytes, Path] | None = None, lot: Lot | None = None
    ) -> None:
        self.folder = folder
        self.index_lot = index_lot
        self._keys = keys or {}
        self._sent = {} if lot is None else sent_keys(lot)
        self._stems: dict[int, str] = {}
        stored = _load(folder / JSON_NAME)
        if stored is not None and stored.index_lot != index_lot:
            raise StateError(f"Le dossier {folder} contient déjà le retrait du lot {stored.index_lot}.")
        self._suivant = None if stored is None else stored.suivant
        self._csv_lines: dict[int, str] = {}
        self._lines: dict[int, ManifestLine] = {line.numero_demande: line for line in stored.demandes} if stored else {}

    @property
    def lines(self) -> list[ManifestLine]:
        """The demandes of the lot, by position."""
        return list(self._lines.values())

    @property
    def missing(self) -> list[ManifestLine]:
        """The demandes whose certificate can be withdrawn and is not here yet."""
        return [line for line in self._lines.values() if line.expected and not self._present(line)]

    @property
    def next_page(self) -> int | None:
        """Where the last run stopped; None for the start."""
        return self._suivant

    def expect(self, demandes: Iterable[DemandeSuivie]) -> None:
        """Takes the lot as the service lists it now, keeping what earlier runs withdrew."""
        listed = sorted(demandes, key=lambda demande: (demande.position or 0, demande.numero_demande))
        stems = unique_stems((demande.position or demande.numero_demande, demande.reference) for demande in listed)
        self._stems = {demande.numero_demande: stem for demande, stem in zip(listed, stems, strict=True)}
        earlier, self._lines = self._lines, {}
        for demande in listed:
            line = _line_of(demande)
            known = earlier.get(demande.numero_demande)
            if known is not None:
                line.fichier, line.certificat, line.cle = known.fichier, known.certificat, known.cle
                # The service no longer names the certificate to who lost the right; the file here still is that one.
                line.numero_serie = line.numero_serie or known.numero_serie
                line.fin_validite = line.fin_validite or known.fin_validite
            self._lines[demande.numero_demande] = line
        self._csv_lines = {numero: _csv_line(line) for numero, line in self._lines.items()}
        self.save()

    def store(self, page: PageRetraits) -> None:
        """Writes the certificates of a page, then the manifest. Raises UnexpectedAnswerError when one is not ours."""
        for retrait in page.retrait:
            self._store_one(retrait, page.chaine)
        self._suivant = page.suivant
        self.save()

    def save(self) -> None:
        """Rewrites both manifests, each at one stroke."""
        stored = _Stored(index_lot=self.index_lot, suivant=self._suivant, demandes=self.lines)
        write_atomically(self.folder / JSON_NAME, msgspec.json.format(msgspec.json.encode(stored), indent=1))
        text = "".join((_CSV_HEADER, *self._csv_lines.values()))
        write_atomically(self.folder / CSV_NAME, text.encode("utf-8-sig"))

    def _store_one(self, retrait: Retrait, chaines: Sequence[Chaine]) -> None:
        line = self._lines.get(retrait.numero_demande)
        if line is None:
            raise UnexpectedAnswerError(f"Le service a remis la demande {retrait.numero_demande}, absente de ce lot.")
        chain = chain_of(retrait, chaines)
        public_key = _key_digest(chain[0])
        if self._sent.get(retrait.position or 0, public_key) != public_key:
            raise UnexpectedAnswerError(
                f"Le certificat de la demande {retrait.numero_demande} ne porte pas la clé publique envoyée."
            )
        # Written plainly: until the manifest names them, files cut short count for nothing and are fetched again.
        _put(line, retrait, chain, self.folder, self._stems[retrait.numero_demande], self._keys, write_plainly)
        self._csv_lines[line.numero_demande] = _csv_line(line)

    def _present(self, line: ManifestLine) -> bool:
        # A file cut short by a power failure is empty: it was renamed before its content reached the disk.
        return all(
            name is not None and (self.folder / name).is_file() and (self.folder / name).stat().st_size > 0
            for name in (line.fichier, line.certificat)
        )


def store_one(retrait: Retrait, folder: Path, keys: Mapping[bytes, Path]) -> ManifestLine:
    """Writes one certificate into ``folder``, named like its reference or its number; gives its line of a manifest.

    Raises UnexpectedAnswerError when it is not what the service says it is, OSError.
    """
    chain = chain_of(retrait, () if retrait.chaine is None else (retrait.chaine,))
    (stem,) = unique_stems([(retrait.numero_demande, retrait.reference)])
    line = ManifestLine(
        position=retrait.position, reference=retrait.reference, numero_demande=retrait.numero_demande, etat="CLOSE"
    )
    _put(line, retrait, chain, folder, stem, keys, write_atomically)
    return line


def find_keys(folder: Path, passphrase: bytes | None = None) -> dict[bytes, Path]:
    """The private keys of a folder (``*.key``) by the SHA-256 of their public key (DER SubjectPublicKeyInfo).

    The CSR beside a key is read rather than the key, which may be encrypted; keys that cannot be read are left out.
    """
    found: dict[bytes, Path] = {}
    for key_file in sorted(folder.glob("*.key")):
        csr_file = key_file.with_suffix(".csr")
        try:
            if csr_file.exists():
                found[_key_digest(x509.load_pem_x509_csr(csr_file.read_bytes()))] = key_file
            else:
                key = serialization.load_pem_private_key(key_file.read_bytes(), passphrase)
                found[_digest(key.public_key().public_bytes(*_SPKI))] = key_file
        except (OSError, *UNREADABLE):
            continue
    return found


def _put(
    line: ManifestLine,
    retrait: Retrait,
    chain: list[x509.Certificate],
    folder: Path,
    stem: str,
    keys: Mapping[bytes, Path],
    write: Callable[[Path, bytes], None],
) -> None:
    """Both files of one certificate, and what the line says of them."""
    line.fichier, line.certificat = f"{stem}.p7b", f"{stem}.pem"
    write(folder / line.fichier, retrait.pkcs7)
    write(folder / line.certificat, b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
    key_file = keys.get(_key_digest(chain[0]))
    line.cle = _relative(key_file, folder) if key_file else None
    line.etat, line.etat_produit = "CLOSE", "ACTIF"
    line.numero_serie, line.fin_validite = retrait.numero_serie, retrait.fin_validite


_SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _digest(public_key_der: bytes) -> bytes:
    return hashlib.sha256(public_key_der).digest()


def _key_digest(holder: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    return _digest(holder.public_key().public_bytes(*_SPKI))


def sent_keys(lot: Lot) -> dict[int, bytes]:
    """The public keys of a lot by position, as ``find_keys`` counts them; unreadable CSRs left out."""
    return {
        position: _key_digest(x509.load_der_x509_csr(demande.csr))
        for position, demande in enumerate(lot.demande, start=1)
        if _is_csr(demande.csr)
    }


def _is_csr(der: bytes) -> bool:
    try:
        x509.load_der_x509_csr(der).public_key()
    except UNREADABLE:
        return False
    return True


def _line_of(demande: DemandeSuivie) -> ManifestLine:
    return ManifestLine(
        position=demande.position,
        reference=demande.reference,
        numero_demande=demande.numero_demande,
        etat=demande.etat,
        etat_produit=demande.etat_produit,
        numero_serie=demande.numero_serie,
        fin_validite=demande.fin_validite,
        code_erreur=demande.erreur.code if demande.erreur else None,
        texte_erreur=demande.erreur.texte if demande.erreur else None,
    )


def _relative(path: Path, folder: Path) -> str:
    try:
        found = os.path.relpath(path, folder)
    except ValueError:  # another drive, on Windows
        found = str(path.absolute())
    return printable(found)


def _csv_text(values: Iterable[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerow(values)
    return text.getvalue()


_CSV_HEADER = _csv_text(field.encode_name for field in msgspec.structs.fields(ManifestLine))


def _csv_line(line: ManifestLine) -> str:
    values = msgspec.structs.astuple(line)
    return _csv_text(value.isoformat() if isinstance(value, datetime) else value for value in values)


def _load(path: Path) -> _Stored | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Stored)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        why = f" ({reason_of(error)})" if isinstance(error, OSError) else ""
        raise StateError(f"Le manifeste {path} est illisible{why} ; retirez dans un autre dossier.") from error
