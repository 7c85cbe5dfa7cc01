import importlib.util
import random
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lintel.language.redaction import CATEGORIES, redact

_ROOT = Path(__file__).parents[2]


def _load(path: Path, name: str):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_benchmark = _load(_ROOT / "benchmarks" / "redaction.py", "redaction_benchmark")
_generators = _load(Path(__file__).parent / "conftest.py", "redaction_generators")
contexts = _generators.contexts

_MISSES = {"my number in India is 98765 43210", "mary at ranch homes dot com is the email"}
"""Known to stay: a foreign number without its sign, a domain said in two words."""


@pytest.mark.parametrize("message", list(_benchmark.messages()), ids=lambda message: message.text[:50])
def test_corpus(message) -> None:
    if message.text in _MISSES:
        assert redact(message.text).text == message.text
        return
    assert redact(message.text).text == message.expected


@pytest.mark.parametrize("message", list(_benchmark.messages(_benchmark.SPEECH)), ids=lambda message: message.text[:50])
def test_calls(message) -> None:
    assert redact(message.text, addresses=True).text == message.expected


@pytest.mark.parametrize("message", list(_benchmark.messages()), ids=lambda message: message.text[:50])
def test_addresses_stay_where_nobody_asks_for_them(message) -> None:
    assert "address" not in redact(message.text).found


def test_found_counts_by_category() -> None:
    got = redact("303-555-0142, 303-555-0143 and jane@example.com")
    assert got.text == "[phone], [phone] and [email]"
    assert got.found == {"phone": 2, "email": 1}
    assert redact("nothing here").found == {}


@pytest.mark.parametrize("category", ["card", "ssn", "phone", "email"])
def test_any_is_found_in_any_context(category: str) -> None:
    values = {"card": "cards", "ssn": "ssns", "phone": "phones", "email": "emails"}[category]

    @settings(max_examples=200, deadline=None)
    @given(contexts, getattr(_generators, values), contexts, st.sampled_from(["", ".", ",", "!", " -"]))
    def found(before: str, value: str, after: str, mark: str) -> None:
        got = redact(f"{before} {value}{mark} {after}")
        assert got.text == f"{before} [{category}]{mark} {after}"
        assert got.found == {category: 1}

    found()


_SAID = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@settings(max_examples=200, deadline=None)
@given(contexts, _generators.cards, st.sampled_from([" ", ", ", "-"]), st.booleans(), contexts)
def test_cards_said_digit_by_digit(before: str, card: str, gap: str, oh: bool, after: str) -> None:
    said = gap.join("oh" if oh and c == "0" else _SAID[int(c)] for c in card if c.isdigit())
    assert redact(f"{before} {said}. {after}").text == f"{before} [card]. {after}"


@settings(max_examples=200, deadline=None)
@given(st.integers(200, 999), st.integers(200, 999), st.integers(0, 9999))
def test_phones_said_digit_by_digit(area: int, exchange: int, line: int) -> None:
    said = " ".join(_SAID[int(c)] for c in f"{area}{exchange}{line:04d}")
    assert redact(f"it is {said}, thanks").text == "it is [phone], thanks"


_PIECES = st.sampled_from(
    [
        *(
            "4111 1111 1111 1111",
            "303-555-0142",
            "123-45-6789",
            "a@b.com",
            "one two",
            "oh",
            "double",
            "thousand",
            "MLS",
            "12 Oak",
            "Street",
            "apt 5",
        ),
        *("account", "ssn", "phone", "call", "[card]", "[phone]", "at", "dot", "com", "gmail", "j", "+", "(", "-", ","),
        *(
            "DE89370400440532013000",
            "$5",
            "2024-05-01",
            "0",
            "7",
            "1234",
            "00",
            "hundred",
            "x",
            "_",
            "http://a.b/",
            "\n",
        ),
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(_PIECES, st.sampled_from(["", " ", " "]))).map(lambda p: "".join(a + b for a, b in p)))
@example("MLS a@b.com 303-555-0142")
def test_idempotent(text: str) -> None:
    for addresses in (False, True):
        once = redact(text, addresses=addresses)
        assert redact(once.text, addresses=addresses) == type(once)(once.text, {})


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    got = redact(text)
    assert set(got.found) <= set(CATEGORIES)
    if not got.found:
        assert got.text == text


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["N"], exclude_characters="@"), max_size=200))
def test_text_without_digits_or_words_for_them_keeps_every_character(text: str) -> None:
    lowered = text.lower()
    if not any(word in lowered for word in (*_SAID, "ten", "lev", "twe", "dot", "teen", "ty", "hundred", ".")):
        assert redact(text).text == text


@pytest.mark.parametrize(
    "piece",
    [
        *("1 ", "1-", "a", "@", "a@", "one ", "(", "at ", "a at b dot ", "12,345", "4111111111111111 ", "a.", "DE12"),
        *("five, ", "http://", "$1", "- ", "[at]", "account number ", "303 555 ", "1", "double ", "x.x@", "oh ", "0"),
        *("plus ", "+1", "1 Oak ", "12 Oak Street ", "1 a-", "po box 1"),
    ],
)
def test_time_is_linear(piece: str) -> None:
    """100,000 pathological characters take no more than a few times ten times 10,000 of them."""

    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        start = time.process_time()
        redact(text, addresses=True)
        return time.process_time() - start

    small = min(seconds(10_000) for _ in range(2))
    assert seconds(100_000) < 40 * small + 0.2


def test_amounts_and_ids_of_random_listings_stay() -> None:
    rng = random.Random(5)
    for _ in range(300):
        price, zipcode = rng.randrange(50, 3000) * 1000, rng.randrange(10_000, 99_999)
        text = (
            f"MLS {rng.randrange(10**6, 10**10)}: {rng.randrange(1, 20_000)} Oak St, "
            f"Denver {zipcode}-{rng.randrange(1000, 9999)}, "
            f"${price:,} ({price}), {rng.randrange(1, 6)} bed, {rng.randrange(600, 5000)} sqft, "
            f"built {rng.randrange(1900, 2025)}, open 2024-0{rng.randrange(1, 10)}-1{rng.randrange(10)} at 10:30"
        )
        assert redact(text).text == text
