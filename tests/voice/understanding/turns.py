"""Turns made of text: .3 s a word, with a pause where `|` stands alone."""

from lintel.voice.transcript import LEAD, Turn, Word


def turn(text: str, speaker: str = LEAD, start: float = 0.0) -> Turn:
    words, at = [], start
    for token in text.split():
        if token == "|":
            at += 2.0
            continue
        words.append(Word(token, at, at + 0.25, 0.9))
        at += 0.3
    return Turn(speaker, tuple(words))
