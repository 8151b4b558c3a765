"""See srtp.pxd."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from vpaas_core._fastpath.c.openssl cimport OPENSSL_cleanse
from vpaas_core._fastpath.crypto cimport (
    AES_BLOCK_BYTES, GCM_TAG_BYTES, HMAC_KEY_BYTES, HMAC_TAG_BYTES, CipherKey, aes_keystream, cipher_key_free,
    cm_crypt, cm_key_new, cm_queue, cm_seal, cm_tag_ok, crypto_engine_free, crypto_engine_new, crypto_flush,
    gcm_key_new, gcm_open, gcm_seal)
from vpaas_core._fastpath.drop cimport DROP_SRTP_AUTH, DROP_SRTP_MALFORMED
from vpaas_core._fastpath.wire cimport load16, load32, store16, store32

cdef enum:
    RTP_HEADER_BYTES = 12
    RTCP_HEADER_BYTES = 8           # what SRTCP leaves in the clear: one header and the sender's SSRC
    SRTCP_INDEX_BYTES = 4
    SRTCP_ENCRYPTED = 0x80000000u   # the E flag above the 31-bit index (RFC 3711 §3.4)
    MASTER_SALT_BYTES = 14          # of CM; GCM's 12 are padded with zeros at the end (RFC 7714 §11)
    SESSION_KEY_BYTES_MAX = 32
    # Key derivation labels (RFC 3711 §4.3.2); the RTCP ones are 3 above
    LABEL_ENCRYPTION = 0
    LABEL_AUTHENTICATION = 1
    LABEL_SALT = 2
    LABELS_RTCP = 3


cdef struct StreamKey:              # RTP's or RTCP's half
    CipherKey* cipher
    uint8_t salt[AES_BLOCK_BYTES]   # zeros at the end


cdef struct SrtpKeys:
    StreamKey rtp
    StreamKey rtcp
    bint aead
    int ssrc_at                     # where the SSRC enters the IV


# --- Keys -------------------------------------------------------------------

cdef int srtp_key_bytes(uint16_t profile) noexcept nogil:
    if profile == AES_CM_128_HMAC_SHA1_80 or profile == AEAD_AES_128_GCM:
        return 16
    return 32 if profile == AEAD_AES_256_GCM else 0


cdef int srtp_salt_bytes(uint16_t profile) noexcept nogil:
    if profile == AES_CM_128_HMAC_SHA1_80:
        return MASTER_SALT_BYTES
    return 12 if profile == AEAD_AES_128_GCM or profile == AEAD_AES_256_GCM else 0


cdef SrtpEngine* srtp_engine_new(int backend) noexcept nogil:
    return crypto_engine_new(backend == IPSEC_MB)


cdef void srtp_engine_free(SrtpEngine* engine) noexcept nogil:
    crypto_engine_free(engine)


cdef SrtpKeys* srtp_keys_new(
    SrtpEngine* engine, uint16_t profile, const uint8_t* master_key, const uint8_t* master_salt,
) noexcept nogil:
    cdef SrtpKeys* keys
    if srtp_key_bytes(profile) == 0:
        return NULL
    keys = keys_alloc(profile)
    if keys == NULL:
        return NULL
    if not (derive_stream(engine, profile, master_key, master_salt, 0, &keys.rtp)
            and derive_stream(engine, profile, master_key, master_salt, LABELS_RTCP, &keys.rtcp)):
        srtp_keys_free(keys)
        return NULL
    return keys


cdef SrtpKeys* srtp_keys_from_session(
    SrtpEngine* engine, uint16_t profile, const uint8_t* key, const uint8_t* auth_key, const uint8_t* salt,
) noexcept nogil:
    cdef SrtpKeys* keys = keys_alloc(profile)
    if keys == NULL:
        return NULL
    memcpy(keys.rtp.salt, salt, srtp_salt_bytes(profile))
    memcpy(keys.rtcp.salt, salt, srtp_salt_bytes(profile))
    if not (set_cipher(engine, profile, key, auth_key, &keys.rtp)
            and set_cipher(engine, profile, key, auth_key, &keys.rtcp)):
        srtp_keys_free(keys)
        return NULL
    return keys


cdef SrtpKeys* keys_alloc(uint16_t profile) noexcept nogil:
    cdef SrtpKeys* keys = <SrtpKeys*>calloc(1, sizeof(SrtpKeys))
    if keys != NULL:
        keys.aead = profile != AES_CM_128_HMAC_SHA1_80
        keys.ssrc_at = 2 if keys.aead else 4
    return keys


cdef void srtp_keys_free(SrtpKeys* keys) noexcept nogil:
    if keys == NULL:
        return
    cipher_key_free(keys.rtp.cipher)
    cipher_key_free(keys.rtcp.cipher)
    OPENSSL_cleanse(keys, sizeof(SrtpKeys))
    free(keys)


cdef bint derive_stream(
    SrtpEngine* engine, uint16_t profile, const uint8_t* master_key, const uint8_t* master_salt, int labels,
    StreamKey* stream,
) noexcept nogil:
    """One half of the session keys; False when memory is short."""
    cdef uint8_t key[SESSION_KEY_BYTES_MAX]
    cdef uint8_t auth[HMAC_KEY_BYTES]
    cdef int n = srtp_key_bytes(profile)
    cdef int m = srtp_salt_bytes(profile)
    cdef bint done = (
        srtp_derive(master_key, n, master_salt, m, labels + LABEL_ENCRYPTION, key, n)
        and srtp_derive(master_key, n, master_salt, m, labels + LABEL_AUTHENTICATION, auth, HMAC_KEY_BYTES)
        and srtp_derive(master_key, n, master_salt, m, labels + LABEL_SALT, stream.salt, m)
        and set_cipher(engine, profile, key, auth, stream))
    OPENSSL_cleanse(key, sizeof(key))
    OPENSSL_cleanse(auth, sizeof(auth))
    return done


cdef bint set_cipher(
    SrtpEngine* engine, uint16_t profile, const uint8_t* key, const uint8_t* auth, StreamKey* stream,
) noexcept nogil:
    if profile == AES_CM_128_HMAC_SHA1_80:
        stream.cipher = cm_key_new(engine, key, auth)
    else:
        stream.cipher = gcm_key_new(engine, key, srtp_key_bytes(profile))
    return stream.cipher != NULL


cdef bint srtp_derive(
    const uint8_t* master_key, int key_bytes, const uint8_t* master_salt, int salt_bytes, int label,
    uint8_t* out, int length,
) noexcept nogil:
    """RFC 3711 §4.3.1 with a key derivation rate of 0, and §4.3.3's PRF (RFC 6188 §3 for 256-bit keys)."""
    cdef uint8_t iv[AES_BLOCK_BYTES]
    memset(iv, 0, AES_BLOCK_BYTES)
    memcpy(iv, master_salt, salt_bytes)
    iv[7] ^= <uint8_t>label
    return aes_keystream(master_key, key_bytes, iv, out, length) == 0


# --- RTP --------------------------------------------------------------------

cdef inline void packet_iv(
    uint8_t* iv, const StreamKey* stream, int ssrc_at, uint32_t ssrc, uint64_t index) noexcept nogil:
    """SSRC and 48-bit index over the salt: from byte 4 in RFC 3711 §4.1.1, from byte 2 in RFC 7714 §8.1, §9.1."""
    cdef uint8_t* at = iv + ssrc_at
    memcpy(iv, stream.salt, AES_BLOCK_BYTES)
    store32(at, load32(at) ^ ssrc)
    store16(at + 4, load16(at + 4) ^ <uint16_t>(index >> 32))
    store32(at + 6, load32(at + 6) ^ <uint32_t>index)


cdef int srtp_protect(
    SrtpEngine* engine, SrtpKeys* keys, uint8_t* dst, int header_len, const uint8_t* src, int payload_len,
    uint64_t index,
) noexcept nogil:
    cdef uint8_t iv[AES_BLOCK_BYTES]
    cdef uint8_t* end = dst + header_len + payload_len
    packet_iv(iv, &keys.rtp, keys.ssrc_at, load32(dst + 8), index)
    if keys.aead:
        gcm_seal(engine, keys.rtp.cipher, iv, dst, header_len, src, payload_len, dst + header_len, end)
        return header_len + payload_len + GCM_TAG_BYTES
    store32(end, <uint32_t>(index >> 16))   # the ROC is signed but not sent (RFC 3711 §4.2): the tag replaces it
    cm_queue(engine, keys.rtp.cipher, iv, dst, header_len, src, payload_len, end)
    return header_len + payload_len + HMAC_TAG_BYTES


cdef void srtp_flush(SrtpEngine* engine) noexcept nogil:
    crypto_flush(engine)


cdef int srtp_unprotect(
    SrtpEngine* engine, SrtpKeys* keys, const uint8_t* pkt, int length, int header_len, uint64_t index,
    uint8_t* dst,
) noexcept nogil:
    cdef uint8_t iv[AES_BLOCK_BYTES]
    cdef uint8_t roc[4]
    cdef int payload_len = length - header_len - (GCM_TAG_BYTES if keys.aead else HMAC_TAG_BYTES)
    cdef const uint8_t* payload = pkt + header_len
    cdef const uint8_t* tag = payload + payload_len
    if header_len < RTP_HEADER_BYTES or payload_len < 0:
        return -DROP_SRTP_MALFORMED
    packet_iv(iv, &keys.rtp, keys.ssrc_at, load32(pkt + 8), index)
    if keys.aead:
        if not gcm_open(
                engine, keys.rtp.cipher, iv, pkt, header_len, payload, payload_len, dst + header_len, tag):
            return -DROP_SRTP_AUTH
    else:
        store32(roc, <uint32_t>(index >> 16))
        if not cm_tag_ok(keys.rtp.cipher, pkt, header_len + payload_len, roc, 4, tag):
            return -DROP_SRTP_AUTH
        cm_crypt(engine, keys.rtp.cipher, iv, payload, payload_len, dst + header_len)
    memcpy(dst, pkt, header_len)
    return header_len + payload_len


# --- RTCP -------------------------------------------------------------------

cdef int srtcp_protect(
    SrtpEngine* engine, SrtpKeys* keys, const uint8_t* pkt, int length, uint32_t index, uint8_t* dst,
) noexcept nogil:
    cdef uint8_t iv[AES_BLOCK_BYTES]
    cdef uint8_t aad[RTCP_HEADER_BYTES + SRTCP_INDEX_BYTES]
    cdef const uint8_t* body = pkt + RTCP_HEADER_BYTES
    cdef uint8_t* end = dst + length
    cdef int body_len = length - RTCP_HEADER_BYTES
    if body_len < 0:
        return -DROP_SRTP_MALFORMED
    index &= ~SRTCP_ENCRYPTED
    packet_iv(iv, &keys.rtcp, keys.ssrc_at, load32(pkt + 4), index)
    memcpy(dst, pkt, RTCP_HEADER_BYTES)
    if keys.aead:
        memcpy(aad, pkt, RTCP_HEADER_BYTES)
        store32(aad + RTCP_HEADER_BYTES, SRTCP_ENCRYPTED | index)
        gcm_seal(engine, keys.rtcp.cipher, iv, aad, sizeof(aad), body, body_len, dst + RTCP_HEADER_BYTES, end)
        store32(end + GCM_TAG_BYTES, SRTCP_ENCRYPTED | index)
        return length + GCM_TAG_BYTES + SRTCP_INDEX_BYTES
    store32(end, SRTCP_ENCRYPTED | index)
    cm_seal(engine, keys.rtcp.cipher, iv, dst, RTCP_HEADER_BYTES, body, body_len, end + SRTCP_INDEX_BYTES)
    return length + SRTCP_INDEX_BYTES + HMAC_TAG_BYTES


cdef int srtcp_unprotect(
    SrtpEngine* engine, SrtpKeys* keys, const uint8_t* pkt, int length, uint8_t* dst, uint32_t* index,
) noexcept nogil:
    cdef int tag_bytes = GCM_TAG_BYTES if keys.aead else HMAC_TAG_BYTES
    cdef int plain_len = length - tag_bytes - SRTCP_INDEX_BYTES
    cdef uint8_t iv[AES_BLOCK_BYTES]
    cdef uint32_t trailer
    cdef bint authentic
    if plain_len < RTCP_HEADER_BYTES:
        return -DROP_SRTP_MALFORMED
    trailer = load32(pkt + (length - SRTCP_INDEX_BYTES if keys.aead else plain_len))
    packet_iv(iv, &keys.rtcp, keys.ssrc_at, load32(pkt + 4), trailer & ~SRTCP_ENCRYPTED)
    if keys.aead:
        authentic = srtcp_open_gcm(engine, keys.rtcp.cipher, iv, pkt, plain_len, trailer, dst)
    else:
        authentic = srtcp_open_cm(engine, keys.rtcp.cipher, iv, pkt, plain_len, trailer, dst)
    if not authentic:
        return -DROP_SRTP_AUTH
    memcpy(dst, pkt, RTCP_HEADER_BYTES)
    index[0] = trailer & ~SRTCP_ENCRYPTED
    return plain_len


cdef bint srtcp_open_gcm(
    SrtpEngine* engine, CipherKey* key, const uint8_t* iv, const uint8_t* pkt, int plain_len, uint32_t trailer,
    uint8_t* dst,
) noexcept nogil:
    cdef uint8_t aad[RTCP_HEADER_BYTES + SRTCP_INDEX_BYTES]
    cdef const uint8_t* tag = pkt + plain_len
    if trailer & SRTCP_ENCRYPTED:
        memcpy(aad, pkt, RTCP_HEADER_BYTES)
        store32(aad + RTCP_HEADER_BYTES, trailer)
        return gcm_open(
            engine, key, iv, aad, sizeof(aad), pkt + RTCP_HEADER_BYTES, plain_len - RTCP_HEADER_BYTES,
            dst + RTCP_HEADER_BYTES, tag)
    # RFC 7714 §9.3: in the clear, the packet and the index word are all associated data; dst lines them up.
    memcpy(dst, pkt, plain_len)
    store32(dst + plain_len, trailer)
    return gcm_open(engine, key, iv, dst, plain_len + SRTCP_INDEX_BYTES, NULL, 0, NULL, tag)


cdef bint srtcp_open_cm(
    SrtpEngine* engine, CipherKey* key, const uint8_t* iv, const uint8_t* pkt, int plain_len, uint32_t trailer,
    uint8_t* dst,
) noexcept nogil:
    cdef int signed_len = plain_len + SRTCP_INDEX_BYTES
    cdef int body_len = plain_len - RTCP_HEADER_BYTES
    if not cm_tag_ok(key, pkt, signed_len, NULL, 0, pkt + signed_len):
        return False
    if trailer & SRTCP_ENCRYPTED:
        cm_crypt(engine, key, iv, pkt + RTCP_HEADER_BYTES, body_len, dst + RTCP_HEADER_BYTES)
    else:
        memcpy(dst, pkt, plain_len)
    return True


# --- Python -----------------------------------------------------------------

def srtp_backends() -> list[SrtpBackend]:
    """The backends of this machine, the fastest first."""
    return [SrtpBackend(backend) for backend in (IPSEC_MB, EVP) if backend_works(backend)]


cdef bint backend_works(int backend) noexcept nogil:
    cdef SrtpEngine* engine = srtp_engine_new(backend)
    srtp_engine_free(engine)
    return engine != NULL
