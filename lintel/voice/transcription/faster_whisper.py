"""Whisper through CTranslate2 (faster-whisper): int8 on a CPU, float16 on a GPU, short windows, batches."""

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lintel.voice.audio.samples import SAMPLE_RATE, seconds
from lintel.voice.transcript import Word
from lintel.voice.transcription.engine import (
    LONGEST_SECONDS,
    NOTHING,
    SHORTEST_SECONDS,
    Hypothesis,
    Window,
    check,
)
from lintel.voice.transcription.short_window import (
    PROMPT_TOKENS,
    STEP_SECONDS,
    TAIL_SECONDS,
    most_tokens,
    padded_seconds,
)
from lintel.voice.transcription.words import Piece, words

_CONTEXT = 448
"""Tokens of Whisper's decoder, prompt included."""
_PROMPT_TOKENS = (PROMPT_TOKENS, 32, 16, 8, 0)
"""Lengths that a prompt is cut to, from its front. CTranslate2 batches only prompts of one length; longer ones cost
time and bring loops."""
_BATCH = 8
"""Most windows at once: it bounds the memory, and a CPU gains nothing from more."""
_FRAMES_A_SECOND = 100
_ALIGNED_A_SECOND = 50


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one window is decoded."""

    at: int
    """Of the window in the request."""
    window: Window
    padded: float
    prompt: tuple[int, ...]
    cap: int

    @property
    def seconds(self) -> float:
        return seconds(self.window.samples)


class FasterWhisper:
    """An `Engine`.

    Parameters
    ----------
    path: folder of a CTranslate2 model with its `tokenizer.json`.
    name: of the weights.
    device: "auto" takes a GPU where CTranslate2 finds one.
    compute_type: of CTranslate2; None means int8 on a CPU and float16 on a GPU.
    threads: of the CPU; 0 means as many as there are cores, at most 4, or OMP_NUM_THREADS.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        compute_type: str | None = None,
        threads: int = 0,
    ) -> None:
        from ctranslate2 import get_cuda_device_count  # noqa: PLC0415 the voice extra is loaded when it is used
        from faster_whisper import WhisperModel  # noqa: PLC0415

        cuda = device == "cuda" or (device == "auto" and get_cuda_device_count() > 0)
        self.name = name
        self.device = "cuda" if cuda else "cpu"
        self.compute_type = compute_type or ("float16" if cuda else "int8")
        self.bare = WhisperModel(str(path), self.device, compute_type=self.compute_type, cpu_threads=threads)
        """The library's own model."""
        self.multilingual: bool = self.bare.model.is_multilingual
        self.languages: tuple[str, ...] = tuple(
            code
            for code in self.bare.supported_languages
            if not self.multilingual or self.bare.hf_tokenizer.token_to_id(f"<|{code}|>") is not None
        )
        self.window_seconds = LONGEST_SECONDS if cuda else TAIL_SECONDS
        # a GPU takes all 30 s in the time of a few, so that there all windows share a batch
        self._step = LONGEST_SECONDS if cuda else STEP_SECONDS

    def decode(self, windows: Sequence[Window], *, language: str, beam_size: int = 1) -> list[Hypothesis]:
        """See `Engine.decode`. What is heard in a window does not depend on the others of the call."""
        check(windows, language=language, known=self.languages, name=self.name)
        tokenizer = self.tokenizer(language)
        plans = [self._plan(at, window, tokenizer) for at, window in enumerate(windows)]
        heard: dict[int, Hypothesis] = {}
        for batch in _batches([plan for plan in plans if plan.seconds >= SHORTEST_SECONDS]):
            decoded = self._decode(batch, tokenizer, beam_size)
            heard.update(zip((plan.at for plan in batch), decoded, strict=True))
        return [heard.get(at, NOTHING) for at in range(len(windows))]

    def tokenizer(self, language: str) -> Any:
        """faster-whisper's, for a language that the model knows."""
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415

        return Tokenizer(self.bare.hf_tokenizer, self.multilingual, task="transcribe", language=language)

    def _plan(self, at: int, window: Window, tokenizer: Any) -> _Plan:
        length = seconds(window.samples)
        text = window.prompt.strip()
        prompt = tokenizer.encode(f" {text}") if text else []
        kept = next(count for count in _PROMPT_TOKENS if count <= len(prompt))
        return _Plan(
            at,
            window,
            padded_seconds(length, step=self._step),
            tuple(prompt[len(prompt) - kept :]),
            most_tokens(length),
        )

    def _decode(self, batch: Sequence[_Plan], tokenizer: Any, beam_size: int) -> list[Hypothesis]:
        encoded = self.bare.encode(np.stack([self._features(plan) for plan in batch]))
        prompts = [_prompt(plan, tokenizer) for plan in batch]
        cap = max(plan.cap for plan in batch)
        results = self.bare.model.generate(
            encoded,
            prompts,
            beam_size=beam_size,
            # CTranslate2 stops at half of max_length, and counts the prompt in
            max_length=min(max(2 * cap, cap + len(prompts[0])), _CONTEXT),
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [
            [token for token in result.sequences_ids[0] if token < tokenizer.eot][: plan.cap]
            for plan, result in zip(batch, results, strict=True)
        ]
        timed = self._words(encoded, batch, tokens, tokenizer)
        return [
            _hypothesis(result, text, found, tokenizer)
            for result, text, found in zip(results, tokens, timed, strict=True)
        ]

    def _features(self, plan: _Plan) -> NDArray[np.float32]:
        """Log-mel features of the window and its silence, shape (mels, frames)."""
        samples = np.zeros(round(plan.padded * SAMPLE_RATE), np.float32)
        samples[: len(plan.window.samples)] = plan.window.samples
        return self.bare.feature_extractor(samples, padding=0)

    def _words(
        self, encoded: Any, batch: Sequence[_Plan], tokens: list[list[int]], tokenizer: Any
    ) -> list[tuple[Word, ...]]:
        """By the decoder's cross-attention to the audio, aligned by dynamic time warping, as Whisper does it."""
        if not any(tokens):
            return [()] * len(batch)
        frames = [round(plan.seconds * _FRAMES_A_SECOND) for plan in batch]
        aligned = self.bare.model.align(encoded, tokenizer.sot_sequence, tokens, frames)
        return [
            words(_pieces(alignment, text, tokenizer), seconds=plan.seconds)
            for plan, alignment, text in zip(batch, aligned, tokens, strict=True)
        ]


def _batches(plans: Sequence[_Plan]) -> Iterator[list[_Plan]]:
    """Windows of one length with prompts of one length, at most `_BATCH` together."""
    alike: defaultdict[tuple[float, int], list[_Plan]] = defaultdict(list)
    for plan in plans:
        alike[plan.padded, len(plan.prompt)].append(plan)
    for group in alike.values():
        for first in range(0, len(group), _BATCH):
            yield group[first : first + _BATCH]


def _prompt(plan: _Plan, tokenizer: Any) -> list[int]:
    before = [tokenizer.sot_prev, *plan.prompt] if plan.prompt else []
    return [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]


def _pieces(alignment: Any, tokens: list[int], tokenizer: Any) -> Iterator[Piece]:
    """What is written, with the times at which the alignment steps from one token to the next."""
    if not tokens:
        return
    texts, parts = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    bounds = np.cumsum([0, *(len(part) for part in parts[:-1])])
    steps = np.array(alignment.alignments)
    begins = np.diff(steps[:, 0], prepend=-1) > 0
    times = steps[begins, 1] / _ALIGNED_A_SECOND
    for text, first, last in zip(texts[:-1], bounds[:-1], bounds[1:], strict=True):
        probability = float(np.mean(alignment.text_token_probs[first:last]))
        yield Piece(text, float(times[first]), float(times[last]), probability)


def _hypothesis(result: Any, tokens: list[int], found: tuple[Word, ...], tokenizer: Any) -> Hypothesis:
    generated = len(result.sequences_ids[0])
    text = tokenizer.decode(tokens).strip()
    return Hypothesis(
        found,
        no_speech_probability=min(max(result.no_speech_prob, 0.0), 1.0),
        # the score is a mean over the text; Whisper's counts the end as a token too
        mean_log_probability=result.scores[0] * generated / (generated + 1),
        compression_ratio=compression_ratio(text),
        language=tokenizer.language_code,
        tokens=len(tokens),
    )


def compression_ratio(text: str) -> float:
    """Bytes of the text by its bytes after zlib: 1 to 2 for speech, more where a phrase comes again and again."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))
