"""A CTranslate2 Whisper model as an openai-whisper checkpoint: the same tensors under other names, fused ones split."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.voice.transcription.ctranslate2_file import read_variables

Arrays = Mapping[str, NDArray[Any]]


def checkpoint(folder: Path) -> dict[str, Any]:
    """What `whisper.load_model` reads, with arrays for tensors: "dims" and "model_state_dict". Our own addition are the
    "alignment_heads" (layer, head), where the folder's `config.json` names them.

    Raises IncompatibleError for a model that cannot be read.
    """
    arrays = read_variables(folder / "model.bin")
    state = {f"encoder.{name}": array for name, array in _encoder(arrays)}
    state |= {f"decoder.{name}": array for name, array in _decoder(arrays)}
    found: dict[str, Any] = {"dims": _dimensions(arrays), "model_state_dict": state}
    heads = json.loads((folder / "config.json").read_text()).get("alignment_heads")
    return found | ({"alignment_heads": heads} if heads else {})


def write_checkpoint(folder: Path, path: Path) -> None:
    """Convert the CTranslate2 model in `folder` and write it to `path`."""
    import torch  # noqa: PLC0415 takes a second to import

    made = checkpoint(folder)
    made["model_state_dict"] = {
        name: torch.from_numpy(np.array(array)) for name, array in made["model_state_dict"].items()
    }
    torch.save(made, path)


def _dimensions(arrays: Arrays) -> dict[str, int]:
    state, mels, _ = arrays["encoder/conv1/weight"].shape
    vocabulary, width = arrays["decoder/embeddings/weight"].shape
    return {
        "n_mels": mels,
        "n_audio_ctx": len(arrays["encoder/position_encodings/encodings"]),
        "n_audio_state": state,
        "n_audio_head": int(arrays["encoder/num_heads"]),
        "n_audio_layer": _layers(arrays, "encoder"),
        "n_vocab": vocabulary,
        "n_text_ctx": len(arrays["decoder/position_encodings/encodings"]),
        "n_text_state": width,
        "n_text_head": int(arrays["decoder/num_heads"]),
        "n_text_layer": _layers(arrays, "decoder"),
    }


def _layers(arrays: Arrays, side: str) -> int:
    return sum(name.startswith(f"{side}/layer_") and name.endswith("/ffn/linear_0/weight") for name in arrays)


def _encoder(arrays: Arrays) -> Iterator[tuple[str, NDArray[Any]]]:
    for name in ("conv1", "conv2"):
        yield from _linear(arrays, f"encoder/{name}", name)
    yield "positional_embedding", arrays["encoder/position_encodings/encodings"]
    for layer in range(_layers(arrays, "encoder")):
        yield from _block(arrays, f"encoder/layer_{layer}", f"blocks.{layer}")
    yield from _norm(arrays, "encoder/layer_norm", "ln_post")


def _decoder(arrays: Arrays) -> Iterator[tuple[str, NDArray[Any]]]:
    yield "token_embedding.weight", arrays["decoder/embeddings/weight"]
    yield "positional_embedding", arrays["decoder/position_encodings/encodings"]
    for layer in range(_layers(arrays, "decoder")):
        source, target = f"decoder/layer_{layer}", f"blocks.{layer}"
        yield from _block(arrays, source, target)
        yield from _norm(arrays, f"{source}/attention/layer_norm", f"{target}.cross_attn_ln")
        yield from _linear(arrays, f"{source}/attention/linear_0", f"{target}.cross_attn.query")
        yield from _fused(arrays, f"{source}/attention/linear_1", f"{target}.cross_attn", ("key", "value"))
        yield from _linear(arrays, f"{source}/attention/linear_2", f"{target}.cross_attn.out")
    yield from _norm(arrays, "decoder/layer_norm", "ln")


def _block(arrays: Arrays, source: str, target: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """What layers of encoder and decoder share: self-attention and the feed-forward network."""
    yield from _norm(arrays, f"{source}/self_attention/layer_norm", f"{target}.attn_ln")
    yield from _fused(arrays, f"{source}/self_attention/linear_0", f"{target}.attn", ("query", "key", "value"))
    yield from _linear(arrays, f"{source}/self_attention/linear_1", f"{target}.attn.out")
    yield from _norm(arrays, f"{source}/ffn/layer_norm", f"{target}.mlp_ln")
    yield from _linear(arrays, f"{source}/ffn/linear_0", f"{target}.mlp.0")
    yield from _linear(arrays, f"{source}/ffn/linear_1", f"{target}.mlp.2")


def _fused(arrays: Arrays, source: str, target: str, names: tuple[str, ...]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Projections that CTranslate2 keeps one below the other; Whisper's key has no bias, and theirs is zero."""
    weights = np.split(arrays[f"{source}/weight"], len(names))
    biases = np.split(arrays[f"{source}/bias"], len(names))
    for name, weight, bias in zip(names, weights, biases, strict=True):
        yield f"{target}.{name}.weight", weight
        if name != "key":
            yield f"{target}.{name}.bias", bias


def _linear(arrays: Arrays, source: str, target: str) -> Iterator[tuple[str, NDArray[Any]]]:
    yield f"{target}.weight", arrays[f"{source}/weight"]
    yield f"{target}.bias", arrays[f"{source}/bias"]


def _norm(arrays: Arrays, source: str, target: str) -> Iterator[tuple[str, NDArray[Any]]]:
    yield f"{target}.weight", arrays[f"{source}/gamma"]
    yield f"{target}.bias", arrays[f"{source}/beta"]
