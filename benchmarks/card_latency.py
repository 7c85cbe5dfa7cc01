"""Seconds from the end of the words that call for a card until it is shown, in live sessions with a real engine.

    python -m benchmarks.card_latency [--json] [--clips N] [--model tiny.en]

Each LibriSpeech clip is a call of one channel, followed by 2 s of silence, on the simulated clock of
`benchmarks.streaming`: audio arrives on time, and a batch of the decoder takes its own process CPU time. Its playbook
has a card for every fourth run of three words of the clip's text, so that cards are called for anywhere in a sentence;
a run that the engine misheard brings none. The cards are critical: what a rate rule holds back is not late. `shown` is
the delay of cards, `committed` that of all words; the baseline `sentence` would show the same cards when all words of
the clip are settled. What coach and rules of understanding cost is told apart (`coach_cpu_ms`, a hearing of the coach),
as it is a thousandth of the rest.
"""

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.speech_data import Utterance, librispeech
from benchmarks.streaming_lab.playing import Played, Simulation, followed_by_silence
from lintel.settings import settings
from lintel.voice.coaching.coach import Coach
from lintel.voice.coaching.playbook import Playbook
from lintel.voice.transcription.engine import Engine
from lintel.voice.transcription.faster_whisper import FasterWhisper
from lintel.voice.transcription.weights import installed
from lintel.voice.understanding.understanding import Understanding
from serving.voice.commentary import Commentary

BARS = {"median": 2.0, "p95": 3.5}
"""Seconds, of cards that are shown."""
RUN, EVERY = 3, 4
"""Words that a card waits for, and how far apart the runs begin."""


class TimedCoach(Coach):
    """A coach that adds up the processor time of its hearings, in seconds."""

    spent: list[float]

    def hear(self, *arguments: Any) -> list[Any]:
        began = time.process_time()
        said = super().hear(*arguments)
        self.spent.append(time.process_time() - began)
        return said


def playbook(text: str) -> Playbook:
    """A card for runs of words, all through a text."""
    words = text.lower().split()
    runs = [words[first : first + RUN] for first in range(0, len(words) - RUN + 1, EVERY)]
    cards = [
        {
            "id": f"run-{number}",
            "category": "rapport",
            "severity": "critical",
            "title": "A run of words",
            "suggestion": "None.",
            "when": {"phrases": [" ".join(run)]},
        }
        for number, run in enumerate(runs)
    ]
    return Playbook.parse(json.dumps({"name": "runs", "cards": cards}).encode(), "runs")


def played(engine: Engine, utterance: Utterance, cores: float, spent: list[float]) -> tuple[Played, int]:
    """A clip as a call, and how many cards its text calls for."""
    book = playbook(utterance.text)

    def commentary() -> Commentary:
        coach = TimedCoach(book)
        coach.spent = spent
        return Commentary(Understanding(), coach)

    simulation = Simulation([engine], cores, commentary=commentary)
    own = [card for card in book.cards if card.id.startswith("run-")]
    return simulation.play([[followed_by_silence(utterance.samples)]])[0], len(own)


def measured(engine: Engine, utterances: Sequence[Utterance], cores: float) -> dict[str, Any]:
    """Delays over all clips, in seconds."""
    shown: list[float] = []
    waited: list[float] = []
    committed: list[float] = []
    spent: list[float] = []
    called_for = 0
    for utterance in utterances:
        call, most = played(engine, utterance, cores, spent)
        called_for += most
        over = max((one.known for one in call.words[0]), default=0.0)
        shown += [known - card["end"] for card, known in call.cards]
        waited += [over - card["end"] for card, _ in call.cards]
        committed += [one.known - one.word.end for one in call.words[0]]
    return {
        "clock": "simulated",
        "cards_called_for": called_for,
        "shown": quantiles(shown),
        "committed": quantiles(committed),
        "sentence": quantiles(waited),
        "coach_cpu_ms": quantiles([1000 * one for one in spent]),
    }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """NaN where there are none."""
    median, p95, most = (
        round(float(np.quantile(values, share)), 3) if values else float("nan") for share in (0.5, 0.95, 1.0)
    )
    return {"count": len(values), "median": median, "p95": p95, "most": most}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--cores", type=float, default=1.0, help="that a batch's CPU time is divided by")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json)
    engine = FasterWhisper(installed(arguments.model, settings().weights_folder), name=arguments.model, threads=1)
    utterances = librispeech()
    clips = utterances[:: max(1, len(utterances) // arguments.clips)]
    found = {"model": arguments.model, "clips": len(clips), "bars": BARS} | measured(engine, clips, arguments.cores)
    console.print(found)
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
