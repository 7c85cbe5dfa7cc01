"""Model files that tell when they were changed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import IncompatibleError
from lintel.scoring.model_file import read_model, write_model


@given(content=st.binary(max_size=200))
def test_what_is_written_is_read(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("models") / "model"
    write_model(path, content)
    assert read_model(path) == content


@given(content=st.binary(max_size=200), data=st.data())
def test_any_flipped_bit_and_any_missing_end_is_noticed(
    content: bytes, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("models") / "model"
    write_model(path, content)
    sealed = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(sealed) - 1))
    for changed in (bytes(sealed[:place]), flipped(sealed, place, data.draw(st.integers(0, 7)))):
        path.write_bytes(changed)
        with pytest.raises(IncompatibleError, match="model file model is corrupt"):
            read_model(path)


def flipped(content: bytearray, place: int, bit: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    return bytes(changed)


def test_a_file_without_a_seal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"")
    with pytest.raises(IncompatibleError, match="corrupt"):
        read_model(tmp_path / "model")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "model", tmp_path):
        with pytest.raises(IncompatibleError, match="no model file"):
            read_model(path)
