from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from lintel.events.validation import Checked, check, table_from_rows

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)

Row = dict[str, Any]


@pytest.fixture
def row() -> Callable[..., Row]:
    """A valid event with some fields changed; a field given as None is left out."""

    def make(**changes: Any) -> Row:
        valid = {
            "event_id": "e1",
            "lead_id": "lead-1",
            "occurred_at": "2024-05-01T10:00:00Z",
            "kind": "sms.inbound",
        }
        return {name: value for name, value in {**valid, **changes}.items() if value is not None}

    return make


@pytest.fixture
def table() -> Callable[..., pa.Table]:
    """Checked events of rows; fails when one of them is rejected."""

    def make(*rows: Mapping[str, Any], tenant: str = "acme") -> pa.Table:
        loose = table_from_rows(rows)
        checked = check(loose.events, tenant=tenant, now=NOW)
        assert (loose.rejected, checked.rejected) == ((), ())
        return checked.events

    return make


@pytest.fixture
def checked() -> Callable[..., Checked]:
    def make(*rows: Mapping[str, Any], tenant: str = "acme", **options: Any) -> Checked:
        loose = table_from_rows(rows)
        assert loose.rejected == ()
        return check(loose.events, tenant=tenant, now=NOW, **options)

    return make
