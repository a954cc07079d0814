"""What the decoder says of a file that a person wrote, in French: where it is, and what is wanted there."""

import re
import tomllib

import msgspec

_PLACE = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_POSITION = re.compile(r"\(at line (\d+), column (\d+)\)")
_KINDS = {
    "str": "texte entre guillemets",
    "int": "nombre entier",
    "float": "nombre",
    "bool": "true ou false",
    "array": "liste entre crochets",
    "object": "section",
    "datetime": "date et heure, comme 2027-01-01T00:00:00Z",
    "null": "rien",
}
_TEXTS = (
    (re.compile(r"Object missing required field `(\S+)`"), "la clé {0} manque"),
    (re.compile(r"Object contains unknown field `(\S+)`"), "clé inconnue : {0}"),
    (re.compile(r"Invalid enum value (.+)"), "valeur impossible : {0}"),
    (re.compile(r"Expected `(?:str|array)` of length >= (\d+)"), "trop court : {0} au moins"),
    (re.compile(r"Expected `(?:str|array)` of length <= (\d+)"), "trop long : {0} au plus"),
    (re.compile(r"Expected `\w+` >= (\S+)"), "la valeur minimale est {0}"),
    (re.compile(r"Expected `\w+` <= (\S+)"), "la valeur maximale est {0}"),
    (re.compile(r"Expected `str` matching regex '(.+)'"), "forme refusée ; l'expression attendue est {0}"),
    (re.compile(r"Invalid RFC3339 encoded datetime"), f"{_KINDS['datetime']} attendue"),
)


def in_french(error: msgspec.MsgspecError | ValueError, section: str = "") -> str:
    """Return one line for the operator; ``section`` is where the decoded part stands in the file."""
    text = str(error)
    if isinstance(error, tomllib.TOMLDecodeError) or not isinstance(error, msgspec.ValidationError):
        position = _POSITION.search(text)
        return f"ligne {position[1]}, colonne {position[2]} : mal formé" if position else "fichier mal formé ou coupé"
    found = _PLACE.search(text)
    place = _place(section, found["path"] if found else "")
    told = _told(_PLACE.sub("", text))
    return f"{place} : {told}" if place else told


def _place(section: str, path: str) -> str:
    """The path of the library as a person would say it: `$.servers[0].name` is servers n° 1, name."""
    parts = [section] if section else []
    for name, index in _STEP.findall(path):
        if name:
            parts.append(name)
        elif index.isdigit() and parts:
            parts[-1] += f" n° {int(index) + 1}"
    return ", ".join(parts)


def _told(text: str) -> str:
    for pattern, french in _TEXTS:
        if found := pattern.fullmatch(text):
            return french.format(*(part.replace("\\\\", "\\") for part in found.groups()))
    if found := re.fullmatch(r"Expected `([^`]+)`, got `([^`]+)`", text):
        wanted = " ou ".join(_KINDS.get(kind.strip(), kind.strip()) for kind in found[1].split("|"))
        return f"{wanted} attendu"
    return "valeur refusée"
