"""What a person reads."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.load.cell import Figures
from tests.load.meter import PARTS
from tests.load.scenarios import Scenario

# The product, its CPU milliseconds a request by part, the baseline, the ratios.
HEAD = (
    f"{'users':>11} {'req/s':>7} {'p50':>7} {'p95':>7} {'p99':>7} {'err':>4} │ "
    + " ".join(f"{part[:9]:>9}" for part in PARTS)
    + f" {'CPU ms':>7} │ {'req/s':>7} {'p50':>6} {'CPU ms':>6} │ {'CPU':>5} {'p50':>5}"
)


@dataclass(frozen=True)
class Row:
    """The figures of one scenario at one load, beside those of the baseline."""

    scenario: Scenario
    users: int
    rate: float | None  # requests a second that were offered; None: as many as could be
    product: Figures
    baseline: Figures

    @property
    def cpu_ratio(self) -> float:
        return self.product.cpu_total / self.baseline.cpu_total if self.baseline.cpu_total else 0.0

    @property
    def p50_ratio(self) -> float:
        return self.product.p50 / self.baseline.p50 if self.baseline.p50 else 0.0

    @property
    def load(self) -> str:
        return f"{self.users}" if self.rate is None else f"{self.users} @{self.rate:.0f}/s"


def heading(scenario: Scenario) -> Iterator[str]:
    """The lines above a scenario's rows."""
    aim = f" · aim: CPU ≤ {scenario.aim} ms" if scenario.aim else ""
    yield f"\n{scenario.title}{aim}"
    yield HEAD


def line(row: Row) -> str:
    """One row: the product, its CPU milliseconds a request by part, the baseline, the ratios."""
    product, baseline = row.product, row.baseline
    parts = " ".join(f"{product.cpu.get(part, 0.0):9.2f}" for part in PARTS)
    return (
        f"{row.load:>11} {product.rate:7.0f} {product.p50:7.1f} {product.p95:7.1f} "
        f"{product.p99:7.1f} {product.errors:4d} │ {parts} {product.cpu_total:7.2f} │ "
        f"{baseline.rate:7.0f} {baseline.p50:6.1f} {baseline.cpu_total:6.2f} │ "
        f"{row.cpu_ratio:5.1f} {row.p50_ratio:5.1f}"
    )


def as_json(row: Row) -> dict[str, object]:
    """The same for programs; latencies and CPU in milliseconds."""

    def figures(it: Figures) -> dict[str, object]:
        return {
            "requests": it.requests,
            "requests_per_second": round(it.rate, 1),
            "p50": round(it.p50, 2),
            "p95": round(it.p95, 2),
            "p99": round(it.p99, 2),
            "errors": it.errors,
            "first_error": it.first_error,
            "bytes": it.bytes,
            "cpu": {part: round(value, 3) for part, value in it.cpu.items()},
            "cpu_total": round(it.cpu_total, 3),
        }

    return {
        "scenario": row.scenario.name,
        "users": row.users,
        "rate": row.rate,
        "product": figures(row.product),
        "baseline": figures(row.baseline),
        "cpu_ratio": round(row.cpu_ratio, 2),
        "p50_ratio": round(row.p50_ratio, 2),
        "aim": row.scenario.aim,
    }
