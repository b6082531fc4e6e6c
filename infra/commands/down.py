"""Stop everything that `up` started."""

import argparse
import os
import signal
import time
from contextlib import suppress

from infra.stack import folder
from infra.terminal import Failure, say

SECONDS = 60


def run(options: argparse.Namespace) -> int:
    home = folder.find(options.data)
    pid = folder.owner(home)
    if pid is None:
        say(f"Nothing is running on {home.root}.")
        return 0
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS
    while folder.owner(home) == pid:
        if time.monotonic() > deadline:
            raise Failure(f"Process {pid} did not stop in {SECONDS} s.")
        time.sleep(0.05)
    say(f"Stopped process {pid} and all of its children.")
    return 0
