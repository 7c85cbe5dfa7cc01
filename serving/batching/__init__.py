"""Rows of many requests in batches of one compute thread: urgent ones first, none lost, none starved.

What a caller needs (import from the modules; this package exports nothing itself):

`serving.batching.micro_batcher.MicroBatcher(compute, policy=BatchingPolicy(), *, shape_of, party_of, outages, observer,
clock, grace_seconds)`, used as `async with`, of which

- `await ask(payloads, *, key, urgency, deadline, flights=None) -> list[Result | Exception]`: one entry a payload, in
  their order; raises `QueueFull` or `ShuttingDown` for the whole call. An entry may be what `compute` returned for
  the row, what it raised for it, `DeadlinePassed`, or `ShuttingDown`. A caller that is cancelled takes its rows along.
- `compute(key, payloads) -> list[Result | Exception]` runs in one thread of its own, never twice at once.
- `deadline` is a moment on `clock`, which is `time.monotonic`.
- `shape_of(key)` names what rows cost alike (a latency model each), `party_of(key)` whose rows they are (fair shares
  of the compute time within a class); both default to the key itself.
- `counts`, `depth`, `oldest_wait_seconds()`, `computing_seconds()`, `predicted_seconds(key, rows)`, `drain_rate()` and
  `retry_after(urgency, rows)` are for metrics, admission, fallbacks and health.

`serving.batching.policy.BatchingPolicy`: bounds, ageing times, time quanta. `serving.batching.refusals`: `Refusal`
and `QueueFull(retry_after_seconds)`, `DeadlinePassed`, `Cancelled`, `ShuttingDown`. `serving.batching.observer.
BatchObserver`: what a metrics layer may listen to.

Everything that decides is `serving.batching.scheduler.Scheduler` and below: no I/O, no clock, `now` is an argument.
"""
