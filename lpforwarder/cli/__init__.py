"""The command line. Imports click alone: each command's module is loaded when it is called.

Results go to stdout, talk to stderr. Exit codes are a contract: see `lpforwarder --help`.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from dataclasses import dataclass
from typing import Any

import click

from lpforwarder import __version__

COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Start": {
        "demo": ("demo", "Try it now: pretend vault, pretend collector, no configuration."),
        "run": ("run", "Forward events until stopped. This is what systemd starts."),
    },
    "Check": {
        "check-config": ("check_config", "Check the configuration and the files it names; no network."),
        "test-pull": ("test_pull", "Log in to each source and fetch one window; keep nothing."),
        "test-send": ("test_send", "Send two marked test messages to each collector; show every step."),
        "render": ("render", "Print the exact messages events would become; send nothing."),
    },
    "Watch": {
        "status": ("status", "Say how the service is doing, also when it is down."),
    },
    "Repair": {
        "rejects": ("rejects", "List, show, retry or drop events that a collector cannot take."),
        "journal": ("journal", "Info, verify, repair: the file that holds all state."),
    },
    "Admin": {
        "token": ("token", "Create, list and revoke access to the pull API."),
        "address-list": ("address_list", "Print a systemd drop-in that allows the configured addresses."),
    },
    "Try": {
        "simulate": ("simulate", "A pretend vault or a pretend collector as a server of its own."),
    },
}
"""Section → command → (module of this folder, one line of help)."""

EXAMPLES = """\b
Examples:
  lpforwarder demo                     see the whole pipeline work, in half a minute
  lpforwarder check-config             find every mistake in ./lpforwarder.yaml
  lpforwarder test-send --to siem.example.net:6514
"""

EXIT_CODES = """\b
Exit codes: 0 good, 1 a bug, 2 usage, 3 a check or test found a problem, 4 some good and some not,
5 behind or degraded, 6 not running, 7 not found, 75 busy, 77 permission, 78 configuration, 130 Ctrl-C.
"""


@dataclass(frozen=True, slots=True)
class Globals:
    """The options before the command."""

    config: str | None
    json: bool
    color: bool
    verbosity: int
    """-1 quiet, 0 usual, 1 and more: tell more."""


class OutputClosed(Exception):
    """Whoever read our output has enough."""


class LazyGroup(click.Group):
    """Knows every command by name and one line; loads its module only when it is called."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # As it is, click would end the process with 1, which means a bug.
            raise OutputClosed from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for section in COMMANDS.values():
            if cmd_name in section:
                module = importlib.import_module(f"lpforwarder.cli.{section[cmd_name][0]}")
                command: click.Command = getattr(module, cmd_name.replace("-", "_"))
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known:
            import difflib

            near = difflib.get_close_matches(args[0], known, 1, 0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in section.items()])


@click.group(
    cls=LazyGroup,
    help=f"Forward LastPass audit events to SIEMs: no event lost, no event forged.\n\n{EXAMPLES}",
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("-c", "--config", metavar="FILE", help="Configuration (else $LPFORWARDER_CONFIG, "
              "./lpforwarder.yaml, /etc/lpforwarder/config.yaml).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Facts as JSON on stdout.")
@click.option("--no-color", is_flag=True, help="No colours; $NO_COLOR does the same.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what is wrong.")
@click.option("-v", "--verbose", count=True, help="Say more.")
@click.version_option(__version__, prog_name="lpforwarder")
@click.pass_context
def cli(
    ctx: click.Context, config: str | None, as_json: bool, no_color: bool, quiet: bool, verbose: int
) -> None:
    color = not no_color and not os.environ.get("NO_COLOR") and sys.stderr.isatty()
    ctx.obj = Globals(config, as_json, color, -1 if quiet else verbose)


def main(arguments: list[str] | None = None) -> None:
    """The console script: runs a command and turns what went wrong into words and an exit code."""
    _open_closed_outputs()
    try:
        result: Any = cli.main(args=arguments, prog_name="lpforwarder", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except (OutputClosed, BrokenPipeError):
        # Without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            sys.exit(_explained(error))
        print("error: the output cannot be written: no space left on device", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - sorted, shown and turned into an exit code
        sys.exit(_explained(error))
    sys.exit(result if isinstance(result, int) else 0)


def _open_closed_outputs() -> None:
    """A command started with `>&-` has nowhere to print to, and works all the same."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def _explained(error: BaseException) -> int:
    from lpforwarder.cli.failures import explain

    return explain(error)
