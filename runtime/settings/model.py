"""The settings of every process: one model, one TOML file, environment variables above it.

Unknown keys are refused wherever they stand; secrets are only ever named by their file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as EnvironmentValueError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from runtime.processes.embedded_queue import socket_path
from runtime.secret_file import SecretFile
from runtime.settings.directory import DirectorySettings
from runtime.settings.errors import SettingsError, SettingsProblem, problems_of
from runtime.settings.metrics import MetricsSettings
from runtime.settings.notices import NoticesSettings
from runtime.settings.portal import AssistanceSettings, PortalSettings
from runtime.settings.remote import database_problems, directory_problems, queue_problems, smtp_problems
from runtime.settings.sans_login import SansLoginSettings
from runtime.settings.sections import (
    AccountsSettings,
    BatchSettings,
    LocalPath,
    LoggingSettings,
    PkiSettings,
    PublicationSettings,
    RegistrationSettings,
    Secret,
    WsSettings,
)
from runtime.settings.textes import TextesSettings
from runtime.text_file import TextFileError, read_text_file

CONFIG_VARIABLE = "IGC_CONFIG"
PREFIX = "IGC_"
_QUEUE_SCHEMES = ("redis", "rediss", "unix")
_PASSWORD_PARAMETERS = {"password", "sslpassword", "ssl_password"}
_M = TypeVar("_M", bound=BaseModel)


class Settings(BaseSettings):
    """Everything an instance may decide. Build it with ``load`` (or ``from_mapping``): only then are paths absolute."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    plateforme: Literal["TEST", "PRODUCTION"] = Field(
        default="TEST", description="Plateforme servie par cette instance."
    )
    clock_shift_seconds: int = Field(
        default=0,
        ge=0,
        le=315_360_000,
        description="TEST seulement : avance, en secondes, de l'horloge de tous les processus et verbes sur celle de "
        "la machine, pour jouer aujourd'hui ce qui échoit plus tard (864000 : dix jours). Refusée sur PRODUCTION.",
    )
    data_dir: LocalPath = Field(
        default=Path("var"), description="Dossier des données ; seul ce compte doit pouvoir y entrer."
    )
    database_url: str | None = Field(
        default=None,
        description="Base de données : `postgresql://compte@hote/base` ou `sqlite:///fichier`. "
        "Par défaut : `igc.db` dans `data_dir`. Jamais de mot de passe ici. Sur PRODUCTION, hors de cette machine : "
        "`?sslmode=verify-full` et un mot de passe.",
    )
    database_password_file: Secret | None = Field(default=None, description="Mot de passe de la base de données.")
    database_owner_url: str | None = Field(
        default=None,
        description="Sur PostgreSQL, la même base par le compte propriétaire des tables, quand ce n'est pas celui de "
        "`database_url` : `igc migrate` seul s'en sert. Jamais de mot de passe ici.",
    )
    database_owner_password_file: Secret | None = Field(
        default=None, description="Mot de passe du compte propriétaire ; `igc migrate` seul l'ouvre."
    )
    queue_url: str | None = Field(
        default=None,
        description="File de travaux : `redis://hote:port/0`, `rediss://...` ou `unix:///socket`. "
        "Par défaut : le serveur embarqué, lancé par la plateforme. Jamais de mot de passe ici. Sur PRODUCTION, hors "
        "de cette machine : `rediss://...` et un mot de passe.",
    )
    queue_password_file: Secret | None = Field(default=None, description="Mot de passe de la file de travaux.")
    ws: WsSettings = Field(default=WsSettings(), description="Service web SOAP.")
    portal: PortalSettings = Field(default=PortalSettings(), description="Portail.")
    sans_login: SansLoginSettings = Field(
        default=SansLoginSettings(), description="Site de révocation sans authentification."
    )
    assistance: AssistanceSettings = Field(
        default=AssistanceSettings(), description="Assistance, dite au pied des pages du portail."
    )
    pki: PkiSettings = Field(default=PkiSettings(), description="Autorités de certification.")
    publication: PublicationSettings = Field(
        default=PublicationSettings(), description="Publication : OCSP, CRL, certificats des AC."
    )
    registration: RegistrationSettings = Field(
        default=RegistrationSettings(), description="Règles des demandes laissées à l'exploitant."
    )
    directory: DirectorySettings = Field(
        default=DirectorySettings(), description="Annuaire des structures et des personnes."
    )
    notices: NoticesSettings = Field(default=NoticesSettings(), description="Avis par mail.")
    textes: TextesSettings = Field(
        default=TextesSettings(), description="Textes qu'un retrait accepte : CGU et politique de certification."
    )
    batch: BatchSettings = Field(default=BatchSettings(), description="Traitement des demandes.")
    metrics: MetricsSettings = Field(default=MetricsSettings(), description="Métriques, pour Prometheus.")
    logging: LoggingSettings = Field(default=LoggingSettings(), description="Journaux.")
    accounts: AccountsSettings = Field(
        default=AccountsSettings(), description="Comptes des processus que root lance par `igc serve`."
    )

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The settings of the TOML file at ``path``, else at IGC_CONFIG, else the defaults; IGC_... variables win.

        A relative path of the file or of a variable starts at the file's folder (without a file: at the current
        folder); the default paths start at ``data_dir``. SettingsError lists every unknown key and refused value.
        """
        if path is None and (named := os.environ.get(CONFIG_VARIABLE)):
            path = Path(named)
        if path is None:
            return cls.from_mapping({}, base=Path.cwd())
        path = path.absolute()
        return cls.from_mapping(_read_toml(path), base=path.parent)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, base: Path) -> Self:
        """As ``load``, with the content of the file given as ``values`` and its folder as ``base`` (absolute)."""
        unknown = _unknown_variables(frozenset(cls.model_fields))
        try:
            settings = cls(**values)
        except ValidationError as error:
            raise SettingsError(unknown + problems_of(error)) from None
        except EnvironmentValueError as error:
            # A list or a table in the environment is JSON. The library names the outermost key, never the value.
            named = re.search(r'"([a-z_]+)"', str(error))
            cle = f"{PREFIX}{named[1].upper()}" if named else PREFIX
            problem = SettingsProblem(cle, "variable d'environnement mal formée : JSON attendu")
            raise SettingsError((*unknown, problem)) from None
        if unknown:
            raise SettingsError(unknown)
        data_dir = base / settings.data_dir
        # A default is not in ``model_fields_set``, so it starts at data_dir; the root of both must be set first.
        anchored = _anchor(settings.model_copy(update={"data_dir": data_dir}), base, data_dir)
        return anchored.model_copy(update={"database_url": _anchor_sqlite(settings.database_url, base)})

    def database_dsn(self) -> str:
        """The SQLAlchemy URL to open, with the password of its file: never to be logged.

        SettingsError, on PRODUCTION, for a server elsewhere without TLS that knows it or without a password.
        """
        _refuse(self.database_problems())
        if self.database_url is None:
            return URL.create("sqlite", database=str(self.data_dir / "igc.db")).render_as_string()
        url = make_url(self.database_url)
        if self.database_password_file:
            url = url.set(password=self.database_password_file.read_text())
        return url.render_as_string(hide_password=False)

    def database_owner_dsn(self) -> str:
        """The URL by which the tables are made and changed, as ``database_dsn``: never to be logged."""
        if self.database_owner_url is None:
            return self.database_dsn()
        _refuse(self.owner_problems())
        url = make_url(self.database_owner_url)
        if self.database_owner_password_file:
            url = url.set(password=self.database_owner_password_file.read_text())
        return url.render_as_string(hide_password=False)

    @property
    def queue_is_embedded(self) -> bool:
        """Whether the platform must start the queue server itself, in ``queue_dir``."""
        return self.queue_url is None

    @property
    def queue_dir(self) -> Path:
        """The folder of the embedded queue server."""
        return self.data_dir / "queue"

    def queue_dsn(self) -> str:
        """The URL for redis-py, with the password of its file, as ``database_dsn``: never to be logged."""
        _refuse(self.queue_problems())
        if self.queue_url is None:
            return f"unix://{quote(str(socket_path(self.queue_dir)))}"
        if self.queue_password_file is None:
            return self.queue_url
        parts = urlsplit(self.queue_url)
        password = quote(self.queue_password_file.read_text(), safe="")
        address = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{parts.username or ''}:{password}@{address}").geturl()

    def database_problems(self) -> tuple[SettingsProblem, ...]:
        """Why the database must not be opened on this plateforme."""
        if self.database_url is None or self.plateforme != "PRODUCTION":
            return ()
        return tuple(database_problems("database_url", self.database_url, self.database_password_file))

    def owner_problems(self) -> tuple[SettingsProblem, ...]:
        """Why it must not be opened by the account that owns the tables."""
        if self.database_owner_url is None or self.plateforme != "PRODUCTION":
            return ()
        return tuple(
            database_problems("database_owner_url", self.database_owner_url, self.database_owner_password_file)
        )

    def directory_problems(self) -> tuple[SettingsProblem, ...]:
        """Why the directory elsewhere must not be asked on this plateforme."""
        if self.directory.source != "ldap" or self.plateforme != "PRODUCTION":
            return ()
        return tuple(directory_problems(self.directory.ldap))

    def notices_problems(self) -> tuple[SettingsProblem, ...]:
        """Why no notice must be handed to that server."""
        if self.notices.smtp.host is None or self.plateforme != "PRODUCTION":
            return ()
        return tuple(smtp_problems(self.notices.smtp))

    def queue_problems(self) -> tuple[SettingsProblem, ...]:
        """Why the broker must not be used on this plateforme."""
        if self.queue_url is None or self.plateforme != "PRODUCTION":
            return ()
        return tuple(queue_problems(self.queue_url, self.queue_password_file))

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _check_database_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):
            raise ValueError("adresse de base de données mal formée") from None
        if url.password is not None or _PASSWORD_PARAMETERS & url.query.keys():
            raise ValueError("mot de passe interdit ici : le mettre dans un fichier (…_password_file)")
        if url.drivername == "sqlite":
            if not url.database or url.database == ":memory:":
                raise ValueError("fichier attendu : une base en mémoire ne se partage pas entre processus")
            return value
        if url.drivername not in {"postgresql", "postgresql+psycopg"}:
            raise ValueError("sqlite:///... ou postgresql://... attendu")
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)

    @model_validator(mode="after")
    def _check_clock(self) -> Self:
        if self.clock_shift_seconds and self.plateforme == "PRODUCTION":
            raise ValueError("clock_shift_seconds : l'horloge ne se décale que sur une plateforme de TEST")
        return self

    @model_validator(mode="after")
    def _check_account_without_login(self) -> Self:
        if self.accounts.given and self.sans_login.processes and self.accounts.sans_login is None:
            raise ValueError("accounts.sans_login : un compte à lui pour le site sans authentification, qui est servi")
        if self.accounts.given and self.metrics.port and self.accounts.metrics is None:
            raise ValueError("accounts.metrics : un compte à lui pour le relevé des métriques, qui est servi")
        return self

    @model_validator(mode="after")
    def _check_owner_apart(self) -> Self:
        if self.database_owner_url is None:
            return self
        owner, running = make_url(self.database_owner_url), make_url(self.database_url or "sqlite://")
        if owner.drivername == "sqlite":
            raise ValueError("database_owner_url : postgresql://... attendu, SQLite n'a pas de comptes")
        if (owner.host, owner.port, owner.database) != (running.host, running.port, running.database):
            raise ValueError("database_owner_url : la même base que database_url attendue")
        if owner.username is None or owner.username == running.username:
            raise ValueError("database_owner_url : un autre compte que celui de database_url attendu")
        return self

    @field_validator("queue_url")
    @classmethod
    def _check_queue_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in _QUEUE_SCHEMES or not (parts.path if parts.scheme == "unix" else parts.hostname):
            raise ValueError("redis://..., rediss://... ou unix:///... attendu")
        if parts.password is not None or _PASSWORD_PARAMETERS & parse_qs(parts.query, keep_blank_values=True).keys():
            raise ValueError("mot de passe interdit ici : le mettre dans un fichier (queue_password_file)")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- signature of pydantic-settings
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the base class's arguments
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the base class's arguments
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment above file; no .env and no secrets folder, which nobody would look for."""
        return env_settings, init_settings


def _refuse(problems: Iterable[SettingsProblem]) -> None:
    if found := tuple(problems):
        raise SettingsError(found)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text_file(path))
    except TextFileError as error:
        problem = f"fichier de configuration {error}"
    except tomllib.TOMLDecodeError as error:
        # The library's text names line and column and quotes at most one character.
        problem = f"fichier de configuration mal formé : {path} ({error})"
    raise SettingsError([SettingsProblem("", problem)])


def _unknown_variables(known: frozenset[str]) -> tuple[SettingsProblem, ...]:
    """IGC_ variables that name no setting: pydantic-settings itself only looks inside the sections."""
    return tuple(
        SettingsProblem(name, "variable d'environnement inconnue")
        for name in sorted(os.environ)
        if name.startswith(PREFIX)
        and name != CONFIG_VARIABLE
        and name.removeprefix(PREFIX).lower().partition("__")[0] not in known
    )


def _anchor(model: _M, base: Path, data_dir: Path) -> _M:
    """A copy whose paths are absolute: given ones from ``base``, default ones from ``data_dir``."""
    changes: dict[str, object] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        start = base if name in model.model_fields_set else data_dir
        if isinstance(value, BaseModel):
            changes[name] = _anchor(value, base, data_dir)
        elif isinstance(value, Path):
            changes[name] = start / value
        elif isinstance(value, tuple) and all(isinstance(item, Path) for item in value):
            changes[name] = tuple(start / item for item in value)
        elif isinstance(value, SecretFile):
            changes[name] = SecretFile(start / value.path)
    return model.model_copy(update=changes)


def _anchor_sqlite(url: str | None, base: Path) -> str | None:
    if url is None or not url.startswith("sqlite"):
        return url
    parsed = make_url(url)
    return parsed.set(database=str(base / (parsed.database or ""))).render_as_string()
