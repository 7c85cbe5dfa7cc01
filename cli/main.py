"""The `lintel` command: one subcommand a file, errors as sentences, exit codes that mean something.

Exit codes: 0 done; 1 unexpected; 2 wrong input or usage; 3 not found; 4 refused; 5 unavailable (publisher, store,
disk); 6 incompatible versions; 7 the audit log is broken; 130 interrupted.
"""

import errno
import json
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from cli.broken_audit import BrokenAuditError
from cli.deferred import Deferred
from cli.output import errors
from cli.unanswered import UnansweredError
from lintel.errors import InputError, LintelError, StorageFullError

UsageError = typer.BadParameter.__mro__[2]
"""The root of what the command-line parser refuses; typer does not name it."""

INTERRUPTED = 130
ROOT = Path(__file__).resolve().parent.parent

COMMANDS = (
    (
        "nightly",
        "Run the nightly job in this process: lake, features, training, gate, registry, promotion, scores, bento.",
        "cli.nightly",
    ),
    (
        "evaluate",
        "Evaluate the champion again, on the examples of the newest nightly run, against two baselines.",
        "cli.evaluate",
    ),
    (
        "fairness",
        "Audit the champion's features and scores for proxies of a protected group, and compare groups.",
        "cli.fairness",
    ),
    (
        "tune",
        "Search settings on folds inside the train fold; the next training uses those that beat the defaults.",
        "cli.tune",
    ),
    ("score", "Score one lead as of a moment.", "cli.score"),
    (
        "replay",
        "Write a page that replays one lead: what happened, what was scored at each moment, and why.",
        "cli.replay",
    ),
    (
        "transcribe",
        "Write down recordings, each channel by itself; one that cannot be read does not stop the others.",
        "cli.transcribe",
    ),
    ("serve", "Serve scores over HTTP in the background until `lintel serve --stop`.", "cli.serve"),
    ("demo", "Data, nightly run, champion, bento, HTTP: the leads most worth a call.", "cli.demo"),
    (
        "quarantine",
        "Rows that were not taken and events that a gate set aside, newest first, each with its column and reason.",
        "cli.quarantine",
    ),
    (
        "erase",
        "Remove a lead, with all it was merged with, from everything here, and withhold its events from now on.",
        "cli.erase",
    ),
    ("monitor", "Write the monitoring page of a tenant, as of now.", "cli.monitor"),
    ("gates", "The last results of the data gates: events, their timeliness, features, examples, scores.", "cli.gates"),
    ("docs", "Write the pages under docs/ that are made from the code.", "cli.documentation"),
)
GROUPS = (
    ("data", "Published data sets: what there is, and fetching them.", "cli.data"),
    ("ingest", "Append events from a file, a data set or the simulator.", "cli.ingest"),
    ("market", "Market series (rates, inventory, prices) that features read beside a lead's events.", "cli.market"),
    ("models", "Registered score bundles of a tenant, and which of them answers.", "cli.models"),
    (
        "rollouts",
        "Bringing a version in front of callers step by step, judged by what it does there.",
        "cli.rollouts",
    ),
    ("audit", "The audit log: who did what to models, and whether that record is whole.", "cli.audit"),
    ("call", "Calls: what was said, what it means, and what a coach would have said.", "cli.call"),
    ("alerts", "Alerts: rules on what monitors, rollouts and runs came to, and whom they tell.", "cli.alerts"),
    ("triggers", "What asked for training, what came of it, and asking for one.", "cli.triggers"),
    ("keys", "API keys of a tenant.", "cli.keys"),
    ("predictions", "The log of all answers: what is in it, and whether anything is missing.", "cli.predictions"),
    ("tenants", "Tenants (brokerage accounts), and whether models of others may learn from them.", "cli.tenants"),
)


class Lintel(TyperGroup):
    """All commands, each imported when it is called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        listed = [Deferred(name, words, module, name) for name, words, module in COMMANDS]
        listed += [Deferred(name, words, module, "app") for name, words, module in GROUPS]
        self.commands = {str(one.name): one for one in listed}


app = typer.Typer(
    name="lintel",
    cls=Lintel,
    help="Lead intelligence for real-estate CRMs: an event log in, calibrated scores with their doubt out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(version("lintel"))
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """What holds for all commands."""


def main() -> None:
    """Run the command line; turn every expected error into a sentence and its exit code."""
    try:
        if app(standalone_mode=False) == INTERRUPTED:  # what typer makes of Ctrl-C
            _fail("Interrupted.", "interrupted", INTERRUPTED)
    except (typer.Abort, KeyboardInterrupt):
        _fail("Interrupted.", "interrupted", INTERRUPTED)
    except UsageError as error:
        _fail(error.format_message(), "usage", error.exit_code)
    except UnansweredError as error:
        _fail(str(error), error.type, error.exit_code, lead_id=error.lead_id)
    except BrokenAuditError as error:
        _fail(str(error), error.slug, error.exit_code, line=str(error.line), fault=error.fault)
    except LintelError as error:
        _fail(str(error), error.slug, error.exit_code)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            _fail(_unexpected(error), "unexpected", 1)
        full = StorageFullError("The disk is full; what was not finished was not written.", mend="Free some space.")
        _fail(str(full), full.slug, full.exit_code)
    except UnicodeEncodeError as error:
        if not any(_is_not_utf8(one) for one in sys.argv):
            _fail(_unexpected(error), "unexpected", 1)
        wrong = InputError(
            "An argument is not UTF-8, which is all that can be kept.", mend="Set the terminal to UTF-8."
        )
        _fail(str(wrong), wrong.slug, wrong.exit_code)
    except Exception as error:
        _fail(_unexpected(error), "unexpected", 1)


def _is_not_utf8(argument: str) -> bool:
    """Python stands in for such bytes with surrogates."""
    return any("\ud800" <= character <= "\udfff" for character in argument)


def _unexpected(error: Exception) -> str:
    """Kind and places of an error that nobody expected. Its message is left out: it may hold what an event says."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [
        f"  {Path(frame.filename).relative_to(ROOT)}:{frame.lineno} in {frame.name}" for frame in frames if _ours(frame)
    ]
    return "\n".join([f"Unexpected {type(error).__name__} ({type(error).__module__}) in", *places[-6:]])


def _ours(frame: traceback.FrameSummary) -> bool:
    path = Path(frame.filename)
    return path.is_relative_to(ROOT) and ".venv" not in path.parts


def _fail(message: str, slug: str, code: int, **about: str) -> None:
    if message:  # none where help was asked for by giving no command
        errors.print(f"[red]error:[/red] {escape(message)}", highlight=False, soft_wrap=True)
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({"error": {"type": slug, **about, "message": message}}) + "\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
