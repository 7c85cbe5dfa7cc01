"""Voices as vectors: windows of speech to points on a sphere, near to each other where the speaker is the same.

The network is Resemblyzer's (Apache-2.0; Wan et al. 2018, "Generalized end-to-end loss for speaker verification"):
three LSTM layers of 256 over mel frames, a linear layer, positive values, length 1.
"""

from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, NotFoundError
from lintel.voice.audio.level import raised
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.speakers.spectrogram import BANDS, STEP, mel_spectrogram

WINDOW_FRAMES = 160
"""Of 10 ms: the network was trained on windows of 1.6 s."""
WINDOW_S = 1.6
_UNITS, _LAYERS = 256, 3
_LEVEL_DB = -30.0
"""Quieter recordings are raised to this, as in training: the mel frames are powers and no logarithms."""
_WINDOWS_A_RUN = 64


class SpeakerEncoder:
    """The loaded network."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` is of Resemblyzer's weights; by default those in the installed package.

        Raises NotFoundError where there are none, IncompatibleError where it is another file.
        """
        import torch  # noqa: PLC0415 - two seconds that nobody else pays

        self._lstm = torch.nn.LSTM(BANDS, _UNITS, _LAYERS, batch_first=True)
        self._linear = torch.nn.Linear(_UNITS, _UNITS)
        weights = _weights(path or packaged())
        for name, module in (("lstm", self._lstm), ("linear", self._linear)):
            own = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
            module.load_state_dict(own)
            module.eval()

    def embed(self, samples: Samples, starts_s: NDArray[np.float64]) -> NDArray[np.float32]:
        """Unit vectors of the windows of 1.6 s that begin at `starts_s`, shape (windows, 256). Beyond the channel's end
        is silence."""
        spectrogram = mel_spectrogram(raised(samples, _LEVEL_DB))
        firsts = np.round(starts_s * SAMPLE_RATE / STEP).astype(int)
        missing = max(0, int(firsts.max(initial=0)) + WINDOW_FRAMES - len(spectrogram))
        padded = np.pad(spectrogram, ((0, missing), (0, 0)))
        runs = [firsts[at : at + _WINDOWS_A_RUN] for at in range(0, len(firsts), _WINDOWS_A_RUN)]
        frames = np.arange(WINDOW_FRAMES)
        found = [self._run(padded[run[:, None] + frames]) for run in runs]
        return np.concatenate(found) if found else np.zeros((0, _UNITS), np.float32)

    def _run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415

        with torch.inference_mode():
            _, (hidden, _) = self._lstm(torch.from_numpy(windows))
            raw = torch.relu(self._linear(hidden[-1])).numpy()
        return raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9)


def packaged() -> Path:
    """The weights in the installed package. Raises NotFoundError where it is absent."""
    spec = find_spec("resemblyzer")
    path = Path(spec.origin).parent / "pretrained.pt" if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise NotFoundError("No speaker encoder is installed.", mend="Run `lintel models pull voice-encoder`.")
    return path


def _weights(path: Path) -> dict[str, Any]:
    import torch  # noqa: PLC0415

    if not path.is_file():
        raise NotFoundError(f"There are no weights at {path}.", mend="Check the path, or leave it out.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    except (RuntimeError, UnpicklingError, KeyError, TypeError, EOFError) as error:
        raise IncompatibleError(f"{path} holds no speaker encoder.", mend="Use Resemblyzer's pretrained.pt.") from error
