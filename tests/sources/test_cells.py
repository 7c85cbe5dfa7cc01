from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from lintel.sources.cells import NumberReader, TimeReader

DENVER = ZoneInfo("America/Denver")


def moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


@pytest.mark.parametrize(
    ("reader", "text", "expected"),
    [
        (TimeReader(), "2011-10-01T00:38:44.546+02:00", datetime(2011, 9, 30, 22, 38, 44, 546_000, UTC)),
        (TimeReader(), "2011-10-01T00:38:44Z", datetime(2011, 10, 1, 0, 38, 44, 0, UTC)),
        (TimeReader(zone=DENVER), "2026-01-05 09:00", datetime(2026, 1, 5, 16, tzinfo=UTC)),
        (TimeReader(zone=DENVER), "2026-01-05 09:00+00:00", datetime(2026, 1, 5, 9, tzinfo=UTC)),
        (TimeReader(("%d.%m.%Y", "%d.%m.%Y %H:%M"), DENVER), "05.07.2026 09:00", datetime(2026, 7, 5, 15, tzinfo=UTC)),
        (TimeReader(("%m/%d/%Y %H:%M %z",), DENVER), "07/05/2026 09:00 +0100", datetime(2026, 7, 5, 8, tzinfo=UTC)),
        (TimeReader(("unix_seconds",)), "1317422324", datetime(2011, 9, 30, 22, 38, 44, tzinfo=UTC)),
        (TimeReader(("unix_milliseconds",)), "1317422324546", datetime(2011, 9, 30, 22, 38, 44, 546_000, UTC)),
        # the repeated hour of 1 November 2026 is the first one, still in summer time
        (TimeReader(zone=DENVER), "2026-11-01 01:30", datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
        # 02:30 of 8 March 2026 never was: as if the clock had not been moved yet
        (TimeReader(zone=DENVER), "2026-03-08 02:30", datetime(2026, 3, 8, 9, 30, tzinfo=UTC)),
    ],
)
def test_times_are_utc(reader, text, expected):
    assert moment(reader.microseconds(text)) == expected


@pytest.mark.parametrize(
    ("reader", "text", "reason"),
    [
        (TimeReader(), "yesterday", "is not an ISO 8601 time"),
        (TimeReader(), "2026-02-30T00:00:00Z", "is not an ISO 8601 time"),
        (TimeReader(), "2026-01-05 09:00", "has no offset, and the mapping sets no `time_zone`"),
        (TimeReader(("%d.%m.%Y",), DENVER), "01/05/2026", "is not a time as in %d.%m.%Y"),
        (TimeReader(("unix_seconds",)), "12.5", "is not a time as in unix_seconds"),
        (TimeReader(("unix_seconds",)), "9" * 30, "is not a time as in unix_seconds"),
        (TimeReader(("unix_seconds",)), "²", "is not a time as in unix_seconds"),
        (TimeReader(("unix_seconds",)), "--5", "is not a time as in unix_seconds"),
    ],
)
def test_times_that_cannot_be_read(reader, text, reason):
    with pytest.raises(ValueError, match=f"^{reason.replace('.', '[.]').replace('%', '%')}$"):
        reader.microseconds(text)


@pytest.mark.parametrize(
    ("decimal", "text", "expected"),
    [
        (".", "450000", 450_000),
        (".", "$450,000.50", 450_000.5),
        (".", "-12.5", -12.5),
        (".", "1e3", 1_000),
        (".", "1 250", 1_250),
        (",", "450.000,50 €", 450_000.5),
        (",", "12,5", 12.5),
        (",", "1.234", 1_234),
    ],
)
def test_numbers(decimal, text, expected):
    assert NumberReader(decimal).number(text) == expected


@pytest.mark.parametrize(
    ("decimal", "text"),
    [
        (".", "12,5"),  # grouping comes in threes: a decimal comma must not become 125
        (",", "12.5"),
        (".", "1,2345"),
        (".", "nan"),
        (".", "inf"),
        (".", "about 5"),
        (".", "$"),
        (".", "٣"),
        (".", "1_000"),
    ],
)
def test_numbers_that_cannot_be_read(decimal, text):
    with pytest.raises(ValueError, match="is not a number with"):
        NumberReader(decimal).number(text)
