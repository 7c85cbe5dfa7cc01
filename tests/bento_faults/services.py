"""Services of batchable APIs, small enough to show a fault each."""

import asyncio
from typing import Any, ClassVar

import bentoml
import numpy as np
import pandas as pd

POISON = -1
_QUIET: dict[str, Any] = {"metrics": {"enabled": False}, "logging": {"access": {"enabled": False}}}


@bentoml.service(name="poisoned", **_QUIET)
class Poisoned:
    @bentoml.api(batchable=True, max_batch_size=16, max_latency_ms=10_000)
    async def score(self, rows: list[int]) -> list[int]:
        if POISON in rows:
            raise ValueError("poison")
        return rows


@bentoml.service(name="tenants", **_QUIET)
class Tenants:
    @bentoml.api(batchable=True, max_batch_size=16, max_latency_ms=10_000)
    async def score(self, rows: list[int], ctx: bentoml.Context) -> list[str]:
        return [ctx.request.headers["tenant"]] * len(rows)


@bentoml.service(name="slow", traffic={"timeout": 1}, **_QUIET)
class Slow:
    computed: ClassVar[list[int]] = []

    @bentoml.api(batchable=True, max_batch_size=4, max_latency_ms=60_000)
    async def score(self, rows: list[int]) -> list[int]:
        await asyncio.sleep(0.05 if rows[0] < 0 else 0.4)
        self.computed.extend(rows)
        return rows


@bentoml.service(name="frames", **_QUIET)
class Frames:
    @bentoml.api(batchable=True, max_batch_size=16, max_latency_ms=10_000)
    async def frame(self, rows: pd.DataFrame) -> np.ndarray:
        return rows["a"].to_numpy()

    @bentoml.api(batchable=True, max_batch_size=16, max_latency_ms=10_000)
    async def array(self, rows: np.ndarray) -> np.ndarray:
        return rows


@bentoml.service(name="patient", **_QUIET)
class Patient:
    answered: ClassVar[list[int]] = []

    @bentoml.api(batchable=True, max_batch_size=4, max_latency_ms=60_000)
    async def score(self, rows: list[int]) -> list[int]:
        await asyncio.sleep(0.01)
        self.answered.extend(rows)
        return rows


@bentoml.service(name="hasty", **_QUIET)
class Hasty:
    @bentoml.api(batchable=True, max_batch_size=4, max_latency_ms=100)
    async def score(self, rows: list[int]) -> list[int]:
        await asyncio.sleep(0.02)
        return rows
