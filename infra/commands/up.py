"""Start everything; Ctrl-C stops it."""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

from infra.bootstrap.parts import ROOT
from infra.stack import folder, logs, state
from infra.stack.environment import Layout
from infra.stack.folder import Folder
from infra.stack.run import run as run_stack
from infra.stack.topology import Options
from infra.terminal import box, paint, say


def run(options: argparse.Namespace) -> int:
    if options.detach:
        return _detach(options)
    chosen = Options(
        separate=options.separate,
        processes=options.processes,
        router=options.router,
        seed=None if options.no_seed else options.size,
        only=tuple(options.only),
        postgres=dict(options.postgres),
    )
    return asyncio.run(
        run_stack(options.data, chosen, port=options.port, host=options.host, announce=_announce)
    )


def _announce(home: Folder, layout: Layout, names: list[str], seconds: float) -> None:
    if "edge" not in names:
        say(f"Ready: {', '.join(names)} ({seconds:.1f} s).")
        return
    lines = [
        f"Polynode is ready ({seconds:.1f} s).",
        "",
        f"Start here   {layout.url}/",
        f"GraphQL      {layout.url}/graphql",
        f"GraphiQL     {layout.url}/graphiql",
        f"Schema       {layout.url}/schema.graphql",
    ]
    logins = json.loads(home.demo.read_text()) if home.demo.exists() else []
    lines += [""] * bool(logins)
    width = max((len(login["email"]) for login in logins), default=0)
    for login in logins:
        lines.append(f"{login['label']:<12} {login['email']:<{width}}  {login['password']}")
    say(box(lines))
    say(paint("Ctrl-C or `python3 -m infra down` stops it.", "dim"))


def _detach(options: argparse.Namespace) -> int:
    """Start the same command in a session of its own; show what it says until it is ready."""
    home = folder.prepare(options.data)
    with folder.owned(home):
        log = logs.path(home, "up")
    arguments = [word for word in sys.argv[1:] if word != "--detach"]
    with log.open("w") as output:
        child = subprocess.Popen(  # noqa: S603, ourselves
            [sys.executable, "-m", "infra", *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        return _follow(child, home, log)
    except KeyboardInterrupt:  # the child, in its session, did not hear it
        child.terminate()
        child.wait()
        raise


def _follow(child: subprocess.Popen[bytes], home: Folder, log: Path) -> int:
    """Show what the child says until it is ready or has ended; return its code if it failed."""
    with log.open() as output:
        while (code := child.poll()) is None and not _is_ready(home, child.pid):
            sys.stdout.write(output.read())
            sys.stdout.flush()
            time.sleep(0.05)
        rest = output.read()
    (sys.stderr if code else sys.stdout).write(rest)
    return code or 0


def _is_ready(home: Folder, pid: int) -> bool:
    now = state.read(home)
    return now.ready and now.supervisor == pid
