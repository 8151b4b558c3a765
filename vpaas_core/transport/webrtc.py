"""A browser's path: ICE-lite answered in the worker, DTLS here, SRTP in the worker."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Literal

from vpaas_core._fastpath.ice import IceState as NativeIceState
from vpaas_core.dtls import Certificate, DtlsSession, DtlsState
from vpaas_core.errors import InvalidState
from vpaas_core.parameters import DtlsParameters, IceCandidate, IceParameters

from .base import Transport

if TYPE_CHECKING:
    from vpaas_core.router import Router

IceState = Literal["new", "connected", "completed", "disconnected", "closed"]

_ICE_STATES: dict[int, IceState] = {
    int(NativeIceState.ICE_NEW): "new",
    int(NativeIceState.ICE_CONNECTED): "connected",
    int(NativeIceState.ICE_COMPLETED): "completed",
    int(NativeIceState.ICE_DISCONNECTED): "disconnected",
    int(NativeIceState.ICE_CLOSED): "closed",
}

EARLY_DATAGRAMS_MAX = 8
"""DTLS datagrams kept while `connect` is on its way: a post-quantum ClientHello is two, maybe repeated."""


class WebRtcTransport(Transport):
    """Made by `router.create_web_rtc_transport`."""

    EVENTS = ("close", "icestatechange", "dtlsstatechange", "iceselectedtuplechange")

    def __init__(
        self,
        router: Router,
        native_id: int,
        ice_parameters: IceParameters,
        ice_candidates: list[IceCandidate],
        certificate: Certificate,
        app_data: Any,
    ) -> None:
        super().__init__(router, native_id, app_data)
        self.ice_parameters = ice_parameters
        self.ice_candidates = ice_candidates
        self.ice_state: IceState = "new"
        self.dtls_state: DtlsState = "new"
        self.dtls_parameters = DtlsParameters(certificate.fingerprints)
        self.dtls_failure: str | None = None
        """Why dtls_state is "failed"."""
        self._certificate = certificate
        self._session: DtlsSession | None = None
        self._early: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def ice_selected_tuple(self) -> tuple[str, int] | None:
        """The peer's address in use, (host, port)."""
        self._check_open()
        remote: tuple[str, int] | None = self.core.transport_state(self.native_id)["remote"]
        return remote

    def connect(self, dtls_parameters: DtlsParameters) -> None:
        """Name the peer's fingerprints and role; the handshake goes on by itself.

        Raises InvalidState when called twice, InvalidParameters without a usable fingerprint.
        """
        self._check_open()
        if self._session is not None:
            raise InvalidState(f"transport {self.id} is already connected")
        # We are the server whenever the peer leaves us the choice: the server picks the SRTP profile.
        role: Literal["server", "client"] = "client" if dtls_parameters.role == "server" else "server"
        self._session = DtlsSession(
            self._certificate,
            role,
            dtls_parameters.fingerprints,
            srtp_profiles=self.router.worker.config.srtp_profiles,
        )
        self.dtls_parameters = DtlsParameters(self._certificate.fingerprints, role)
        self._session.start()
        early, self._early = self._early, []
        for datagram in early:
            self._session.receive(datagram)
        self._after_dtls()

    def restart_ice(self) -> IceParameters:
        """New credentials; media goes on over the old path until the peer's first check with them."""
        self._check_open()
        self.ice_parameters = new_ice_parameters()
        self.core.restart_ice(
            self.native_id,
            self.ice_parameters.username_fragment.encode(),
            self.ice_parameters.password.encode(),
        )
        return self.ice_parameters

    def on_dtls(self, datagram: bytes) -> None:
        """A DTLS datagram from the worker."""
        if self._session is None:
            if len(self._early) < EARLY_DATAGRAMS_MAX:
                self._early.append(datagram)
            return
        self._session.receive(datagram)
        self._after_dtls()

    def on_ice_state(self, state: int) -> None:
        """An ICE state from the worker."""
        self.ice_state = _ICE_STATES[state]
        self._emit("icestatechange", self.ice_state)

    def on_ice_tuple(self) -> None:
        """Another address of the peer is selected, or none."""
        if self._session is not None and self._session.state == "connecting":
            self._send_flight_again()
        if not self.closed:  # by a callback of the handshake's end
            self._emit("iceselectedtuplechange", self.ice_selected_tuple)

    def _send_flight_again(self) -> None:
        """A client's first flight went nowhere before there was a path."""
        assert self._session is not None
        if self._session.timeout_s() is not None:
            self._on_timer()

    def _after_dtls(self) -> None:
        """Sends what is to be sent, takes the keys once they are there, tells of a new state."""
        session = self._session
        assert session is not None
        outgoing = session.take_outgoing()
        if outgoing:
            self.core.send(self.native_id, outgoing)
            self._restart_timer()
        if session.state == self.dtls_state:
            return
        self.dtls_state = session.state
        self.dtls_failure = session.failure
        if session.state == "connected" and session.srtp is not None:
            keys = session.srtp
            self.core.set_srtp(
                self.native_id,
                keys.profile,
                keys.remote_key,
                keys.remote_salt,
                keys.local_key,
                keys.local_salt,
            )
        if session.state != "connecting":
            self._stop_timer()
        self._emit("dtlsstatechange", self.dtls_state)

    def _restart_timer(self) -> None:
        self._stop_timer()
        assert self._session is not None
        timeout_s = self._session.timeout_s()
        if timeout_s is not None:
            self._timer = asyncio.get_running_loop().call_later(timeout_s, self._on_timer)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        assert self._session is not None
        self._session.handle_timeout()
        self._after_dtls()

    def _release(self) -> None:
        self._stop_timer()
        if self._session is not None:
            self._session.close()
            outgoing = self._session.take_outgoing()
            if outgoing:
                self.core.send(self.native_id, outgoing)
        self.dtls_state = "closed"
        self.ice_state = "closed"


def new_ice_parameters() -> IceParameters:
    """128 bits of ufrag and 192 of password (RFC 8445 §5.3 asks for 24 and 128)."""
    return IceParameters(secrets.token_hex(8), secrets.token_hex(16))
