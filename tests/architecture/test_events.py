"""Published events never change: other subgraphs, and seven days of outboxes, hold the old ones."""

from uuid import UUID

from subgraphs.kernel.events import Event
from tests.architecture.published import current, recorded
from tests.architecture.rules.events import changes, payloads, unpublished


class AnimalFed(Event, type="zoo.animal_fed", version=1):
    animal_id: UUID
    title: str


class AnimalFedOtherwise(Event, type="zoo.animal_fed", version=1):
    animal_id: UUID
    title: str
    grams: int = 0


class AnimalFedV2(Event, type="zoo.animal_fed", version=2):
    animal_id: UUID


def test_no_published_payload_has_changed() -> None:
    assert changes(recorded(), current()) == []


def test_every_event_is_recorded() -> None:
    """Run `python -m tests.architecture.published` to add one, and commit `events.json`."""
    assert unpublished(recorded(), current()) == []


def test_a_payload_names_its_fields_and_their_types() -> None:
    payload = payloads([AnimalFed])["zoo.animal_fed v1"]
    assert payload["properties"] == {
        "animalId": {"type": "string", "format": "uuid"},
        "title": {"type": "string"},
    }


def test_a_changed_payload_is_caught_even_if_it_only_grew() -> None:
    before, now = payloads([AnimalFed]), payloads([AnimalFedOtherwise])
    assert changes(before, now) == ["zoo.animal_fed v1 has changed"]


def test_a_removed_event_is_caught() -> None:
    assert changes(payloads([AnimalFed]), {}) == ["zoo.animal_fed v1 is gone"]


def test_a_new_version_beside_the_old_one_is_fine_once_it_is_recorded() -> None:
    before, now = payloads([AnimalFed]), payloads([AnimalFed, AnimalFedV2])
    assert changes(before, now) == []
    assert unpublished(before, now) == ["zoo.animal_fed v2 is not recorded"]
