"""One stretch of speech while it is said: what to hear of it next, and which of its words are certain."""

from collections.abc import Sequence
from dataclasses import dataclass

from lintel.voice.audio.samples import Samples
from lintel.voice.streaming.agreement import Agreement, Update
from lintel.voice.streaming.buffer import OpenBuffer
from lintel.voice.streaming.echo import without_echo
from lintel.voice.transcript import Word

SENTENCE_ENDS = (".", "?", "!")
_ROUNDING = 1e-3  # of times that are sums of lengths, in seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. Audio that stays open is heard again with every chunk, so what is certain is cut away: at a committed
    sentence's end once `sentence_cut_s` are open, after a committed word once `word_cut_s` are. `window_s` is the most
    that is heard at once; if a whole window leaves nothing certain, its words count but for the last `unsure_s`.
    Words on which looks disagree count once `disputed_s` were heard after them."""

    sentence_cut_s: float = 6.0
    word_cut_s: float = 12.0
    window_s: float = 20.0
    unsure_s: float = 1.0
    disputed_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Audio to hear, from `start` to `end` of the stream; `last` when nothing will be heard after it."""

    samples: Samples
    start: float
    end: float
    last: bool


class Utterance:
    """From where speech began until it ended, in seconds of the stream; `floor` is where the words before it ended.

    Every sample is in a window that was heard before it is cut away.
    """

    def __init__(self, start: float, floor: float, limits: Limits) -> None:
        self._limits = limits
        self._buffer = OpenBuffer(start)
        self._agreement = Agreement(floor)
        self._heard = start
        self.closed = False
        self.done = False

    @property
    def start(self) -> float:
        """Of the audio that is still open."""
        return self._buffer.start

    @property
    def end(self) -> float:
        return self._buffer.end

    @property
    def unheard(self) -> float:
        """Seconds that no window has covered yet."""
        return self._buffer.end - self._heard

    @property
    def held_bytes(self) -> int:
        """Memory that its audio takes."""
        return self._buffer.held_bytes

    @property
    def words_end(self) -> float:
        """Where the last committed word ends."""
        return self._agreement.end

    @property
    def tentative(self) -> tuple[Word, ...]:
        return self._agreement.tentative

    def add(self, samples: Samples) -> None:
        self._buffer.add(samples)

    def close(self) -> None:
        """Speech has ended here: the next window is the last, or the next ones if it is long."""
        self.closed = True

    def begin_after(self, floor: float) -> None:
        """The words before this stretch end only at `floor`: they became known later than it began."""
        self._agreement.begin_after(floor)

    def skip_to(self, time: float) -> float:
        """Give up the audio before `time`; how many seconds of it nobody has heard."""
        lost = max(0.0, min(time, self._buffer.end) - self._heard)
        self._heard = max(self._heard, time)
        self._cut_at(time)
        return lost

    def wanted(self, chunk_seconds: float) -> Stretch | None:
        """The audio to hear once `chunk_seconds` of it are new, or all that is left."""
        start = self._buffer.start
        end = min(self._buffer.end, start + self._limits.window_s)
        last = self.closed and end == self._buffer.end
        full = end < self._buffer.end
        if self.done or not (last or full or end - self._heard >= chunk_seconds - _ROUNDING):
            return None
        return Stretch(self._buffer.until(end), start, end, last)

    def miss(self, stretch: Stretch) -> Update:
        """The decoder made nothing of a stretch. What was tentative stays so, and counts if nothing will follow."""
        self._heard = max(self._heard, stretch.end)
        self.done = stretch.last
        if stretch.last or self._is_whole(stretch):
            update = self._agreement.settle()
            self._cut_at(stretch.end)
            return update
        return Update((), self._agreement.tentative)

    def hear(self, stretch: Stretch, words: Sequence[Word]) -> Update:
        """Take what was heard in a stretch; the words' times are the stream's."""
        self._heard = max(self._heard, stretch.end)
        said = without_echo(words)
        if stretch.last:
            self.done = True
            return self._agreement.hear_last(said)
        update = self._agreement.hear(said, stretch.end - self._limits.disputed_s)
        if self._is_whole(stretch) and not self._agreement.within:
            update = self._force(stretch, update)
        self._cut()
        return update

    def _is_whole(self, stretch: Stretch) -> bool:
        return stretch.end - stretch.start >= self._limits.window_s - _ROUNDING

    def _force(self, stretch: Stretch, update: Update) -> Update:
        sure = stretch.end - self._limits.unsure_s
        forced = self._agreement.settle_before(sure)
        if not self._agreement.within:
            self._cut_at(sure)
        return Update((*update.committed, *forced.committed), forced.tentative)

    def _cut(self) -> None:
        within = self._agreement.within
        if self._buffer.seconds >= self._limits.sentence_cut_s:
            ends = [place for place, word in enumerate(within) if word.text.endswith(SENTENCE_ENDS)]
            if ends:
                self._cut_after(within, ends[-1])
            elif within and self._buffer.seconds >= self._limits.word_cut_s:
                self._cut_after(within, len(within) - 1)

    def _cut_after(self, words: Sequence[Word], place: int) -> None:
        """Cut in the middle of the pause after a word."""
        following = [*words[place + 1 :], *self._agreement.tentative]
        end = words[place].end
        self._cut_at((end + following[0].start) / 2 if following else end)

    def _cut_at(self, time: float) -> None:
        time = min(time, self._heard)
        self._buffer.cut(time)
        self._agreement.cut(time)
