"""``igc sans-login``: the site where a certificate is revoked by its code, without login, in a process of its own."""

from __future__ import annotations

from commands.composition import started
from commands.options import ConfigOption
from commands.processes.listening import listen_to_strangers
from commands.processes.measuring import begin_counting, counted_pages
from portal_ihm.sans_login.app import build_site
from storage.waits import CANAL


def run(config: ConfigOption = None) -> None:
    """Lance le site de révocation sans authentification."""
    with started(config, "sans-login", "sans-login", waits=CANAL) as here:
        section = here.settings.sans_login
        begin_counting(here.settings)
        here.db.refuse_unfit()
        site = build_site(
            here.par_code,
            here.plateforme,
            secret=section.secret_file.read_text().encode(),
            public_url=section.public_url,
            proxies=section.proxies,
            max_body=section.limits.max_body_bytes,
        )
        listen_to_strangers(here, section, counted_pages(site, "sans-login"))
