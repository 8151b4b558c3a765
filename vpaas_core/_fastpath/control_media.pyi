from typing import Any

from vpaas_core._fastpath.control_transports import TransportControl

class MediaControl(TransportControl):
    def add_producer(
        self,
        transport: int,
        *,
        video: bool,
        clock_rate: int,
        mid: str,
        cname: str,
        encodings: list[tuple[int, int, str]],
        codecs: dict[int, int],
        rtx: dict[int, int],
        extensions: dict[int, int],
        nack: bool,
        pli: bool,
        fir: bool,
        paused: bool,
        key_frame_request_delay_us: int,
        key_frame_cache_us: int = 0,
    ) -> int: ...
    def pause_producer(self, id: int, paused: bool) -> None: ...
    def close_producer(self, id: int) -> None: ...
    def add_consumer(
        self,
        transport: int,
        producer: int | None,
        *,
        ssrc: int,
        rtx_ssrc: int,
        mid: str,
        payload_types: dict[int, int],
        rtx_payload_type: int | None,
        extensions: dict[int, int],
        first_seq: int,
        first_rtx_seq: int,
        paused: bool,
        video: bool = False,
        clock_rate: int = 0,
        ignore_dtx: bool = False,
    ) -> int: ...
    def switch_consumers(
        self, ids: list[int], producer: int | None, payload_types: list[dict[int, int]]
    ) -> None: ...
    def set_preferred_layers(self, id: int, spatial: int, temporal: int) -> None: ...
    def consumer_layers(self, id: int) -> tuple[int, int]: ...
    def pause_consumer(self, id: int, paused: bool) -> None: ...
    def request_key_frame(self, id: int) -> None: ...
    def close_consumer(self, id: int) -> None: ...
    def producer_stats(self, id: int) -> list[dict[str, Any]]: ...
    def consumer_stats(self, id: int) -> dict[str, Any]: ...
