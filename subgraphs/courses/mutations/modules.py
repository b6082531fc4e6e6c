from uuid import UUID

import strawberry

from subgraphs.courses import service, types


@strawberry.input
class AddModuleInput:
    """A new module of a draft."""

    course_id: UUID
    """The course."""
    title: str
    """Its title."""
    position: int | None = None
    """Its place in the course, from 0; the end when absent."""


@strawberry.input
class UpdateModuleInput:
    """Changes of a module."""

    module_id: UUID
    """The module."""
    title: str
    """Its new title."""


@strawberry.input
class MoveModuleInput:
    """Where a module is dropped."""

    module_id: UUID
    """The module."""
    course_id: UUID
    """The course it is dropped in; this must be its own."""
    position: int
    """Its new place, from 0; beyond the end is the end."""


@strawberry.input
class DeleteModuleInput:
    """A module to delete."""

    module_id: UUID
    """The module."""


@strawberry.type
class ModuleMutations:
    """What can be done with the modules of a draft."""

    @strawberry.mutation
    async def add_module(self, info: types.Info, input: AddModuleInput) -> types.AddModuleResult:
        """Add a module to a draft."""
        row = await info.context.transact(
            service.add_module,
            info.context.viewer,
            course_id=input.course_id,
            title=input.title,
            position=input.position,
        )
        return types.AddModuleSuccess(module=types.DraftModule.from_row(row))

    @strawberry.mutation
    async def update_module(
        self, info: types.Info, input: UpdateModuleInput
    ) -> types.UpdateModuleResult:
        """Rename a module of a draft."""
        row = await info.context.transact(
            service.update_module,
            info.context.viewer,
            module_id=input.module_id,
            title=input.title,
        )
        return types.UpdateModuleSuccess(module=types.DraftModule.from_row(row))

    @strawberry.mutation
    async def move_module(self, info: types.Info, input: MoveModuleInput) -> types.MoveModuleResult:
        """Move a module within its course."""
        row = await info.context.transact(
            service.move_module,
            info.context.viewer,
            module_id=input.module_id,
            course_id=input.course_id,
            position=input.position,
        )
        return types.MoveModuleSuccess(module=types.DraftModule.from_row(row))

    @strawberry.mutation
    async def delete_module(
        self, info: types.Info, input: DeleteModuleInput
    ) -> types.DeleteModuleResult:
        """Delete a module and its lessons from a draft; published versions keep them."""
        await info.context.transact(
            service.delete_module, info.context.viewer, module_id=input.module_id
        )
        return types.DeleteModuleSuccess(module_id=input.module_id)
