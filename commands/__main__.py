"""``python -m commands`` is ``igc``: how the supervisor starts its children, whatever is on the PATH."""

from commands.main import main

main()
