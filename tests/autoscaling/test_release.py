"""Answers that end their connections."""

import asyncio

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from serving.autoscaling.release import Release


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def closing(release: Release, requests: int) -> list[bool]:
    async def ask() -> list[bool]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(release), base_url="http://test") as client:
            answers = [await client.get("/") for _ in range(requests)]
        assert {answer.text for answer in answers} == {"hello"}
        return [answer.headers.get("connection") == "close" for answer in answers]

    return asyncio.run(ask())


def hello() -> Release:
    return Release(Starlette(routes=[Route("/", _hello)]))


def test_so_many_answers_are_the_last_on_their_connection() -> None:
    release = hello()
    release.release(2)
    assert closing(release, 4) == [True, True, False, False]


def test_a_new_number_replaces_the_old() -> None:
    release = hello()
    release.release(3)
    release.release(0)
    assert closing(release, 2) == [False, False]


def test_all_from_now_on() -> None:
    release = hello()
    release.release_all()
    assert closing(release, 3) == [True, True, True]
