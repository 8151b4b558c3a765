"""See control.pxd. Every method is a plain function call of microseconds; the GIL is free while it waits for the worker."""

from libc.stdint cimport uint8_t

from vpaas_core._fastpath.control_base cimport drop_counts
from vpaas_core._fastpath.events cimport EventHeader, events_take
from vpaas_core._fastpath.limits cimport EVENT_BYTES_MAX
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.pipeline cimport pipeline_finish, pipeline_receive, pipeline_tick
from vpaas_core._fastpath.router cimport Transport
from vpaas_core._fastpath.stun cimport addr_from_python


cdef class Core(ObserverControl):
    """One worker without sockets: datagrams and a time in, datagrams and events out. `Loop` adds thread and sockets.

    Ids are those that the `add_…` methods return; an unknown one raises KeyError.
    """

    # What the worker has to say

    def take_events(self) -> list[tuple[int, int, int, bytes]]:
        """(EventKind, id, value, payload) of everything since the last call."""
        cdef EventHeader header
        cdef uint8_t payload[EVENT_BYTES_MAX]
        cdef int size
        cdef list events = []
        self.begin()
        try:
            while True:
                size = events_take(&self.pl.events, &header, payload)
                if size < 0:
                    return events
                events.append((header.kind, header.id, header.value, (<const char*>payload)[:size]))
        finally:
            self.end()

    def stats(self) -> dict[str, object]:
        """The worker as a whole: objects, packets forwarded, drops by reason."""
        self.begin()
        try:
            return {
                "transports": self.pl.transports.used,
                "producers": self.pl.producers.used,
                "consumers": self.pl.consumers.used,
                "packets_forwarded": self.pl.forwarded,
                "drops": drop_counts(self.pl.drops),
            }
        finally:
            self.end()

    # A simulated network drives it

    def drive(self, datagrams: list[tuple[bytes, tuple[str, int]]], now_us: int, *, owner: int | None = None,
              socket: int = 0) -> list[tuple[bytes, tuple[str, int]]]:
        """Hands in datagrams with their sources at one moment; returns those that leave, with their destinations.

        `owner`: the plain transport whose socket they came to.
        """
        cdef Addr source
        cdef bytes data
        cdef Transport* t = NULL
        self.begin()
        try:
            self.simulated_us = now_us
            if owner is not None:
                t = self.transport(owner)
            try:
                for data, address in datagrams:
                    addr_from_python(address, &source)
                    source.socket = <uint8_t>socket
                    pipeline_receive(self.pl, t, data, <int>len(data), &source, now_us)
            finally:
                pipeline_finish(self.pl, now_us)
            return self._take_outgoing()
        finally:
            self.end()

    def tick(self, now_us: int) -> list[tuple[bytes, tuple[str, int]]]:
        """Runs the timers; returns what they send."""
        self.begin()
        try:
            self.simulated_us = now_us
            pipeline_tick(self.pl, now_us)
            return self._take_outgoing()
        finally:
            self.end()

    cdef list _take_outgoing(self):
        cdef list outgoing = self.outgoing
        self.outgoing = []
        return outgoing
