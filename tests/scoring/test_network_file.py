"""Files of arrays that are whole, but not what they should be."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lintel.errors import IncompatibleError
from lintel.scoring.model_file import write_model
from lintel.scoring.network_file import read_arrays, write_arrays

PART = "network head"


def archive(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez(content, part=np.array(PART), **arrays)
    return content.getvalue()


def text_in_a_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("part.npy", b"no array")
    return content.getvalue()


def with_a_wrong_sum() -> bytes:
    content = bytearray(archive(weights=np.zeros(50)))
    content[90] ^= 255
    return bytes(content)


def test_arrays_come_back(tmp_path: Path) -> None:
    write_arrays(tmp_path / "head.npz", PART, {"weights": np.arange(3.0)})
    assert read_arrays(tmp_path / "head.npz", PART)["weights"].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", text_in_a_zip(), with_a_wrong_sum(), archive(weights=np.array([{}], object))],
    ids=["nothing", "no archive", "no array", "wrong sum", "pickle"],
)
def test_a_sealed_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    write_model(tmp_path / "head.npz", content)
    with pytest.raises(IncompatibleError, match=r"head\.npz is not a network head"):
        read_arrays(tmp_path / "head.npz", PART)
