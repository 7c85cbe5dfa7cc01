import threading
from collections.abc import Callable

import numpy as np

from lintel.voice.streaming.pressure import Pressure, PressureSettings, ladder
from lintel.voice.transcription.engine import Window
from serving.voice.decoder import BATCH_MOST, Decoder, Outcome, Ticket
from tests.voice_sessions.playing import Clock, ReadingEngine, said, voice_threads


def ticket(
    text: str = "one",
    *,
    due: float = 0.0,
    deadline: float = 1.0,
    language: str = "en",
    deliver: Callable[[Outcome], None] = lambda outcome: None,
) -> Ticket:
    return Ticket(Window(said(text)), language, due, deadline, deliver)


def test_what_waits_is_decoded_together_the_earliest_deadlines_first() -> None:
    engine = ReadingEngine()
    decoder = Decoder([engine], clock=Clock())
    order: list[float] = []
    for deadline in [5.0, 3.0, 9.0, 1.0, 7.0, 2.0, 8.0, 4.0, 6.0, 0.0]:
        decoder.submit(ticket(deadline=deadline, deliver=lambda outcome, at=deadline: order.append(at)))
    assert (decoder.step(), decoder.step(), decoder.step()) == (BATCH_MOST, 2, 0)
    assert order == sorted(order)


def test_windows_of_one_language_share_a_batch() -> None:
    engine = ReadingEngine()
    decoder = Decoder([engine], clock=Clock())
    for language in ["en", "de", "en", "de"]:
        decoder.submit(ticket(language=language))
    assert [decoder.step(), decoder.step()] == [2, 2]


def test_a_window_that_breaks_the_engine_takes_no_other_with_it() -> None:
    decoder, outcomes = Decoder([ReadingEngine()], clock=Clock()), list[str | None]()

    def deliver(outcome: Outcome) -> None:
        outcomes.append(outcome.hypothesis.words[0].text if outcome.hypothesis else None)

    decoder.submit(ticket("one", deliver=deliver))
    decoder.submit(Ticket(Window(np.full(16_000, 0.95, np.float32)), "en", 0.0, 1.0, deliver))
    decoder.submit(ticket("two", deliver=deliver))
    decoder.step()
    assert outcomes == ["one", None, "two"]


def test_a_waiting_window_can_be_replaced_or_withdrawn_and_one_in_hand_cannot() -> None:
    decoder = Decoder([ReadingEngine()], clock=Clock())
    first, fuller, other = ticket("one"), ticket("one two"), ticket("three")
    decoder.submit(first)
    assert decoder.replace(first, fuller)
    assert not decoder.replace(first, other)
    decoder.withdraw(fuller)
    assert (decoder.pending, decoder.step()) == (0, 0)


def test_lateness_lengthens_chunks_and_then_takes_the_smaller_model() -> None:
    clock = Clock()
    large, small = ReadingEngine("large"), ReadingEngine("small")
    decoder = Decoder([large, small], clock=clock, pressure=Pressure(ladder(2), PressureSettings(patience=1)))
    lags: list[float] = []
    models = []
    for at in range(1, 6):
        clock.now = 10.0 * at
        decoder.submit(ticket(due=clock.now - 3.0, deliver=lambda outcome: lags.append(outcome.lag)))
        decoder.step()
        models.append(decoder.model)
    assert lags == [3.0] * 5
    assert models == ["large", "large", "small", "small", "small"]
    assert len(small.batches) == 2


def test_it_knows_a_language_only_if_all_its_models_do() -> None:
    english, every = ReadingEngine(), ReadingEngine()
    every.multilingual = True
    assert Decoder([every], clock=Clock()).knows("de")
    assert not Decoder([every, english], clock=Clock()).knows("de")
    assert Decoder([english], clock=Clock()).knows("en")


def test_its_thread_decodes_what_comes_and_ends_when_told() -> None:
    before = len(voice_threads())
    decoder, heard = Decoder([ReadingEngine()], clock=Clock()), threading.Event()
    decoder.start()
    decoder.submit(ticket(deliver=lambda outcome: heard.set()))
    assert heard.wait(10)
    decoder.stop()
    assert len(voice_threads()) == before
