"""Silero's voice activity detector (MIT): a small recurrent network, run by ONNX Runtime on one thread."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, NotFoundError
from lintel.voice.activity.detector import FRAME
from lintel.voice.activity.framing import Frames
from lintel.voice.audio.samples import Samples

_CONTEXT = 64
"""Samples of the frame before that the network sees again."""
_STATE = (1, 1, 128)
_FRAMES_A_RUN = 1_024
_INPUTS = {"input", "h", "c"}
_PACKAGED = (
    ("faster_whisper", "assets/silero_vad_v6.onnx"),
    ("silero_vad", "data/silero_vad_16k_sequence.onnx"),
)


class SileroDetector:
    """Keeps the network's state of one channel; the network itself is loaded once a process."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` is of a 16 kHz "sequence" model in ONNX; by default that of an installed package.

        Raises NotFoundError where there is none, IncompatibleError where it is another model.
        """
        self._session = _session(path or packaged())
        self.reset()

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        frames = self._frames.take(samples)
        runs = [self._run(frames[at : at + _FRAMES_A_RUN]) for at in range(0, len(frames), _FRAMES_A_RUN)]
        return np.concatenate(runs) if runs else np.zeros(0, np.float32)

    def reset(self) -> None:
        self._frames = Frames()
        self._tail = np.zeros(_CONTEXT, np.float32)
        self._h, self._c = np.zeros(_STATE, np.float32), np.zeros(_STATE, np.float32)

    def _run(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        before = np.vstack((self._tail, frames[:-1, FRAME - _CONTEXT :]))
        self._tail = frames[-1, FRAME - _CONTEXT :]
        seen = {"input": np.hstack((before, frames)), "h": self._h, "c": self._c}
        probabilities, self._h, self._c = self._session.run(None, seen)
        return np.asarray(probabilities, np.float32).reshape(-1)


def packaged() -> Path:
    """The model file of an installed package. Raises NotFoundError where there is none."""
    for package, file in _PACKAGED:
        spec = find_spec(package)
        folder = Path(spec.origin).parent if spec is not None and spec.origin else None
        if folder is not None and (folder / file).is_file():
            return folder / file
    raise NotFoundError("No Silero model is installed.", mend="Install the voice extra: pip install 'lintel[voice]'.")


@cache
def _session(path: Path) -> Any:
    import onnxruntime  # noqa: PLC0415 - belongs to the voice extra

    if not path.is_file():
        raise NotFoundError(f"There is no Silero model at {path}.", mend="Check the path, or leave it out.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no public root but RuntimeError and Exception
        raise IncompatibleError(f"{path} is no ONNX model.", mend="Use Silero's 16 kHz sequence model.") from error
    if {node.name for node in session.get_inputs()} != _INPUTS:
        raise IncompatibleError(f"{path} is another model.", mend="Use Silero's 16 kHz sequence model.")
    return session
