"""Names of places where the speaker looks for a home, by rules."""

import re
from collections.abc import Iterator

from lintel.voice.understanding.insights import Fact
from lintel.voice.understanding.quoting import quoted
from lintel.voice.understanding.rules import compiled
from lintel.voice.understanding.utterance import Span, Utterance

_TO = r"(?:mov(?:e|ing)|relocat(?:e|ing)) to"
_PLACE = r"(?:[A-Z][\w'’-]+|St\.)(?: (?:[A-Z][\w'’-]+|of the|de|del|la))*"
_AREA = re.compile(
    rf"\b(?:[Ii]n|[Nn]ear|[Aa]round|[Aa]t|{_TO}|area of|city of|to) (?:the )?(?P<area>{_PLACE})"
    rf"|\b[Tt]he (?P<named>{_PLACE}) (?:area|neighbou?rhood|district)\b"
)
_ONLY_PLACE = re.compile(rf"(?P<area>{_PLACE})(?:, [A-Z][A-Za-z]+)?")
_NO_PLACE = re.compile(
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September"
    r"|October|November|December|I|I'[a-z]+|English|Spanish|God|Christmas|Thanksgiving|Easter|OK|Okay|Yes|No|Sure"
    r"|Hi|Hello|Yeah|Well|Oh|The|What|That|It|You|We|My|Our|Please|Thanks|Thank|Can|Could|And|But|So|Do|Is|Are|Will|Does|Did|Got|How|When|Where|Who|Any|Anything|Find|Get|Search|Look|Show)\b"
)
_SEARCHES = re.compile(
    r"\b(?:look|looking|search|searching|find|live|living|buy|buying|rent|renting|mov(?:e|ing)|relocat\w+"
    r"|apartments?|houses?|homes?|place|propert(?:y|ies)|condos?|bed ?rooms?"
    r"|something|anything|area|located|want|need|prefer|interested)\b"
)


def areas(utterance: Utterance, asked: frozenset[str]) -> Iterator[Fact]:
    """Names of places after "in", "near", ...; a bare name where the question was for an area."""
    spans = []
    for match in _AREA.finditer(utterance.text):
        group = "area" if match["area"] else "named"
        clause = utterance.clause(match.start())
        searches = "area" in asked or _SEARCHES.search(utterance.plain, clause.start, clause.end)
        towards = match.group().lower().startswith(("to ", "at "))
        if searches and not _NO_PLACE.match(match[group]) and not (towards and "area" not in asked):
            spans.append(Span(match.start(group), match.end(group)))
    if not spans and "area" in asked and len(utterance.words) <= 12:
        bare = (m for m in _ONLY_PLACE.finditer(utterance.text) if not _NO_PLACE.match(m["area"]))
        spans = [Span(m.start("area"), m.end("area")) for m in bare][:1]
    spans += [Span(m.start(), m.end()) for m in compiled("facts", "vague_area").finditer(utterance.plain)]
    for span in spans:
        value = utterance.text[span.start : span.end].rstrip(".,'")
        yield quoted(Fact, utterance, span, "rule:fact.area", name="area", value=value)
