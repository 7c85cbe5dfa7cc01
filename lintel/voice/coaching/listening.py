"""Whether something of a playbook was said in a turn: by phrase, by meaning, or as an insight."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lintel.voice.coaching.playbook import Speech
from lintel.voice.phrases import Match, Spoken
from lintel.voice.understanding.insights import Insights
from lintel.voice.understanding.understanding import PHRASES

_SENTENCES_KEPT = 256


class Embedder(Protocol):
    """Sentence embeddings: `lintel.language.embeddings.Embedder`."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (texts, dimensions), each row of unit length."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What matched: words as they were said, and when (seconds of the call)."""

    quote: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Noticed:
    """An insight about a turn: its label ("objection.price"), its quote and when that was said."""

    label: str
    quote: str
    start: float
    end: float


def noticed(insights: Insights | None) -> list[Noticed]:
    """What cards may go by. Objections that only sound like known ones are right in six of ten cases: good enough to
    read afterwards, too little to interrupt an agent."""
    found = insights.findings() if insights is not None else ()
    certain = (one for one in found if one.found_by != PHRASES or not one.label.startswith("objection."))
    return [Noticed(one.label, one.quote, one.start, one.end) for one in certain]


@dataclass
class Meanings:
    """Similarity of sentences to examples; without an embedder nothing is similar."""

    embedder: Embedder | None
    _examples: dict[tuple[str, ...], NDArray[np.float32]] = field(default_factory=dict)
    _sentences: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def similarity(self, sentence: str, examples: tuple[str, ...]) -> float:
        """The largest cosine between a sentence and any example, -1..1."""
        if self.embedder is None or not examples:
            return -1.0
        if examples not in self._examples:
            self._examples[examples] = self.embedder.embed(examples)
        if sentence not in self._sentences:
            if len(self._sentences) >= _SENTENCES_KEPT:
                self._sentences.pop(next(iter(self._sentences)))
            self._sentences[sentence] = self.embedder.embed([sentence])[0]
        return float(np.max(self._examples[examples] @ self._sentences[sentence]))


def heard(speech: Speech, speaker: str, spoken: Spoken, noticed: Iterable[Noticed], meanings: Meanings) -> list[Heard]:
    """Everything in a speaker's words that is meant by `speech`, by when it was said."""
    if speech.speaker not in (None, speaker):
        return []
    found = [_heard(spoken, match) for match in (*_by_phrase(speech, spoken), *_by_meaning(speech, spoken, meanings))]
    found += [Heard(one.quote, one.start, one.end) for one in noticed if one.label in speech.insights]
    return sorted(found, key=lambda one: (one.start, one.end))


def _by_phrase(speech: Speech, spoken: Spoken) -> Iterator[Match]:
    for phrase in speech.phrases:
        yield from (match for match in phrase.find(spoken) if not _excused(speech, spoken, match))


def _by_meaning(speech: Speech, spoken: Spoken, meanings: Meanings) -> Iterator[Match]:
    if speech.meaning and meanings.embedder is not None:
        for sentence in spoken.sentences():
            similar = meanings.similarity(spoken.quote(sentence), speech.meaning) >= speech.similarity
            if similar and not _excused(speech, spoken, sentence):
                yield sentence


def _excused(speech: Speech, spoken: Spoken, match: Match) -> bool:
    if not speech.unless:
        return False
    around = spoken.sentence(match)
    sentence = Spoken.of(spoken.words[around.first : around.last])
    return any(next(phrase.find(sentence), None) is not None for phrase in speech.unless)


def _heard(spoken: Spoken, match: Match) -> Heard:
    return Heard(spoken.quote(match), spoken.words[match.first].start, spoken.words[match.last - 1].end)
