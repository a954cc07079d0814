"""Files of the directory as they really come: BOM, CRLF, NUL, quotes, cut in the middle, zipped, in the wrong encoding."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from batch.directory import rpps
from batch.directory.finess import FinessExtract
from batch.directory.rpps import COLUMNS, RppsExtract
from batch.directory.spreadsheets import StaffFile, StructuresFile
from bench.extracts import Professionals, place, write_finess
from registration.directory.entries import (
    Extract,
    ExtractError,
    Line,
    PersonneEntry,
    RattachementEntry,
    StructureEntry,
)
from registration.vocabulary import SourceAnnuaire

# A line as published, with an invented name: no département, which the commune tells.
PUBLISHED = (
    "8|10100271385|810100271385|DR|Docteur|M|Monsieur|LÉGER-DUPONT|ROMAIN|10|Médecin|C|Civil|S|Spécialité ordinale|SM53|"
    "Spécialiste en Médecine Générale|S|Salarié|26250462400012||250000700|250000452|F250000700|CHI HC SITE RIVES DU DOUBS||"
    "||2||FG|Faubourg|SAINT ETIENNE|CS 10329|25304 PONTARLIER CEDEX|25304|25462|Pontarlier|||0381385454||0381385480|"
    "contact@chi.example|||1250000700|CNOM/CNOM/ARS|SA01|Etablissement Public de santé|||||GENR01|Activité standard|"
)


def values(**changes: str) -> str:
    """The published line with other values, by words of the names of the columns."""
    fields = PUBLISHED.split("|")
    for name, value in changes.items():
        fields[COLUMNS.index(NAMED[name])] = value
    return "|".join(fields)


NAMED = {
    "ident": "Identification nationale PP",
    "number": "Identifiant PP",
    "nom": "Nom d'exercice",
    "prenom": "Prénom d'exercice",
    "profession": "Code profession",
    "titre": "Libellé profession",
    "category": "Code catégorie professionnelle",
    "kind_of_skill": "Code type savoir-faire",
    "skill": "Code savoir-faire",
    "siret": "Numéro SIRET site",
    "finess": "Numéro FINESS site",
    "raison": "Raison sociale site",
    "postal": "Code postal (coord. structure)",
    "commune": "Code commune (coord. structure)",
    "departement": "Code Département (structure)",
    "structure": "Ancien identifiant de la structure",
    "section": "Code section tableau pharmaciens",
}


def rpps_file(folder: Path, *lines: str, header: str | None = None, end: str = "\n", encoding: str = "utf-8") -> Path:
    path = folder / "PS_LibreAcces_Personne_activite_202611230801.txt"
    text = end.join((header or "|".join((*COLUMNS, "")), *lines)) + end
    path.write_bytes(text.encode(encoding))
    return path


def read(extract: Extract) -> list[Line]:
    return list(extract.lines())


def only(folder: Path, line: str) -> Line:
    (found,) = read(RppsExtract(rpps_file(folder, line)))
    return found


def test_the_column_list_is_the_published_one() -> None:
    assert len(COLUMNS) == len(set(COLUMNS)) == 56
    assert len(PUBLISHED.split("|")) == 57


def test_a_published_line_is_a_person_a_structure_and_where_he_works(tmp_path: Path) -> None:
    line = only(tmp_path, PUBLISHED)
    assert line == Line(
        2,
        StructureEntry("1250000700", "CHI HC SITE RIVES DU DOUBS", "Doubs (25)"),
        PersonneEntry("810100271385", "PS", "LÉGER-DUPONT", "ROMAIN", "Médecin", 10, None, "SM53", None),
        RattachementEntry("810100271385", "1250000700"),
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path, end: str, encoding: str) -> None:
    extract = RppsExtract(rpps_file(tmp_path, PUBLISHED, PUBLISHED, end=end, encoding=encoding))
    assert [line.personne for line in read(extract)] == [only(tmp_path, PUBLISHED).personne] * 2


@pytest.mark.parametrize(
    ("changes", "personne"),
    [
        ({"category": "E"}, {"type_personne": "PF", "code_profession": None, "code_formation": 10}),
        ({"category": "M"}, {"type_personne": "PS"}),
        ({"kind_of_skill": "C"}, {"savoir_faire": None}),
        ({"section": "A"}, {"tableau_pharmacien": None}),
        ({"profession": "21", "section": "A"}, {"code_profession": 21, "tableau_pharmacien": "A"}),
        ({"nom": ' O"HARA '}, {"nom": 'O"HARA'}),
        ({"nom": "LE\u00a0GALL"}, {"nom": "LE GALL"}),
        ({"nom": "LE\u0301GER"}, {"nom": "LÉGER"}),
    ],
)
def test_what_a_line_says_of_a_person(tmp_path: Path, changes: dict[str, str], personne: dict[str, object]) -> None:
    found = only(tmp_path, values(**changes)).personne
    assert found is not None
    assert {name: getattr(found, name) for name in personne} == personne


@pytest.mark.parametrize(
    ("changes", "ident", "departement"),
    [
        ({"departement": "75"}, "1250000700", "Paris (75)"),
        ({"commune": "", "postal": "97411"}, "1250000700", "La Réunion (974)"),
        ({"commune": "", "postal": ""}, "1250000700", "Doubs (25)"),
        ({"structure": ""}, "1250000700", "Doubs (25)"),
        ({"structure": "", "finess": ""}, "326250462400012", "Doubs (25)"),
        ({"structure": "410100271385001"}, "410100271385001", "Doubs (25)"),
    ],
)
def test_what_it_says_of_a_structure(tmp_path: Path, changes: dict[str, str], ident: str, departement: str) -> None:
    line = only(tmp_path, values(**changes))
    assert line.structure is not None
    assert (line.structure.id_national, line.structure.departement) == (ident, departement)
    assert line.rattachement == ("810100271385", ident)


def test_an_activity_without_a_place_is_a_person_alone(tmp_path: Path) -> None:
    line = only(tmp_path, values(structure="", finess="", siret=""))
    assert (line.structure, line.rattachement, line.rejects) == (None, None, ())
    assert line.personne is not None


def test_a_structure_that_is_not_described_is_named_all_the_same(tmp_path: Path) -> None:
    line = only(tmp_path, values(raison=""))
    assert (line.structure, line.rattachement) == (None, ("810100271385", "1250000700"))


@pytest.mark.parametrize(
    ("changes", "colonne", "raison"),
    [
        ({"ident": "810100271386", "number": "10100271386"}, "Identification nationale PP", "clé de contrôle"),
        ({"ident": "810100271385", "number": "10100271386"}, "Identification nationale PP", "suivi de"),
        ({"nom": ""}, "Nom d'exercice", "absente"),
        ({"nom": "A" * 81}, "Nom d'exercice", "80 caractères"),
        ({"prenom": "A\u0007B"}, "Prénom d'exercice", "invisible"),
        ({"titre": "A" * 65}, "Libellé profession", "64 caractères"),
        ({"profession": "1O"}, "Code profession", "chiffres"),
        ({"category": "X"}, "Code catégorie professionnelle", "C, M ou E"),
        ({"skill": "S" * 17}, "Code savoir-faire", "16 caractères"),
    ],
)
def test_a_bad_value_rejects_the_line_with_its_column(
    tmp_path: Path, changes: dict[str, str], colonne: str, raison: str
) -> None:
    line = only(tmp_path, values(**changes))
    assert (line.personne, line.structure, line.rattachement) == (None, None, None)
    ((ligne, found, why),) = line.rejects
    assert (ligne, found) == (2, colonne)
    assert raison in why
    assert len(line.seen) == 1, "who is named in it has not gone"


@pytest.mark.parametrize(
    ("changes", "colonne"),
    [
        ({"structure": "1250000701"}, "Ancien identifiant de la structure"),
        ({"structure": "9XYZ"}, "Ancien identifiant de la structure"),
        ({"raison": "R" * 257}, "Raison sociale site"),
    ],
)
def test_a_bad_place_leaves_the_person(tmp_path: Path, changes: dict[str, str], colonne: str) -> None:
    line = only(tmp_path, values(**changes))
    assert line.personne is not None
    assert (line.structure, line.rattachement) == (None, None)
    assert line.rejects[0].colonne == colonne
    assert line.seen == ("810100271385",)


def test_lines_that_are_none_are_rejected_one_by_one(tmp_path: Path) -> None:
    path = rpps_file(tmp_path, PUBLISHED, "a|b|c", PUBLISHED.replace("ROMAIN", "RO\0MAIN"))
    with path.open("ab") as file:
        file.write(PUBLISHED.replace("LÉGER", "LXGER").encode().replace(b"LXGER", b"L\xc9GER") + b"\n")
        file.write(b"x" * 200_000 + b"\n")
        file.write(PUBLISHED.encode() + b"\n")
    lines = read(RppsExtract(path))
    assert [line.number for line in lines] == [2, 3, 4, 5, 6, 7]
    assert [bool(line.personne) for line in lines] == [True, False, False, False, False, True]
    assert [line.rejects[0].raison for line in lines[1:5]] == [
        "3 colonnes, 57 attendues",
        "caractère nul (U+0000)",
        "des octets ne sont pas du texte en UTF-8",
        "plus de 65536 octets",
    ]
    assert lines[2].seen == ("810100271385",)


@pytest.mark.parametrize("column", ["Identification nationale PP", "Code profession", "Télécopie (coord. structure)"])
def test_a_header_that_lacks_a_column_is_refused_by_its_name(tmp_path: Path, column: str) -> None:
    header = "|".join("" if name == column else name for name in (*COLUMNS, ""))
    with pytest.raises(ExtractError, match="absente") as caught:
        RppsExtract(rpps_file(tmp_path, PUBLISHED, header=header))
    assert column in str(caught.value)


def test_a_header_may_have_other_columns_another_order_and_other_capitals(tmp_path: Path) -> None:
    names = [name.replace("Département", "département").replace("'", "’") for name in (*COLUMNS[::-1], "Nouvelle")]
    line = "|".join([*PUBLISHED.split("|")[:56][::-1], "x"])
    (found,) = read(RppsExtract(rpps_file(tmp_path, line, header="|".join(names))))
    assert found[1:] == only(tmp_path, PUBLISHED)[1:]


def test_a_column_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="deux fois"):
        RppsExtract(rpps_file(tmp_path, PUBLISHED, header="|".join((*COLUMNS, COLUMNS[2]))))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\n", b"n'importe quoi\n"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "autre.txt"
    path.write_bytes(content)
    with pytest.raises(ExtractError):
        RppsExtract(path)


def test_a_file_cut_in_a_line_is_refused_as_such(tmp_path: Path) -> None:
    path = rpps_file(tmp_path, PUBLISHED, PUBLISHED)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ExtractError, match="coupé"):
        read(RppsExtract(path))


def test_a_last_line_without_its_end_counts_when_it_is_whole(tmp_path: Path) -> None:
    path = rpps_file(tmp_path, PUBLISHED)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert read(RppsExtract(path))[0].personne is not None


def zipped(path: Path, *others: str) -> Path:
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.write(path, f"dossier/{path.name}")
        for other in others:
            made.writestr(other, "x")
    return archive


def test_a_zip_archive_is_read_like_its_file(tmp_path: Path) -> None:
    path = rpps_file(tmp_path, PUBLISHED, PUBLISHED)
    archive = RppsExtract(zipped(path, "PS_LibreAcces_Dipl_AutExerc_202611230801.txt"))
    assert read(archive) == read(RppsExtract(path))
    assert archive.digest() == hashlib.sha256(path.read_bytes()).digest()


def test_a_zip_archive_without_the_file_or_with_two_is_refused(tmp_path: Path) -> None:
    path = rpps_file(tmp_path, PUBLISHED)
    for others in (("PS_LibreAcces_Personne_activite_2.txt",),):
        with pytest.raises(ExtractError, match="2 trouvés"):
            RppsExtract(zipped(path, *others))
    empty = tmp_path / "vide.zip"
    with zipfile.ZipFile(empty, "w") as made:
        made.writestr("autre.txt", "x")
    with pytest.raises(ExtractError, match="0 trouvés"):
        RppsExtract(empty)


def test_a_cut_or_damaged_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(
        zipped(Professionals(400).write(tmp_path / "PS_LibreAcces_Personne_activite_1.txt")).read_bytes()
    )
    cut = tmp_path / "coupe.zip"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(ExtractError, match="archive zip"):
        RppsExtract(cut)
    content[len(content) // 2] ^= 0xFF
    cut.write_bytes(content)
    with pytest.raises(ExtractError, match="archive zip"):
        read(RppsExtract(cut))


def test_the_invented_extract_is_a_good_one_and_always_the_same(tmp_path: Path) -> None:
    first = Professionals(3_000).write(tmp_path / "a.txt")
    assert first.read_bytes() == Professionals(3_000).write(tmp_path / "b.txt").read_bytes()
    lines = read(RppsExtract(first))
    assert len(lines) == 3_000
    assert [line.rejects for line in lines if line.rejects] == []
    assert {line.personne.type_personne for line in lines if line.personne} == {"PS", "PF"}
    assert {line.structure.id_national[0] for line in lines if line.structure} == {"1", "4"}


# --- FINESS ---


def test_places_and_legal_entities_are_two_sources(tmp_path: Path) -> None:
    for kind, source in (("structureet", SourceAnnuaire.FINESS_ET), ("structureej", SourceAnnuaire.FINESS_EJ)):
        extract = FinessExtract(write_finess(tmp_path / f"{kind}.csv", range(50), kind=kind))
        assert extract.source is source
        lines = read(extract)
        assert [line.rejects for line in lines if line.rejects] == []
        assert [line.structure for line in lines] == [
            StructureEntry(f"1{finess}", raison, f"{name} ({code})")
            for finess, raison, code, name in (place(number) for number in range(50))
        ]


def test_latin_1_stays_what_it_is_and_other_rows_are_passed_over(tmp_path: Path) -> None:
    row = ["structureet", "250000700", "250000452", "CH", "CENTRE HOSPITALIER D'ÉTÉ", *[""] * 8, "25", "DOUBS"]
    lines = ["finess;etalab;96;2026-11-23", ";".join(row + [""] * 17), "geolocalisation;250000700;1;2;x;y"]
    path = tmp_path / "finess.csv"
    path.write_bytes("\r\n".join([*lines, ""]).encode("latin-1"))
    assert [line.structure for line in read(FinessExtract(path))] == [
        StructureEntry("1250000700", "CENTRE HOSPITALIER D'ÉTÉ", "Doubs (25)")
    ]


def test_a_header_with_the_published_names_will_do_too(tmp_path: Path) -> None:
    path = tmp_path / "finess.csv"
    path.write_bytes(
        b'nofinesset;rs;rslongue;departement;libdepartement\n"250000700";"CH";"";9D;REUNION\n250000701;CH;CH;25;DOUBS\n'
    )
    good, bad = read(FinessExtract(path))
    assert good.structure == StructureEntry("1250000700", "CH", "La Réunion (974)")
    assert (bad.rejects[0].colonne, bad.seen) == ("nofinesset", ("1250000701",))


@pytest.mark.parametrize(
    "content",
    [b"", b"finess;etalab;96;2026-11-23\n", b"nofinesset;rs;rslongue;departement\n", b"finess;etalab;96\nautre;x\n"],
)
def test_what_is_no_finess_extract_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "finess.csv"
    path.write_bytes(content)
    with pytest.raises(ExtractError):
        FinessExtract(path)


@pytest.mark.parametrize("left", [200, 3, 12])
def test_a_finess_extract_cut_in_a_line_is_refused(tmp_path: Path, left: int) -> None:
    path = write_finess(tmp_path / "finess.csv", range(20))
    content = path.read_bytes()
    last = content.rstrip(b"\n").rindex(b"\n") + 1
    path.write_bytes(content[: min(last + left, len(content) - 20)])
    with pytest.raises(ExtractError, match="coupé"):
        read(FinessExtract(path))


# --- files of the operator ---

STAFF = "identifiant;type;nom;prenom;titre;structure\n"
AGENT = "30B0039137/CPE001;PE;BERTIN;Hugo;Personnel santé ou social;10B0039137\n"


def staff(folder: Path, text: str) -> StaffFile:
    path = folder / "personnel.csv"
    path.write_text(text, encoding="utf-8")
    return StaffFile(path)


@pytest.mark.parametrize(
    "text",
    [
        STAFF + AGENT,
        "\ufeff" + STAFF + AGENT,
        (STAFF + AGENT).replace(";", ","),
        (STAFF + AGENT).replace(";", "\t"),
        (STAFF + AGENT).replace("BERTIN", '"BERTIN"'),
        STAFF + "\n;;;;;\n" + AGENT,
        STAFF + AGENT.rstrip("\n"),
    ],
)
def test_the_files_of_spreadsheets_are_read(tmp_path: Path, text: str) -> None:
    (line,) = read(staff(tmp_path, text))
    assert line.personne == PersonneEntry("30B0039137/CPE001", "PE", "BERTIN", "Hugo", "Personnel santé ou social")
    assert line.rattachement == ("30B0039137/CPE001", "10B0039137")


@pytest.mark.parametrize(
    ("row", "colonne", "raison"),
    [
        (AGENT.replace(";PE;", ";PS;"), "type", "PE ou PA"),
        (AGENT.replace("30B0039137/CPE001", "30B0039137"), "identifiant", "barre oblique"),
        (AGENT.replace(";10B0039137", ";ABC"), "structure", "structure"),
        (AGENT.replace("BERTIN", ""), "nom", "absente"),
        (AGENT.replace("Hugo", "H" * 81), "prenom", "80"),
        (AGENT.replace("BERTIN", '"BERTIN'), "ligne", "guillemets"),
        ("a;b\n", "ligne", "2 colonnes"),
        (AGENT.replace("BERTIN", "BE\0RTIN"), "ligne", "nul"),
    ],
)
def test_a_bad_row_of_the_staff_is_rejected(tmp_path: Path, row: str, colonne: str, raison: str) -> None:
    bad, good = read(staff(tmp_path, STAFF + row + AGENT.replace("CPE001", "CPE002")))
    assert bad.personne is None
    assert bad.rejects[0].colonne == colonne
    assert raison in bad.rejects[0].raison
    assert good.personne is not None


def test_of_two_rows_that_contradict_each_other_the_first_counts(tmp_path: Path) -> None:
    first, same, other = read(staff(tmp_path, STAFF + AGENT + AGENT + AGENT.replace("Hugo", "Hector")))
    assert first.personne == same.personne
    assert (other.rejects[0].colonne, "ligne 2" in other.rejects[0].raison) == ("identifiant", True)


def test_a_spreadsheet_cut_in_a_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="coupé"):
        read(staff(tmp_path, STAFF + AGENT + AGENT[:30]))


def test_a_spreadsheet_that_lacks_a_column_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="prenom"):
        staff(tmp_path, STAFF.replace("prenom;", "") + AGENT)


def test_structures_of_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "structures.csv"
    path.write_text(
        "departement;identifiant;raison_sociale\n75;10B0039137;Hôpital\nParis (75);10B0039145;Clinique\nX;10B0039152;Y\n"
    )
    first, second, bad = read(StructuresFile(path))
    assert first.structure == StructureEntry("10B0039137", "Hôpital", "Paris (75)")
    assert second.structure == StructureEntry("10B0039145", "Clinique", "Paris (75)")
    assert (bad.rejects[0].colonne, bad.seen) == ("departement", ("10B0039152",))


def test_a_structure_that_is_none_cannot_be_the_scope_of_a_staff_file(tmp_path: Path) -> None:
    staff(tmp_path, STAFF + AGENT)
    with pytest.raises(ExtractError, match="ABC"):
        StaffFile(tmp_path / "personnel.csv", also=frozenset({"ABC"}))


def test_the_separator_of_the_public_extract_is_what_the_published_one_has() -> None:
    assert rpps.SEPARATOR == "|"
