"""Numeric signals from the text of one message, computed once when it is written.

This is the first, lexical version: phrases, the negations before them and amounts. It knows no context beyond the
message, no irony, and English only. A bundle pins the `VERSION` that it was trained on; a change of any rule here is a
new version.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lintel.events.kinds import Direction, kinds
from lintel.language.sentiment import NEGATIONS, sentiment
from lintel.language.vocabulary import words

VERSION = 1
_LONGEST = 20_000
"""Characters that are read; the tail of a longer transcript is not."""


@dataclass(frozen=True, slots=True)
class Signals:
    """Strengths in 0..1, the sentiment in -1..1; field names equal `lintel.events.schema.SIGNALS`."""

    version: int
    asks_viewing: float
    states_budget: float
    states_timeline: float
    objection: float
    opts_out: float
    question: float
    sentiment: float


_TOKEN = re.compile(r"[a-z0-9$€£][a-z0-9'$,.%\-]*[a-z0-9%]|[a-z0-9$]")
_CLAUSE = re.compile(r"[.!?;\n]+(?:\s|$)|,? \b(?:but|however|although|though)\b|, (?=i\b|we\b|please\b|can\b|could\b)")
_IDIOMS = (("can't wait to", "would love to"), ("why don't we", "can we"), ("no problem", "fine"), ("not bad", "good"))
"""Negations that deny nothing."""
_NEGATED = 4
"""How many words before a phrase a negation reaches."""

_SEE = (
    r"(?:see(?:ing)?|view(?:ing)?|visit(?:ing)?|tour(?:ing)?|look(?:ing)? at|walk(?:ing)?[ -]?through"
    r"|check(?:ing)? out)"
)
_WISH = (
    r"(?:can|could|may|might|want|wants|wanna|like|love|able|when|possible|need|interested in|hope|hoping|available"
    r"|free|keen|ready|let's|arrange|schedule|book|come|chance)"
)
_ASKS = re.compile(
    rf"\b{_WISH}\b(?:\W+[\w']+){{0,6}}?\W+{_SEE}\b(?!\W+(?:if|what|how|you|why|whether|any|us|me|them|my|your)\b)"
    r"|\b(?:schedule|book|arrange|set up|organi[sz]e|do|have|get|request|take)\b(?:\W+[\w']+){0,4}?\W+"
    r"(?:viewing|tour|showing|visit|walk-?through|look)\b"
    rf"|\bshow (?:me|us)\b|\b{_SEE} (?:it|this|that|the (?:house|home|place|property|unit|apartment|condo))\b"
)
_MENTIONS_VIEWING = re.compile(r"\b(?:viewing|showing|open house|walk-?through|private tour)s?\b")
_VIEWING_WORDS = words(
    """see seeing view viewing viewings visit visiting tour tours touring look looking walk walking walkthrough
    walk-through check checking showing showings show open-house open house"""
)

_AMOUNT = re.compile(
    r"[$€£]\s?\d[\d,.]*\s?(?:k|m|mil|million|thousand|grand)?\b|\b\d{2,4}\s?(?:k|thousand|grand)\b"
    r"|\b\d(?:\.\d{1,3})?\s?(?:m|mil|million)\b|\b\d{1,3}(?:,\d{3})+\b|\b[1-9]\d{5,6}\b"
    r"|\b(?:hundred|fifty|twenty|thirty|forty|sixty|seventy|eighty|ninety|five)(?: and)?"
    r"(?: (?:ten|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|five))? (?:thousand|grand|k)\b"
    r"|\b(?:one|two|three|four|five|half a)(?: point \w+)? million\b"
)
_BUDGET = re.compile(
    r"\b(?:budget|afford|spend(?:ing)?|pre-?approved|approved (?:for|up to)|price range|our range|my range|max(?:imum)?"
    r"|up to|under|below|less than|no more than|at most|between|around|top out|go (?:up to|as high as)|comfortable)\b"
)
_OWN_BUDGET = re.compile(r"\b(?:budget|afford|spend(?:ing)?|pre-?approved|approved|my max|our max|price range)\b")
_OTHERS_PRICE = re.compile(r"\b(?:listed|listing|asking|priced|sold|worth|appraised|price is|zestimate|taxes)\b")

_MONTH = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
_WHEN = re.compile(
    r"\b(?:in|within|over|next|about|under|than|another|for)\b(?: (?:the|next|a|about|few|couple|of|or|so|to)\b)*"
    r"(?: (?:\d+|one|two|three|four|five|six|nine|ten|twelve))?(?:(?:-| to | or )\w+)?"
    r" ?(?:days?|weeks?|months?|years?)\b"
    rf"|\b(?:by|before|until|in|around|this|next|end of)\b(?: (?:the|end|of|early|late|mid|next|this|new))* ?"
    rf"(?:{_MONTH}|spring|summer|fall|autumn|winter|christmas|year|month|week|school year|holidays)\b"
    r"|\b(?:asap|as soon as possible|right away|immediately|no (?:rush|hurry)|not in a (?:rush|hurry))\b"
)
_MOVE = re.compile(
    r"\b(?:mov(?:e|es|ed|ing)|buy(?:ing)?|purchas(?:e|ing)|sell(?:ing)?|clos(?:e|ing)|leases?|relocat\w+"
    r"|rent(?:al)? ends|be in|settled?|transfer|house by|home by|place by|rush|hurry|timeline|ready)\b"
)

_OBJECTS = re.compile(
    r"\b(?:can't afford|cannot afford|not (?:really |very )?(?:interested|ready|sure|convinced|looking|in the market)"
    r"|(?:don't|doesn't|didn't) (?:really )?(?:like|love|work|fit|want|need)|not worth|not (?:a good|the right) time"
    r"|no longer (?:looking|interested|buying|selling)|no thanks?|can't commit"
    r"|not (?:for me|for us|right now|now|yet)|isn't (?:for|right|what)|won't work|not going to (?:work|happen))\b"
)
_OBJECTION = re.compile(
    r"\btoo (?:expensive|high|small|far|much|big|old|pricey|noisy|long|steep|soon|early|late|close|close to)\b"
    r"|\b(?:expensive|overpriced|pricey|over (?:my|our|the) budget|out of (?:my|our) (?:budget|range|price range|reach)"
    r"|need to think|think (?:about it|it over)|hold(?:ing)? off|changed (?:my|our) minds?|just (?:looking|browsing)"
    r"|(?:already|currently) (?:have|has|working with|signed|with|under contract)|went with|going with another"
    r"|found (?:another|something else|a place)|worried|concerned|concerns?|hesitant|deal ?breaker|better deal"
    r"|rates are|wait (?:until|till|for)|put (?:it|this) on hold|back out|backing out|cold feet)\b"
)

_STOP_WORDS = words("stop unsubscribe cancel end quit stopall optout remove arret")
_OPTS_OUT = re.compile(
    r"\b(?:unsubscribe|remove (?:me|us|my (?:number|name|e-?mail))|take (?:me|us|my (?:number|name)) off"
    r"|opt(?:ing|ed)?[ -]?(?:me )?out|leave (?:me|us) alone|lose my number|delete my (?:number|info|data|contact)"
    r"|stop (?:texting|calling|e-?mailing|contacting|messaging|sending|bothering|harassing|spamming|reaching|with)"
    r"|(?:do not|don't|dont|never|quit|no longer) (?:ever )?"
    r"(?:call|text|contact|e-?mail|message|calling|texting|contacting)\b"
    r"(?!(?: me| us)? (?:before|after|at|on|until|till|between|during|in|from|while|my|your|the)\b)"
    r"|no more (?:texts|calls|e-?mails|messages))\b"
)
_OTHER_WAY = re.compile(
    r"\b(?:instead|prefer|rather|text me|e-?mail me|call me (?:later|tomorrow|after|on)|just text)\b"
)
_NOT_INTERESTED = re.compile(r"\b(?:not|no longer|isn't|aren't)(?: \w+)? interested\b|\bwrong number\b")
_CHANNEL_DENIED = re.compile(r"\b(?:do not|don't|dont) (?:call|text|e-?mail)\b")

_ASKING = words(
    """what when where who how why which is are can could do does did will would has have should may what's how's
    where's who's any whats hows"""
)


def signals(text: str, kind: str) -> Signals:
    """Signals of a message of an event kind, in about 50 µs.

    In a message of ours to the lead (an outbound kind) only the question and the tone count: an agent's "would you
    like to see it?" is not the lead's wish. The first 20,000 characters are read.
    """
    lowered = _plain(text[:_LONGEST])
    tokens = _TOKEN.findall(lowered)
    entry = kinds().get(kind)
    ours = entry is not None and entry.direction is Direction.OUTBOUND
    tone = round(sentiment(tokens), 4)
    if ours or not tokens:
        return Signals(VERSION, 0.0, 0.0, 0.0, 0.0, 0.0, _question(lowered), tone)
    clauses = [clause for clause in _CLAUSE.split(lowered) if clause.strip()]
    return Signals(
        version=VERSION,
        asks_viewing=_asks_viewing(clauses) if not _VIEWING_WORDS.isdisjoint(tokens) else 0.0,
        states_budget=max(map(_states_budget, clauses), default=0.0),
        states_timeline=max(map(_states_timeline, clauses), default=0.0),
        objection=max(map(_objection, clauses), default=0.0),
        opts_out=_opts_out(lowered, clauses, tokens),
        question=_question(lowered),
        sentiment=tone,
    )


def _plain(text: str) -> str:
    text = text.lower().replace("’", "'")
    for idiom, meaning in _IDIOMS:
        text = text.replace(idiom, meaning)
    return text


def _affirmed(pattern: re.Pattern[str], clause: str) -> Iterator[re.Match[str]]:
    """Matches with no negation in or shortly before them."""
    for match in pattern.finditer(clause):
        if not _denied(clause[: match.start()]) and NEGATIONS.isdisjoint(_TOKEN.findall(match.group())):
            yield match


def _denied(before: str) -> bool:
    """Whether what stands before a phrase, back to a comma, ends in a negation within reach."""
    return not NEGATIONS.isdisjoint(_TOKEN.findall(before.rpartition(", ")[2])[-_NEGATED:])


def _any(pattern: re.Pattern[str], clause: str) -> bool:
    return next(_affirmed(pattern, clause), None) is not None


def _asks_viewing(clauses: list[str]) -> float:
    if any(_any(_ASKS, clause) for clause in clauses):
        return 1.0
    return 0.5 if any(_any(_MENTIONS_VIEWING, clause) for clause in clauses) else 0.0


def _states_budget(clause: str) -> float:
    """1 for an amount that is the lead's own, .5 for an amount that is refused ("can't afford 600k")."""
    if not _AMOUNT.search(clause) or not _BUDGET.search(clause):
        return 0.0
    if _OTHERS_PRICE.search(clause) and not _OWN_BUDGET.search(clause):
        return 0.0
    denied = not NEGATIONS.isdisjoint(_TOKEN.findall(clause)) and "no more than" not in clause
    return 0.5 if denied else 1.0


def _states_timeline(clause: str) -> float:
    return 1.0 if _WHEN.search(clause) and _MOVE.search(clause) else 0.0


def _objection(clause: str) -> float:
    return 1.0 if _OBJECTS.search(clause) or _any(_OBJECTION, clause) else 0.0


def _opts_out(text: str, clauses: list[str], tokens: list[str]) -> float:
    """1 for a plain refusal of contact, .5 for "not interested" or one channel given for another."""
    if len(tokens) <= 2 and tokens[0] in _STOP_WORDS:
        return 1.0
    for clause in clauses:
        match = _OPTS_OUT.search(clause)
        if match and not _denied(clause[: match.start()]):
            other = _CHANNEL_DENIED.search(match.group()) and _OTHER_WAY.search(text)
            return 0.5 if other else 1.0
    return 0.5 if _NOT_INTERESTED.search(text) else 0.0


def _question(text: str) -> float:
    """1 with a question mark, .8 for a sentence that begins as questions do."""
    if "?" in text:
        return 1.0
    starts = (sentence.split(None, 1)[:1] for sentence in re.split(r"[.!\n]+", text))
    return 0.8 if any(start and start[0] in _ASKING for start in starts) else 0.0
