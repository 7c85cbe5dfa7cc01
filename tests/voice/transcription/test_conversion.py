"""CTranslate2's tensors under openai-whisper's names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.transcription import full_window_tokens
from lintel.errors import IncompatibleError
from lintel.voice.audio.files import read
from lintel.voice.transcription.conversion import checkpoint, write_checkpoint
from lintel.voice.transcription.ctranslate2_file import read_variables
from lintel.voice.transcription.faster_whisper import FasterWhisper
from lintel.voice.transcription.openai_whisper import OpenAIWhisper
from lintel.voice.transcription.weights import CHECKPOINT
from tests.voice.published import published

ctranslate2 = pytest.importorskip("ctranslate2", reason="the voice extra is not installed")
whisper = pytest.importorskip("whisper", reason="the voice extra is not installed")

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # whisper's, of its vocabulary

SIZES = {
    "n_mels": 6,
    "n_audio_ctx": 10,
    "n_audio_state": 8,
    "n_audio_head": 2,
    "n_audio_layer": 2,
    "n_vocab": 20,
    "n_text_ctx": 12,
    "n_text_state": 8,
    "n_text_head": 2,
    "n_text_layer": 3,
}
HEADS = [[1, 0], [2, 1]]
Arrays = Mapping[str, NDArray[Any]]


@pytest.fixture(scope="module")
def original() -> Arrays:
    """The weights of a very small Whisper, all of them random."""
    rng = np.random.default_rng(5)
    model = whisper.model.Whisper(whisper.model.ModelDimensions(**SIZES))
    return {name: rng.normal(size=one.shape).astype(np.float32) for name, one in model.state_dict().items()}


def converted_by_ctranslate2(original: Arrays, folder: Path, quantization: str) -> Path:
    """The model as CTranslate2 itself writes it, our conversion the other way round."""
    original = {name: array.copy() for name, array in original.items()}  # it quantises in place
    made = ctranslate2.specs.WhisperSpec(
        *(SIZES[f"n_{part}"] for part in ("audio_layer", "audio_head", "text_layer", "text_head"))
    )
    _linear(made.encoder.conv1, original, "encoder.conv1")
    _linear(made.encoder.conv2, original, "encoder.conv2")
    made.encoder.position_encodings.encodings = original["encoder.positional_embedding"]
    _norm(made.encoder.layer_norm, original, "encoder.ln_post")
    for number, layer in enumerate(made.encoder.layer):
        _layer(layer, original, f"encoder.blocks.{number}")
    made.decoder.embeddings.weight = original["decoder.token_embedding.weight"]
    made.decoder.projection.weight = original["decoder.token_embedding.weight"]
    made.decoder.position_encodings.encodings = original["decoder.positional_embedding"]
    _norm(made.decoder.layer_norm, original, "decoder.ln")
    for number, layer in enumerate(made.decoder.layer):
        block = f"decoder.blocks.{number}"
        _layer(layer, original, block)
        _norm(layer.attention.layer_norm, original, f"{block}.cross_attn_ln")
        _linear(layer.attention.linear[0], original, f"{block}.cross_attn.query")
        _linear(layer.attention.linear[1], original, f"{block}.cross_attn.key", f"{block}.cross_attn.value")
        _linear(layer.attention.linear[2], original, f"{block}.cross_attn.out")
    made.config.alignment_heads = HEADS
    made.register_vocabulary([str(token) for token in range(SIZES["n_vocab"])])
    made.validate()
    made.optimize(quantization=quantization)
    folder.mkdir()
    made.save(str(folder))
    return folder


def _layer(layer: Any, original: Arrays, block: str) -> None:
    _norm(layer.self_attention.layer_norm, original, f"{block}.attn_ln")
    _linear(layer.self_attention.linear[0], original, *(f"{block}.attn.{one}" for one in ("query", "key", "value")))
    _linear(layer.self_attention.linear[1], original, f"{block}.attn.out")
    _norm(layer.ffn.layer_norm, original, f"{block}.mlp_ln")
    _linear(layer.ffn.linear_0, original, f"{block}.mlp.0")
    _linear(layer.ffn.linear_1, original, f"{block}.mlp.2")


def _linear(linear: Any, original: Arrays, *names: str) -> None:
    weights = [original[f"{name}.weight"] for name in names]
    zeros = [np.zeros(len(weight), np.float32) for weight in weights]
    biases = [original.get(f"{name}.bias", zero) for name, zero in zip(names, zeros, strict=True)]
    linear.weight, linear.bias = np.concatenate(weights), np.concatenate(biases)


def _norm(norm: Any, original: Arrays, name: str) -> None:
    norm.gamma, norm.beta = original[f"{name}.weight"], original[f"{name}.bias"]


@pytest.mark.parametrize(
    ("quantization", "tolerance"),
    [("float32", 0), ("float16", 2e-3), ("bfloat16", 2e-2), ("int16", 5e-3), ("int8", 2e-2)],
)
def test_every_tensor_comes_back(original: Arrays, tmp_path: Path, quantization: str, tolerance: float) -> None:
    found = checkpoint(converted_by_ctranslate2(original, tmp_path / "model", quantization))
    assert (found["dims"], found["alignment_heads"]) == (SIZES, HEADS)
    state = found["model_state_dict"]
    assert state.keys() == original.keys()
    for name, array in original.items():
        assert state[name].shape == array.shape, name
        assert np.allclose(state[name].astype(np.float32), array, rtol=tolerance, atol=2 * tolerance), name


def test_whisper_loads_what_was_written(original: Arrays, tmp_path: Path) -> None:
    folder = converted_by_ctranslate2(original, tmp_path / "model", "float16")
    write_checkpoint(folder, tmp_path / "checkpoint.pt")
    model = whisper.load_model(str(tmp_path / "checkpoint.pt"), device="cpu")
    assert vars(model.dims) == SIZES
    assert np.allclose(model.state_dict()["decoder.ln.bias"].numpy(), original["decoder.ln.bias"], rtol=1e-3)


@pytest.mark.parametrize("kept", [0, 3, 40, 500])
def test_a_file_that_ends_early_is_told(original: Arrays, tmp_path: Path, kept: int) -> None:
    path = converted_by_ctranslate2(original, tmp_path / "model", "float32") / "model.bin"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(IncompatibleError, match="ends early"):
        read_variables(path)


def test_another_version_is_told(original: Arrays, tmp_path: Path) -> None:
    path = converted_by_ctranslate2(original, tmp_path / "model", "float32") / "model.bin"
    path.write_bytes(b"\x07" + path.read_bytes()[1:])
    with pytest.raises(IncompatibleError, match="binary version 7"):
        read_variables(path)


def test_both_engines_write_the_same_tokens(weights: Path) -> None:
    """A few utterances; `python -m benchmarks.transcription --only conversion` takes them all."""
    source = FasterWhisper(weights / "tiny.en", name="tiny.en", device="cpu", compute_type="float32")
    converted = OpenAIWhisper(weights / "tiny.en" / CHECKPOINT, name="tiny.en", device="cpu").bare
    options = whisper.DecodingOptions(language="en", without_timestamps=True, fp16=False)
    for clip in ("librivox_sense-0880", "leopard_test"):
        (samples,) = read(published(f"misc_speech/audio/{clip}.flac"), longest_seconds=30).channels
        mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(samples))
        assert whisper.decode(converted, mel, options).tokens == full_window_tokens(source, mel.numpy())
