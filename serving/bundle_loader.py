"""Reading bundles beside those that answer: each once, and asked its golden request before anybody else asks it."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from lintel.scoring.bundle import Bundle

logger = logging.getLogger("lintel.serving")

Signature = tuple[tuple[str, int, int], ...]


class RefusedBundleError(Exception):
    """A bundle that is not served; the message says why, and holds no name of a tenant."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why the files that looked like this were refused: they are not read again before they change."""

    signature: Signature
    fault: str


class BundleLoader:
    """Loads, warms and checks bundles. Thread-safe; one at a time, and whoever wants the same one waits for it.

    It holds bundles weakly: what nobody serves any more is given back. `refused` counts the bundles that did not pass.
    """

    def __init__(self, read: Callable[[Path], Bundle]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._held: WeakValueDictionary[Path, Bundle] = WeakValueDictionary()
        self._refusals: dict[Path, _Refusal] = {}
        self.refused = 0

    def load(self, path: Path, digest: str | None) -> Bundle:
        """The bundle at `path`, once it has answered its golden request; the one that is in use, if there is one.

        Raises RefusedBundleError if it is missing, broken, another one than `digest` says, or computes other numbers.
        """
        with self._lock:
            held = self._held.get(path)
            if held is not None:
                return held
            signature = _signature(path)
            known = self._refusals.get(path)
            if known is not None and known.signature == signature:
                raise RefusedBundleError(known.fault)
            try:
                bundle = self._held[path] = self._checked(path, digest)
            except RefusedBundleError as error:
                self._refusals[path] = _Refusal(signature, str(error))
                self.refused += 1
                raise
            self._refusals.pop(path, None)
            return bundle

    def _checked(self, path: Path, digest: str | None) -> Bundle:
        try:
            bundle = self._read(path)
        except Exception as error:
            # whatever a library raises on files of another version: one bundle must not stop the others' traffic
            logger.warning("bundle %s cannot be loaded: %s: %s", path.name, type(error).__name__, error)
            raise RefusedBundleError("cannot be loaded") from None
        if digest is not None and bundle.digest != digest:
            logger.warning("bundle %s is another one than its folder says", path.name)
            raise RefusedBundleError("cannot be loaded: it is another one than its folder says")
        try:
            bundle.check_golden()
        except Exception as error:
            # whatever a library raises on models of another version: what cannot answer this cannot answer a lead
            logger.warning("bundle %s does not serve: %s", path.name, error)
            raise RefusedBundleError("answers its golden request otherwise than when it was trained") from None
        return bundle


def _signature(path: Path) -> Signature:
    """Name, size and time of change of each file; empty if there is no folder that can be looked into."""
    try:
        files = [(one, one.stat()) for one in sorted(path.rglob("*")) if one.is_file()]
    except OSError:
        return ()
    return tuple((str(one), status.st_size, status.st_mtime_ns) for one, status in files)
