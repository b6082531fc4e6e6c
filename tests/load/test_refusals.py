"""What it costs to refuse a hostile document (A14 to A18), beside the largest allowed one."""

import time
from contextlib import suppress

import pytest
from graphql import GraphQLError

from subgraphs.kernel.limits.documents import MAX_SELECTIONS, parse_bounded
from tests.faults import figures
from tests.support.shapes import ATTACKS, selections

TRIES = 5
RATIO = 4
"""What is read to its end before it is refused costs about as much as what is allowed."""


def milliseconds(document: str) -> float:
    """CPU time of the cheapest of a few tries: what else the machine does costs extra."""
    taken = []
    for _ in range(TRIES):
        started = time.process_time()
        with suppress(GraphQLError):
            parse_bounded(document)
        taken.append(time.process_time() - started)
    return min(taken) * 1_000


@pytest.mark.parametrize("name", ATTACKS)
def test_refusing_costs_no_more_than_a_few_large_documents(name: str) -> None:
    allowed = milliseconds(selections(MAX_SELECTIONS))
    refused = milliseconds(ATTACKS[name])
    figures.write("A14-A18", {"attack": name, "ms": refused, "largest_allowed_ms": allowed})
    assert refused / allowed < RATIO
