"""One log for the whole process: constant event names and keywords, JSON lines or console text, on the error output.

Libraries that log through the standard library come out the same way. Secrets and whole documents are taken out last,
after everything else has been rendered into text, whoever logged them.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import structlog

from runtime.settings_sections import LoggingSettings

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "***"
_SECRET_KEYS = frozenset(
    {
        "authorization", "body", "cle_privee", "code", "code_revocation", "confirmation", "contenu", "cookie", "csr",
        "der", "document", "envelope", "mot_de_passe", "passphrase", "password", "pem", "phrase", "pkcs10", "pkcs12",
        "pkcs7", "private_key", "revocation_code", "secret", "session", "tbs", "token",
    }
)  # fmt: skip
_SECRET_ENDINGS = ("_password", "_secret", "_token", "_passphrase", "_pem", "_der", "_csr")
_CONCEALED = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL), "<PEM>"),
    # A certificate or a request in base64, also when it is cut into lines.
    (re.compile(r"[A-Za-z0-9+/]{40}(?:[A-Za-z0-9+/\s]|\\n|\\r){80,}={0,2}"), "<base64>"),
    (re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*(?=@)"), HIDDEN),
    # SQLAlchemy quotes the values of a failed statement.
    (re.compile(r"\[parameters: .*?\](?=\n|\Z)", re.DOTALL), "[parameters: ***]"),
)
_MAX_TEXT = 16_384
# Chatty below WARNING: they would repeat our own events, or print statements with their values.
_QUIET = ("uvicorn", "rq", "sqlalchemy", "alembic", "zeep", "urllib3", "spyne", "asyncio")
# These print whole requests, or one traceback for each request that a client got wrong.
_SILENT = ("spyne.protocol", "spyne.server", "spyne.application.client", "uvicorn.access")


def configure(settings: LoggingSettings, *, process: str) -> None:
    """Send every log line of this process to its error output; ``process`` names it in each line. Safe to repeat."""

    def add_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_process,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                conceal,
                _usual_keys_first,
                renderer,
            ],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # Loggers made at import time must follow a later call, after a fork for instance.
        cache_logger_on_first_use=False,
    )
    _route_everything(handler, settings.level)


def conceal(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor that takes secrets, documents and bytes out of a line, at any depth."""
    return {key: _concealed(key, value) for key, value in event.items()}


def _usual_keys_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: event[key] for key in ("timestamp", "level", "process", "event") if key in event} | dict(event)


def _concealed(key: str, value: Any) -> Any:  # noqa: ANN401 -- whatever was logged
    name = key.lower()
    if name in _SECRET_KEYS or name.endswith(_SECRET_ENDINGS):
        return HIDDEN
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} octets>"
    if isinstance(value, Mapping):
        return {str(inner): _concealed(str(inner), part) for inner, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_concealed("", part) for part in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    for pattern, replacement in _CONCEALED:
        text = pattern.sub(replacement, text)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}<... {len(text)}>"


def _route_everything(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for logger in logging.Logger.manager.loggerDict.values():
        # A library that installed handlers of its own would write every line twice, once unconcealed.
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
    sys.excepthook = _log_crash
    threading.excepthook = _log_thread_crash


def _log_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger(__name__).critical("process.crashed", exc_info=(kind, error, trace))


def _log_thread_crash(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is None:
        return
    structlog.get_logger(__name__).critical(
        "thread.crashed",
        thread=arguments.thread.name if arguments.thread else None,
        exc_info=(arguments.exc_type, arguments.exc_value, arguments.exc_traceback),
    )
