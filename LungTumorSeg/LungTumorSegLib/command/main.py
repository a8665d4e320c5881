"""`lungtumorseg ...`: the command line.

Exit codes: 0 done; 2 the input is refused (one line on stderr, nothing written); 3 done, but some of several scans
failed or a model was not promoted (the tables say why); 1 our fault (the log is named, where one could be written);
130 cancelled with Ctrl-C.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from LungTumorSegLib.command.align import align
from LungTumorSegLib.command.app import app as app_
from LungTumorSegLib.command.assemble import assemble
from LungTumorSegLib.command.case import case
from LungTumorSegLib.command.check import check
from LungTumorSegLib.command.download import download
from LungTumorSegLib.command.evaluate import evaluate
from LungTumorSegLib.command.export import export
from LungTumorSegLib.command.fault_log import details_in, log_fault, log_to_file
from LungTumorSegLib.command.measure import measure
from LungTumorSegLib.command.networks import networks
from LungTumorSegLib.command.phantom import phantom
from LungTumorSegLib.command.promote import models, promote, rollback
from LungTumorSegLib.command.response import response
from LungTumorSegLib.command.segment import segment
from LungTumorSegLib.command.train import train
from LungTumorSegLib.command.unpack import unpack
from LungTumorSegLib.command.version import version
from LungTumorSegLib.command.worker import worker
from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.worker.client import WorkerFault

CANCELLED = "cancelled, nothing was written"

app = typer.Typer(
    help="Lung-tumour segmentation on CT. Research software, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    *(app_, segment, train, promote, rollback, models, check, download),
    *(measure, response, export, evaluate, networks, phantom, worker),
):
    app.command()(command)
app.add_typer(case, name="case")
for for_hosts in (assemble, unpack, align):
    app.command(hidden=True)(for_hosts)


def say_version(asked: bool) -> None:
    if asked:
        print(f"lungtumorseg {version()}")
        raise typer.Exit()


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=say_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Eager: without a command, typer asks for one before it comes here."""


def main() -> None:
    """The console script. Typer itself answers a wrong option with one line and exit code 2."""
    log_to_file()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="backslashreplace")  # a file's name may hold what no encoding can say
    try:
        app()
    except InputRefused as refusal:
        leave(2, str(refusal))
    except WorkerFault as fault:
        leave(1, f"{fault} ({details_in(log_fault(fault))})")
    except Cancelled:
        leave(130, CANCELLED)
    except SystemExit as end:
        # Typer turns a Ctrl-C that no command caught (while a file is read, say) into a silent exit.
        if end.__context__ is not None and isinstance(end.__context__.__cause__, KeyboardInterrupt):
            leave(130, CANCELLED)
        raise
    except Exception as fault:
        where = details_in(log_fault(fault))
        leave(1, f"this should not have happened ({type(fault).__name__}); nothing was written; {where}")


def leave(code: int, line: str) -> None:
    print(f"lungtumorseg: {line}", file=sys.stderr)
    sys.exit(code)
