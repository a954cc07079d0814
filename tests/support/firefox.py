"""A Firefox of one's own, driven through Marionette: JSON in packets that begin with their length."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

_PATIENCE = 60.0
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_PREFERENCES = {
    "marionette.port": 0,  # it takes a free one and writes which
    "security.default_personal_cert": "Select Automatically",
    "intl.accept_languages": "fr-FR, fr",
    "browser.startup.page": 0,
    "browser.newtabpage.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "browser.safebrowsing.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
}


class FirefoxError(Exception):
    """What Marionette says when it refuses a command."""


class Firefox:
    """One window. Each call waits for the page, except ``open_slowly``."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self._numbers = count(1)
        self._heard = b""
        self._answers: dict[int, list[Any]] = {}
        assert self._packet()["marionetteProtocol"] == 3
        self.do("WebDriver:NewSession", capabilities={"alwaysMatch": {"acceptInsecureCerts": False}})

    def close(self) -> None:
        self._socket.close()

    def do(self, command: str, **parameters: Any) -> Any:
        """Send a command, give what it answers."""
        return self.answer_to(self.send(command, **parameters))

    def send(self, command: str, **parameters: Any) -> int:
        """Send a command whose answer is fetched later."""
        number = next(self._numbers)
        content = json.dumps([0, number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(content), content))
        return number

    def answer_to(self, number: int) -> Any:
        """The answer to one of them; those to others are kept until they are asked for."""
        while number not in self._answers:
            kind, answered, *answer = self._packet()
            assert kind == 1
            self._answers[answered] = answer
        error, result = self._answers.pop(number)
        if error:
            raise FirefoxError(f"{error['error']}: {error['message']}")
        return result.get("value", result) if isinstance(result, dict) else result

    def open(self, url: str) -> None:
        self.do("WebDriver:Navigate", url=url)

    def open_slowly(self, url: str) -> int:
        """Begin to open a page that asks for something first; ``answer_to`` waits for it."""
        return self.send("WebDriver:Navigate", url=url)

    def script(self, script: str, *arguments: Any) -> Any:
        return self.do("WebDriver:ExecuteScript", script=script, args=list(arguments))

    @property
    def text(self) -> str:
        """What can be read on the page."""
        return str(self.script("return document.body.innerText"))

    @property
    def url(self) -> str:
        return str(self.do("WebDriver:GetCurrentURL"))

    def find(self, value: str, using: str = "css selector") -> str:
        return str(self.do("WebDriver:FindElement", using=using, value=value)[_ELEMENT])

    def click(self, css: str) -> None:
        """As with the pointer, which waits for the page that follows."""
        self.do("WebDriver:ElementClick", id=self.find(css))

    def press(self, xpath: str, *, opens: bool = True) -> None:
        """As ``click``, and the document that it leads to is waited for; where it ``opens`` none, nothing is."""
        element = {_ELEMENT: self.find(xpath, "xpath")}
        if not opens:  # Marionette would wait for a page
            self.script("arguments[0].click()", element)
            return
        self.script("window.before = true")
        self.do("WebDriver:ElementClick", id=element[_ELEMENT])
        for _ in range(200):
            if self.script("return !window.before && document.readyState === 'complete'"):
                return
            time.sleep(0.05)
        raise FirefoxError(f"{xpath} leads nowhere")

    def clear(self, css: str) -> None:
        """Take away what is in a field."""
        self.do("WebDriver:ElementClear", id=self.find(css))

    def fill(self, css: str, text: str) -> None:
        """Type into a field, or give the path of a file to one for files."""
        self.do("WebDriver:ElementSendKeys", id=self.find(css), text=text)

    def _packet(self) -> Any:
        size = int(self._until(b":"))
        while len(self._heard) < size:
            self._hear()
        packet, self._heard = self._heard[:size], self._heard[size:]
        return json.loads(packet)

    def _until(self, end: bytes) -> bytes:
        while end not in self._heard:
            self._hear()
        found, _, self._heard = self._heard.partition(end)
        return found

    def _hear(self) -> None:
        more = self._socket.recv(65536)
        if not more:
            raise FirefoxError("Firefox has gone")
        self._heard += more


def make_profile(folder: Path, root: Path, downloads: Path | None = None) -> Path:
    """A new profile that trusts one authority, and holds nothing else; it saves what it is given in ``downloads``."""
    folder.mkdir(parents=True)
    nss(folder, "certutil", "-N", "--empty-password")
    nss(folder, "certutil", "-A", "-n", "racine", "-t", "C,,", "-a", "-i", str(root))
    preferences = dict(_PREFERENCES)
    if downloads is not None:
        preferences |= {"browser.download.folderList": 2, "browser.download.dir": str(downloads)}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    (folder / "user.js").write_text("".join(lines))
    return folder


def nss(folder: Path, program: str, *words: str) -> None:
    """A tool of NSS on the store in a folder."""
    where = "-dbdir" if program == "modutil" else "-d"
    subprocess.run([program, where, f"sql:{folder}", *words], check=True, capture_output=True)


@contextmanager
def make_firefox(profile: Path, environment: Mapping[str, str], *, headless: bool) -> Iterator[Firefox]:
    """Start it on a profile; it is gone when the block ends."""
    command = [
        "firefox-esr",
        "--marionette",
        "--no-remote",
        "--profile",
        str(profile),
        *(["--headless"] if headless else []),
    ]
    told = profile / "MarionetteActivePort"
    told.unlink(missing_ok=True)  # of the last process on this profile
    process = subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        browser = Firefox(_port(process, told))
        try:
            yield browser
        finally:
            browser.close()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], told: Path) -> int:
    end = time.monotonic() + _PATIENCE
    while not (told.exists() and told.read_text().strip()):
        assert process.poll() is None, "Firefox did not start"
        assert time.monotonic() < end, "Firefox did not start in time"
        time.sleep(0.05)
    return int(told.read_text())
