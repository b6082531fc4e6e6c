"""What every mutation of accounts needs to know of its caller."""

from subgraphs.users import types
from subgraphs.users.service.services import Services
from subgraphs.users.service.sessions import Device, Login


def services(info: types.Info) -> Services:
    found = info.context.services
    assert isinstance(found, Services)
    return found


def device(info: types.Info, name: str | None = None) -> Device:
    return Device(info.context.client, name)


def enter(info: types.Info, login: Login) -> types.User:
    """Let the rest of the operation be asked by whoever has just logged in."""
    info.context.viewer = login.viewer
    info.context.forget_loaders()
    return types.User.from_row(login.user)
