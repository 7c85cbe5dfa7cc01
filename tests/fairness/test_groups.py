"""Groups of leads from a tenant's file."""

from pathlib import Path

import pytest

from lintel.errors import InputError, NotFoundError
from lintel.fairness.groups import UNKNOWN, groups_of, read_groups


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "groups.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_groups_by_lead_with_unstated_ones_left_out(write) -> None:
    stated = read_groups(write("\ufefflead_id,group,note\na,x,1\nb,y,\nc,,\nb,y,again\n"))
    assert stated == {"a": "x", "b": "y"}
    groups = groups_of(("b", "c", "a"), stated)
    assert groups.names == ("x", "y")
    assert groups.code.tolist() == [1, UNKNOWN, 0]


def test_groups_of_leads_that_nobody_asks_about_have_no_code() -> None:
    assert groups_of(("a",), {"a": "x", "z": "y"}).names == ("x",)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("lead_id,zip\na,1\n", "no column 'group'"),
        ("", "no column 'lead_id'"),
        ("lead_id,group\n,x\n", "line 2: lead_id is empty"),
        ("lead_id,group\na,secret one\na,secret two\n", "line 3: the lead has another group"),
        ("lead_id,group\n" + "".join(f"l{i},{i}\n" for i in range(30)), "30 groups, more than 20"),
        ("lead_id,group\na,secret | b\n", "line 2: the group is no plain word"),
        (b"lead_id,group\n\xff,x\n", "UnicodeDecodeError"),
    ],
)
def test_a_faulty_file_is_refused_without_naming_a_person_or_group(write, text: str | bytes, fault: str) -> None:
    with pytest.raises(InputError, match=fault) as refused:
        read_groups(write(text))
    assert "secret" not in str(refused.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="lead_id and group"):
        read_groups(tmp_path / "none.csv")
