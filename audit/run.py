"""One audit: every check in turn. A new check is one more line of CHECKS."""

from __future__ import annotations

from collections.abc import Callable

from audit.certificates.issued import check_certificates
from audit.certificates.issuers import check_authorities
from audit.certificates.lint import check_lint
from audit.certificates.uniqueness import check_uniqueness
from audit.context import Audit, Report
from audit.keys.all_keys import check_all_keys
from audit.lots.counts import check_counts
from audit.lots.members import check_lots
from audit.lots.renewals import check_renewals
from audit.status.crls import check_crls
from audit.status.statuses import check_statuses
from audit.trail.asked import check_asked
from audit.trail.history import check_history
from audit.trail.lines import check_trail
from audit.trail.marks import check_marks
from audit.trail.seals import check_seals

Check = Callable[[Audit], None]

CHECKS: tuple[Check, ...] = (
    check_authorities,
    check_certificates,
    check_uniqueness,
    check_all_keys,
    check_crls,
    check_statuses,
    check_history,
    check_asked,
    check_lots,
    check_renewals,
    check_counts,
    check_trail,
    check_seals,
    check_marks,
    check_lint,  # the longest one by far
)


def run_audit(audit: Audit) -> Report:
    """Make every check and give the report. What the database refuses ends the audit: SQLAlchemyError."""
    for check in CHECKS:
        check(audit)
    return audit.report
