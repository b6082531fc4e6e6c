import asyncio
from typing import Any
from uuid import UUID

from tests.courses import studio
from tests.courses.people import Person


def titles(draft: Any) -> dict[str, list[str]]:
    return {
        module["title"]: [lesson["title"] for lesson in module["lessons"]]
        for module in draft["modules"]
    }


async def test_lessons_and_modules_are_moved_by_dragging(author: Person, school: UUID) -> None:
    made = await studio.draft(author, school, {"One": ["a", "b", "c"], "Two": ["d"]})

    async def drag(lesson: str, module: str, position: int) -> int:
        answer = await author.mutate(
            "moveLesson",
            "lesson { position }",
            lesson_id=made.lessons[lesson],
            module_id=made.modules[module],
            position=position,
        )
        return int(answer["lesson"]["position"])

    assert await drag("c", "One", 0) == 0
    assert titles(await author.draft(made.id)) == {"One": ["c", "a", "b"], "Two": ["d"]}
    assert await drag("a", "Two", 0) == 0
    assert titles(await author.draft(made.id)) == {"One": ["c", "b"], "Two": ["a", "d"]}
    assert await drag("c", "One", 99) == 1
    assert titles(await author.draft(made.id)) == {"One": ["b", "c"], "Two": ["a", "d"]}

    answer = await author.mutate(
        "moveModule",
        "module { position }",
        module_id=made.modules["Two"],
        course_id=made.id,
        position=0,
    )
    assert answer["module"] == {"position": 0}
    assert list(titles(await author.draft(made.id))) == ["Two", "One"]
    assert (
        await author.refused(
            "moveLesson", lesson_id=made.lessons["a"], module_id=made.modules["One"], position=-1
        )
        == "InvalidInputError"
    )


async def test_rows_can_be_inserted_and_deleted_anywhere(author: Person, school: UUID) -> None:
    made = await studio.draft(author, school, {"One": ["a", "b"], "Two": ["c"]})

    await studio.add_module(author, made.id, "Zero", position=0)
    await studio.add_lesson(author, made.modules["One"], "between", position=1)
    await author.mutate("deleteLesson", lesson_id=made.lessons["a"])
    await author.mutate("deleteModule", module_id=made.modules["Two"])

    draft = await author.draft(made.id)
    assert titles(draft) == {"Zero": [], "One": ["between", "b"]}
    assert [module["position"] for module in draft["modules"]] == [0, 1]
    assert [lesson["position"] for lesson in draft["modules"][1]["lessons"]] == [0, 1]


async def test_nothing_moves_under_another_course(author: Person, school: UUID) -> None:
    mine, other = await studio.draft(author, school), await studio.draft(author, school)

    module = await author.refused(
        "moveModule", module_id=mine.modules["One"], course_id=other.id, position=0
    )
    lesson = await author.refused(
        "moveLesson",
        lesson_id=mine.lessons["First"],
        module_id=other.modules["One"],
        position=0,
    )

    assert (module, lesson) == ("ModuleNotInCourseError", "ModuleNotInCourseError")
    for made in (mine, other):
        assert titles(await author.draft(made.id)) == {"One": ["First", "Second"]}


async def test_editors_who_drag_at_once_leave_no_gap(author: Person, school: UUID) -> None:
    made = await studio.draft(author, school, {"One": list("abcdef"), "Two": []})
    modules = list(made.modules.values())

    await asyncio.gather(
        *(
            author.mutate(
                "moveLesson", lesson_id=lesson, module_id=modules[number % 2], position=number % 3
            )
            for number, lesson in enumerate(made.lessons.values())
        ),
        *(author.mutate("addLesson", module_id=modules[1], title=f"new {n}") for n in range(4)),
    )

    draft = await author.draft(made.id)
    for module in draft["modules"]:
        positions = [lesson["position"] for lesson in module["lessons"]]
        assert positions == list(range(len(positions)))
    assert sum(len(module["lessons"]) for module in draft["modules"]) == 10


async def test_a_course_has_a_largest_size(author: Person, school: UUID) -> None:
    course_id = await studio.create(author, school)
    modules = [await studio.add_module(author, course_id, f"{n}") for n in range(50)]
    for number in range(200):
        await studio.add_lesson(author, modules[number % 50], f"{number}")

    module = await author.mutate("addModule", course_id=course_id, title="one more")
    lesson = await author.refused("addLesson", module_id=modules[0], title="one more")

    assert (module["__typename"], lesson) == ("CourseTooLargeError", "CourseTooLargeError")
    draft = await author.draft(course_id)
    assert [len(module["lessons"]) for module in draft["modules"]] == [4] * 50
