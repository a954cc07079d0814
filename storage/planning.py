"""How PostgreSQL plans statements whose values decide which way is short."""

from __future__ import annotations

from sqlalchemy.orm import Session

# A plan made for no values in particular takes any list for a short one, and the compilation of a plan that looks
# expensive costs more than the whole search.
_SETTINGS = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off"


def plan_by_values(session: Session) -> None:
    """Have every further statement of this transaction planned for its own values; SQLite knows nothing else."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(_SETTINGS)
