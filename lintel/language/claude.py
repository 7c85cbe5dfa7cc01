"""Claude, asked for an answer in a given form. Whatever is sent must be redacted before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from lintel.errors import UnavailableError

VERSION = "2023-06-01"
_TOOL = "answer"
_MOST_TOKENS = 4_000
_TRIES = 2
_PASSING = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
"""Statuses after which it is tried once more."""


@dataclass(frozen=True)
class Claude:
    """One model behind the Messages API. The key is never in an error or a log."""

    key: str = field(repr=False)
    model: str
    address: str = "https://api.anthropic.com"
    timeout_seconds: float = 60.0

    def ask(self, instructions: str, text: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to a text, as a JSON object of the schema (which the caller checks all the same).

        Raises UnavailableError when the service cannot be reached, refuses, or answers in no form.
        """
        body = {
            "model": self.model,
            "max_tokens": _MOST_TOKENS,
            "system": instructions,
            "messages": [{"role": "user", "content": text}],
            "tools": [{"name": _TOOL, "description": "Give the answer.", "input_schema": schema}],
            "tool_choice": {"type": "tool", "name": _TOOL},
        }
        answer = self._posted(body)
        content = answer.get("content") if isinstance(answer, dict) else None
        for part in content if isinstance(content, list) else []:
            if isinstance(part, dict) and part.get("type") == "tool_use" and isinstance(part.get("input"), dict):
                return part["input"]
        raise UnavailableError(f"The language model {self.model} gave no answer in the form asked for.")

    def _posted(self, body: Mapping[str, Any]) -> Any:
        headers = {"x-api-key": self.key, "anthropic-version": VERSION}
        problem = ""
        for _ in range(_TRIES):
            try:
                response = httpx.post(
                    f"{self.address}/v1/messages", json=body, headers=headers, timeout=self.timeout_seconds
                )
                if response.is_success:
                    return response.json()
            except (httpx.HTTPError, ValueError) as error:
                problem = type(error).__name__
                continue
            problem = f"status {response.status_code}"
            if response.status_code not in _PASSING:
                break
        raise UnavailableError(f"The language model at {self.address} cannot answer ({problem}).")
