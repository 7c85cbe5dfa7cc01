"""The state database: what is derived from events or says who may ask. A second file, so that its writers never wait
for a load of events; `lintel.registry.traffic` lies in it too."""

from lintel.store.keys import KeyRing, Principal, Role
from lintel.store.scores import ScorePage, ScoreRow, ScoreStore

__all__ = ["KeyRing", "Principal", "Role", "ScorePage", "ScoreRow", "ScoreStore"]
