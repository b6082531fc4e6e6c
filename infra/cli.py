"""The command line: what may be typed. It needs no environment, so a wrong flag costs no time."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from infra.bootstrap.parts import ROOT
from infra.terminal import fail

WRONG_USAGE = 2
DEFAULT_DATA = ROOT / ".polynode"
DEFAULT_PORT = 8000
MOST_PORT = 65_535
PROGRAM = "python3 -m infra"


class Parser(argparse.ArgumentParser):
    """A wrong flag gets one line, not a page."""

    def error(self, message: str) -> NoReturn:
        fail(f"{message} (see {self.prog} --help)")
        raise SystemExit(WRONG_USAGE)


@dataclass(frozen=True)
class Command:
    """`function` of the module `infra.commands.<module>` does the work; `add` names its flags."""

    summary: str
    module: str
    function: str = "run"
    add: Callable[[argparse.ArgumentParser], None] | None = None
    passes_on: str = ""  # the program that gets the rest of the line
    has_data: bool = True


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; help and mistakes end the program here."""
    parser = Parser(prog=PROGRAM, description="Polynode, from one command.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        more = f" Further arguments go to `{command.passes_on}`." if command.passes_on else ""
        sub = commands.add_parser(
            name,
            help=command.summary,
            description=f"{command.summary.capitalize()}.{more}",
            allow_abbrev=False,
        )
        if command.add:
            command.add(sub)
        if command.has_data:
            _add_data(sub)
    options, rest = parser.parse_known_args(arguments)
    if rest and not COMMANDS[options.command].passes_on:
        subparser = commands.choices[options.command]
        subparser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.arguments = rest
    return options


def run(options: argparse.Namespace) -> int:
    """Run the command in the environment that stands by now."""
    command = COMMANDS[options.command]
    module = import_module(f"infra.commands.{command.module}")
    code: int = getattr(module, command.function)(options)
    return code


def _up(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--detach", action="store_true", help="go on in the background when ready")
    add(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help="public port (8000, or the next free; 0: any)",
    )
    add(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen here (this machine only); for 0.0.0.0 or ::, set POLYNODE_PUBLIC_URL to the "
        "origin that other machines use",
    )
    add("--router", choices=("hive", "apollo"), default="hive", help="serves HTTP (hive)")
    add("--separate", action="store_true", help="one process a subgraph")
    add("--processes", type=int, default=0, metavar="N", help="of all subgraphs (one a core)")
    seed = parser.add_mutually_exclusive_group()
    seed.add_argument("--no-seed", action="store_true", help="start with empty databases")
    _size(seed)
    add("--only", action="append", default=[], metavar="PART", help="this part and what it needs")
    add(
        "--postgres",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        type=_setting,
        help="a setting of Postgres, for this start",
    )


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def _logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="a process, as `status` names it")
    parser.add_argument("-f", "--follow", action="store_true", help="wait for more")
    parser.add_argument("-n", "--lines", type=int, default=20, metavar="N", help="of each log (20)")


def _reset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="really")


def _compose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="change nothing; fail when stale")
    parser.add_argument("--base", metavar="REF", help="refuse what breaks the API of this commit")


def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="lessons and a course.toml")
    parser.add_argument("--organization", required=True, metavar="ID", help="offers the course")


def _test(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fast", action="store_true", help="leave out the slow folders")


def _size(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--size", choices=("small", "large"), default="small", help="of the seed")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="FOLDER",
        help="data folder (.polynode in the checkout)",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


COMMANDS = {
    "up": Command("start everything; Ctrl-C stops it", "up", add=_up),
    "down": Command("stop everything", "down"),
    "status": Command("show each process and its health", "status", add=_status),
    "logs": Command("show the logs of one process or of all", "logs", add=_logs),
    "reset": Command("delete all data", "reset", add=_reset),
    "migrate": Command(
        "bring the databases to the newest schema",
        "jobs",
        "migrate",
        passes_on="python -m subgraphs migrate",
    ),
    "seed": Command("fill the databases with courses and people", "jobs", "seed", _size),
    "compose": Command(
        "write the schemas and the supergraph", "compose", add=_compose, has_data=False
    ),
    "events": Command(
        "show lag and dead letters of events, replay them",
        "jobs",
        "events",
        passes_on="python -m subgraphs events",
    ),
    "bench": Command(
        "measure speed; `bench faults`: kill everything under load",
        "jobs",
        "bench",
        passes_on="python -m tests.load",
        has_data=False,
    ),
    "import": Command(
        "import a folder of Markdown lessons as a course",
        "jobs",
        "import_course",
        _import,
        passes_on="python -m subgraphs.courses.importer",
    ),
    "rotate-keys": Command(
        "make a new signing key for access tokens",
        "jobs",
        "rotate_keys",
        passes_on="python -m subgraphs.users.keys rotate",
    ),
    "test": Command(
        "run every check and test", "test", add=_test, passes_on="pytest", has_data=False
    ),
}
