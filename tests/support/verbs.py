"""The verbs of ``igc`` called in this process, and the settings files that they read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner, Result

from commands.main import build_app


def igc(*words: object) -> Result:
    """What a verb said and how it ended; an error that it does not treat is in ``exception``."""
    arguments = [str(word) for word in words]
    return CliRunner().invoke(build_app(arguments), arguments)


def options_of(verb: str) -> set[str]:
    """The spellings of the options of a verb."""
    return {name for parameter in _group(verb).commands[verb].params for name in parameter.opts}


def all_verbs() -> dict[tuple[str, ...], TyperCommand]:
    """Every verb by its words."""
    return dict(_verbs(_group(), ()))


def _verbs(group: TyperGroup, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _verbs(command, (*words, name))
        elif isinstance(command, TyperCommand):
            yield (*words, name), command


def has_verb(verb: str) -> bool:
    return verb in _group().commands


def _group(*words: str) -> TyperGroup:
    group = typer.main.get_command(build_app(words))
    assert isinstance(group, TyperGroup)
    return group


def write_settings(path: Path, values: Mapping[str, object]) -> Path:
    """A settings file with these values; those that are mappings become sections."""
    sections = {"": {key: value for key, value in values.items() if not isinstance(value, Mapping)}}
    sections |= {key: dict(value) for key, value in values.items() if isinstance(value, Mapping)}
    lines = []
    for section, content in sections.items():
        lines += [f"[{section}]"] if section else []
        # Strings, numbers and lists of JSON are those of TOML.
        lines += [f"{key} = {json.dumps(value, default=str)}" for key, value in content.items()]
    path.write_text("\n".join(lines) + "\n")
    return path
