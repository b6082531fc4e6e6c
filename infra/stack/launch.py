"""Becomes the command given to it, tied to the life of its parent; imports nothing of ours.

    launch.py --parent PID --signal N [--user UID:GID] [--search] -- COMMAND…

The kernel sends the signal to the command when the parent dies (Linux). `--user` drops from root to
another user; `--search` lets that user still walk through folders that only root may enter, such
as a checkout below /root, without opening those folders to anyone else.
"""

import argparse
import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--user")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.user:
        _become(*map(int, options.user.split(":")), search=options.search)
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, options.signal, 0, 0, 0)  # after _become, which clears it
        if os.getppid() != options.parent:
            sys.exit(0)  # the parent died first, and nobody would tell us
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    try:
        os.execvp(command[0], command)  # noqa: S606, no shell wanted
    except OSError as error:
        sys.exit(f"Cannot run {command[0]}: {error.strerror}.")


def _become(uid: int, gid: int, *, search: bool) -> None:
    if search:
        _libc().prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)
    if search and not any(map(_keep, (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE))):
        sys.exit("The folders above are closed to this user, and the right to pass was refused.")


def _keep(capability: int) -> bool:
    """Hold exactly this capability across the change of user and the coming exec."""
    bits = 1 << capability
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)  # effective, permitted, inheritable
    if _libc().capset(ctypes.byref(header), ctypes.byref(data)):
        return False
    return not _libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main()
