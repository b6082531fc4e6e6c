"""Sockets and streams: they end with the rights of whoever opened them."""

import asyncio
import json
import time
from typing import Any

import pytest

from infra.stack import Stack
from tests.security.conftest import SOCKETS_PER_USER
from tests.support.api import PASSWORD, Api
from tests.support.campus import Campus
from tests.support.intruder import claims_of, dial, operator, signer

PROGRESS = """subscription ($id: UUID!, $after: String) {
  progressUpdated(enrollmentId: $id, after: $after) { cursor lessonId } }"""
ENDINGS = ("logged out", "logged out everywhere", "deactivated", "password changed", "token reused")
EXPIRED, SIGNED_OUT = 4401, 4403


async def complete(learner: Api, enrollment_id: str, lesson_id: str) -> None:
    answer = await learner.do("completeLesson", enrollmentId=enrollment_id, lessonId=lesson_id)
    assert answer["__typename"] == "CompleteLessonSuccess"


async def second_device(person: Api) -> Api:
    device = Api(person.url, person.client, user_id=person.user_id, email=person.email)
    opened = await device.do(
        "login", "accessToken refreshToken", email=person.email, password=PASSWORD
    )
    device.token, device.refresh_token = opened["accessToken"], opened["refreshToken"]
    return device


async def end(how: str, victim: Api, thief: Api, admin: Api) -> None:
    """Take the session of `thief` away from them, who is logged in as `victim`."""
    if how == "logged out":
        await victim.do("logout", refreshToken=thief.refresh_token)
    elif how == "logged out everywhere":
        await victim.ask("mutation { logoutEverywhere { __typename } }")
    elif how == "deactivated":
        await admin.do("deactivateUser", userId=victim.user_id)
    elif how == "password changed":
        changed = await victim.do(
            "changePassword", currentPassword=PASSWORD, newPassword="another tractor 8 moons"
        )
        assert changed["__typename"] == "ChangePasswordSuccess"
    else:
        first = thief.refresh_token
        await thief.refresh()
        await thief.refresh()
        reused = await victim.do("refreshSession", refreshToken=first)
        assert reused["__typename"] == "RefreshTokenReusedError"


@pytest.mark.parametrize("how", ENDINGS)
async def test_a_socket_ends_with_the_session_that_opened_it(
    campus: Campus, stack: Stack, how: str, record_property: Any
) -> None:
    admin = await operator(stack, campus)
    _, course = await campus.course(lessons=2)
    victim, enrollment_id = await campus.enrolled(course)
    thief = await second_device(victim)
    async with thief.socket() as socket:
        await socket.subscribe(PROGRESS, {"id": enrollment_id, "after": "1"})
        await complete(victim, enrollment_id, course.lesson_ids[0])
        assert (await socket.data())["progressUpdated"]["lessonId"] == course.lesson_ids[0]

        started = time.monotonic()
        await end(how, victim, thief, admin)
        await asyncio.wait_for(socket.connection.wait_closed(), 10)
        seconds = time.monotonic() - started
    record_property("seconds", seconds)
    assert socket.connection.close_code == SIGNED_OUT
    assert seconds < 5


@pytest.mark.parametrize("how", ["logged out everywhere", "deactivated"])
async def test_a_stream_of_events_ends_with_its_session(
    campus: Campus, stack: Stack, how: str
) -> None:
    admin = await operator(stack, campus)
    _, course = await campus.course(lessons=2)
    victim, enrollment_id = await campus.enrolled(course)
    thief = await second_device(victim)
    body = {"query": PROGRESS, "variables": {"id": enrollment_id, "after": "1"}}
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {thief.token}"}
    url = f"{campus.url}/graphql"
    async with campus.client.stream("POST", url, json=body, headers=headers) as response:
        lines = response.aiter_lines()
        await complete(victim, enrollment_id, course.lesson_ids[0])
        async for line in lines:
            if course.lesson_ids[0] in line:
                break
        await end(how, victim, thief, admin)
        async with asyncio.timeout(5):
            rest = [line async for line in lines]
    assert any("UNAUTHENTICATED" in line for line in rest)


async def test_a_silent_socket_of_a_revoked_session_asks_in_vain(campus: Campus) -> None:
    victim = await campus.person("Vera")
    thief = await second_device(victim)
    async with thief.socket() as socket:
        await victim.ask("mutation { logoutEverywhere { __typename } }")

        async def refused() -> bool:
            await socket.subscribe("{ viewer { id } }", {})
            message = await socket.next()
            assert message["type"] == "next"
            await socket.next()  # complete
            return "errors" in message["payload"]

        started = time.monotonic()
        while not await refused():
            assert time.monotonic() - started < 5


@pytest.mark.parametrize("subscribed", [True, False])
async def test_a_socket_ends_when_its_token_expires(
    campus: Campus,
    stack: Stack,
    subscribed: bool,  # noqa: FBT001
    record_property: Any,
) -> None:
    _, course = await campus.course(lessons=1)
    learner, enrollment_id = await campus.enrolled(course)
    key = await signer(stack)
    expires = time.time() + 5
    learner.token = key.sign(claims_of(learner.token) | {"exp": expires})
    async with learner.socket() as socket:
        if subscribed:
            await socket.subscribe(PROGRESS, {"id": enrollment_id})
        await asyncio.wait_for(socket.connection.wait_closed(), 15)
    late = time.time() - expires
    record_property("seconds", late)
    assert socket.connection.close_code == EXPIRED
    assert 0 <= late < 5


async def test_nobody_follows_the_progress_of_others(campus: Campus) -> None:
    _, course = await campus.course(lessons=1)
    _, enrollment_id = await campus.enrolled(course)
    for caller in (campus.visitor(), await campus.person("Theo"), (await campus.instructor())[0]):
        async with caller.socket() as socket:
            await socket.subscribe(PROGRESS, {"id": enrollment_id})
            message = await socket.next()
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert {error["extensions"]["code"] for error in errors} <= {
            "ENROLLMENT_NOT_FOUND",
            "UNAUTHENTICATED",
        }


async def test_who_is_unenrolled_gets_no_further_event(campus: Campus) -> None:
    instructor, course = await campus.course(lessons=2)
    learner, enrollment_id = await campus.enrolled(course)
    async with learner.socket() as socket:
        await socket.subscribe(PROGRESS, {"id": enrollment_id, "after": "1"})
        await complete(learner, enrollment_id, course.lesson_ids[0])
        await socket.data()
        ended = await instructor.do("unenroll", enrollmentId=enrollment_id)
        assert ended["__typename"] == "UnenrollSuccess"
        assert (await socket.next())["type"] == "complete"


async def test_an_instructor_who_is_dismissed_sees_no_further_event(campus: Campus) -> None:
    owner, course = await campus.course(lessons=2)
    learner, enrollment_id = await campus.enrolled(course)
    member = await campus.person("Mel")
    invited = await owner.do(
        "inviteMember",
        "token",
        organizationId=course.organization_id,
        email=member.email,
        role="INSTRUCTOR",
    )
    await member.do("acceptInvitation", token=invited["token"])
    await member.refresh()
    async with member.socket() as socket:
        await socket.subscribe(PROGRESS, {"id": enrollment_id, "after": "1"})
        await complete(learner, enrollment_id, course.lesson_ids[0])
        await socket.data()
        await owner.do(
            "setMemberRole",
            organizationId=course.organization_id,
            userId=member.user_id,
            role=None,
        )
        await asyncio.wait_for(socket.connection.wait_closed(), 5)
    assert socket.connection.close_code == SIGNED_OUT


async def test_a_socket_runs_at_most_twenty_operations(campus: Campus) -> None:
    _, course = await campus.course(lessons=1)
    learner, enrollment_id = await campus.enrolled(course)
    async with learner.socket() as socket:
        for number in range(20):
            await socket.subscribe(PROGRESS, {"id": enrollment_id, "after": "0"}, str(number))
        await socket.subscribe("{ viewer { id } }", {}, "one too many")
        while (message := await socket.next())["id"] != "one too many":
            assert message["type"] == "next", message
        assert message["payload"][0]["extensions"] == {"code": "TOO_MANY_OPERATIONS"}
        await socket.connection.send('{"id": "0", "type": "complete"}')
        await socket.subscribe("{ viewer { id } }", {}, "in its place")
        while (message := await socket.next())["id"] != "in its place":
            assert message["type"] == "next", message
        assert message["payload"] == {"data": {"viewer": {"id": learner.user_id}}}


async def test_an_id_in_use_is_not_taken_twice(campus: Campus) -> None:
    _, course = await campus.course(lessons=1)
    learner, enrollment_id = await campus.enrolled(course)
    async with learner.socket() as socket:
        for _ in range(2):
            await socket.subscribe(PROGRESS, {"id": enrollment_id}, "same")
        await asyncio.wait_for(socket.connection.wait_closed(), 5)
    assert socket.connection.close_code == 4409


async def test_a_user_holds_a_limited_number_of_sockets(
    strict: Stack, strict_campus: Campus
) -> None:
    person, other = await strict_campus.person("Vera"), await strict_campus.person("Olaf")
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {person.token}"}}
    sockets = []
    for _ in range(SOCKETS_PER_USER):
        socket = await dial(strict.url)
        await socket.send(json.dumps(init))
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        sockets.append(socket)
    async with dial(strict.url) as surplus:
        await surplus.send(json.dumps(init))
        await surplus.wait_closed()
    assert surplus.close_code == 4429
    async with other.socket() as unharmed:
        await unharmed.subscribe("{ viewer { id } }", {})
        assert await unharmed.data() == {"viewer": {"id": other.user_id}}
    for socket in sockets:
        await socket.close()
    async with person.socket():
        pass
