"""The `lintel` command: one subcommand a file, errors as sentences, exit codes that mean something.

Exit codes: 0 done; 1 unexpected; 2 wrong input or usage; 3 not found; 4 refused; 5 unavailable (publisher, store,
disk); 6 incompatible versions; 130 interrupted.
"""

import errno
import json
import sys
import traceback
from pathlib import Path

import typer
from rich.markup import escape

from cli import data, demo, documentation, evaluate, ingest, keys, models, nightly, replay, score, serve
from cli.output import errors
from lintel.errors import LintelError, StorageFullError

UsageError = typer.BadParameter.__mro__[2]
"""The root of what the command-line parser refuses; typer does not name it."""

INTERRUPTED = 130
ROOT = Path(__file__).resolve().parent.parent

app = typer.Typer(
    name="lintel",
    help="Lead intelligence for real-estate CRMs: an event log in, calibrated scores with their doubt out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.add_typer(ingest.app, name="ingest")
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
for command in (
    nightly.nightly,
    evaluate.evaluate,
    score.score,
    replay.replay,
    serve.serve,
    demo.demo,
    documentation.docs,
):
    app.command()(command)


def main() -> None:
    """Run the command line; turn every expected error into a sentence and its exit code."""
    try:
        if app(standalone_mode=False) == INTERRUPTED:  # what typer makes of Ctrl-C
            _fail("Interrupted.", "interrupted", INTERRUPTED)
    except (typer.Abort, KeyboardInterrupt):
        _fail("Interrupted.", "interrupted", INTERRUPTED)
    except UsageError as error:
        _fail(error.format_message(), "usage", error.exit_code)
    except LintelError as error:
        _fail(str(error), error.slug, error.exit_code)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            _fail(_unexpected(error), "unexpected", 1)
        full = StorageFullError("The disk is full; what was not finished was not written.", mend="Free some space.")
        _fail(str(full), full.slug, full.exit_code)
    except Exception as error:
        _fail(_unexpected(error), "unexpected", 1)


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


def _fail(message: str, slug: str, code: int) -> None:
    if message:  # none where help was asked for by giving no command
        errors.print(f"[red]error:[/red] {escape(message)}", highlight=False, soft_wrap=True)
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({"error": {"type": slug, "message": message}}) + "\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
