"""Affect in the analysis of a call: the customer's alone, only where it is switched on."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from lintel.settings import Settings
from lintel.voice.affect.arousal import Direction
from lintel.voice.affect.customer import CustomerVoice, customer_voice
from lintel.voice.analysis import CallAnalysis, analyse
from lintel.voice.audio.files import Recording
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.coaching.coach import Coach
from lintel.voice.coaching.playbook import Playbook
from lintel.voice.recorded import Heard, heard
from lintel.voice.transcript import AGENT, LEAD, Segment, Word
from lintel.voice.transcription.engine import Hypothesis, Window
from lintel.voice.understanding.understanding import Understanding

ROOT = Path(__file__).parents[3]
CALL_S = 90.0


def voice(hertz: float, seconds: float, loudness: float) -> Samples:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.02 * np.sin(2 * np.pi * 0.3 * time))) / SAMPLE_RATE
    beats = 0.55 + 0.45 * np.sin(2 * np.pi * 3 * time)
    return np.asarray(loudness * beats * (np.sin(phase) + 0.5 * np.sin(2 * phase)), np.float32)


def said(channel: int, text: str, start: float, end: float) -> Segment:
    words = text.split()
    step = (end - start) / len(words)
    return Segment(
        channel, tuple(Word(word, start + i * step, start + (i + 0.9) * step, 1.0) for i, word in enumerate(words))
    )


CUSTOMER = np.concatenate([voice(120, 66, 0.1), np.zeros(4 * SAMPLE_RATE, np.float32), voice(190, 20, 0.4)])
SEGMENTS = (
    said(1, " ".join(["well"] * 130), 0.0, 65.0),
    said(0, "That is our price.", 66.0, 69.0),
    said(1, " ".join(["That", "is", "too", "much!"] * 6), 71.0, 83.0),
)


def analysed(measured: CustomerVoice | None) -> CallAnalysis:
    return analyse(
        SEGMENTS,
        (AGENT, LEAD),
        CALL_S,
        understanding=Understanding(),
        coach=Coach(Playbook.load()),
        voice=measured,
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> CustomerVoice:
    spoken = [(segment.start, segment.end) for segment in SEGMENTS if segment.channel == 1]
    return customer_voice(CUSTOMER, spoken, Settings(home=tmp_path_factory.mktemp("home")))


def test_the_turn_in_which_the_voice_rose_is_told_with_its_words(measured: CustomerVoice) -> None:
    found = analysed(measured)
    assert [one and one.arousal.direction for one in found.affect] == [Direction.UNKNOWN, None, Direction.RAISED]
    plain = json.loads(json.dumps(found.to_json()))
    assert ["affect" in turn for turn in plain["turns"]] == [True, False, True]
    (change,) = plain["affect"]["changes"]
    assert change["quote"].startswith("That is too much!")
    assert (change["start"], change["direction"]) == (71.0, "raised")
    assert "emotion" not in plain["turns"][2]["affect"]


def test_without_it_nothing_of_it_is_there() -> None:
    assert "affect" not in json.dumps(analysed(None).to_json())


def test_it_enters_nothing_that_judges_the_agent(measured: CustomerVoice) -> None:
    """Talk measures, coaching and the summary are the same with it as without."""
    without, with_it = analysed(None).to_json(), analysed(measured).to_json()
    for name in ("talk", "moments", "open_steps", "summary"):
        assert with_it[name] == without[name]
    assert "affect" not in with_it["turns"][1]


def test_it_survives_being_written_down(measured: CustomerVoice) -> None:
    assert CustomerVoice.from_json(json.loads(json.dumps(asdict(measured)))) == measured


class Nothing:
    """An engine that hears one word in every window."""

    name, multilingual, languages, window_seconds = "nothing", False, ("en",), 30.0

    def decode(self, windows: list[Window], *, language: str, beam_size: int = 1) -> list[Hypothesis]:
        return [Hypothesis((Word("well", 0.1, 0.4, 0.9),), 0.0, -0.1, 1.0, "en") for _ in windows]


def told(tmp_path: Path, channels: tuple[Samples, ...], *, affect: bool) -> Heard:
    recording = Recording(channels, SAMPLE_RATE, "wav", ())
    options = Settings(home=tmp_path, weights_path=tmp_path, voice_affect=affect)
    return heard(recording, Nothing(), options, speakers=(AGENT, LEAD))


def test_off_is_the_default_and_measures_nothing(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).voice_affect is False
    assert told(tmp_path, (CUSTOMER, CUSTOMER), affect=False).voice is None


def test_switched_on_the_customers_channel_is_measured(tmp_path: Path) -> None:
    silent = np.zeros_like(CUSTOMER)
    found = told(tmp_path, (silent, CUSTOMER), affect=True)
    assert found.voice is not None
    assert told(tmp_path, (CUSTOMER, silent), affect=True).voice == CustomerVoice(())


def test_a_voice_without_a_role_is_not_measured(tmp_path: Path) -> None:
    found = told(tmp_path, (CUSTOMER,), affect=True)
    assert found.voice is None
    assert any("not known which is the customer's" in warning for warning in found.warnings)


def test_it_is_never_called_stress_without_the_word_proxy() -> None:
    """In code, pages and what is answered."""
    folders = ("lintel/voice", "serving/voice", "assets", "cli", "docs")
    files = [
        path
        for name in folders
        for path in (ROOT / name).rglob("*")
        if path.suffix in {".py", ".md", ".js", ".html", ".yaml"}
    ]
    assert len(files) > 100
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"\bstress(ed)?\b", line, re.IGNORECASE):
                assert "proxy" in line, f"{path}: {line}"
