from typing import Any

Address = tuple[str, int]

class Core:
    def __init__(self, srtp_backend: int | None = None, wall_offset_us: int = 0) -> None: ...
    def add_webrtc_transport(
        self, ufrag: bytes, pwd: bytes, rtcp_ssrc: int, consent_timeout_us: int
    ) -> int: ...
    def restart_ice(self, id: int, ufrag: bytes, pwd: bytes) -> None: ...
    def add_plain_transport(self, rtcp_ssrc: int, rtcp_mux: bool, comedia: bool, secure: bool) -> int: ...
    def connect_plain(
        self, id: int, socket: int, address: Address, rtcp_socket: int, rtcp_address: Address | None
    ) -> None: ...
    def set_srtp(
        self,
        id: int,
        profile: int,
        remote_key: bytes,
        remote_salt: bytes,
        local_key: bytes,
        local_salt: bytes,
    ) -> None: ...
    def send(self, id: int, datagrams: list[bytes]) -> None: ...
    def close_transport(self, id: int) -> None: ...
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
    ) -> int: ...
    def pause_producer(self, id: int, paused: bool) -> None: ...
    def close_producer(self, id: int) -> None: ...
    def add_consumer(
        self,
        transport: int,
        producer: int,
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
    ) -> int: ...
    def pause_consumer(self, id: int, paused: bool) -> None: ...
    def request_key_frame(self, id: int) -> None: ...
    def close_consumer(self, id: int) -> None: ...
    def take_events(self) -> list[tuple[int, int, int, bytes]]: ...
    def transport_state(self, id: int) -> dict[str, Any]: ...
    def transport_stats(self, id: int) -> dict[str, Any]: ...
    def producer_stats(self, id: int) -> list[dict[str, Any]]: ...
    def consumer_stats(self, id: int) -> dict[str, Any]: ...
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
