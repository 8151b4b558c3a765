"""Relations between the limits, asserted at import."""

from vpaas_core._fastpath cimport limits

assert limits.DATAGRAM_BYTES_MAX >= limits.PACKET_BYTES_MAX + limits.SRTP_OVERHEAD_BYTES_MAX
assert limits.BATCH_PACKETS_MAX < limits.HISTORY_PACKETS_AUDIO < limits.HISTORY_PACKETS_VIDEO
assert limits.OUT_MAP_PACKETS & (limits.OUT_MAP_PACKETS - 1) == 0
assert limits.HISTORY_PACKETS_VIDEO & (limits.HISTORY_PACKETS_VIDEO - 1) == 0
assert limits.HISTORY_PACKETS_AUDIO & (limits.HISTORY_PACKETS_AUDIO - 1) == 0
assert limits.REPLAY_WINDOW_PACKETS % 64 == 0
assert limits.GSO_BYTES_MAX < limits.SEND_ARENA_BYTES
