"""docs/reglages.md, written from the model: ``python -m runtime.settings.reference > docs/reglages.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from runtime.secret_file import SecretFile
from runtime.settings.model import CONFIG_VARIABLE, PREFIX, Settings

_HEAD = f"""\
# Réglages

Cette page est écrite à partir du modèle (`python -m runtime.settings.reference`) ; un test la compare à celui-ci.

Les réglages se lisent dans un fichier TOML, nommé par l'option `--config` ou par la variable `{CONFIG_VARIABLE}`. Une
variable d'environnement l'emporte sur le fichier : `{PREFIX}` puis la clé en majuscules, chaque point devenant deux
tirets bas (`ws.limits.max_body_bytes` : `{PREFIX}WS__LIMITS__MAX_BODY_BYTES`). Sans fichier ni variable, les valeurs
par défaut font une plateforme de TEST sur une seule machine.

- Une clé inconnue, où qu'elle soit, empêche le démarrage. `igc check-config` dit tout ce qui ne va pas, sans rien
  lancer.
- Un chemin relatif part du dossier du fichier de réglages (sans fichier : du dossier courant). Les chemins par défaut
  partent de `data_dir`, qui est lui-même `var` dans ce dossier.
- Un secret n'est jamais une valeur : le réglage nomme un fichier, que seul le compte de la plateforme peut ouvrir
  (`chmod 600`).
- Un fichier secret est une seule ligne de texte UTF-8. N'en font pas partie la marque d'ordre (BOM) que certains
  éditeurs mettent au début et les fins de ligne (LF ou CRLF) à la fin ; rien d'autre n'est ôté ni changé. Plusieurs
  lignes, une espace au début ou à la fin, un caractère invisible, un autre encodage : le fichier est refusé, car un
  autre programme y lirait un autre secret. Seules les clés TLS, en PEM, ont plusieurs lignes.
- Le fichier de réglages est en UTF-8, avec ou sans BOM, fins de ligne LF ou CRLF ; un caractère invisible y est refusé
  avec son numéro de ligne.

```toml
plateforme = "PRODUCTION"
data_dir = "/var/lib/igc"
database_url = "postgresql://igc@bd.igc.example/igc"
database_password_file = "bd.secret"
queue_url = "rediss://file.igc.example:6379/0"
queue_password_file = "file.secret"

[ws]
host = "0.0.0.0"
public_url = "https://lots.igc.example"

[pki]
weak_key_files = ["/etc/igc/cles-previsibles/blocklist.dat"]
```
"""


def render() -> str:
    """The whole page, Markdown."""
    return "\n".join([_HEAD, *_tables(Settings, "")])


def _tables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    fields = model.model_fields
    plain = {name: field for name, field in fields.items() if not _is_section(field)}
    title = f"`[{prefix.removesuffix('.')}]`" if prefix else "Réglages généraux"
    yield f"## {title}\n"
    yield "| clé | défaut | valeurs | sens |\n| --- | --- | --- | --- |"
    for name, field in plain.items():
        yield f"| `{prefix}{name}` | {_default(field)} | {_values(field)} | {field.description} |"
    yield ""
    for name, field in fields.items():
        if _is_section(field):
            yield from _tables(type(field.default), f"{prefix}{name}.")


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.default, BaseModel)


def _default(field: FieldInfo) -> str:
    return "" if field.default in (None, (), {}) else f"`{field.default}`"


def _values(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    kinds = _kinds(field.annotation)
    if SecretFile in kinds:
        return "fichier secret"
    if Path in kinds:
        return "chemin"
    return _bounds(field.metadata)


def _kinds(annotation: Any) -> set[Any]:  # noqa: ANN401 -- any annotation of the model
    if get_origin(annotation) in {Union, UnionType}:
        return {kind for part in get_args(annotation) for kind in _kinds(part)}
    return {get_args(annotation)[0]} if hasattr(annotation, "__metadata__") else {annotation}


def _bounds(metadata: list[Any]) -> str:
    texts = []
    for bound in metadata:
        if isinstance(bound, Ge):
            texts.append(f"au moins {bound.ge}")
        elif isinstance(bound, Gt):
            texts.append(f"plus de {bound.gt}")
        elif isinstance(bound, Le):
            texts.append(f"au plus {bound.le}")
    return ", ".join(texts)


if __name__ == "__main__":
    sys.stdout.write(render())
