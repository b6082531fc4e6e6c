"""The edge: Caddy, the one public origin; its rules are in `infra/edge/Caddyfile`."""

import json
from functools import partial

from infra.bootstrap.parts import ROOT
from infra.stack import binaries, ports, probes
from infra.stack.environment import Layout, base
from infra.stack.folder import Folder
from infra.stack.part import Part

CADDYFILE = ROOT / "infra" / "edge" / "Caddyfile"


def part(folder: Folder, layout: Layout, router: str) -> Part:
    """`router` is the part that serves HTTP queries: `gateway` or `apollo`."""
    if not folder.demo.exists():
        folder.demo.write_text(json.dumps([]))
    environment = {
        "EDGE_ADDRESS": f"http://:{layout.public_port}",
        "EDGE_BIND": _addresses(layout),
        "EDGE_HTTP_ROUTER": f"127.0.0.1:{layout.ports[router]}",
        "EDGE_STREAM_ROUTER": f"127.0.0.1:{layout.ports['gateway']}",
        "EDGE_USERS": f"127.0.0.1:{layout.ports['users']}",
        "EDGE_ROOT": str(ROOT),
        "EDGE_DEMO": str(folder.demo.parent),
        # Caddy keeps its own files in the data folder, not in the user's home.
        "XDG_DATA_HOME": str(folder.edge),
        "XDG_CONFIG_HOME": str(folder.edge),
    }
    return Part(
        name="edge",
        command=(
            str(binaries.caddy()),
            "run",
            "--config",
            str(CADDYFILE),
            "--adapter",
            "caddyfile",
        ),
        environment=base() | environment,
        probe=partial(probes.healthy, layout.public_port, layout.host),
        port=layout.public_port,
        stop_seconds=5,
    )


def _addresses(layout: Layout) -> str:
    """`localhost` means both loopback addresses to a browser, where the system has both."""
    if layout.host == "127.0.0.1" and ports.has_ipv6_loopback():
        return "127.0.0.1 [::1]"
    return f"[{layout.host}]" if ":" in layout.host else layout.host
