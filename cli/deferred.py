"""Commands whose modules are imported when they are called: the frameworks behind some take seconds to import."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class Deferred(TyperCommand):
    """The name and the help of `attribute` of `module`, which takes over as soon as it is called."""

    def __init__(self, name: str, help_text: str, module: str, attribute: str) -> None:
        super().__init__(name, help=help_text)
        self.module = module
        self.attribute = attribute

    def load(self) -> TyperCommand | TyperGroup:
        """The command itself, with its options. A Typer app is a group, a function is one command."""
        found = getattr(import_module(self.module), self.attribute)
        above = typer.Typer(add_completion=False)
        if not isinstance(found, typer.Typer):
            above.command(self.name)(found)
            return typer.main.get_command(above)
        above.add_typer(found, name=self.name)
        return typer.main.get_group(above).commands[str(self.name)]

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """That of the command itself, so that it is the one that runs."""
        return self.load().make_context(info_name, args, parent=parent, **extra)
