"""Turns in, insights out: rules always, nearness to known phrases with an embedder, trained models where given."""

import re
from collections.abc import Iterator, Sequence

from lintel.language.sentiment import NEGATIONS, sentiment
from lintel.voice.transcript import Turn
from lintel.voice.understanding.asked import asked
from lintel.voice.understanding.classifier import Classifier
from lintel.voice.understanding.facts import facts
from lintel.voice.understanding.features import Embeds, Sample
from lintel.voice.understanding.insights import Commitment, Denial, Fact, Finding, Insights, Intent, Objection, OptOut
from lintel.voice.understanding.intents import intents
from lintel.voice.understanding.meaning import OTHER, TONES, Meanings
from lintel.voice.understanding.models import NEGATIVE, NOTHING, POSITIVE, Models
from lintel.voice.understanding.objections import objections
from lintel.voice.understanding.quoting import quoted
from lintel.voice.understanding.speech_acts import commitments, opt_out, questions
from lintel.voice.understanding.utterance import Span, Utterance

PHRASES, MODEL, RULES = "phrases", "model", "rules"
TURNS_BEFORE = 10
"""As many turns as are worth giving `Understanding.turn` as what was said before."""
_LEAST_PROBABILITY = 0.5
_CLAUSES = 24
"""Clauses of a turn whose meaning is compared; of a longer turn the last ones, for the others were read before."""
_LEAST_WORDS = 3
_DENIABLE = ("intent.", "fact.", "commitment")
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


class Understanding:
    """Reads the turns of conversations; keeps nothing of one between turns. Safe for several threads.

    Without an embedder the rules and the lexicon answer alone, and models cannot be used.
    """

    def __init__(self, embedder: Embeds | None = None, models: Models | None = None) -> None:
        self._embedder = embedder
        self._models = models if models is not None and embedder is not None else Models()
        self._meanings = Meanings.shipped(embedder) if embedder is not None else None
        self._tones = Meanings.shipped(embedder, TONES) if embedder is not None else None
        trained = [name for name in ("sentiment", "intents", "objections") if getattr(self._models, name) is not None]
        named = [f"{MODEL}:{name}" for name in trained]
        self.read_by = (RULES, *([PHRASES] if embedder is not None else []), *named)

    def turn(self, turn: Turn, before: Sequence[Turn] = ()) -> Insights:
        """What a turn means, given the turns before it.

        Of the agent's turns the promises, questions, appointments and next steps are read; wants, objections and facts
        are the other side's.
        """
        utterance = Utterance(turn)
        if not utterance.words:
            return Insights(0.0, read_by=self.read_by, cut=bool(turn.words))
        sample = Sample.of(utterance.text, utterance.speaker, before)
        found = list(_by_rules(utterance, before))
        found += self._by_model(utterance, sample, found)
        found += self._by_meaning(utterance, found)
        return Insights(
            sentiment=round(self._sentiment(utterance, sample), 4),
            intents=tuple(one for one in found if isinstance(one, Intent)),
            facts=tuple(one for one in found if isinstance(one, Fact)),
            objections=tuple(one for one in found if isinstance(one, Objection)),
            questions=tuple(questions(utterance)),
            commitments=tuple(one for one in found if isinstance(one, Commitment)),
            denials=tuple(one for one in found if isinstance(one, Denial)),
            opt_out=next((one for one in found if isinstance(one, OptOut)), None),
            read_by=self.read_by,
            cut=utterance.cut,
        )

    def _sentiment(self, utterance: Utterance, sample: Sample) -> float:
        """Probability of a positive tone less that of a negative one: a model's, else the phrases'; without an embedder
        the lexicon's sum."""
        if self._tones is None or self._embedder is None:
            return sentiment(_TOKEN.findall(utterance.plain))
        model = self._models.sentiment
        labels = model.labels if model else self._tones.labels
        rows = model.probabilities([sample], self._embedder) if model else self._tones.probabilities([sample.text])
        of = dict(zip(labels, rows[0].tolist(), strict=True))
        return float(of.get(POSITIVE, 0.0) - of.get(NEGATIVE, 0.0))

    def _by_model(self, utterance: Utterance, sample: Sample, found: Sequence[Finding]) -> Iterator[Finding]:
        if utterance.by_agent:
            return
        known = {one.label for one in found}
        for family, model in (("intent", self._models.intents), ("objection", self._models.objections)):
            label, probability = self._likeliest(model, sample)
            if label and probability >= _LEAST_PROBABILITY and f"{family}.{label}" not in known:
                yield _finding(f"{family}.{label}", utterance, Span(0, len(utterance.text)), MODEL, probability)

    def _likeliest(self, model: Classifier | None, sample: Sample) -> tuple[str, float]:
        if model is None or self._embedder is None:
            return "", 0.0
        probabilities = model.probabilities([sample], self._embedder)[0]
        label = model.labels[int(probabilities.argmax())]
        return ("", 0.0) if label in NOTHING else (label, float(probabilities.max()))

    def _by_meaning(self, utterance: Utterance, found: Sequence[Finding]) -> Iterator[Finding]:
        """What no rule has found: each label once, at the clause that means it most."""
        if self._meanings is None:
            return
        clauses = [clause for clause in utterance.clauses if _words(utterance, clause) >= _LEAST_WORDS][-_CLAUSES:]
        meant = self._meanings.meant([utterance.text[clause.start : clause.end] for clause in clauses])
        known = {_kind(one.of if isinstance(one, Denial) else one.label) for one in found}
        for probability, label, clause in sorted(
            ((one.probability, one.label, clause) for one, clause in zip(meant, clauses, strict=True)),
            key=lambda one: -one[0],
        ):
            if probability < _LEAST_PROBABILITY:
                return
            if label != OTHER and _kind(label) not in known and _may_mean(utterance, clause, label):
                known.add(_kind(label))
                yield _finding(label, utterance, clause, PHRASES, probability)


def _by_rules(utterance: Utterance, before: Sequence[Turn]) -> Iterator[Finding]:
    yield from facts(utterance, asked(utterance, before))
    yield from commitments(utterance)
    if utterance.by_agent:
        return
    yield from intents(utterance)
    yield from objections(utterance)
    left = opt_out(utterance)
    if left is not None:
        yield left


def _may_mean(utterance: Utterance, clause: Span, label: str) -> bool:
    """Embeddings hardly see a "not"; and of the agent's meanings only promises count."""
    if utterance.by_agent and label != "commitment":
        return False
    denied = not NEGATIONS.isdisjoint(_TOKEN.findall(utterance.plain[clause.start : clause.end]))
    return not (denied and label.startswith(_DENIABLE))


def _kind(label: str) -> str:
    """ "fact.motivation" of "fact.motivation.relocation"; what a rule found of a kind is not looked for again."""
    return ".".join(label.split(".")[:2])


def _words(utterance: Utterance, clause: Span) -> int:
    return len(utterance.plain[clause.start : clause.end].split())


def _finding(label: str, utterance: Utterance, span: Span, found_by: str, probability: float) -> Finding:
    family, _, rest = label.partition(".")
    said = round(probability, 4)
    if family == "intent":
        return quoted(Intent, utterance, span, found_by, said, name=rest)
    if family == "objection":
        return quoted(Objection, utterance, span, found_by, said, category=rest)
    if family == "fact":
        name, _, value = rest.partition(".")
        return quoted(Fact, utterance, span, found_by, said, name=name, value=value)
    if family == "commitment":
        return quoted(Commitment, utterance, span, found_by, said, by=utterance.speaker, due=None)
    return quoted(OptOut, utterance, span, found_by, said, hard=False)
