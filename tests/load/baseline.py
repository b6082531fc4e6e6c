"""The same pages written by hand: one process, FastAPI, asyncpg, SQL, and nothing between.

It reads the databases of the running stack and gives the JSON that the supergraph gives. It has
what a careful hand would write (tokens checked, rights checked, the log kept) and none of what the
product has beyond: no schema, no limits, no gateway, no placement, no live events.

    python -m tests.load.baseline PORT     with the environment of the stack's servers
"""

import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import asyncpg
import httpx
import jwt
import orjson
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Response

from tests.load import sql
from tests.load.standing import Standing

POOL = 10


@dataclass(frozen=True)
class Caller:
    user_id: str
    organization_ids: list[str]


class Gate:
    """Checks access tokens, each once."""

    def __init__(self, jwks_url: str, issuer: str) -> None:
        keys = jwt.PyJWKSet.from_dict(httpx.get(jwks_url).raise_for_status().json()).keys
        self._keys = {key.key_id: key for key in keys}
        self._issuer = issuer
        self._known: dict[str, tuple[float, Caller]] = {}

    def admit(self, authorization: str) -> Caller:
        token = authorization.removeprefix("Bearer ")
        known = self._known.get(token)
        if known is None or known[0] < time.time():
            known = self._known[token] = self._read(token)
        return known[1]

    def _read(self, token: str) -> tuple[float, Caller]:
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token, key, algorithms=["EdDSA"], audience="polynode", issuer=self._issuer
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise HTTPException(401) from error
        caller = Caller(claims["sub"], list(claims["roles"]))
        return claims["exp"], caller


class State:
    """What the lifespan opens."""

    gate: Gate
    users: Any
    courses: Any
    learning: Any


state = State()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    state.gate = Gate(os.environ["POLYNODE_JWKS_URL"], os.environ["POLYNODE_PUBLIC_URL"])
    for name in ("users", "courses", "learning"):
        url = os.environ[f"{name.upper()}_DATABASE_URL"].replace("+asyncpg", "")
        pool = asyncpg.create_pool(  # type: ignore[no-untyped-call]
            url, min_size=1, max_size=POOL, init=_set_codecs, server_settings={"jit": "off"}
        )
        setattr(state, name, await pool)
    yield


async def _set_codecs(connection: Any) -> None:
    """Ids are text all the way: nothing here computes with them."""
    codecs = {"jsonb": (orjson.dumps, orjson.loads), "uuid": (str, str)}
    for name, (encoder, decoder) in codecs.items():
        await connection.set_type_codec(name, schema="pg_catalog", encoder=encoder, decoder=decoder)


def caller(authorization: Annotated[str, Header()]) -> Caller:
    return state.gate.admit(authorization)


Me = Annotated[Caller, Depends(caller)]
app = FastAPI(lifespan=lifespan, openapi_url=None)


def answer(name: str, value: Any) -> Response:
    return Response(orjson.dumps({"data": {name: value}}), media_type="application/json")


async def names_of(ids: set[str]) -> dict[str, str]:
    rows = await state.users.fetch(sql.NAMES, list(ids))
    return {row["id"]: row["name"] for row in rows}


@app.get("/courses/{slug}")
async def course_page(slug: str, me: Me) -> Response:
    course = await state.courses.fetchrow(sql.COURSE, slug, me.user_id, me.organization_ids)
    if course is None:
        return answer("course", None)
    lessons = await state.courses.fetch(sql.LESSONS, course["version_id"])
    row = await state.learning.fetchrow(sql.STANDING, me.user_id, course["id"])
    names = await names_of(set(course["instructor_ids"]))
    standing = Standing.of(row) if row else None
    modules: dict[str, dict[str, Any]] = {}
    for lesson in lessons:
        module = modules.setdefault(
            lesson["module_id"],
            {"id": lesson["module_id"], "title": lesson["module_title"], "lessons": []},
        )
        module["lessons"].append(_lesson(lesson, standing))
    return answer(
        "course",
        {
            **_card(course, names),
            "description": course["description_html"],
            "viewerEnrollment": standing and _enrollment(standing.row),
            "modules": list(modules.values()),
        },
    )


def _card(course: Any, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": course["id"],
        "slug": course["slug"],
        "title": course["title"],
        "summary": course["summary"],
        "language": course["language"],
        "level": course["level"],
        "rating": course["rating"] if course["review_count"] else None,
        "reviewCount": course["review_count"],
        "lessonCount": course["lesson_count"],
        "category": {"name": course["category_name"]} if course["category_name"] else None,
        "instructors": [
            {"id": id, "name": names[id]} for id in course["instructor_ids"] if id in names
        ],
    }


def _lesson(lesson: Any, standing: Standing | None) -> dict[str, Any]:
    id = lesson["lesson_id"]
    locked = not lesson["is_preview"] if standing is None else standing.is_locked(id)
    return {
        "id": id,
        "title": lesson["title"],
        "kind": lesson["kind"],
        "durationMinutes": lesson["duration_minutes"],
        "isPreview": lesson["is_preview"],
        "locked": locked,
        "viewerProgress": standing and {"completedAt": standing.completed.get(id)},
    }


def _enrollment(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "status": row["status"],
        "percentComplete": row["percent_complete"],
        "completedLessonCount": row["completed_count"],
    }


@app.get("/courses")
async def catalogue(orderBy: str, me: Me) -> Response:  # noqa: N803, as the schema spells it
    rows = await state.courses.fetch(sql.CATALOGUE[orderBy], me.organization_ids)
    names = await names_of({id for row in rows[:20] for id in row["instructor_ids"]})
    cards = [{**_card(row, names), "isFree": row["is_free"]} for row in rows[:20]]
    page = {"nodes": cards, "pageInfo": {"hasNextPage": len(rows) > len(cards)}}
    return answer("courses", page)


@app.get("/search")
async def search(query: str, me: Me) -> Response:
    rows = await state.courses.fetch(sql.SEARCH, query, me.organization_ids)
    found = [row["id"] for row in rows[:20]]
    cut = dict(await state.courses.fetch(sql.SNIPPETS, query, found))
    hits = [
        {
            "score": row["score"],
            "snippet": sql.marked(cut[row["id"]]),
            "course": {
                "id": row["id"],
                "slug": row["slug"],
                "title": row["title"],
                "language": row["language"],
                "rating": row["rating"] if row["review_count"] else None,
            },
        }
        for row in rows[:20]
    ]
    page = {"nodes": hits, "pageInfo": {"hasNextPage": len(rows) > len(hits)}}
    return answer("searchCourses", page)


@app.get("/dashboard")
async def dashboard(me: Me) -> Response:
    name = (await names_of({me.user_id}))[me.user_id]
    rows = await state.learning.fetch(sql.DASHBOARD, me.user_id)
    standings = [Standing.of(row) for row in rows[:20]]
    following = [standing.next_lesson_id() for standing in standings]
    titles = dict(await state.courses.fetch(sql.LESSON_TITLES, me.user_id, following))
    ids = [standing.row["course_id"] for standing in standings]
    courses = {row["id"]: row for row in await state.courses.fetch(sql.COURSE_TITLES, ids)}
    nodes = [
        {
            **_enrollment(standing.row),
            "lessonCount": standing.row["lesson_count"],
            "dueAt": standing.row["due_at"],
            "course": dict(courses[standing.row["course_id"]]),
            "nextLesson": lesson_id and {"id": lesson_id, "title": titles[lesson_id]},
        }
        for standing, lesson_id in zip(standings, following, strict=True)
    ]
    page = {"nodes": nodes, "pageInfo": {"hasNextPage": len(rows) > len(nodes)}}
    return answer("viewer", {"id": me.user_id, "name": name, "enrollments": page})


@app.post("/complete")
async def complete(change: dict[str, str], me: Me) -> Response:
    row = await _change(me, change, done=True)
    return answer(
        "completeLesson",
        {
            "__typename": "CompleteLessonSuccess",
            "lessonId": change["lessonId"],
            "courseCompleted": row["percent_complete"] == 100,
            "enrollment": _enrollment(row),
        },
    )


@app.post("/uncomplete")
async def uncomplete(change: dict[str, str], me: Me) -> Response:
    row = await _change(me, change, done=False)
    return answer(
        "uncompleteLesson",
        {
            "__typename": "UncompleteLessonSuccess",
            "lessonId": change["lessonId"],
            "enrollment": _enrollment(row),
        },
    )


async def _change(me: Caller, change: dict[str, str], *, done: bool) -> Any:
    """Change the projection, keep the log and the event, in one transaction."""
    enrollment_id, lesson_id = change["enrollmentId"], change["lessonId"]
    async with state.learning.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(sql.LOCK, enrollment_id, me.user_id)
        standing = Standing.of(row)
        if (lesson_id in standing.completed) == done:
            return row
        if done and standing.is_locked(lesson_id):
            raise HTTPException(409)
        statement = sql.COMPLETE if done else sql.UNCOMPLETE
        return await connection.fetchrow(statement, enrollment_id, lesson_id, me.user_id)


def main() -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    config = uvicorn.Config(app, loop="uvloop", http="httptools", log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
