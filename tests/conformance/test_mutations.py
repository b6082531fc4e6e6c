"""Mutations: one after the other, refusals as data, results that reach into other subgraphs."""

from uuid import uuid4

from tests.support.campus import Campus

COMPLETE = """completeLesson(input: {{enrollmentId: "{0}", lessonId: "{1}"}}) {{
  ... on CompleteLessonSuccess {{ enrollment {{ percentComplete course {{ title }} }} }} }}"""


async def test_mutations_of_one_document_run_in_their_order(campus: Campus) -> None:
    _, course = await campus.course(lessons=3)
    learner, enrollment_id = await campus.enrolled(course)
    parts = [
        f"m{number}: {COMPLETE.format(enrollment_id, lesson)}"
        for number, lesson in enumerate(course.lesson_ids)
    ]

    data = await learner.ask(f"mutation {{ {' '.join(parts)} }}")

    percents = [data[f"m{number}"]["enrollment"]["percentComplete"] for number in range(3)]
    assert percents == [33, 66, 100]


async def test_a_refusal_is_a_member_of_the_union(campus: Campus) -> None:
    _, course = await campus.course(lessons=1)
    learner, enrollment_id = await campus.enrolled(course)
    answer = await learner.do("completeLesson", enrollmentId=enrollment_id, lessonId=str(uuid4()))
    assert answer["__typename"] == "LessonNotInCourseError"
    assert answer["code"] == "LESSON_NOT_IN_COURSE"


async def test_a_result_reaches_into_other_subgraphs(campus: Campus) -> None:
    _, course = await campus.course(lessons=2)
    learner, enrollment_id = await campus.enrolled(course)
    answer = await learner.do(
        "completeLesson",
        "enrollment { learner { name } course { organization { name } } nextLesson { title } }",
        enrollmentId=enrollment_id,
        lessonId=course.lesson_ids[0],
    )
    assert answer["enrollment"] == {
        "learner": {"name": "Lea"},
        "course": {"organization": {"name": "Acme"}},
        "nextLesson": {"title": "Lesson 2"},
    }
