"""Generators of personal data, each the plain inverse of a detector's rule."""

from hypothesis import strategies as st

_WORDS = [
    "please",
    "the",
    "house",
    "is",
    "lovely",
    "and",
    "we",
    "want",
    "to",
    "see",
    "it",
    "ok",
    "my",
    "wife",
    "likes",
    "yards",
]
contexts = st.lists(st.sampled_from(_WORDS), max_size=6).map(" ".join)
"""Words that introduce nothing."""


def luhn_digit(payload: str) -> str:
    """The digit that makes the sum of the doubled and the plain digits a multiple of ten."""
    total = 0
    for i, character in enumerate(reversed(payload)):
        doubled = int(character) * (2 if i % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def grouped(digits: str, sizes: tuple[int, ...], separator: str) -> str:
    parts, position = [], 0
    for size in sizes:
        parts.append(digits[position : position + size])
        position += size
    return separator.join([*parts, digits[position:]] if digits[position:] else parts)


def _card(prefix: str, length: int) -> st.SearchStrategy[str]:
    rest = length - len(prefix) - 1
    payload = st.text("0123456789", min_size=rest, max_size=rest).map(lambda tail: prefix + tail)
    return payload.map(lambda digits: digits + luhn_digit(digits))


_plain_cards = st.one_of(
    _card("4", 16),
    _card("4", 13),
    _card("53", 16),
    _card("2301", 16),
    _card("6011", 16),
    _card("37", 15),
    _card("4", 19),
)
cards = st.builds(
    lambda digits, separator: grouped(digits, (4, 6, 5) if len(digits) == 15 else (4, 4, 4, 4), separator),
    _plain_cards,
    st.sampled_from(["", " ", "-", "  "]),
)
_areas = st.integers(1, 899).filter(lambda area: area != 666)
ssns = st.builds(lambda a, g, s: f"{a:03d}-{g:02d}-{s:04d}", _areas, st.integers(1, 99), st.integers(1, 9999))
phones = st.builds(
    lambda layout, a, b, c: layout.format(a, b, f"{c:04d}"),
    st.sampled_from(["{}-{}-{}", "({}) {}-{}", "{}.{}.{}", "+1 {} {} {}", "1-{}-{}-{}", "{} {} {}", "+1{}{}{}"]),
    st.integers(200, 999),
    st.integers(200, 999),
    st.integers(0, 9999),
)
_names = st.from_regex(r"[a-z][a-z0-9]{1,8}([._+-][a-z0-9]{1,6})?", fullmatch=True)
_domains = st.from_regex(r"[a-z][a-z0-9]{1,9}(-[a-z0-9]{1,5})?\.(com|net|org|co\.uk|de|homes)", fullmatch=True)
emails = st.builds("{}@{}".format, _names, _domains)
