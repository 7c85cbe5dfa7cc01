"""Sets of words, and the words of a text."""

import re

WORD = re.compile(r"[^\W\d_]+(?:['’/\-][^\W\d_]+)*")
"""A word of letters, with apostrophes, slashes and hyphens inside."""


def words(text: str) -> frozenset[str]:
    """The words of a vocabulary, which is written with spaces between them."""
    return frozenset(text.split())
