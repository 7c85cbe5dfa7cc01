"""What `lintel audit verify` ends with where the log is not as it was written."""

from lintel.errors import LintelError
from lintel.registry.audit_chain import Fault


class BrokenAuditError(LintelError):
    """The audit log is not what was written: `line` is the first that cannot be trusted, `fault` what is wrong."""

    slug = "audit-broken"
    status = 500
    exit_code = 7

    def __init__(self, fault: Fault) -> None:
        self.line, self.fault = fault.number, str(fault.kind)
        super().__init__(
            f"The audit log cannot be trusted from line {fault.number} on ({fault.kind}): {fault.sentence}",
            mend="Compare it with a backup; docs/governance.md says what each fault means.",
        )
