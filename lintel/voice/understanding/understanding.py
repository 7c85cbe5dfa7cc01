"""Turns in, insights out: rules always, nearness to known phrases with an embedder, trained models where given."""

import re
from collections.abc import Sequence

from lintel.language.sentiment import sentiment
from lintel.voice.transcript import Turn
from lintel.voice.understanding.asked import asked
from lintel.voice.understanding.facts import facts
from lintel.voice.understanding.insights import Denial, Fact, Insights, Intent
from lintel.voice.understanding.intents import intents
from lintel.voice.understanding.objections import objections
from lintel.voice.understanding.speech_acts import commitments, opt_out, questions
from lintel.voice.understanding.utterance import Utterance

_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


class Understanding:
    """Reads the turns of conversations; keeps nothing of one between turns."""

    def turn(self, turn: Turn, before: Sequence[Turn] = ()) -> Insights:
        """What a turn means, given the turns before it.

        Of the agent's turns the promises, questions, appointments and next steps are read; wants, objections and facts
        are the other side's.
        """
        utterance = Utterance(turn)
        if not utterance.words:
            return Insights(0.0)
        found = list(facts(utterance, asked(utterance, before)))
        wants = [] if utterance.by_agent else list(intents(utterance))
        return Insights(
            sentiment=round(sentiment(_TOKEN.findall(utterance.plain)), 4),
            intents=tuple(one for one in wants if isinstance(one, Intent)),
            facts=tuple(one for one in found if isinstance(one, Fact)),
            objections=() if utterance.by_agent else tuple(objections(utterance)),
            questions=tuple(questions(utterance)),
            commitments=tuple(commitments(utterance)),
            denials=tuple(one for one in (*wants, *found) if isinstance(one, Denial)),
            opt_out=None if utterance.by_agent else opt_out(utterance),
            cut=utterance.cut,
        )
