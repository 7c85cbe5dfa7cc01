"""An engine by the name of its weights, or by the path of a model."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from lintel.errors import InputError, NotFoundError, UnavailableError
from lintel.settings import Settings
from lintel.voice.transcription.engine import Engine
from lintel.voice.transcription.faster_whisper import FasterWhisper
from lintel.voice.transcription.openai_whisper import OpenAIWhisper
from lintel.voice.transcription.weights import CHECKPOINT, WEIGHTS, installed, weights

EngineName = Literal["faster-whisper", "openai-whisper"]


def load(name: str, settings: Settings, *, engine: EngineName | None = None) -> Engine:
    """The model `name`, ready to decode.

    Parameters
    ----------
    name: of installed weights ("tiny.en", "base"; "whisper-base" is "base"), or the path of a CTranslate2 folder or of
        an openai-whisper checkpoint (`*.pt`) of any size.
    engine: None takes faster-whisper, and openai-whisper for a checkpoint.

    Raises NotFoundError where the weights are not installed or the path does not exist; InputError for weights that do
    not transcribe or an engine that cannot read them; UnavailableError without the voice extra.
    """
    path, called = found(name, settings)
    if path.is_file() and engine == "faster-whisper":
        raise InputError(f"{path} is an openai-whisper checkpoint.", mend="Leave --engine out.")
    if path.is_file() or engine == "openai-whisper":
        _need("whisper")
        return OpenAIWhisper(path if path.is_file() else path / CHECKPOINT, name=called)
    _need("faster_whisper")
    return FasterWhisper(_complete(path), name=called)


def _need(module: str) -> None:
    if find_spec(module) is None:
        raise UnavailableError("The voice extra is not installed.", mend="Install it: `pip install 'lintel[voice]'`.")


def found(name: str, settings: Settings) -> tuple[Path, str]:
    """Path and short name of a model, which is not loaded. Raises as `load` does for one that is not there."""
    if name.removeprefix("whisper-") in WEIGHTS:
        known = weights(name)
        if not known.transcribes:
            raise InputError(f"{known.name!r} is for {known.purpose}: it does not transcribe.", mend="Take tiny.en.")
        return installed(name, settings.weights_folder), known.name
    path = Path(name).expanduser()
    if not path.exists():
        named = ", ".join(one.name for one in WEIGHTS.values() if one.transcribes)
        raise NotFoundError(f"There is no model {name!r}.", mend=f"Give one of {named}, or a path to a model.")
    return path, path.stem if path.is_file() else path.name


def _complete(path: Path) -> Path:
    """Raises NotFoundError for a folder that CTranslate2 would not load, or for which it would ask the network."""
    for needed in ("model.bin", "config.json", "tokenizer.json"):
        if not (path / needed).is_file():
            raise NotFoundError(
                f"{path} has no {needed}.",
                mend="A model for faster-whisper is a CTranslate2 folder with its tokenizer.json.",
            )
    return path
