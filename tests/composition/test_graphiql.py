"""The example operations of GraphiQL fit the published schema, and its page needs no one else."""

import json
import re
import subprocess
from pathlib import Path

from graphql import build_schema, parse, validate

from infra.bootstrap.node import node_folder

ROUTER = Path(__file__).parents[2] / "router"
PRINT_EXAMPLES = (
    'import { EXAMPLES } from "./graphiql/examples.ts"; console.log(JSON.stringify(EXAMPLES))'
)


def test_the_examples_fit_the_published_schema() -> None:
    schema = build_schema((ROUTER / "schema.graphql").read_text())
    command = [str(node_folder() / "node"), "--input-type=module", "--eval", PRINT_EXAMPLES]
    told = subprocess.run(command, cwd=ROUTER, capture_output=True, check=True)  # noqa: S603 - our own words.
    examples = json.loads(told.stdout)
    assert len(examples) == 5
    for example in examples:
        assert validate(schema, parse(example["query"])) == []
        json.loads(example.get("variables", "{}"))


def test_the_login_fits_the_published_schema() -> None:
    schema = build_schema((ROUTER / "schema.graphql").read_text())
    source = (ROUTER / "graphiql" / "session.ts").read_text()
    (document,) = re.findall(r"const LOGIN = `([^`]*)`", source)
    assert validate(schema, parse(document)) == []


def test_the_page_loads_from_its_own_origin_only() -> None:
    page = (ROUTER / "graphiql" / "index.html").read_text()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert [url for url in loaded if not url.startswith(("/", "data:"))] == []
