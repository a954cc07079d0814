"""One log for the whole process: constant event names and keywords, JSON lines or console text, on the error output.

Libraries that log through the standard library come out the same way, under one event name. Secrets and whole
documents are taken out last, after everything else has been rendered into text, whoever logged them.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "***"
LIBRARY_EVENT = "library message"
"""The event of every line that comes by the standard library; its words are in ``text``, who spoke in ``logger``."""
_SECRET_KEYS = frozenset(
    {
        "authorization", "body", "cle_privee", "code", "code_revocation", "confirmation", "contenu", "cookie", "csr",
        "der", "document", "envelope", "mot_de_passe", "passphrase", "password", "pem", "phrase", "pkcs10", "pkcs12",
        "pkcs7", "private_key", "revocation_code", "secret", "session", "tbs", "token",
    }
)  # fmt: skip
_SECRET_ENDINGS = ("_password", "_secret", "_token", "_passphrase", "_pem", "_der", "_csr")
# Each reads on from where it was and never goes back: texts of anybody come here, requested paths for one.
_CONCEALED = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL), "<PEM>"),
    # A certificate or a request in base64, also when it is cut into lines.
    (re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?:[A-Za-z0-9+/\s]|\\n|\\r){80,}+={0,2}"), "<base64>"),
    (re.compile(r"(?<=://)[^/@:\s]*+:[^/@\s]*+(?=@)"), HIDDEN),
    # SQLAlchemy quotes the values of a failed statement.
    (re.compile(r"\[parameters: .*?(?:\](?=\n)|\Z)", re.DOTALL), "[parameters: ***]"),
)
# A text with none of these, shorter than any document in base64, has nothing that an expression above could find.
_MARKS = re.compile(r"-----BEGIN |://|\[parameters: ")
_SHORTEST_DOCUMENT = 120
_MAX_TEXT = 16_384
_PLAIN = (type(None), bool, int, float)
# The longest beginning of a secret that no expression above knows without its end: a password in an address.
_UNDECIDED = 1024
# Chatty below WARNING: they would repeat our own events, or print statements with their values.
_QUIET = ("uvicorn", "rq", "sqlalchemy", "alembic", "zeep", "urllib3", "spyne", "asyncio")
# These print whole requests, or one traceback for each request that a client got wrong.
_SILENT = ("spyne.protocol", "spyne.server", "spyne.application.client", "uvicorn.access")


def configure(level: str = "INFO", form: Literal["json", "console"] = "json", *, process: str) -> None:
    """Send every log line of this process to its error output; ``process`` names it in each line. Safe to repeat.

    ``level`` is a name of the standard library; ``form`` is a JSON object a line, or text for a terminal.
    """

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
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    rendered: list[Processor] = [structlog.processors.format_exc_info, conceal, _usual_keys_first, renderer]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _as_library_message],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    _processors[:] = [_drop_below_level, *shared, *rendered]
    _Line.handler = handler
    structlog.configure(
        processors=_processors,
        logger_factory=_new_line,
        wrapper_class=structlog.stdlib.BoundLogger,
        # One that is kept follows a later call, after a fork for instance, because the list stays the same.
        cache_logger_on_first_use=True,
    )
    _route_everything(handler, level)


class _Line:
    """Where our own lines end: written as they are.

    The standard library would make a record of each, and look for the line of code that it comes from.
    """

    handler: logging.StreamHandler[TextIO] | None = None

    def __init__(self, logger: logging.Logger) -> None:
        self.name = logger.name
        self.is_enabled_for = logger.isEnabledFor

    def write(self, line: str) -> None:
        handler = self.handler
        if handler is None:
            return
        # A log that cannot be written must not end what it tells of.
        with suppress(OSError, ValueError), handler.lock or nullcontext():
            handler.stream.write(f"{line}\n")
            handler.flush()

    debug = info = warning = error = exception = critical = write


_LEVELS = {
    **{name.lower(): level for name, level in logging.getLevelNamesMapping().items()},
    "exception": logging.ERROR,
}
_processors: list[Processor] = []
_named = structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])


def _new_line(*names: str) -> _Line:
    """Of this name, or of the module that asks."""
    return _Line(_named(*names))


def _drop_below_level(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if not logger.is_enabled_for(_LEVELS[method]):
        raise structlog.DropEvent
    return event


def conceal(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor that takes secrets, documents and bytes out of a line, at any depth."""
    return {
        key: _concealed_text(value) if type(value) is str and not _is_secret(key) else _concealed(key, value)
        for key, value in event.items()
    }


def _as_library_message(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What a library says is data: its words change with what it speaks of, an event's name does not."""
    event["text"] = event.pop("event")
    event["event"] = LIBRARY_EVENT
    return event


_USUAL = ("timestamp", "level", "process", "event")


def _usual_keys_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    usual = {key: event[key] for key in _USUAL if key in event}
    usual.update(event)
    return usual


@lru_cache(maxsize=512)
def _is_secret(key: str) -> bool:
    name = key.lower()
    return name in _SECRET_KEYS or name.endswith(_SECRET_ENDINGS)


def _concealed(key: str, value: Any) -> Any:  # noqa: ANN401 -- whatever was logged
    if _is_secret(key):
        return HIDDEN
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} octets>"
    if isinstance(value, Mapping):
        return {str(inner): _concealed(str(inner), part) for inner, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_concealed("", part) for part in value]
    if isinstance(value, _PLAIN):
        return value
    return _concealed_text(str(value))


def _concealed_text(text: str) -> str:
    """Bounded before anything reads it; what stands at the cut is left out, for it may be half a secret."""
    if len(text) < _SHORTEST_DOCUMENT and _MARKS.search(text) is None:
        return text
    kept = text[: _MAX_TEXT + _UNDECIDED]
    for pattern, replacement in _CONCEALED:
        kept = pattern.sub(replacement, kept)
    if len(text) <= _MAX_TEXT:
        return kept
    kept = kept[: max(0, len(kept) - _UNDECIDED)] if len(text) > _MAX_TEXT + _UNDECIDED else kept
    return f"{kept[:_MAX_TEXT]}<... {len(text)}>"


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
    structlog.get_logger().critical("process crashed", exc_info=(kind, error, trace))


def _log_thread_crash(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is None:
        return
    structlog.get_logger().critical(
        "thread crashed",
        thread=arguments.thread.name if arguments.thread else None,
        exc_info=(arguments.exc_type, arguments.exc_value, arguments.exc_traceback),
    )
