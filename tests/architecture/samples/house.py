"""Files, the kernel, settings, texts, tests."""

from tests.architecture.rules import documents, files, habits, kernel, settings, texts
from tests.architecture.rules.files import REQUIRED
from tests.architecture.samples import Sample

PROJECT = """
[[tool.importlinter.contracts]]
id = "layers"
containers = ["subgraphs.zoo"]
layers = ["(app) : (worker)", "(service)", "(models)"]

[[tool.importlinter.contracts]]
id = "independence"
modules = []

[[tool.importlinter.contracts]]
id = "kernel"
forbidden_modules = ["subgraphs.zoo"]
"""


def _whole(*but: str) -> dict[str, str]:
    """All the files of a subgraph, some left out."""
    names = sorted(REQUIRED - {"schema.graphql", "migrations"} - set(but))
    paths = [*(f"{name}.py" for name in names), "schema.graphql", "migrations/0001_zoo.py"]
    return {f"subgraphs/zoo/{path}": "" for path in paths}


SAMPLES = (
    Sample(
        files.anatomy,
        {"pyproject.toml": PROJECT, **_whole("worker", "loaders"), "subgraphs/zoo/crud.py": ""},
        [
            "subgraphs/zoo: loaders is missing",
            "subgraphs/zoo: worker is missing",
            "subgraphs/zoo: crud is no layer",
        ],
    ),
    Sample(
        files.contracts,
        {"pyproject.toml": PROJECT, "subgraphs/zoo/__init__.py": ""},
        ["pyproject.toml: the contract independence does not name subgraphs.zoo"],
    ),
    Sample(
        files.introductions,
        {"subgraphs/zoo/__init__.py": "", "subgraphs/sea/__init__.py": '"""Owns fish."""'},
        ["subgraphs/zoo/__init__.py: what does zoo own?"],
    ),
    Sample(
        files.lengths,
        {"subgraphs/zoo/service.py": "x = 1\n" * 301, "router/gateway.ts": "x = 1\n" * 300},
        ["subgraphs/zoo/service.py: 301 lines"],
    ),
    Sample(
        files.telling_names,
        {
            "infra/stack/helpers.py": "",
            "router/utils.ts": "",
            "subgraphs/zoo/service.py": """
                class CageManager: ...
                def common_food(): ...
                def manage_cages(): ...
            """,
        },
        [
            "infra/stack/helpers.py: helpers.py says nothing",
            "router/utils.ts: utils.ts says nothing",
            "subgraphs/zoo/service.py:2: common_food says nothing",
            "subgraphs/zoo/service.py:1: CageManager says nothing",
        ],
    ),
    Sample(
        files.lone_bases,
        {
            "subgraphs/zoo/gateways.py": """
                from abc import ABC
                class Feeder(ABC): ...
                class HayFeeder(Feeder): ...
                class Keeper(ABC): ...
                class DayKeeper(Keeper): ...
                class NightKeeper(Keeper): ...
            """
        },
        ["subgraphs/zoo/gateways.py:2: Feeder has 1 implementation(s)"],
    ),
    Sample(
        files.language,
        {"subgraphs/zoo/service.py": "type Cage = int\n", "infra/entry.py": "x: int = 1\n"},
        ["subgraphs/zoo/service.py:1: invalid syntax"],
    ),
    Sample(
        kernel.nouns,
        {
            "subgraphs/kernel/outbox.py": '''
                """Sends what a user did."""
                def publish_enrollment(): ...  # and its courses
                title = "CourseVersion"
            ''',
            "subgraphs/kernel/auth/viewer.py": "user_id = organizations = None",
            "subgraphs/zoo/service.py": "course = None",
        },
        [
            "subgraphs/kernel/outbox.py:1: user",
            "subgraphs/kernel/outbox.py:2: enrollment",
            "subgraphs/kernel/outbox.py:2: course",
            "subgraphs/kernel/outbox.py:3: course",
        ],
    ),
    Sample(
        kernel.imports_of_subgraphs,
        {
            "subgraphs/kernel/app.py": """
                from subgraphs.zoo import service
                import_module("subgraphs.zoo.app")
                import_module(f"subgraphs.{name}.app")
            """,
            "subgraphs/zoo/service.py": "",
        },
        ["subgraphs/kernel/app.py:1: subgraphs.zoo", "subgraphs/kernel/app.py:2: subgraphs.zoo"],
    ),
    Sample(
        settings.no_default_secrets,
        {
            "subgraphs/zoo/settings.py": """
                class Settings(SubgraphSettings):
                    cage_key: SecretStr = SecretStr("changeme")
                    api_token: str
                    vet_secret: SecretStr = Field(validation_alias="VET")
                    hours: int = 8
            """
        },
        [
            "subgraphs/zoo/settings.py:2: Settings.cage_key has a default",
            "subgraphs/zoo/settings.py:3: Settings.api_token is no SecretStr",
        ],
    ),
    Sample(
        settings.read_at_the_entrance,
        {
            "subgraphs/zoo/app.py": "settings = Settings()",
            "subgraphs/zoo/service.py": "hours = settings.Settings().hours",
        },
        ["subgraphs/zoo/service.py:1: settings.Settings()"],
    ),
    Sample(
        settings.no_hidden_settings,
        {"subgraphs/zoo/gateways.py": 'import os\nurl = os.environ["VET"]\nkey = os.getenv("KEY")'},
        ["subgraphs/zoo/gateways.py:2: os.environ", "subgraphs/zoo/gateways.py:3: os.getenv"],
    ),
    Sample(
        texts.no_machines,
        {
            "README.md": "See /home/ada/polynode/README.md, or /root/.bashrc.",
            "infra/entry.py": 'run("/usr/bin/env")  # https://example.com/home/page',
        },
        ["README.md:1: /home/ada/polynode"],
    ),
    Sample(
        texts.no_registries,
        {
            "README.md": "pip install -i https://pypi.org/simple polynode",
            "Dockerfile": "RUN pip install --index-url $INDEX polynode",
        },
        ["README.md:1: pypi.org", "Dockerfile:1: --index-url"],
    ),
    Sample(
        texts.locked_python,
        {
            "infra/requirements.lock": """
                alembic==1.20.0 \\
                    --hash=sha256:00
                uvicorn==0.54.0
                mako @ https://example.com/mako.whl \\
                    --hash=sha256:00
            """
        },
        [
            "infra/requirements.lock: uvicorn==0.54.0 has no hash",
            "infra/requirements.lock: mako is not pinned",
            "infra/requirements.lock: mako has an address",
        ],
    ),
    Sample(
        texts.locked_npm,
        {
            "router/package-lock.json": '{"resolved": "https://example.com/ws.tgz"}',
            "uv.lock": "",
        },
        [
            "router/package-lock.json has addresses",
            "router/package-lock.json has no hashes",
            "uv.lock names registries",
        ],
    ),
    Sample(
        documents.links,
        {
            "infra/docs/zoo.md": "[a](../cages.md) [b](../../README.md#top) [c](https://x.example)",
            "README.md": "[docs](infra/docs) [zoo](infra/docs/zoo.md)",
        },
        ["infra/docs/zoo.md: ../cages.md is nowhere"],
    ),
    Sample(
        documents.commands,
        {"README.md": "`python3 -m infra up`, then `python3 -m infra feed --all`"},
        ["README.md: there is no command feed"],
    ),
    Sample(
        documents.operations,
        {
            "router/schema.graphql": "type Query { cage(id: Int!): String }",
            "README.md": """
                ```graphql
                { cage(id: 1) }
                ```
                ```graphql
                { cage(id: "a") }
                ```
                ```graphql
                { cage(
                ```
            """,
        },
        [
            'README.md: Int cannot represent non-integer value: "a"',
            "README.md: Syntax Error: Expected Name, found <EOF>.",
        ],
    ),
    Sample(
        habits.no_sleep,
        {
            "tests/zoo/test_feeding.py": """
                async def test_feeding():
                    await asyncio.sleep(1)
                    await asyncio.sleep(0)
                async def until(question):
                    while not await question():
                        await asyncio.sleep(0.01)
                async def until_fed():
                    time.sleep(5)
                async def feed_all():
                    while not hungry():
                        time.sleep(1)
                    while True:
                        time.sleep(1)
            """
        },
        [
            "tests/zoo/test_feeding.py:2: asyncio.sleep()",
            "tests/zoo/test_feeding.py:8: time.sleep()",
            "tests/zoo/test_feeding.py:13: time.sleep()",
        ],
    ),
    Sample(
        habits.no_mocks,
        {
            "tests/zoo/test_feeding.py": """
                from unittest.mock import patch
                from subgraphs.zoo import service
                def test_feeding(monkeypatch):
                    monkeypatch.setattr("subgraphs.zoo.service.feed", lambda: None)
                    monkeypatch.setattr("subgraphs.zoo.service.HOURS", 1)
                    monkeypatch.setattr(service, "feed", None)
                    monkeypatch.setattr(time, "time", lambda: 0)
            """
        },
        [
            "tests/zoo/test_feeding.py:1: from unittest.mock import patch",
            "tests/zoo/test_feeding.py:4: "
            "monkeypatch.setattr('subgraphs.zoo.service.feed', lambda: None)",
            "tests/zoo/test_feeding.py:6: monkeypatch.setattr(service, 'feed', None)",
        ],
    ),
)
