"""Pages that are made from the code, so that they cannot go stale: `lintel docs` writes them, a test compares them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from fastapi import FastAPI
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from cli.deferred import Deferred
from cli.output import note
from cli.rules_page import HEADINGS, suites
from lintel.events.kinds import Kind, Measure, kinds
from lintel.features.documentation import catalogue_markdown
from lintel.settings import Settings
from serving.application import application
from serving.voice.application import application as voice

Command = TyperCommand | TyperGroup
Parameter = TyperArgument | TyperOption

_MADE = "<!-- Made by `lintel docs` from the code; change the code, not this page. -->"


def docs(
    context: typer.Context,
    root: Annotated[Path, typer.Option(help="The repository's root.")] = Path(),
) -> None:
    """Write the pages under docs/ that are made from the code."""
    command = context.find_root().command
    for path in write(root, command):
        note(f"wrote {path}")


def pages(command: Command) -> dict[str, str]:
    """Path -> text of every page that is made from the code; `command` is the whole `lintel` command."""
    scoring, listening = application(Settings.model_construct()), voice(Settings.model_construct())
    return {
        "docs/features.md": catalogue_markdown(),
        "docs/kinds.md": _kinds_page(),
        "docs/settings.md": _settings_page(),
        "docs/endpoints.md": _endpoints_page("Endpoints", "lead_scoring", 3000, scoring),
        "docs/voice_endpoints.md": _endpoints_page("Voice endpoints", "voice", 3001, listening),
        "docs/commands.md": _commands_page(command),
        "docs/data_rules.md": _rules_page(),
    }


def write(root: Path, command: Command) -> list[str]:
    """Write all pages under `root` and return the paths of those that changed."""
    changed = []
    for name, text in pages(command).items():
        path = root / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed


def _kinds_page() -> str:
    listed = list(kinds().values())
    families = sorted({kind.family for kind in listed})
    parts = []
    for family in families:
        rows = [_kind_row(kind) for kind in listed if kind.family == family]
        parts += [f"## {family}", _table(("kind", "by", "meaning", "value", "attributes", "direction"), rows)]
    return _page(
        "Event kinds",
        f"{len(listed)} kinds in {len(families)} families. A source maps its own vocabulary onto these names; an event "
        "of any other kind is set aside with the reason.",
        "*By* is the usual actor, used where an event names none. *Value* and the up to three *attributes* are numbers "
        "in the unit given; sums use integers (currency in cents, minutes in ms).",
        *parts,
    )


def _rules_page() -> str:
    parts = []
    for name, judged, rows in suites():
        parts += [f"## {name}", judged, _table(HEADINGS, rows)]
    return _page(
        "Rules of the data gates",
        "What must hold of the data each night before the next step sees it. *Block*: nothing downstream is made. *Set "
        "aside*: the rows at fault are left out until they are mended; more of them than "
        "`gate_set_aside_share` block. *Warn*: it is told. How the gates work: [data gates](data_gates.md).",
        *parts,
    )


def _kind_row(kind: Kind) -> tuple[str, ...]:
    value = _measure(kind.value) if kind.value else ""
    attributes = "; ".join(f"{i}: {_measure(one)}" for i, one in enumerate(kind.attributes, start=1))
    return (f"`{kind.name}`", kind.actor.value, kind.meaning, value, attributes, kind.direction or "")


def _measure(measure: Measure) -> str:
    return f"{measure.meaning} ({measure.unit})" if measure.unit else measure.meaning


def _settings_page() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names = [str(one) for one in alias.choices] if alias is not None else [f"LINTEL_{name.upper()}"]  # type: ignore[union-attr]
        default = "none" if field.default is None else f"`{field.default}`"
        bounds = ", ".join(_bound(one) for one in field.metadata)
        rows.append((f"`{name}`", ", ".join(f"`{one}`" for one in names), default, bounds, field.description or ""))
    return _page(
        "Settings",
        "Read once from the environment, then frozen. Where several names are given, the first that is set counts.",
        _table(("setting", "environment", "default", "bounds", "meaning"), rows),
    )


def _bound(constraint: Any) -> str:
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    return ", ".join(
        f"{sign} {getattr(constraint, name):,}" for name, sign in signs.items() if hasattr(constraint, name)
    )


def _endpoints_page(title: str, service: str, port: int, app: FastAPI) -> str:
    document = app.openapi()
    parts = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += [f"## {method.upper()} {path}", *_operation(operation)]
    return _page(
        title,
        f"Of the `{service}` service, on 127.0.0.1:{port} unless set otherwise. Where a key is needed, send "
        "`Authorization: Bearer KEY`; it names the tenant. What is refused is answered with a problem body (RFC 9457): "
        "`type`, `title`, `status`, `detail`, and `mend` where there is something to do. `GET /docs.json` has the "
        "OpenAPI document.",
        *parts,
    )


def _operation(operation: Mapping[str, Any]) -> Iterator[str]:
    key = "Needs a key." if operation.get("security") else "Needs no key."
    summary = operation["summary"] if operation["summary"].endswith("?") else f"{operation['summary']}."
    yield f"{summary} {operation.get('description', '')} {key}".replace("\n", " ")
    parameters = [
        (f"`{one['name']}`", one["in"], _type(one["schema"]), one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    if parameters:
        yield _table(("parameter", "in", "type", "meaning"), parameters)
    if "requestBody" in operation:
        yield from _body(operation["requestBody"])
    answers = [(status, one["description"].replace("\n", " ")) for status, one in operation["responses"].items()]
    yield _table(("status", "answer"), answers)
    example = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("example")
    if example is not None:
        yield _json(example)


def _body(body: Mapping[str, Any]) -> Iterator[str]:
    content = body["content"].get("application/json")
    if content is None:
        yield f"Body: {body['description']}"
        return
    yield _table(("field of the body", "type", "meaning"), list(_fields(content["schema"])))
    yield _json(content.get("example"))


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        need = "" if name in required else " (optional)"
        yield (f"`{name}`{need}", _type(field), field.get("description", ""))


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    bounds = {
        "maxItems": "at most {} of them",
        "maximum": "at most {}",
        "minimum": "at least {}",
        "maxLength": "at most {} long",
    }
    stated = [text.format(f"{schema[name]:,}") for name, text in bounds.items() if name in schema]
    kind = (
        f"list of {_type(schema['items'])}"
        if schema.get("type") == "array"
        else str(schema.get("format") or schema.get("type", "any"))
    )
    if "enum" in schema:
        kind = ", ".join(f"`{one}`" for one in schema["enum"])
    return ", ".join([kind, *stated])


def _commands_page(command: Command) -> str:
    parts = [part for name, one in _commands("lintel", command) for part in (f"## {name}", *_command(name, one))]
    return _page(
        "Commands",
        "Results go to standard output, everything else to standard error. With `--json` standard output ends with one "
        "JSON object. Exit codes: 0 done; 1 unexpected; 2 wrong input or usage; 3 not found; 4 refused; 5 unavailable "
        "(publisher, store, disk); 6 incompatible versions.",
        *parts,
    )


def _commands(name: str, command: Command) -> Iterator[tuple[str, Command]]:
    """All commands below one, with their full names."""
    command = command.load() if isinstance(command, Deferred) else command
    if isinstance(command, TyperGroup):
        for child, inner in command.commands.items():
            yield from _commands(f"{name} {child}", inner)
    else:
        yield name, command


def _command(name: str, command: Command) -> Iterator[str]:
    parameters: list[Parameter] = [one for one in command.params if one.name != "help"]
    yield (command.help or "").strip()
    yield f"```\n{' '.join([name, *map(_usage, parameters)])}\n```"
    if parameters:
        yield _table(("parameter", "default", "meaning"), [_parameter(one) for one in parameters])


def _usage(parameter: Parameter) -> str:
    placeholder = (parameter.name or "").upper()
    if isinstance(parameter, TyperArgument):
        return placeholder
    written = parameter.opts[0] if parameter.is_flag else f"{parameter.opts[0]} {placeholder}"
    return written if parameter.required else f"[{written}]"


def _parameter(parameter: Parameter) -> tuple[str, ...]:
    if isinstance(parameter, TyperArgument):
        names, absent = (parameter.name or "").upper(), parameter.default is None
    else:
        names = ", ".join((*parameter.opts, *parameter.secondary_opts))
        absent = parameter.default is None or parameter.is_flag
    return (f"`{names}`", "" if absent else f"`{parameter.default}`", parameter.help or "")


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([_MADE, f"# {title}", *(part for part in parts if part)]) + "\n"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _json(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```"
