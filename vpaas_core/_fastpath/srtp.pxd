"""SRTP and SRTCP: keys, packet IVs, what is encrypted and what is authenticated (RFC 3711, RFC 7714).

    RTP:   | header, CSRC, extension | payload | tag |            RTCP, GCM:  | header | rest | tag | E index |
           |<---- authenticated ---->|<- encr->|                  RTCP, CM:   | header | rest | E index | tag |

Replay protection is the caller's (replay.pxd): estimate, check, unprotect, accept.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from vpaas_core._fastpath.crypto cimport CryptoEngine

cpdef enum SrtpProfile:         # DTLS-SRTP's numbers: RFC 5764 §4.1.2, RFC 7714 §14.2
    AES_CM_128_HMAC_SHA1_80 = 0x0001
    AEAD_AES_128_GCM = 0x0007
    AEAD_AES_256_GCM = 0x0008

cpdef enum SrtpBackend:
    EVP = 0
    IPSEC_MB = 1

ctypedef CryptoEngine SrtpEngine    # one per thread, never shared; keys belong to its backend
cdef struct SrtpKeys                # session keys of one direction of one transport

cdef SrtpEngine* srtp_engine_new(int backend) noexcept nogil       # NULL: the backend is not there
cdef void srtp_engine_free(SrtpEngine* engine) noexcept nogil
cdef int srtp_key_bytes(uint16_t profile) noexcept nogil           # of the master key; 0: unknown profile
cdef int srtp_salt_bytes(uint16_t profile) noexcept nogil
cdef SrtpKeys* srtp_keys_new(
    SrtpEngine* engine, uint16_t profile, const uint8_t* master_key, const uint8_t* master_salt) noexcept nogil
cdef void srtp_keys_free(SrtpKeys* keys) noexcept nogil            # wipes them; nothing of theirs may be queued

# `index` is ROC << 16 | seq; header_len is fixed header + CSRC + header extension. Lengths up to 65535 bytes.
#
# The header already stands at dst[0:header_len]; the payload goes from src, which may be dst + header_len, to
# dst + header_len. Returns the whole length at once. CM_80 over ipsec-mb is complete only after srtp_flush: src,
# dst and keys must stay valid until then. All else is complete at once.
cdef int srtp_protect(
    SrtpEngine* engine, SrtpKeys* keys, uint8_t* dst, int header_len, const uint8_t* src, int payload_len,
    uint64_t index) noexcept nogil
cdef void srtp_flush(SrtpEngine* engine) noexcept nogil
# dst, which may not overlap pkt, receives the plaintext packet. Returns its length, or -DropReason: then dst holds
# rubbish.
cdef int srtp_unprotect(
    SrtpEngine* engine, SrtpKeys* keys, const uint8_t* pkt, int length, int header_len, uint64_t index,
    uint8_t* dst) noexcept nogil

# Both return a length, or -DropReason. The 31-bit index is the caller's to count and to check.
cdef int srtcp_protect(
    SrtpEngine* engine, SrtpKeys* keys, const uint8_t* pkt, int length, uint32_t index,
    uint8_t* dst) noexcept nogil
cdef int srtcp_unprotect(
    SrtpEngine* engine, SrtpKeys* keys, const uint8_t* pkt, int length, uint8_t* dst,
    uint32_t* index) noexcept nogil

# For the RFCs' vectors: one session key for RTP and RTCP, and the derivation by itself (False: no memory).
cdef SrtpKeys* srtp_keys_from_session(
    SrtpEngine* engine, uint16_t profile, const uint8_t* key, const uint8_t* auth_key,
    const uint8_t* salt) noexcept nogil
cdef bint srtp_derive(
    const uint8_t* master_key, int key_bytes, const uint8_t* master_salt, int salt_bytes, int label,
    uint8_t* out, int length) noexcept nogil
