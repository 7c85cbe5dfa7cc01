"""The audit log in each kind of database: one serialised writer, whole lines, and a head outside."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from lintel.registry.actor import machine
from lintel.registry.audit import AuditLog, keep
from lintel.registry.audit_chain import FaultKind
from lintel.registry.lifecycle import ModelStates, State
from lintel.registry.risk import Risk
from lintel.registry.traffic import Traffic, TrafficEntry
from lintel.store.tables import audit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
NIGHTLY = machine("nightly")
WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from lintel.registry.actor import machine
from lintel.registry.audit import AuditLog, keep
keep(sys.argv[1], key=None, head=Path(sys.argv[2]))
with AuditLog.open(sys.argv[1]) as log:
    for turn in range(10):
        log.append(tenant="acme", actor=machine(sys.argv[3]), act="test.write", subject="test", reason="turn",
                   details={"turn": turn}, at=datetime.now(UTC))
"""


def test_acts_of_several_processes_make_one_chain(any_url: str, tmp_path: Path) -> None:
    head = tmp_path / "head.json"
    keep(any_url, key=None, head=head)
    with AuditLog.open(any_url) as log, Traffic.open(any_url) as traffic, ModelStates.open(any_url) as states:
        command = [sys.executable, "-W", "ignore", "-c", WRITER, any_url, str(head)]
        writers = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("a", "b")]
        for version in (1, 2, 3):
            entry = TrafficEntry(f"sha256:{version}", "lead-scoring.acme", version, 1.0, "champion")
            traffic.assign("acme", [entry], actor=NIGHTLY, reason="test", now=NOW)
            told = {"trained_by": NIGHTLY, "risk": Risk.STANDARD, "actor": NIGHTLY, "now": NOW}
            states.register("acme", version, f"sha256:{version}", **told)  # type: ignore[arg-type]
            states.move("acme", version, State.VALIDATED, actor=NIGHTLY, reason="test", now=NOW)
        assert [writer.wait(120) for writer in writers] == [0, 0]
        found = log.verify()
        assert (found.lines, found.unanchored, found.fault) == (29, 0, None)
        with log._database.write() as connection:
            connection.execute(sa.delete(audit).where(audit.c.number == 29))
        fault = log.verify().fault
        assert fault is not None
        assert (fault.number, fault.kind) == (29, FaultKind.TRUNCATED)
        with log._database.write() as connection:
            connection.execute(sa.update(audit).where(audit.c.number == 7).values(reason="another"))
        fault = log.verify().fault
        assert fault is not None
        assert (fault.number, fault.kind) == (7, FaultKind.CHANGED)
