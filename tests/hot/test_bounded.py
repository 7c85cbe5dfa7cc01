"""The bounded mapping against a list that does the same the slow way."""

from hypothesis import given
from hypothesis import strategies as st

from serving.hot.bounded import Bounded

KEYS = st.sampled_from("abcdef")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers(0, 12)),
        st.tuples(st.just("get"), KEYS, st.just(0)),
        st.tuples(st.just("discard"), KEYS, st.just(0)),
    ),
    max_size=40,
)


@given(steps=STEPS, max_bytes=st.integers(0, 30), max_entries=st.one_of(st.none(), st.integers(0, 4)))
def test_it_holds_what_was_used_last_within_its_bounds(
    steps: list[tuple[str, str, int]], max_bytes: int, max_entries: int | None
) -> None:
    bounded: Bounded[str, int] = Bounded(max_bytes, max_entries)
    held: list[tuple[str, int, int]] = []  # key, value, size; the one used last at the end
    for number, (step, key, size) in enumerate(steps):
        mine = next((one for one in held if one[0] == key), None)
        if step == "get":
            assert bounded.get(key) == (mine[1] if mine else None)
            if mine:
                held = [one for one in held if one != mine] + [mine]
        else:
            held = [one for one in held if one != mine]
            if step == "put":
                bounded.put(key, number, size)
                fits = size <= max_bytes and max_entries != 0
                held += [(key, number, size)] if fits else []
                while sum(one[2] for one in held) > max_bytes or (max_entries is not None and len(held) > max_entries):
                    held.pop(0)
            else:
                bounded.discard(key)
        assert bounded.keys() == [one[0] for one in held]
        assert len(bounded) == len(held)
        assert bounded.nbytes == sum(one[2] for one in held) <= max_bytes
    assert {key: bounded.get(key) for key in "abcdef"} == dict.fromkeys("abcdef") | {one[0]: one[1] for one in held}
