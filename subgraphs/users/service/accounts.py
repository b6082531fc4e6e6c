"""Accounts: how people come in, what they say about themselves, and how they get back in."""

from typing import Any, TypedDict

from prometheus_client import Counter
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel import outbox
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import Database, new_id
from subgraphs.kernel.errors import InvalidInputError
from subgraphs.users.errors import (
    EmailTakenError,
    InvalidCredentialsError,
    TooManyAttemptsError,
    WrongPasswordError,
)
from subgraphs.users.events import UserProfileChanged, UserRegistered
from subgraphs.users.models import User
from subgraphs.users.repository import people
from subgraphs.users.service import audit, texts
from subgraphs.users.service.access import lock_person
from subgraphs.users.service.services import Services
from subgraphs.users.service.sessions import (
    Device,
    Login,
    end_other_sessions,
    mint,
    open_session,
    start_session,
)
from subgraphs.users.service.tokens import Mint

LOGINS = Counter("polynode_logins", "Logins, by how they ended.", ["outcome"])


async def register(
    db: Database,
    services: Services,
    device: Device,
    *,
    name: str,
    email: str,
    password: str,
    locale: str,
    time_zone: str,
) -> Login:
    """Make an account and log it in.

    An address that is taken is only noticed after the hash, so that it takes as long as any.

    Raises:
        InvalidInputError, WeakPasswordError, EmailTakenError, TooManyAttemptsError
    """
    user = User(
        name=texts.line("name", name),
        email=texts.email("email", email),
        locale=texts.locale("locale", locale),
        time_zone=texts.time_zone("timeZone", time_zone),
    )
    device = _tidy(device)
    # Asking for taken addresses one by one is an attack on privacy: it is slowed down.
    attempt = await services.attempts.begin(
        "register", account=user.email, address=device.address, known=False
    )
    await services.passwords.require_strong(password, about=(user.name, user.email))
    user.password_hash = await services.passwords.hash(password)
    opened = await db.transact(_create, await mint(db, services), user, device)
    await services.attempts.succeeded(attempt)
    return opened


async def _create(session: AsyncSession, maker: Mint, draft: User, device: Device) -> Login:
    # A copy: the transaction may have to be tried again.
    user = User(
        id=new_id(),
        email=draft.email,
        password_hash=draft.password_hash,
        name=draft.name,
        locale=draft.locale,
        time_zone=draft.time_zone,
    )
    facts = UserRegistered(
        user_id=user.id, name=user.name, locale=user.locale, time_zone=user.time_zone
    )
    outbox.publish(session, facts, of=user)
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as error:
        raise EmailTakenError from error
    family, token = start_session(session, user.id, device)
    await session.flush()
    return Login.make(maker, user, {}, family.id, token)


async def login(
    db: Database, services: Services, device: Device, *, email: str, password: str
) -> Login:
    """Log in with e-mail address and password.

    Every failure looks the same and takes the same time.

    Raises:
        InvalidCredentialsError, TooManyAttemptsError
    """
    device = _tidy(device)
    try:
        email = texts.email("email", email)
    except InvalidInputError:
        email = email.strip().casefold()[:254].encode("utf-8", "replace").decode()
        found = None
    else:
        async with db.read() as session:
            found = await people.login_candidate(session, email, device.address)
    user, known = found or (None, False)
    attempt = await services.attempts.begin(
        "login", account=email, address=device.address, known=known
    )
    try:
        good = await services.passwords.verify(password, user.password_hash if user else None)
    except TooManyAttemptsError:  # too many at a time: nobody has looked at this one
        await services.attempts.withdraw(attempt)
        raise
    if user is None or not good:
        LOGINS.labels("refused").inc()
        raise InvalidCredentialsError
    await services.attempts.succeeded(attempt)
    opened = await db.transact(
        open_session,
        await mint(db, services),
        device,
        user_id=user.id,
        password_hash=user.password_hash,
    )
    LOGINS.labels("good").inc()
    return opened


async def change_password(
    db: Database,
    services: Services,
    viewer: Viewer,
    device: Device,
    *,
    current_password: str,
    new_password: str,
) -> User:
    """Replace the password and end all other sessions: whoever knew the old one is out.

    Raises:
        WrongPasswordError, WeakPasswordError, TooManyAttemptsError
    """
    user_id = viewer.require_person()
    async with db.read() as session:
        found = await people.user_with_roles(session, user_id)
    if found is None:
        raise WrongPasswordError
    user, _ = found
    attempt = await services.attempts.begin(
        "password", account=str(user_id), address=device.address, known=True
    )
    if not await services.passwords.verify(current_password, user.password_hash):
        raise WrongPasswordError
    await services.attempts.succeeded(attempt)
    await services.passwords.require_strong(new_password, about=(user.name, user.email))
    new_hash = await services.passwords.hash(new_password)
    return await db.transact(
        _replace_password, viewer, old_hash=user.password_hash, new_hash=new_hash
    )


async def _replace_password(
    session: AsyncSession, viewer: Viewer, *, old_hash: str, new_hash: str
) -> User:
    user = await lock_person(session, viewer)
    if user.password_hash != old_hash:  # changed from elsewhere since it was checked
        raise WrongPasswordError
    user.password_hash = new_hash
    await end_other_sessions(session, user.id, viewer.session_id)
    await audit.append(session, viewer, "password.changed", subject_id=user.id)
    return user


class ProfileChanges(TypedDict, total=False):
    """What a person may say about themselves; what is absent stays as it is."""

    name: str | None
    avatar_url: str | None
    bio: str | None
    locale: str | None
    time_zone: str | None


async def update_profile(session: AsyncSession, viewer: Viewer, *, changes: ProfileChanges) -> User:
    """Change what is given; `avatar_url` and `bio` may be taken away with None.

    Raises:
        InvalidInputError: A value is not acceptable.
    """
    viewer.require_person()
    checked = _checked(changes)
    user = await lock_person(session, viewer)
    changed = {name for name, value in checked.items() if getattr(user, name) != value}
    for name in changed:
        setattr(user, name, checked[name])
    if changed & {"name", "locale", "time_zone"}:
        facts = UserProfileChanged(
            user_id=user.id, name=user.name, locale=user.locale, time_zone=user.time_zone
        )
        outbox.publish(session, facts, of=user)
    return user


def _checked(changes: ProfileChanges) -> dict[str, Any]:
    checks = {
        "name": ("name", texts.line, True),
        "avatar_url": ("avatarUrl", texts.https_url, False),
        "bio": ("bio", texts.paragraph, False),
        "locale": ("locale", texts.locale, True),
        "time_zone": ("timeZone", texts.time_zone, True),
    }
    checked = {}
    for name, value in changes.items():
        field, check, required = checks[name]
        if value is None and required:
            raise InvalidInputError(field, "This cannot be taken away.")
        checked[name] = check(field, str(value)) if value is not None else None
    return checked


def _tidy(device: Device) -> Device:
    if device.name is None:
        return device
    return Device(device.address, texts.line("device", device.name))
