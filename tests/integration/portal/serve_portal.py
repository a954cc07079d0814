"""A process that serves the portal of a plateforme that is there: what ``igc portal`` composes, on a free port."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from starlette.applications import Starlette

from commands.composition import opened
from portal_ihm.app import build_app
from runtime.settings.model import Settings
from tests.integration.portal.world import MAX_LOT, SECRET, serve
from ws.app import lot_file_reader


def main(data_dir: str) -> None:
    """Print the port, then serve until it is ended."""
    folder = Path(data_dir)
    with opened(Settings.from_mapping({"data_dir": data_dir}, base=folder.parent)) as here:

        def build(address: str) -> Starlette:
            return build_app(
                here.registration_authority,
                session_secret=SECRET,
                public_url=address,
                read_lot=lot_file_reader(10_000),
                max_lot=MAX_LOT,
            )

        with serve(here, build) as port:
            print(port, flush=True)
            while True:
                time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
