"""What a learner does, at the one public endpoint, from the first visit to the last lesson."""

from dataclasses import replace

from tests.support.api import Api, eventually
from tests.support.campus import Campus

PROGRESS = """subscription ($id: UUID!, $after: String) {
  progressUpdated(enrollmentId: $id, after: $after) {
    cursor resync lessonId enrollment { percentComplete status course { title } } } }"""
BROWSE = "query ($text: String!) { searchCourses(query: $text) { nodes { course { id title } } } }"
COURSE = """query ($slug: String!) { course(slug: $slug) {
  title organization { name } instructors { name } enrollmentCount
  viewerEnrollment { percentComplete }
  modules { title lessons { id title content locked lockReason viewerProgress { completedAt } } }
} }"""
DASHBOARD = """{ viewer { name enrollments { totalCount nodes {
  percentComplete status nextLesson { title } course { title } } } } }"""


SESSIONS = "{ viewer { sessions { isCurrent } } }"


async def test_from_registration_to_the_last_lesson_seen_live_on_other_devices(
    campus: Campus,
) -> None:
    _, course = await campus.course(lessons=3)
    title = (await campus.visitor().ask(COURSE, slug=course.slug))["course"]["title"]

    learner = await (await campus.person("Lea")).log_in()
    tablet, telephone = await _another_device(learner), await _another_device(learner)
    assert await _sessions(learner) == 4  # that of the registration is one of them
    found = await learner.ask(BROWSE, text=title)
    best = found["searchCourses"]["nodes"][0]
    assert best["course"] == {"id": course.id, "title": title}

    async def enrolled() -> str | None:
        answer = await learner.do("enroll", "enrollment { id percentComplete }", courseId=course.id)
        return answer["enrollment"]["id"] if "enrollment" in answer else None

    enrollment_id = await eventually(enrolled)
    one, two, three = course.lesson_ids
    last = ""
    async with (
        tablet.socket() as socket,
        telephone.events(PROGRESS, id=enrollment_id, after="1") as events,
    ):
        # From the first event on, so it does not matter when the subscriptions start.
        await socket.subscribe(PROGRESS, {"id": enrollment_id, "after": "1"})
        for lesson, percent, status in ((one, 33, "ACTIVE"), (two, 66, "ACTIVE")):
            answer = await learner.do(
                "completeLesson",
                "courseCompleted enrollment { percentComplete }",
                enrollmentId=enrollment_id,
                lessonId=lesson,
            )
            assert answer["enrollment"]["percentComplete"] == percent
            event = (await socket.data())["progressUpdated"]
            assert await anext(events) == {"progressUpdated": event}
            assert event["resync"] is False
            assert event["lessonId"] == lesson
            assert event["enrollment"] == {
                "percentComplete": percent,
                "status": status,
                "course": {"title": title},
            }
            last = event["cursor"]

    # Offline when the last lesson is completed: the cursor brings what was missed, on either way.
    answer = await learner.do(
        "completeLesson", "courseCompleted", enrollmentId=enrollment_id, lessonId=three
    )
    assert answer["courseCompleted"] is True
    async with telephone.events(PROGRESS, id=enrollment_id, after=last) as events:
        missed = (await anext(events))["progressUpdated"]
    async with tablet.socket() as socket:
        await socket.subscribe(PROGRESS, {"id": enrollment_id, "after": last})
        assert await socket.data() == {"progressUpdated": missed}
    assert missed["enrollment"]["percentComplete"] == 100
    assert missed["enrollment"]["status"] == "COMPLETED"

    page = (await learner.ask(COURSE, slug=course.slug))["course"]
    assert page["organization"] == {"name": "Acme"}
    assert page["instructors"] == [{"name": "Ines"}]
    assert page["enrollmentCount"] == 1
    assert page["viewerEnrollment"] == {"percentComplete": 100}
    lessons = page["modules"][0]["lessons"]
    assert [lesson["content"] for lesson in lessons] == [
        f"<p>The text of lesson {number}.</p>\n" for number in (1, 2, 3)
    ]
    assert all(lesson["viewerProgress"]["completedAt"] for lesson in lessons)

    assert await learner.ask(DASHBOARD) == {
        "viewer": {
            "name": "Lea",
            "enrollments": {
                "totalCount": 1,
                "nodes": [
                    {
                        "percentComplete": 100,
                        "status": "COMPLETED",
                        "nextLesson": None,
                        "course": {"title": title},
                    }
                ],
            },
        }
    }


async def _another_device(learner: Api) -> Api:
    """The same person with a session of its own."""
    return await replace(learner, token=None, refresh_token=None).log_in()


async def _sessions(learner: Api) -> int:
    sessions = (await learner.ask(SESSIONS))["viewer"]["sessions"]
    assert [session["isCurrent"] for session in sessions].count(True) == 1
    return len(sessions)
