from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vpaas_core._fastpath.table import NumberMap

KEYS = st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1), st.sampled_from([0, 2**32, 2**63, 2**64 - 1]))


class AgainstDict(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.map, self.twin = NumberMap(), dict[int, int]()

    @rule(key=KEYS, value=st.integers(1, 2**40))
    def put(self, key: int, value: int) -> None:
        self.map.put(key, value)
        self.twin[key] = value

    @rule(key=KEYS)
    def remove(self, key: int) -> None:
        self.map.remove(key)
        self.twin.pop(key, None)

    @rule(key=KEYS)
    def get(self, key: int) -> None:
        assert self.map.get(key) == self.twin.get(key, 0)

    @invariant()
    def same(self) -> None:
        assert len(self.map) == len(self.twin)
        assert all(self.map.get(key) == value for key, value in self.twin.items())


TestAgainstDict = AgainstDict.TestCase
TestAgainstDict.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=200, max_size=400, unique=True), st.randoms())
@settings(max_examples=10, deadline=None)
def test_removal_closes_every_gap(keys: list[int], chance: object) -> None:
    """Removal shifts entries back; one left behind its gap would never be found again."""
    numbers = NumberMap()
    for value, key in enumerate(keys, 1):
        numbers.put(key, value)
    values = {key: value for value, key in enumerate(keys, 1)}
    chance.shuffle(keys)  # type: ignore[attr-defined]
    while keys:
        numbers.remove(keys.pop())
        assert all(numbers.get(key) == values[key] for key in keys[::7])
    assert len(numbers) == 0


def test_an_empty_map() -> None:
    numbers = NumberMap()
    numbers.remove(1)
    assert numbers.get(1) == 0
    assert len(numbers) == 0
