import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from vpaas_api.auth import new_id
from vpaas_api.store import ExternalIdTakenError, JoinRow, RoomRow, Store

NOW = 1_000_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'test.sqlite3'}")
    await store.open()
    yield store
    await store.close()


def room(**changes: Any) -> RoomRow:
    values = {
        "id": new_id(), "name": "Lecture", "external_id": None, "nbf": NOW, "exp": NOW + 100,
        "created_at": NOW, "max_participants": None, "meta": {"course": "42"},
    }  # fmt: skip
    return RoomRow(**(values | changes))


async def test_a_room_comes_back_as_it_was(store: Store) -> None:
    added = await store.add_room(room(external_id="mine", max_participants=5))
    found = await store.room(added.id)
    assert found is not None
    assert (found.name, found.external_id, found.max_participants) == ("Lecture", "mine", 5)
    assert found.meta == {"course": "42"}
    assert await store.room("nothing") is None


async def test_an_external_id_is_unique_until_its_room_ends(store: Store) -> None:
    first = await store.add_room(room(external_id="mine"))
    with pytest.raises(ExternalIdTakenError) as error:
        await store.add_room(room(external_id="mine"))
    assert error.value.room_id == first.id
    await store.end_room(first.id, NOW + 1)
    second = await store.add_room(room(external_id="mine", created_at=NOW + 2))
    # Expiry frees it as well, without anybody ending the room.
    third = await store.add_room(room(external_id="mine", created_at=second.exp, exp=second.exp + 100))
    live = await store.live_room("mine", second.exp)
    assert live is not None
    assert live.id == third.id


async def test_one_of_many_concurrent_rooms_gets_the_external_id(store: Store) -> None:
    results = await asyncio.gather(
        *(store.add_room(room(external_id="mine")) for _ in range(10)), return_exceptions=True
    )
    won = [result for result in results if isinstance(result, RoomRow)]
    assert len(won) == 1
    assert all(
        isinstance(result, ExternalIdTakenError) and result.room_id == won[0].id
        for result in results
        if result is not won[0]
    )


async def test_rooms_are_listed_newest_first_and_filtered(store: Store) -> None:
    ids = [(await store.add_room(room(created_at=NOW + i, external_id=f"e{i}"))).id for i in range(5)]
    await store.end_room(ids[0], NOW + 10)
    gone = await store.add_room(room(exp=NOW + 5))

    async def page(**wanted: Any) -> tuple[int, list[str]]:
        base = {"limit": 10, "skip": 0, "ended": None, "external_id": None, "now": NOW + 10}
        total, rows = await store.rooms(**(base | wanted))
        return total, [row.id for row in rows]

    assert await page(ended=False) == (4, ids[:0:-1])
    assert await page(ended=False, limit=2, skip=1) == (4, [ids[3], ids[2]])
    assert set((await page(ended=True))[1]) == {ids[0], gone.id}
    assert await page(external_id="e2") == (1, [ids[2]])
    assert (await page())[0] == 6


async def test_ending_a_room_twice_keeps_the_first_time(store: Store) -> None:
    added = await store.add_room(room())
    await store.end_room(added.id, NOW + 1)
    ended = await store.end_room(added.id, NOW + 2)
    assert ended is not None
    assert ended.ended_at == NOW + 1
    assert await store.end_room("nothing", NOW) is None


async def test_joins_are_kept(store: Store) -> None:
    added = await store.add_room(room())
    join = JoinRow(
        id="p", room_id=added.id, external_id="user-7", can_publish=True, can_subscribe=False,
        created_at=NOW, expires_at=NOW + 9,
    )  # fmt: skip
    await store.add_join(join)
    async with store._engine.connect() as connection:
        row = (await connection.execute(text("SELECT room_id, external_id FROM joins"))).one()
    assert tuple(row) == (added.id, "user-7")


async def test_it_opens_again_but_not_on_a_newer_schema(store: Store) -> None:
    await store.open()
    async with store._engine.begin() as connection:
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
        await connection.execute(text("INSERT INTO schema_version VALUES (99)"))
    with pytest.raises(RuntimeError, match="schema 99"):
        await store.open()
