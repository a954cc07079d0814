"""How PostgreSQL plans statements whose values decide which way is short."""

from __future__ import annotations

from sqlalchemy.orm import Session

# A plan made for no values in particular takes any list for a short one. To compile one that looks expensive, or to
# start processes that help with it, costs more than all that it does.
_SETTINGS = "; ".join(
    f"SET LOCAL {name} = {value}"
    for name, value in (
        ("plan_cache_mode", "force_custom_plan"),
        ("jit", "off"),
        ("max_parallel_workers_per_gather", "0"),
    )
)


def plan_by_values(session: Session) -> None:
    """Have every further statement of this transaction planned for its own values; SQLite knows nothing else."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(_SETTINGS)
