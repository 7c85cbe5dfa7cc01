"""Who is at the command line: the account of the operating system, or the name that they give.

Neither proves anything: whoever can run the command can write the database, and give any name. The name is for people
who work together; who must not be able to act under another's name acts over HTTP, with a key of their own.
"""

import getpass
import os
from typing import Annotated

import typer

from lintel.registry.actor import Actor, person

As = Annotated[
    str | None,
    typer.Option("--as", help="Your name in the audit log; the account of the operating system unless given."),
]


def account() -> str:
    """The account's name, or its number where it has none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"account {os.getuid()}"


def actor(name: str | None) -> Actor:
    """Who acts. Raises InputError for a blank name."""
    return person(account() if name is None else name)
