"""Buffers whose end is the end of mapped memory: a read or write one byte behind them kills the process."""

import ctypes
import mmap

_PROT_NONE = 0
_libc = ctypes.CDLL(None, use_errno=True)


class GuardedBuffer:
    """`place(data)` returns a view of exactly `data`, valid until the next call."""

    def __init__(self, capacity: int = 65536) -> None:
        self._end = -(-capacity // mmap.PAGESIZE) * mmap.PAGESIZE
        self._map = mmap.mmap(-1, self._end + mmap.PAGESIZE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        if _libc.mprotect(ctypes.c_void_p(address + self._end), mmap.PAGESIZE, _PROT_NONE):
            raise OSError(ctypes.get_errno(), "mprotect")

    def place(self, data: bytes) -> memoryview:
        start = self._end - len(data)
        view = memoryview(self._map)[start : self._end]
        view[:] = data
        return view
