import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from subgraphs.courses import importer
from subgraphs.courses.folder import FaultyFolderError
from subgraphs.courses.importer import (
    ImportedCourse,
    ImportedLesson,
    ImportedModule,
    import_course,
    read_folder,
)
from subgraphs.kernel.errors import InvalidInputError
from tests.courses.conftest import Outbox
from tests.courses.people import Person

MANIFEST = """
title = "Knots"
summary = "How to tie them."
language = "en-GB"
level = "beginner"
category = "Rope work"

[[modules]]
title = "Basics"
lessons = ["overhand.md", "reef.md"]
"""
FILES = {
    "course.toml": MANIFEST,
    "overhand.md": "---\ntitle: The overhand knot\npreview: true\nminutes: 5\n---\nTie *it*.\n",
    "reef.md": "# The reef knot\n\nLeft over right.\n",
}
COURSE = """query ($slug: String!) { course(slug: $slug) { id title summary language level status
  category { slug name } version { number } instructors { id } organization { id }
  modules { id title lessons { id title isPreview durationMinutes content } } } }"""


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


async def bring(author: Person, school: UUID, folder: Path) -> Any:
    """Import a folder; return what its slug then shows to its author."""
    course = read_folder(folder)
    await author.db.transact(import_course, course, organization_id=school, instructor_id=author.id)
    return (await author.send(COURSE, slug=course.slug))["course"]


async def test_a_folder_becomes_a_published_course(
    author: Person, school: UUID, tmp_path: Path, outbox: Outbox
) -> None:
    course = await bring(author, school, write(tmp_path, FILES))

    [module] = course.pop("modules")
    lessons = [dict(lesson, id=None) for lesson in module["lessons"]]
    course.pop("id")
    assert course == {
        "title": "Knots",
        "summary": "How to tie them.",
        "language": "en-GB",
        "level": "BEGINNER",
        "status": "PUBLISHED",
        "category": {"slug": "rope-work", "name": "Rope work"},
        "version": {"number": 1},
        "instructors": [{"id": str(author.id)}],
        "organization": {"id": str(school)},
    }
    assert module["title"] == "Basics"
    assert lessons == [
        {
            "id": None,
            "title": "The overhand knot",
            "isPreview": True,
            "durationMinutes": 5,
            "content": "<p>Tie <em>it</em>.</p>\n",
        },
        {
            "id": None,
            "title": "The reef knot",
            "isPreview": False,
            "durationMinutes": None,
            "content": "<p>Left over right.</p>\n",
        },
    ]
    assert await outbox() == ["courses.course_published"]


async def test_importing_again_makes_a_version_only_if_something_has_changed(
    author: Person, school: UUID, tmp_path: Path, outbox: Outbox
) -> None:
    first = await bring(author, school, write(tmp_path, FILES))
    same = await bring(author, school, tmp_path)
    assert same == first
    assert await outbox() == ["courses.course_published"]

    manifest = MANIFEST.replace('"overhand.md", "reef.md"', '"reef.md", "bowline.md"')
    write(tmp_path, {"course.toml": manifest, "bowline.md": "Rabbit, tree."})
    second = await bring(author, school, tmp_path)

    assert second["version"] == {"number": 2}
    old, new = first["modules"][0], second["modules"][0]
    assert new["id"] == old["id"]
    assert [lesson["title"] for lesson in new["lessons"]] == ["The reef knot", "Bowline"]
    assert new["lessons"][0]["id"] == old["lessons"][1]["id"]


async def test_without_modules_they_follow_from_the_folders(
    author: Person, school: UUID, tmp_path: Path
) -> None:
    files = {
        "course.toml": 'title = "Cats"',
        "README.md": "Not a lesson.",
        "welcome.md": "Hello.",
        "02-care/02_food.md": "Fish.",
        "02-care/10-sleep.md": "Much.",
        "01 origins/egypt.md": "Long ago.",
    }
    course = await bring(author, school, write(tmp_path, files))

    shape = {
        module["title"]: [lesson["title"] for lesson in module["lessons"]]
        for module in course["modules"]
    }
    assert shape == {"Cats": ["Welcome"], "Origins": ["Egypt"], "Care": ["Food", "Sleep"]}
    assert list(shape) == ["Cats", "Origins", "Care"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "course.toml:1: This cannot be read: No such file or directory."),
        ({"course.toml": 'title = "x\n'}, "course.toml:1: "),
        ({"course.toml": 'title = "x"\n\ncolour = "red"'}, "course.toml:3: The key 'colour'"),
        ({"course.toml": 'slug = "x"'}, "course.toml:1: The title is missing."),
        ({"course.toml": "title = 3"}, "course.toml:1: The title is text in quotes."),
        ({"course.toml": 'title = "x"\nslug = "A B"'}, "course.toml:2: A slug is made of"),
        ({"course.toml": 'title = "x"\nlanguage = "english"'}, "course.toml:2: This is not a lang"),
        ({"course.toml": 'title = "x"\nlevel = "hard"'}, "course.toml:2: A level is one of"),
        ({"course.toml": 'title = "x"\nmodules = 1'}, "course.toml:2: Modules are written as"),
        ({"course.toml": 'title = "x"\n[[modules]]\nx = 1'}, "course.toml:2: A module has a title"),
        ({"course.toml": 'title = "x"'}, "course.toml:1: There is no lesson."),
        (
            {"course.toml": 'title = "x"\n[[modules]]\ntitle = "m"\nlessons = ["no.md"]'},
            "course.toml:4: There is no file 'no.md' in this folder.",
        ),
        (
            {"course.toml": 'title = "x"\n[[modules]]\ntitle = "m"\nlessons = ["/etc/passwd"]'},
            "course.toml:4: There is no file '/etc/passwd' in this folder.",
        ),
        (
            {
                "course.toml": 'title = "x"\n[[modules]]\ntitle = "m"\nlessons = ["a.md", "a.md"]',
                "a.md": "x",
            },
            "course.toml:4: The file 'a.md' is listed twice.",
        ),
        (
            {
                "course.toml": 'title = "x"\n[[modules]]\ntitle = "m"\n'
                'lessons = ["a.md", "./a.md"]',
                "a.md": "x",
            },
            "course.toml:4: The file './a.md' is listed twice.",
        ),
        (
            {
                "course.toml": 'title = "x"\n[[modules]]\ntitle = "A b"\nlessons = ["a.md"]\n'
                '[[modules]]\ntitle = "A  b"\nlessons = ["b.md"]',
                "a.md": "x",
                "b.md": "x",
            },
            "course.toml:6: Two modules are called 'A b'.",
        ),
        (
            {"course.toml": 'title = "x"'} | {f"{n}.md": "x" * 200_000 for n in range(6)},
            "course.toml:1: A course has at most 50 modules and 200 lessons, with 1,000,000 char",
        ),
        (
            {"course.toml": 'title = "x"', "a.md": "---\ntitle: y\nauthor: z\n---\n"},
            "a.md:3: Only minutes, preview, title may stand here.",
        ),
        (
            {"course.toml": 'title = "x"', "a.md": "---\nminutes: soon\n---\n"},
            "a.md:2: Minutes are a whole number.",
        ),
    ],
)
async def test_a_faulty_folder_is_refused_with_file_and_line(
    tmp_path: Path, files: dict[str, str], expected: str
) -> None:
    with pytest.raises(FaultyFolderError) as refusal:
        read_folder(write(tmp_path, files))

    assert str(refusal.value.faults[0]).startswith(f"{tmp_path}/{expected}")


async def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"course.toml": 'title = "x"'})
    (tmp_path / "a.md").write_bytes(b"One.\nTwo \xff.\n")

    with pytest.raises(FaultyFolderError, match=r"a\.md:2: This is not UTF-8\."):
        read_folder(tmp_path)


async def test_the_command_imports_and_says_what_is_wrong(
    *,
    author: Person,
    school: UUID,
    tmp_path: Path,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in {
        "COURSES_DATABASE_URL": url,
        "POLYNODE_VALKEY_URL": "redis://127.0.0.1/0",
        "POLYNODE_GATEWAY_KEY": "key",
        "POLYNODE_JWKS_URL": "http://127.0.0.1/jwks",
        "POLYNODE_PUBLIC_URL": "http://127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    write(tmp_path, FILES)
    ids = ["--organization", str(school), "--instructor", str(author.id)]

    async def run(*arguments: str) -> int:
        return await asyncio.to_thread(importer.main, [str(tmp_path), *arguments])

    assert await run(*ids) == 0
    assert "knots: 2 lessons are published" in capsys.readouterr().out
    assert await run("--organization", str(uuid4()), "--instructor", str(author.id)) == 1
    assert capsys.readouterr().err == "The slug 'knots' is taken.\n"
    (tmp_path / "reef.md").unlink()
    assert await run(*ids) == 1
    assert "course.toml:10: There is no file 'reef.md'" in capsys.readouterr().err
    course = (await author.send(COURSE, slug="knots"))["course"]
    assert course["version"] == {"number": 1}


async def test_a_file_is_the_same_lesson_however_it_is_called(
    author: Person, school: UUID, tmp_path: Path
) -> None:
    first = await bring(author, school, write(tmp_path, FILES))
    write(tmp_path, {"course.toml": MANIFEST.replace('"reef.md"', '"./reef.md"')})

    assert await bring(author, school, tmp_path) == first


@pytest.mark.parametrize("field", ["modules", "lessons"])
async def test_two_things_of_one_key_are_refused(author: Person, school: UUID, field: str) -> None:
    lessons = [ImportedLesson(key="l", title="L", markdown="x")]
    modules = [ImportedModule(key="m", title="M", lessons=lessons)]
    other = {"modules": "m", "lessons": "n"}[field]
    again = [] if field == "modules" else lessons
    modules.append(ImportedModule(key=other, title="M", lessons=again))
    course = ImportedCourse(slug="s", title="T", modules=modules)

    with pytest.raises(InvalidInputError, match=f"Two {field} have the same key."):
        await author.db.transact(
            import_course, course, organization_id=school, instructor_id=author.id
        )
