from typing import Any

from vpaas_core._fastpath.control_observers import ObserverControl

Address = tuple[str, int]

class Core(ObserverControl):
    def take_events(self) -> list[tuple[int, int, int, bytes]]: ...
    def stats(self) -> dict[str, Any]: ...
    def drive(
        self,
        datagrams: list[tuple[bytes, Address]],
        now_us: int,
        *,
        owner: int | None = None,
        socket: int = 0,
    ) -> list[tuple[bytes, Address]]: ...
    def tick(self, now_us: int) -> list[tuple[bytes, Address]]: ...
