"""`lintel call`: a recording to what it came to, kept only with a lead."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lintel.home import Home
from lintel.settings import Settings, settings
from lintel.store.calls import ShownCard
from lintel.store.tenants import Tenant
from tests.cli.conftest import Lintel
from tests.voice.published import published
from tests.voice.weights import weights_at_hand

STEREO = "misc_speech/audio/stereo_two_channel.flac"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACME = ("--tenant", "acme")


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINTEL_WEIGHTS_PATH", str(weights_at_hand()))
    settings.cache_clear()
    return weights_at_hand()


def test_a_call_is_told_and_nothing_is_kept(lintel: Lintel, weights: Path) -> None:
    answer = lintel("call", "analyse", published(STEREO), "--json")
    assert answer.code == 0, answer.err
    assert answer.value["speakers"] == ["agent", "lead"]
    assert [turn["speaker"] for turn in answer.value["turns"]] == ["agent", "lead"]
    assert answer.value["summary"]["made_by"] == "extractive"
    assert answer.value["kept"] is None


def test_with_a_lead_it_is_kept_once(lintel: Lintel, weights: Path, tmp_path: Path) -> None:
    with Home(Settings(home=tmp_path / "home")) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
    keeping = ("call", "analyse", published(STEREO), "--lead", "lead1", *ACME)
    first = lintel(*keeping, "--json")
    assert first.code == 0, first.err
    assert first.value["kept"]["events"] == 1
    assert lintel(*keeping, "--json").value["kept"]["events"] == 0
    (listed,) = lintel("call", "list", "--lead", "lead1", *ACME, "--json").value["calls"]
    assert listed["call_id"] == first.value["kept"]["call_id"]
    shown = lintel("call", "show", listed["call_id"], *ACME)
    assert "wizard" in shown.out


def test_a_recording_stays_with_its_lead(lintel: Lintel, weights: Path, tmp_path: Path) -> None:
    with Home(Settings(home=tmp_path / "home")) as home:
        for tenant in ("acme", "other"):
            home.events.put_tenant(Tenant(tenant, labels="crm"))
    keeping = ("call", "analyse", published(STEREO), "--json", "--lead")
    kept = lintel(*keeping, "lead1", *ACME).value["kept"]
    refused = lintel(*keeping, "lead2", *ACME)
    assert refused.code == 2
    assert "kept already" in refused.err
    assert "lead1" not in refused.err
    (listed,) = lintel("call", "list", *ACME, "--json").value["calls"]
    assert (listed["lead_id"], listed["call_id"]) == ("lead1", kept["call_id"])
    assert lintel("call", "show", kept["call_id"], "--tenant", "other").code == 3
    assert lintel(*keeping, "lead2", "--tenant", "other").value["kept"]["call_id"] == kept["call_id"]


@pytest.mark.parametrize("lead", ["", "  ", "x" * 201])
def test_a_lead_without_a_name_is_refused_and_not_passed_over(lintel: Lintel, tmp_path: Path, lead: str) -> None:
    answer = lintel("call", "analyse", tmp_path / "none.wav", "--lead", lead, *ACME)
    assert answer.code == 2
    assert "--lead names nobody" in answer.err


def test_a_call_cannot_have_begun_in_the_future(lintel: Lintel, tmp_path: Path) -> None:
    answer = lintel("call", "analyse", tmp_path / "none.wav", "--lead", "lead1", "--began-at", "2999-01-01T00:00:00")
    assert answer.code == 2
    assert "lies in the future" in answer.err


def test_a_beginning_with_a_zone_is_taken_at_its_word(lintel: Lintel, weights: Path, tmp_path: Path) -> None:
    with Home(Settings(home=tmp_path / "home")) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
    began = ("--began-at", "2026-03-01T12:00:00+05:00")
    assert lintel("call", "analyse", published(STEREO), "--lead", "lead1", *began, *ACME).code == 0
    (listed,) = lintel("call", "list", *ACME, "--json").value["calls"]
    assert listed["began_at"] == "2026-03-01T07:00:00+00:00"


def test_an_unknown_tenant_is_told_before_anything_is_heard(lintel: Lintel, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    answer = lintel("call", "analyse", tmp_path / "empty.wav", "--lead", "lead1", *ACME, "--json")
    assert answer.code == 3
    assert "'acme' is not known" in answer.err


@pytest.mark.parametrize("channels", ["", "agent,agent", "agent", "agent,lead,boss", "Agent,Lead"])
def test_channels_must_name_everybody_once(lintel: Lintel, weights: Path, channels: str) -> None:
    answer = lintel("call", "analyse", published(STEREO), "--channels", channels, "--json")
    assert answer.code == 2
    assert "channels" in answer.err


def test_a_call_that_there_is_not_is_told(lintel: Lintel) -> None:
    answer = lintel("call", "show", "nothing", *ACME, "--json")
    assert answer.code == 3
    assert "no call 'nothing'" in answer.err


def test_cards_are_told_with_their_doubt(lintel: Lintel, tmp_path: Path) -> None:
    with Home(Settings(home=tmp_path / "home")) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
        home.calls.show("acme", "c1", [ShownCard(f"a.{i}", "a", "info", NOW) for i in range(2)])
        home.calls.judge("acme", "c1", "a.0", "useful")
    (card,) = lintel("call", "cards", *ACME, "--json").value["cards"]
    assert (card["shown"], card["useful"], card["precision"], card["muted"]) == (2, 1, 1.0, False)
    assert card["interval"] == [0.207, 1.0]


def test_a_call_of_an_erased_lead_is_refused_before_anything_is_heard(lintel: Lintel, tmp_path: Path) -> None:
    with Home(Settings(home=tmp_path / "home")) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
    assert lintel("erase", "--lead", "lead1", "--yes", *ACME).code == 0
    answer = lintel("call", "analyse", tmp_path / "none.wav", "--lead", "lead1", *ACME)
    assert (answer.code, "was erased" in answer.err, "lead1" in answer.err) == (2, True, False)
