"""Which workers a rolling bundle answers on."""

from math import ceil

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from serving.autoscaling import place
from serving.autoscaling.place import Place
from serving.autoscaling.report import Instruction, decode_instruction, encode


@given(st.integers(1, 100), st.integers(0, 100))
def test_a_share_has_as_many_workers_as_it_needs_and_the_first_ones(workers: int, percent: int) -> None:
    share = percent / 100
    within = [Place(number, workers).is_within(share) for number in range(workers)]
    assert sum(within) == ceil(percent * workers / 100)
    assert within == sorted(within, reverse=True)


def test_alone_is_the_first_of_one() -> None:
    assert place.alone().is_within(0.01)
    assert not place.alone().is_within(0.0)


def test_the_application_reads_what_the_server_heard() -> None:
    before = place.heard()
    try:
        place.hear(Place(1, 3))
        assert place.heard() == Place(1, 3)
    finally:
        place._HEARD.place = before


def test_an_instruction_tells_the_place_and_an_old_one_nothing_of_it() -> None:
    assert decode_instruction(encode(Instruction(place=2, workers=5))) == Instruction(place=2, workers=5)
    assert decode_instruction(msgspec.json.encode({"release": 1})).workers == 0
