"""OpenAI's own Whisper in PyTorch: the reference. Any checkpoint, always the full window of 30 s, one at a time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lintel.errors import NotFoundError
from lintel.voice.audio.samples import seconds
from lintel.voice.transcription.engine import (
    LONGEST_SECONDS,
    NOTHING,
    SHORTEST_SECONDS,
    Hypothesis,
    Window,
    check,
)
from lintel.voice.transcription.short_window import PROMPT_TOKENS, most_tokens
from lintel.voice.transcription.words import Piece, words

_FRAMES_A_SECOND = 100


class OpenAIWhisper:
    """An `Engine`.

    Parameters
    ----------
    path: a checkpoint `{"dims", "model_state_dict"}`, and "alignment_heads" where it is known which heads of the
        decoder follow the audio (pairs of layer and head).
    name: of the weights.
    device: "cuda", "cpu"; None takes a GPU where PyTorch finds one.

    Raises NotFoundError where there is no such file.
    """

    window_seconds = LONGEST_SECONDS

    def __init__(self, path: Path, *, name: str, device: str | None = None) -> None:
        import torch  # noqa: PLC0415 the voice extra is loaded when it is used
        import whisper  # noqa: PLC0415

        if not path.is_file():
            raise NotFoundError(
                f"There is no checkpoint {path}.", mend=f"Install the weights anew: `lintel models pull {name}`."
            )
        self.name = name
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.bare = whisper.load_model(str(path), device=self.device)
        """The library's own model."""
        heads = torch.load(path, map_location="cpu", weights_only=True).get("alignment_heads")
        if heads is not None:
            self.bare.register_buffer("alignment_heads", _mask(self.bare.dims, heads), persistent=False)
        self.multilingual: bool = self.bare.is_multilingual
        self.languages: tuple[str, ...] = (
            tuple(whisper.tokenizer.LANGUAGES)[: self.bare.num_languages] if self.multilingual else ("en",)
        )

    def decode(self, windows: Sequence[Window], *, language: str, beam_size: int = 1) -> list[Hypothesis]:
        """See `Engine.decode`."""
        from whisper.tokenizer import get_tokenizer  # noqa: PLC0415

        check(windows, language=language, known=self.languages, name=self.name)
        tokenizer = get_tokenizer(
            self.multilingual, num_languages=self.bare.num_languages, language=language, task="transcribe"
        )
        return [self._decode(window, tokenizer, beam_size) for window in windows]

    def _decode(self, window: Window, tokenizer: Any, beam_size: int) -> Hypothesis:
        import whisper  # noqa: PLC0415

        length = seconds(window.samples)
        if length < SHORTEST_SECONDS:
            return NOTHING
        samples = whisper.pad_or_trim(np.ascontiguousarray(window.samples))
        mel = whisper.log_mel_spectrogram(samples, self.bare.dims.n_mels).to(self.device)
        options = whisper.DecodingOptions(
            language=tokenizer.language or "en",
            beam_size=beam_size if beam_size > 1 else None,
            sample_len=most_tokens(length),
            prompt=_prompt(window, tokenizer),
            without_timestamps=True,
            fp16=self.device == "cuda",
        )
        result = whisper.decode(self.bare, mel, options)
        tokens = [token for token in result.tokens if token < tokenizer.eot]
        return Hypothesis(
            words(self._pieces(mel, tokens, tokenizer, length), seconds=length),
            no_speech_probability=result.no_speech_prob,
            mean_log_probability=result.avg_logprob,
            compression_ratio=result.compression_ratio,
            language=tokenizer.language or "en",
            tokens=len(tokens),
        )

    def _pieces(self, mel: Any, tokens: list[int], tokenizer: Any, length: float) -> list[Piece]:
        from whisper.timing import find_alignment  # noqa: PLC0415

        timed = find_alignment(self.bare, tokenizer, tokens, mel, round(length * _FRAMES_A_SECOND))
        return [Piece(one.word, float(one.start), float(one.end), float(one.probability)) for one in timed]


def _mask(dims: Any, heads: Sequence[Sequence[int]]) -> Any:
    """Sparse boolean matrix (layers, heads) of the decoder's heads that follow the audio."""
    import torch  # noqa: PLC0415

    chosen = torch.zeros(dims.n_text_layer, dims.n_text_head, dtype=torch.bool)
    for layer, head in heads:
        chosen[layer, head] = True
    return chosen.to_sparse()


def _prompt(window: Window, tokenizer: Any) -> list[int] | None:
    text = window.prompt.strip()
    return tokenizer.encode(f" {text}")[-PROMPT_TOKENS:] if text else None
