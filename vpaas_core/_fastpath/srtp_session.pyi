from vpaas_core._fastpath.srtp import SrtpBackend, SrtpProfile

class SrtpError(Exception):
    """A packet was refused. `reason` is the drop counter's name: srtp_auth, srtp_replay or srtp_malformed."""

    reason: str
    def __init__(self, reason: int) -> None: ...

class SrtpSession:
    """One master key's streams: ROC, SRTCP index and replay windows per SSRC, each direction for itself.

    `key` and `salt` have the lengths of the profile (16 + 14, 16 + 12, 32 + 12 bytes); ValueError otherwise.
    `backend` defaults to the fastest. Packets are whole datagrams; a refused one raises SrtpError.
    """

    profile: SrtpProfile
    backend: SrtpBackend
    def __init__(self, profile: int, key: bytes, salt: bytes, backend: int | None = None) -> None: ...
    @classmethod
    def from_session_keys(
        cls, profile: int, key: bytes, salt: bytes, auth_key: bytes = ..., backend: int | None = None
    ) -> SrtpSession:
        """A session whose RTP and RTCP keys are these, not derived: what the RFCs' packet vectors need."""

    def protect_rtp(self, packet: bytes) -> bytes:
        """The SRTP packet. The ROC follows the sequence numbers, from 0."""

    def unprotect_rtp(self, packet: bytes) -> bytes:
        """The RTP packet of an SRTP packet that is authentic and new."""

    def protect_rtcp(self, packet: bytes, index: int | None = None) -> bytes:
        """The SRTCP packet, encrypted. `index` defaults to one more than the sender's last, from 0."""

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """The compound RTCP packet of an SRTCP packet that is authentic and new, encrypted or not."""

def srtp_derive_key(master_key: bytes, master_salt: bytes, label: int, length: int) -> bytes:
    """`length` bytes of session key for a label of RFC 3711 §4.3.2; keys of 16 or 32 bytes, salts to 14."""

def fan_out(sessions: list[SrtpSession], packets: list[bytes], in_place: bool = False) -> list[list[bytes]]:
    """Each RTP packet protected for each session: one list of SRTP packets per session. See FanOut."""

class FanOut:
    """RTP packets to protect for sessions of one backend (else ValueError), as the forwarding loop does.

    `in_place` encrypts each payload where its ciphertext goes; otherwise all come from the one plaintext.
    """

    def __init__(self, sessions: list[SrtpSession], packets: list[bytes], in_place: bool = False) -> None: ...
    def run(self, rounds: int) -> None:
        """Protects everything and flushes, `rounds` times over, without the GIL."""

    def protected(self) -> list[list[bytes]]:
        """The SRTP packets of the last round, one list per session."""

def unprotect_repeatedly(session: SrtpSession, packet: bytes, rounds: int) -> int:
    """The plaintext length, or -reason, of one SRTP packet of ROC 0, unprotected `rounds` times."""
