"""A key made, kept and used in a real Chromium (guide §8.1.4.2, §9.3.1), and what never leaves it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from registration.values import RevocationForm
from registration.vocabulary import Canal
from tests.integration.portal.retiring import begin, ready_for_key
from tests.integration.portal.world import PortalWorld
from tests.support.produits import CODE

pytestmark = pytest.mark.needs("chromium", "npm", "openssl", "default-jre-headless")

WHO = "dr-leroux"
PASSWORD = "Retrait-à-moi-2026!"
PLAIN = "Retrait-sans-accent-26"
_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
_PATIENCE = 20_000
_RECORDS = """() => new Promise((resolve, reject) => {
  const opening = indexedDB.open("igc-cles");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const base = opening.result;
    if (!base.objectStoreNames.contains("cles")) { base.close(); resolve([]); return; }
    const reading = base.transaction("cles").objectStore("cles").getAll();
    reading.onsuccess = () => { base.close(); resolve(reading.result); };
  };
})"""


@dataclass
class Wire:
    """Everything that a browser has sent."""

    requests: list[Request] = field(default_factory=list)
    sent: bytes = b""

    def note(self, request: Request) -> None:
        self.requests.append(request)

    def gather(self) -> None:
        """While the browser still runs, which is asked for the whole heads."""
        for request in self.requests:
            head = json.dumps(request.all_headers()).encode()
            self.sent += b"\n".join((request.url.encode(), head, request.post_data_buffer or b"", b""))


Profile = Callable[[Path], AbstractContextManager[tuple[Page, Wire]]]


@pytest.fixture
def profile(chromium: Browser, world: PortalWorld) -> Profile:
    """A browser process of its own on a profile that outlives it."""

    @contextmanager
    def launch(folder: Path, **options: Any) -> Iterator[tuple[Page, Wire]]:
        client = world.client(WHO)
        context = chromium.browser_type.launch_persistent_context(
            folder,
            executable_path="/usr/bin/chromium",
            args=_FLAGS,
            base_url=world.url,
            ignore_https_errors=True,
            locale="fr-FR",
            client_certificates=[
                {"origin": world.url, "certPath": str(client.certificate), "keyPath": str(client.key)}
            ],
            **options,
        )
        context.set_default_timeout(_PATIENCE)
        wire = Wire()
        context.on("request", wire.note)
        try:
            yield context.pages[0], wire
            wire.gather()
        finally:
            context.close()

    return launch


@pytest.fixture
def window(open_context: Callable[[str | None], BrowserContext]) -> Page:
    """A window of which nothing is kept, as a private one."""
    return open_context(WHO).new_page()


def make_key(page: Page, brouillon: str, password: str = PASSWORD) -> None:
    page.goto(f"/demander/{brouillon}/etape-4/assistee")
    expect(page.get_by_text("Il peut enregistrer la clé chiffrée sur ce poste.")).to_be_visible()
    page.get_by_label("Mot de passe de retrait (obligatoire)", exact=True).fill(password)
    page.get_by_label("Confirmation du mot de passe de retrait").fill(password)
    risk = page.get_by_label("Ceci n'est pas une fenêtre privée")
    if risk.is_visible():
        risk.check()
    page.get_by_role("button", name="Générer la CSR").click()
    expect(page.get_by_role("heading", name="La clé et la CSR sont prêtes")).to_be_visible()


def finalise(page: Page, world: PortalWorld) -> int:
    """Send the CSR, then the demande; gives its numero, signed."""
    page.get_by_role("button", name="Finaliser", exact=True).click()
    page.wait_for_url("**/finalisation")
    expect(page.get_by_text("Créée dans un navigateur")).to_be_visible()
    page.get_by_role("button", name="Finaliser la demande").click()
    page.wait_for_url("**/confirmation")
    numero = int(re.findall(r"numéro (\d+)", page.get_by_role("main").inner_text())[0])
    world.run_batch()
    return numero


def ordered(page: Page, world: PortalWorld, service: str, password: str = PASSWORD) -> int:
    make_key(page, ready_for_key(world, world.session(WHO), service), password)
    return finalise(page, world)


def give_code(page: Page, numero: int, code: str = CODE) -> None:
    page.goto(f"/retirer/{numero}")
    page.get_by_label("Code de révocation (obligatoire)", exact=True).fill(code)
    page.get_by_label("Confirmation du code de révocation").fill(code)
    page.get_by_label("Le bénéficiaire accepte").check()
    page.get_by_role("button", name="Finaliser").click()


def ask_file(page: Page, password: str) -> None:
    page.get_by_label("Mot de passe de retrait").fill(password)
    page.get_by_role("button", name="Télécharger", exact=True).click()


def download(page: Page, folder: Path, password: str = PASSWORD) -> Path:
    with page.expect_download() as waiting:
        ask_file(page, password)
    target = folder / waiting.value.suggested_filename
    waiting.value.save_as(target)
    return target


def records(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(_RECORDS)
    return found


def secrets_of(key: rsa.RSAPrivateKey, password: str) -> list[bytes]:
    """Every form in which key or password could be seen."""
    numbers = key.private_numbers()
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    raw = [
        password.encode(),
        numbers.p.to_bytes(128, "big"),
        numbers.q.to_bytes(128, "big"),
        numbers.d.to_bytes(256, "big"),
    ]
    raw += [der, der[-600:]]
    forms = [form for value in raw for form in (value, base64.b64encode(value)[:60], value.hex().encode())]
    middles = [base64.b64encode(value[start:])[:40] for value in raw[1:] for start in range(3)]
    return [*forms, *middles, base64.urlsafe_b64encode(raw[1])[:40], password.encode("utf-16-le")]


def test_from_the_order_to_the_pkcs12_and_nothing_leaves(
    profile: Profile, world: PortalWorld, tmp_path: Path, check_accessibility: Callable[[Page], None]
) -> None:
    home = tmp_path / "profil"
    with profile(home) as (page, ordering):
        brouillon = ready_for_key(world, world.session(WHO), "Dossier de bout en bout")
        make_key(page, brouillon)
        check_accessibility(page)
        numero = finalise(page, world)
        (record,) = records(page)
    assert set(record) == {
        "id", "empreinte", "wrapped", "salt", "iv", "rounds", "brouillon", "libelle", "csr", "created",
    }  # fmt: skip
    assert (record["rounds"], record["brouillon"]) == (600_000, brouillon)
    forms = [request for request in ordering.requests if request.method == "POST"]
    assert [set(parse_qs(form.post_data or "")) for form in forms] == [{"csrf_token", "csr"}, {"csrf_token", "action"}]
    assert world.demande(numero).csr_assistee
    csr = x509.load_der_x509_csr(base64.b64decode(record["csr"]))
    assert csr.is_signature_valid
    assert csr.subject.rfc4514_string() == f"CN=Dossier de bout en bout,O={world.demande(numero).id_structure},C=FR"
    # A new process on the same profile.
    with profile(home) as (page, withdrawing):
        page.goto(f"/retirer/{numero}")
        expect(page.get_by_text("La clé de ce certificat est dans ce navigateur.")).to_be_visible()
        check_accessibility(page)
        give_code(page, numero)
        page.wait_for_url("**/certificat")
        finish = page.get_by_role("button", name="Terminer")
        expect(finish).to_be_disabled()
        check_accessibility(page)
        file = download(page, tmp_path)
        expect(page.get_by_role("heading", name="Le fichier est composé")).to_be_visible()
        expect(finish).to_be_enabled()
        check_accessibility(page)
        page.reload()
        expect(finish).to_be_disabled()
        again = download(page, tmp_path / "encore")
        finish.click()
        page.wait_for_url(f"**/suivi/demandes/{numero}*")
    assert re.fullmatch(r"igc-p12-EL-TEST-ORG-AUTH_CLI-\d{8}-\d{6}\.p12", file.name)
    key, certificate, chain = pkcs12.load_key_and_certificates(file.read_bytes(), PASSWORD.encode())
    assert isinstance(key, rsa.RSAPrivateKey)
    assert certificate is not None
    assert certificate.public_key() == key.public_key()
    assert len(chain) >= 1
    certificate.verify_directly_issued_by(chain[0])
    assert pkcs12.load_pkcs12(again.read_bytes(), PASSWORD.encode()).key is not None
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(file.read_bytes(), b"autre")
    assert_kept_secret(secrets_of(key, PASSWORD), ordering, withdrawing, record, home)


def assert_kept_secret(
    secrets: list[bytes], ordering: Wire, withdrawing: Wire, record: dict[str, Any], home: Path
) -> None:
    """On the wire, in the record, and in every file of the profile."""
    kept = json.dumps(record).encode() + base64.b64decode(record["wrapped"])
    stored = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file() and "IndexedDB" in str(path))
    assert record["empreinte"].encode() in stored, "what the browser wrote was looked at"
    sent = ordering.sent + withdrawing.sent
    assert CODE.encode() in sent, "what is typed elsewhere would be seen"
    for secret in secrets:
        assert secret not in sent
        assert secret not in kept
        assert secret not in stored


def test_other_readers_open_the_file(profile: Profile, world: PortalWorld, tmp_path: Path) -> None:
    with profile(tmp_path / "profil") as (page, _):
        numero = ordered(page, world, "Dossier de Java", PLAIN)
        give_code(page, numero)
        page.wait_for_url("**/certificat")
        file = download(page, tmp_path, PLAIN)
    listed = subprocess.run(
        ["openssl", "pkcs12", "-in", str(file), "-info", "-nodes", "-passin", f"pass:{PLAIN}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.count("BEGIN CERTIFICATE") >= 2
    assert "PRIVATE KEY" in listed.stdout
    assert "sha256" in listed.stderr
    assert "AES-256-CBC" in listed.stderr
    java = subprocess.run(
        [
            "keytool",
            "-J-Duser.language=en",
            "-list",
            "-v",
            "-keystore",
            str(file),
            "-storetype",
            "PKCS12",
            "-storepass",
            PLAIN,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "PrivateKeyEntry" in java.stdout
    assert re.search(r"Certificate chain length: [2-9]", java.stdout)


def test_a_wrong_password_and_the_revocation_code_open_nothing(window: Page, world: PortalWorld) -> None:
    numero = ordered(window, world, "Mauvais mot de passe")
    give_code(window, numero)
    for wrong in ("Faux-mot-de-passe-1", CODE, PASSWORD.upper()):
        ask_file(window, wrong)
        expect(window.get_by_role("alert")).to_contain_text("ERR_IHM_054")
        expect(window.get_by_role("button", name="Terminer")).to_be_disabled()


def test_the_revocation_code_is_not_the_password_of_the_key(window: Page, world: PortalWorld) -> None:
    numero = ordered(window, world, "Deux secrets")
    window.goto(f"/retirer/{numero}")
    expect(window.get_by_text("La clé de ce certificat est dans ce navigateur.")).to_be_visible()
    give_code(window, numero, PASSWORD)
    expect(window.get_by_text("Ce code est le mot de passe de retrait de la clé.")).to_be_visible()
    assert world.demande(numero).etat_produit == "A_RETIRER"
    give_code(window, numero)
    window.wait_for_url("**/certificat")


def test_another_browser_has_no_key_until_the_copy_is_brought(
    open_context: Callable[[str | None], BrowserContext],
    window: Page,
    world: PortalWorld,
    tmp_path: Path,
    check_accessibility: Callable[[Page], None],
) -> None:
    make_key(window, ready_for_key(world, world.session(WHO)))
    with window.expect_download() as waiting:
        window.get_by_role("button", name="Enregistrer une copie chiffrée").click()
    copy = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(copy)
    assert re.fullmatch(r"cle-navigateur-\d{8}-\d{6}\.json", copy.name)
    assert PASSWORD not in copy.read_text()
    numero = finalise(window, world)
    other = open_context(WHO).new_page()
    other.goto(f"/retirer/{numero}")
    expect(other.get_by_role("alert")).to_contain_text("ERR_IHM_044")
    check_accessibility(other)
    give_code(other, numero)
    other.wait_for_url("**/certificat")
    expect(other.get_by_role("alert")).to_contain_text("ERR_IHM_044")
    expect(other.get_by_role("heading", name="Que faire ?")).to_be_visible()
    make_key(other, begin(world))  # now it has keys, and not this one
    other.goto(f"/retirer/{numero}/certificat")
    expect(other.get_by_role("alert")).to_contain_text("ERR_IHM_051")
    check_accessibility(other)
    other.goto("/cles")
    bad = tmp_path / "autre.json"
    for content in ("pas du json", "{}", copy.read_text().replace('"rounds": 600000', '"rounds": 1')):
        bad.write_text(content)
        other.get_by_label("Copie chiffrée d'une clé").set_input_files(bad)
        expect(other.get_by_text("Rien n'a été importé.")).to_be_visible()
    other.get_by_label("Copie chiffrée d'une clé").set_input_files(copy)
    expect(other.get_by_text("La copie est importée")).to_be_visible()
    expect(other.get_by_role("listitem").filter(has_text=f"demande n° {numero}")).to_be_visible()
    check_accessibility(other)
    other.goto(f"/retirer/{numero}/certificat")
    assert download(other, tmp_path).stat().st_size > 3000


def test_keys_are_listed_copied_and_removed_after_a_question(window: Page, world: PortalWorld) -> None:
    numero = ordered(window, world, "À supprimer")
    window.goto("/cles")
    expect(window.get_by_role("row", name=re.compile(f"n° {numero} "))).to_contain_text("dans ce navigateur")
    line = window.get_by_role("listitem").filter(has_text=f"demande n° {numero}")
    line.get_by_role("button", name="Supprimer", exact=True).click()
    line.get_by_role("button", name="Garder la clé").click()
    assert len(records(window)) == 1
    line.get_by_role("button", name="Supprimer", exact=True).click()
    line.get_by_role("button", name="Supprimer définitivement").click()
    expect(window.get_by_text("La clé est supprimée de ce navigateur.")).to_be_visible()
    assert records(window) == []
    expect(window.get_by_text("Ce navigateur ne garde aucune clé.")).to_be_visible()


def test_a_key_that_is_made_is_offered_again(window: Page, world: PortalWorld) -> None:
    make_key(window, ready_for_key(world, world.session(WHO)))
    window.reload()
    expect(window.get_by_role("heading", name="Une clé a déjà été créée ici")).to_be_visible()
    # The session is lost between the key and its sending: told as such, and nothing has to be made again.
    window.get_by_role("button", name="Reprendre cette clé").click()
    window.context.clear_cookies()
    window.get_by_role("button", name="Finaliser").click()
    expect(window.get_by_role("alert")).to_contain_text("ERR_IHM_028")
    window.get_by_role("button", name="Reprendre cette clé").click()
    finalise(window, world)
    assert len(records(window)) == 1


def test_all_errors_stand_at_their_fields(
    window: Page, world: PortalWorld, check_accessibility: Callable[[Page], None]
) -> None:
    window.goto(f"/demander/{begin(world)}/etape-4/assistee")
    first = window.get_by_label("Mot de passe de retrait (obligatoire)", exact=True)
    second = window.get_by_label("Confirmation du mot de passe de retrait")
    generate = window.get_by_role("button", name="Générer la CSR")
    generate.click()
    expect(window.get_by_text("Saisissez un mot de passe de retrait.")).to_be_visible()
    expect(first).to_be_focused()
    first.fill("faible")
    second.fill("autre")
    expect(window.get_by_role("progressbar", name="Niveau de sécurité")).to_be_visible()
    generate.click()
    expect(window.get_by_text("(ERR_IHM_011)")).to_be_visible()
    expect(window.get_by_text("sa confirmation sont différents.")).to_be_visible()
    # Nothing was promised here: the page wants to hear that this is known.
    expect(window.get_by_text("Cochez cette case, ou ouvrez le portail dans une fenêtre ordinaire.")).to_be_visible()
    check_accessibility(window)
    first.press("Enter")
    expect(window.get_by_role("button", name="Finaliser")).to_be_disabled()
    assert records(window) == []


def test_where_nothing_is_kept_it_is_said_before_the_order(
    open_context: Callable[[str | None], BrowserContext], world: PortalWorld
) -> None:
    for taken, line in (
        ("delete IDBFactory.prototype.open", "Il n'enregistre rien pour ce site"),
        ("Object.defineProperty(crypto, 'subtle', {value: undefined})", "Il ne sait pas créer de clé"),
    ):
        context = open_context(WHO)
        context.add_init_script(taken)
        page = context.new_page()
        page.goto(f"/demander/{begin(world)}/etape-4/assistee")
        expect(page.get_by_role("alert")).to_contain_text("ERR_IHM_031")
        expect(page.get_by_text(line)).to_be_visible()
        expect(page.get_by_role("button", name="Générer la CSR")).to_be_hidden()


def test_a_record_that_was_tampered_with_and_a_store_that_is_closed(
    open_context: Callable[[str | None], BrowserContext], window: Page, world: PortalWorld
) -> None:
    numero = ordered(window, world, "Enregistrement abîmé")
    give_code(window, numero)
    window.wait_for_url("**/certificat")
    window.evaluate(
        """() => new Promise((resolve) => {
          indexedDB.open("igc-cles").onsuccess = ({target: {result: base}}) => {
            const store = base.transaction("cles", "readwrite").objectStore("cles");
            store.getAll().onsuccess = ({target: {result: [record]}}) => {
              store.put({...record, rounds: 1}).onsuccess = () => { base.close(); resolve(); };
            };
          };
        })"""
    )
    ask_file(window, PASSWORD)
    expect(window.get_by_role("alert")).to_contain_text("ERR_IHM_043")
    closed = open_context(WHO)
    closed.add_init_script("delete IDBFactory.prototype.open")
    page = closed.new_page()
    page.goto(f"/retirer/{numero}/certificat")
    expect(page.get_by_role("alert")).to_contain_text("ERR_IHM_033")


def test_a_certificate_that_ends_while_the_page_is_open(window: Page, world: PortalWorld) -> None:
    numero = ordered(window, world, "Fin de validité")
    give_code(window, numero)
    window.wait_for_url("**/certificat")
    window.clock.set_fixed_time("2090-01-01T00:00:00Z")
    ask_file(window, PASSWORD)
    expect(window.get_by_role("alert")).to_contain_text("ERR_IHM_045")


def test_what_cannot_be_packed(
    open_context: Callable[[str | None], BrowserContext], window: Page, world: PortalWorld
) -> None:
    numero = ordered(window, world, "Composition impossible")
    give_code(window, numero)
    window.wait_for_url("**/certificat")
    window.evaluate("() => { SubtleCrypto.prototype.sign = () => Promise.reject(new Error('essai')); }")
    ask_file(window, PASSWORD)
    expect(window.get_by_role("alert")).to_contain_text("ERR_IHM_050")


def test_the_policy_stops_every_other_script(window: Page, world: PortalWorld) -> None:
    window.goto("/cles")
    expect(window.get_by_role("heading", name="Importer une copie")).to_be_visible()
    stopped = window.evaluate(
        """async () => {
          const told = [];
          document.addEventListener("securitypolicyviolation", (event) => told.push(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "document.title = 'pris'";
          document.body.append(script);
          const link = document.createElement("div");
          link.innerHTML = '<img src="x" onerror="document.title = 1">';
          document.body.append(link);
          const asked = await fetch("/suivi").then(() => "parti", () => "arrêté");
          await new Promise((resolve) => setTimeout(resolve, 500));
          return { told, asked, title: document.title };
        }"""
    )
    assert stopped["asked"] == "arrêté"
    assert "script-src-elem" in stopped["told"]
    assert "script-src-attr" in stopped["told"]
    assert "connect-src" in stopped["told"]
    assert stopped["title"].startswith("Clés de ce navigateur")


def test_without_script_each_page_says_what_to_do(
    open_context: Callable[..., BrowserContext], world: PortalWorld, window: Page
) -> None:
    numero = ordered(window, world, "Sans script")
    page = open_context(WHO, java_script_enabled=False).new_page()
    brouillon = begin(world)
    page.goto(f"/demander/{brouillon}/etape-4/assistee")
    expect(page.get_by_role("heading", name="Les scripts sont désactivés dans ce navigateur")).to_be_visible()
    expect(page.get_by_role("link", name="Charger une CSR")).to_have_attribute("href", f"/demander/{brouillon}/etape-4")
    expect(page.get_by_label("Mot de passe de retrait (obligatoire)", exact=True)).to_be_hidden()
    page.goto("/cles")
    expect(page.locator("noscript .alert")).to_be_visible()
    give_code(page, numero)  # the second step needs none
    page.wait_for_url("**/certificat")
    expect(page.locator("noscript .alert")).to_be_visible()


def test_a_revoked_one_is_told_by_its_code(window: Page, world: PortalWorld) -> None:
    numero = ordered(window, world, "Révoqué ensuite")
    give_code(window, numero)
    window.wait_for_url("**/certificat")
    form = RevocationForm(numero=numero, motif="FIN_ACTIVITE", email="a@acacias.example", confirmation=True)
    world.ra.revocations.revoke(world.origin(WHO, Canal.IHM), form)
    window.reload()
    expect(window.get_by_role("heading", level=1)).to_have_text("Retrait impossible")
    expect(window.get_by_text("ERR_IHM_045")).to_be_visible()
