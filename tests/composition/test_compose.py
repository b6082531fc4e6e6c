"""`router/compose.ts`: stale artefacts, broken schemas and broken clients do not pass."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from graphql import build_schema

from infra.bootstrap.node import node_folder

ROUTER = Path(__file__).parents[2] / "router"
COURSES = """
extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@inaccessible"])

"A unit of teaching."
type Course @key(fields: "id") {
  id: ID!
  "What the catalogue shows."
  title: String!
  margin: Int @inaccessible
}

type Query {
  course(id: ID!): Course
}
"""
LEARNING = """
extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])

type Course @key(fields: "id") {
  id: ID!
  enrollmentCount: Int
}
"""
Compose = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def compose(tmp_path: Path) -> Compose:
    """Run the script on two small subgraphs in a folder of their own."""
    subgraphs = {}
    for name, schema in {"courses": COURSES, "learning": LEARNING}.items():
        (tmp_path / f"{name}.graphql").write_text(schema)
        url = f"http://{name}:4000/{name}/graphql"
        subgraphs[name] = {"routing_url": url, "schema": {"file": f"{name}.graphql"}}
    (tmp_path / "supergraph.yaml").write_text(json.dumps({"subgraphs": subgraphs}))
    (tmp_path / "decisions").mkdir()

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [str(node_folder() / "node"), str(ROUTER / "compose.ts")]
        command += ["--config", "supergraph.yaml", "--supergraph", "supergraph.graphql"]
        command += ["--api", "schema.graphql", "--decisions", "decisions", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - our own words.

    return run


def change(folder: Path, before: str, after: str) -> None:
    file = folder / "courses.graphql"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))


def test_two_subgraphs_compose(compose: Compose, tmp_path: Path) -> None:
    made = compose()
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    supergraph = (tmp_path / "supergraph.graphql").read_text()
    assert 'url: "http://courses:4000/courses/graphql"' in supergraph
    assert "A unit of teaching." in supergraph


def test_the_result_does_not_depend_on_the_run(compose: Compose, tmp_path: Path) -> None:
    files = tmp_path / "supergraph.graphql", tmp_path / "schema.graphql"
    compose()
    first = [file.read_text() for file in files]
    compose()
    assert [file.read_text() for file in files] == first


def test_the_public_schema_shows_neither_machinery_nor_the_inaccessible(
    compose: Compose, tmp_path: Path
) -> None:
    compose()
    text = (tmp_path / "schema.graphql").read_text()
    schema = build_schema(text)
    assert {name for name in schema.type_map if not name.startswith("__")} == {
        *("Course", "Query"),
        *("Boolean", "ID", "Int", "String"),
    }
    assert "margin" not in text
    assert "join__" not in text
    assert schema.type_map["Course"].description == "A unit of teaching."


def test_fresh_artefacts_pass_the_check(compose: Compose) -> None:
    compose()
    checked = compose("--check")
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("stale", ["supergraph.graphql", "schema.graphql"])
def test_a_stale_artefact_is_caught_and_left_alone(
    compose: Compose, tmp_path: Path, stale: str
) -> None:
    compose()
    (tmp_path / stale).write_text("scalar Old\n")
    checked = compose("--check")
    assert (checked.returncode, checked.stderr) == (1, f"{stale} is stale: compose again.\n")
    assert (tmp_path / stale).read_text() == "scalar Old\n"


def test_a_missing_schema_is_one_clear_line(compose: Compose, tmp_path: Path) -> None:
    (tmp_path / "learning.graphql").unlink()
    made = compose()
    assert (made.returncode, made.stderr) == (1, "learning.graphql is missing.\n")


def test_schemas_that_do_not_compose_are_told_line_by_line(
    compose: Compose, tmp_path: Path
) -> None:
    change(tmp_path, "title: String!", "title: String!\n  enrollmentCount: Int")
    made = compose()
    assert made.returncode == 1
    first, second = made.stderr.splitlines()
    assert first == "The subgraphs do not compose:"
    assert second.startswith("  INVALID_FIELD_SHARING: ")
    assert "Course.enrollmentCount" in second
    assert not (tmp_path / "supergraph.graphql").exists()


@pytest.mark.parametrize(
    ("before", "after", "subject"),
    [
        ("title: String!", "name: String!", "Course.title"),
        ("title: String!", "title: Int!", "Course.title"),
        ("course(id: ID!)", "course(id: ID!, draft: Boolean!)", "Query.course"),
        ("course(id: ID!): Course", "courses: [Course]", "Query.course"),
    ],
)
def test_a_breaking_change_needs_a_decision_that_names_it(
    compose: Compose, tmp_path: Path, before: str, after: str, subject: str
) -> None:
    compose()
    base = tmp_path / "base.graphql"
    (tmp_path / "schema.graphql").rename(base)
    change(tmp_path, before, after)

    refused = compose("--base", "base.graphql")
    assert refused.returncode == 1
    assert refused.stderr.startswith("The public schema would break its clients:\n")
    assert f'"breaking: {subject}"' in refused.stderr

    decision = tmp_path / "decisions" / "0009-rename.md"
    decision.write_text("# Another\n\nbreaking: Course\n")
    assert compose("--base", "base.graphql").returncode == 1
    decision.write_text(f"# Rename\n\nNobody used it.\n\n- breaking: `{subject}`\n")
    assert compose("--base", "base.graphql").returncode == 0


def test_an_addition_breaks_nobody(compose: Compose, tmp_path: Path) -> None:
    compose()
    (tmp_path / "schema.graphql").rename(tmp_path / "base.graphql")
    change(tmp_path, "title: String!", "title: String!\n  subtitle: String")
    assert compose("--base", "base.graphql").returncode == 0
    assert "subtitle: String" in (tmp_path / "schema.graphql").read_text()
