"""Words that no feature may name: protected attributes under the US Fair Housing Act, and their plain proxies.

Source: 42 U.S.C. 3604 (race, colour, religion, sex, disability, familial status, national origin), and the proxies
that model risk reviews ask for (age, surname, language, photograph, postcode alone).
"""

import re
from collections.abc import Mapping

_DENIED: Mapping[str, str] = {
    "race and colour": "race racial ethnic ethnicity colour color skin",
    "religion": "religion religious church faith creed",
    "sex": "sex sexual gender male female pregnant pregnancy",
    "disability": "disability disabled handicap handicapped wheelchair veteran",
    "familial status": "familial marital married single divorced widowed spouse child children kids",
    "national origin": "nationality citizen citizenship immigrant immigration birthplace language accent",
    "age": "age aged birth birthday birthdate elderly senior",
    "name": "surname forename firstname lastname",
    "likeness": "photo photograph selfie portrait",
    "place of living": "zip zipcode postcode postal",
}
DENIED_WORDS: frozenset[str] = frozenset(word for words in _DENIED.values() for word in words.split())
DENIED_PHRASES: tuple[str, ...] = (
    "national origin",
    "country of origin",
    "marital status",
    "family status",
    "last name",
)


def denied_words(text: str) -> tuple[str, ...]:
    """The denied words and phrases in `text`, where `_`, `.` and other signs part words. Empty when it is clean."""
    words = re.findall(r"[a-z]+", text.lower())
    joined = f" {' '.join(words)} "
    phrases = tuple(phrase for phrase in DENIED_PHRASES if f" {phrase} " in joined)
    return tuple(sorted(DENIED_WORDS.intersection(words))) + phrases
