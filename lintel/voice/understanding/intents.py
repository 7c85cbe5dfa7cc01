"""What the speaker wants, and what they say they do not want, by rules."""

from collections.abc import Iterator

from lintel.voice.understanding.insights import Denial, Intent
from lintel.voice.understanding.negation import phrases
from lintel.voice.understanding.quoting import quoted
from lintel.voice.understanding.rules import patterns
from lintel.voice.understanding.utterance import Span, Utterance


def intents(utterance: Utterance) -> Iterator[Intent | Denial]:
    """Each intent at its first affirmed words; one that is only denied as a denial, from the negation on."""
    for name, pattern in patterns("intents").items():
        rule = f"rule:intent.{name}"
        denied: Denial | None = None
        for span, negation in phrases(utterance, pattern):
            if negation is None:
                yield quoted(Intent, utterance, span, rule, name=name)
                break
            whole = Span(negation.start, span.end)
            denied = denied or quoted(Denial, utterance, whole, rule, of=f"intent.{name}")
        else:
            if denied is not None:
                yield denied
