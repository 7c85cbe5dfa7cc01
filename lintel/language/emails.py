"""E-mail addresses in a text, written or said ("jane dot doe at example dot com")."""

import re
from collections.abc import Iterator

from lintel.language.chains import Span
from lintel.language.vocabulary import words

_LOCAL_REVERSED = re.compile(r"[\w.%+\-'!#$&*/=?^`{|}~]{1,64}")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}")
_AT = re.compile(r"[ ]{0,2}(?:@|[\[(<{] ?(?:at|@) ?[\])>}])[ ]{0,2}|[ ]{1,3}at(?: sign)?[ ]{1,3}", re.IGNORECASE)
_DOT = r"(?: {1,3}(?:dot|period|point) {1,3}| {0,2}\. {0,2}| ?[\[({] ?(?:dot|\.) ?[\])}] ?)"
_TOP_LEVEL = (
    "com|net|org|edu|gov|mil|info|biz|name|pro|io|ai|co|me|us|ca|uk|de|fr|nl|au|nz|ie|es|it|ch|at|be|mx|in|eu|app|dev"
    "|homes|house|realty|realtor|email|online|cloud"
)
_SAID_DOMAIN = re.compile(
    rf"((?:[^\W_][\w\-]{{0,62}}{_DOT}){{1,4}}(?:{_TOP_LEVEL})|g ?mail|yahoo|hotmail|outlook|icloud)\b", re.IGNORECASE
)
_JOINT = re.compile(
    r"(?: {0,2}[.\-_+] {0,2}| {1,3}(?:dot|period|underscore|dash|hyphen|plus|minus) {1,3})\Z", re.IGNORECASE
)
_LAST_WORD = re.compile(r"[\w.+%\-]{1,64}\Z")
_MAIL_WORDS = re.compile(
    r"\be-?mails?\b|\bmail (?:me|us|him|her|it)\b|\bwrite (?:to )?me\b|\baddress is\b", re.IGNORECASE
)
_PROVIDER = re.compile(
    r"g ?mail|googlemail|yahoo|hotmail|outlook|icloud|aol|msn|live|proton|comcast|me\b", re.IGNORECASE
)
_PORTAL = re.compile(r"zillow|redfin|trulia|realtor|homes|apartments|craigslist|facebook|google\b", re.IGNORECASE)
_NOT_A_NAME = words(
    """look looking looked listing listings listed it is was are see saw seen found find house home houses homes one
    ones me us them him her you site website online there here that this these those check checked search searched
    searching browse browsing place property properties page available price priced stay work works working
    anything something everything and or but up out now up-to-date only"""
)


def email_spans(text: str) -> Iterator[Span]:
    """Addresses, written or said, in order and without overlap; of two readings the written one counts."""
    end = 0
    readings = [(start, 0, stop) for start, stop in _written(text)] + [(start, 1, stop) for start, stop in _said(text)]
    for start, _, stop in sorted(readings):
        if start >= end:
            yield start, stop
            end = stop


def _written(text: str) -> Iterator[Span]:
    position = text.find("@")
    while position >= 0:
        local = _LOCAL_REVERSED.match(text[max(0, position - 64) : position][::-1])
        domain = _DOMAIN.match(text, position + 1)
        if local and domain:
            yield position - len(local.group().rstrip(".'`{|}=/?!")), domain.end()
        position = text.find("@", position + 1)


def _said(text: str) -> Iterator[Span]:
    for match in _AT.finditer(text):
        domain = _SAID_DOMAIN.match(text, match.end())
        start = _said_start(text, match.start()) if domain else None
        if domain and start is not None and _meant(text, start, match, domain):
            yield start, domain.end()


def _said_start(text: str, end: int) -> int | None:
    """Where the local part that ends at `end` begins: words joined by "dot", digits, spelled letters."""
    start = None
    for _ in range(24):
        word = _LAST_WORD.search(text, max(0, end - 64), end)
        if not word or (start is not None and not _joins(text, word, end, start)):
            break
        start = word.start()
        joint = _JOINT.search(text, max(0, start - 16), start)
        if not joint and text[max(0, start - 1)] != " ":
            break
        end = joint.start() if joint else start - 1
    return start


def _joins(text: str, word: re.Match[str], end: int, start: int) -> bool:
    """Whether a word belongs to the local part whose known piece begins at `start`."""
    if text[end:start].strip(" "):
        return True
    letters = word.group().lower()
    if text[max(0, word.start() - 1)] in "'’":
        return False
    if len(letters) == 1:
        return letters not in ("a", "i") or len(text[start : start + 2].strip()) == 1
    return text[start].isdigit() and letters not in _NOT_A_NAME


def _meant(text: str, start: int, at: re.Match[str], domain: re.Match[str]) -> bool:
    """Whether it is an address and not a place: "look at zillow.com" is none."""
    sign = "@" in at.group() or any(bracket in at.group() for bracket in "[(<{")
    mail = sign or _MAIL_WORDS.search(text, max(0, start - 60), start) is not None
    provider = _PROVIDER.match(domain.group()) is not None
    local = text[start : at.start()].lower()
    if mail:
        return "." in domain.group() or "dot" in domain.group().lower() or provider
    if local.split(" ")[-1] in _NOT_A_NAME or _PORTAL.match(domain.group()):
        return False
    return (
        provider and re.search(r"dot|\.", domain.group(), re.IGNORECASE) is not None
    ) or "dot" in domain.group().lower()
