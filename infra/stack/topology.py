"""Which processes make the stack, with what they run and what they wait for."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from infra.bootstrap.parts import ROOT
from infra.stack import binaries, edge, migrations, postgres, probes, valkey
from infra.stack.credentials import SUBGRAPHS, Credentials
from infra.stack.environment import Layout, of_gateway, of_servers, subgraph_urls
from infra.stack.folder import Folder
from infra.stack.part import Part
from infra.terminal import Failure

MOST_SUBGRAPH_PROCESSES = 8  # each holds a pool of connections to three databases
STORES = ("postgres", "valkey")


@dataclass(frozen=True)
class Options:
    """How a person wants the stack; the defaults are those of `infra up`."""

    separate: bool = False  # a process a subgraph, instead of every subgraph in a process a core
    processes: int = 0  # of all subgraphs; 0: one a core
    router: str = "hive"
    seed: str | None = "small"
    only: tuple[str, ...] = ()  # parts to start, with what they need; none: all
    postgres: Mapping[str, str] = field(default_factory=dict)  # settings of the server


def wants(options: Options, name: str) -> bool:
    """Is a store (or, by any other name, a server, which needs both stores) among the chosen?"""
    return not options.only or name in options.only or bool(set(options.only) - set(STORES))


def check_programs(options: Options) -> None:
    """Fail before anything is made when a program is missing."""
    binaries.postgres("postgres")
    binaries.valkey()
    binaries.node()
    binaries.caddy()
    if options.router == "apollo":
        binaries.apollo_router()


def port_names(options: Options) -> list[str]:
    """Names that need an internal port each."""
    subgraphs = SUBGRAPHS if options.separate else ("subgraphs",)
    apollo = ("apollo", "apollo-health", "apollo-metrics") if options.router == "apollo" else ()
    return ["valkey", "worker", "gateway", *apollo, *subgraphs]


def layout(public_port: int, host: str, internal: Mapping[str, int]) -> Layout:
    """Subgraphs that share a process share its port."""
    shared = {name: internal["subgraphs"] for name in SUBGRAPHS if "subgraphs" in internal}
    return Layout(public_port, host, {**internal, **shared})


def parts(
    folder: Folder, credentials: Credentials, layout: Layout, options: Options
) -> dict[str, Part]:
    """Every part by its name, or the chosen ones with all that they need."""
    stores = (
        postgres.part(folder, credentials, options.postgres),
        valkey.part(folder, layout.ports["valkey"], credentials.valkey_password),
    )
    found = {part.name: part for part in stores}
    if wants(options, "the servers"):
        for part in _servers(folder, credentials, layout, options):
            found[part.name] = part
    unknown = set(options.only) - set(found)
    if unknown:
        raise Failure(f"There is no part {min(unknown)!r}; there are: {', '.join(found)}.")
    return _chosen(found, options.only) if options.only else found


def _servers(
    folder: Folder, credentials: Credentials, layout: Layout, options: Options
) -> list[Part]:
    environment = of_servers(folder, credentials, layout)
    jobs = _jobs(folder, environment, options)
    subgraphs = _subgraphs(layout, environment, options)
    routers = _routers(credentials, layout, options)
    worker = _worker(layout, environment)
    names = tuple(part.name for part in (*jobs, *subgraphs, worker, *routers))
    way_in = replace(edge.part(folder, layout, _router_name(options)), needs=names)
    return [*jobs, *subgraphs, worker, _tasks(environment, names), *routers, way_in]


def _jobs(folder: Folder, environment: Mapping[str, str], options: Options) -> list[Part]:
    migrate = Part(
        name="migrate",
        command=_python("subgraphs", "migrate", *SUBGRAPHS),
        environment=environment,
        needs=STORES,
        once=True,
        done=migrations.are_current(folder),
    )
    if options.seed is None:
        return [migrate]
    seed = Part(
        name="seed",
        command=_python(*seed_words(folder, options.seed)),
        environment=environment,
        needs=("migrate",),
        once=True,
        done=folder.seeded.exists(),
    )
    return [migrate, seed]


def seed_words(folder: Folder, size: str) -> list[str]:
    """The words after `python -m` that fill the databases."""
    return ["infra.seed", "--size", size, "--data", str(folder.root), "--demo", str(folder.demo)]


def _subgraphs(layout: Layout, environment: Mapping[str, str], options: Options) -> list[Part]:
    if options.separate:
        return [_serve(name, (name,), layout, environment) for name in SUBGRAPHS]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = options.processes or min(cores or 1, MOST_SUBGRAPH_PROCESSES)
    names = [f"subgraphs-{number}" for number in range(1, count + 1)]
    return [_serve(name, SUBGRAPHS, layout, environment) for name in names]


def _serve(
    name: str, subgraphs: tuple[str, ...], layout: Layout, environment: Mapping[str, str]
) -> Part:
    port = layout.ports[subgraphs[0]]
    return Part(
        name=name,
        command=_python("subgraphs", "serve", *subgraphs, "--port", str(port)),
        environment=environment,
        needs=("migrate",),
        probe=probes.http(port, "/ready"),
        port=port,
    )


def _worker(layout: Layout, environment: Mapping[str, str]) -> Part:
    port = layout.ports["worker"]
    command = _python("subgraphs", "work", *SUBGRAPHS, "--port", str(port))
    return Part("worker", command, environment, ("migrate",), probes.http(port, "/ready"), port)


def _tasks(environment: Mapping[str, str], others: tuple[str, ...]) -> Part:
    """Last, because nobody waits for it: loading it would slow down the parts that serve."""
    return Part("tasks", _python("subgraphs", "tasks", *SUBGRAPHS), environment, others)


def _routers(credentials: Credentials, layout: Layout, options: Options) -> list[Part]:
    port = layout.ports["gateway"]
    environment = of_gateway(credentials, layout)
    command = (str(binaries.node()), str(ROOT / "router" / "gateway.ts"))
    gateway = Part(
        "gateway", command, environment, (), probes.http(port, "/health"), port, stop_seconds=12
    )
    if options.router == "hive":
        return [gateway]
    return [gateway, _apollo(credentials, layout)]


def _apollo(credentials: Credentials, layout: Layout) -> Part:
    port = layout.ports["apollo"]
    environment = {
        **of_gateway(credentials, layout),
        **subgraph_urls(layout),
        "APOLLO_ROUTER_CONFIG_PATH": str(ROOT / "router" / "router.yaml"),
        "APOLLO_ROUTER_SUPERGRAPH_PATH": str(ROOT / "supergraph.graphql"),
        "APOLLO_ROUTER_LISTEN_ADDRESS": f"127.0.0.1:{port}",
        "APOLLO_ROUTER_HEALTH_ADDRESS": f"127.0.0.1:{layout.ports['apollo-health']}",
        "APOLLO_ROUTER_METRICS_ADDRESS": f"127.0.0.1:{layout.ports['apollo-metrics']}",
        "POLYNODE_RHAI": str(ROOT / "router" / "rhai"),
        "APOLLO_TELEMETRY_DISABLED": "true",
    }
    environment.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)  # with it the router refuses to start
    return Part(
        name="apollo",
        command=(str(binaries.apollo_router()),),
        environment=environment,
        probe=probes.http(layout.ports["apollo-health"], "/health"),
        port=port,
    )


def _router_name(options: Options) -> str:
    return "gateway" if options.router == "hive" else "apollo"


def _python(module: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *words)


def _chosen(found: Mapping[str, Part], names: tuple[str, ...]) -> dict[str, Part]:
    wanted: dict[str, Part] = {}

    def want(name: str) -> None:
        for need in found[name].needs:
            want(need)
        wanted[name] = found[name]

    for name in names:
        want(name)
    return wanted
