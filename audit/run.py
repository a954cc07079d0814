"""One audit: every check in turn. A new check is one more line of CHECKS."""

from __future__ import annotations

from collections.abc import Callable

from audit.all_keys import check_all_keys
from audit.certificates import check_certificates
from audit.context import Audit, Report
from audit.crls import check_crls
from audit.history import check_history
from audit.issuers import check_authorities
from audit.lint import check_lint
from audit.seals import check_seals
from audit.statuses import check_statuses
from audit.trail import check_trail
from audit.uniqueness import check_uniqueness

Check = Callable[[Audit], None]

CHECKS: tuple[Check, ...] = (
    check_authorities,
    check_certificates,
    check_uniqueness,
    check_all_keys,
    check_crls,
    check_statuses,
    check_history,
    check_trail,
    check_seals,
    check_lint,  # the longest one by far
)


def run_audit(audit: Audit) -> Report:
    """Make every check and give the report. What the database refuses ends the audit: SQLAlchemyError."""
    for check in CHECKS:
        check(audit)
    return audit.report
