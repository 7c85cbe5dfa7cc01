"""A mapping that forgets what was used longest ago, bounded by the bytes it holds."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Bounded(Generic[Key, Value]):
    """Least recently used out. Not safe to share between threads: whoever owns it holds a lock.

    Parameters
    ----------
    max_bytes: bound on the sum of the sizes given with the values. max_entries: bound on their number.
    """

    def __init__(self, max_bytes: int, max_entries: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def nbytes(self) -> int:
        """Sum of the sizes of what is held."""
        return self._bytes

    def get(self, key: Key) -> Value | None:
        """The value, which is now the one used last; None if it is not held."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: Key, value: Value, size: int) -> None:
        """Hold a value of so many bytes in the place of what was there; one above the bound is not held."""
        self.discard(key)
        if size > self._max_bytes or self._max_entries == 0:
            return
        self._entries[key] = (value, size)
        self._bytes += size
        while self._bytes > self._max_bytes or self._above_entries():
            _, (_, freed) = self._entries.popitem(last=False)
            self._bytes -= freed

    def discard(self, key: Key) -> None:
        """Forget a value, if it is held."""
        found = self._entries.pop(key, None)
        if found is not None:
            self._bytes -= found[1]

    def keys(self) -> list[Key]:
        """What is held, the one used longest ago first."""
        return list(self._entries)

    def _above_entries(self) -> bool:
        return self._max_entries is not None and len(self._entries) > self._max_entries
