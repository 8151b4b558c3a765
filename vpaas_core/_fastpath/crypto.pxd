"""The ciphers of SRTP over two backends: OpenSSL EVP everywhere, Intel's ipsec-mb where the machine has it.

Nothing here knows RTP; srtp.pyx frames packets over these calls.
"""

from libc.stdint cimport uint8_t

cdef enum:
    GCM_IV_BYTES = 12
    GCM_TAG_BYTES = 16
    AES_BLOCK_BYTES = 16
    HMAC_KEY_BYTES = 20         # RFC 3711 §5.2: the session authentication key
    HMAC_TAG_BYTES = 10         # RFC 3711 §5.2, RFC 5764 §4.1.2: 80 bits, SRTCP too

cdef struct CryptoEngine        # one thread's: managers, queued packets, scratch
cdef struct CipherKey           # one session key with its schedule: GCM <= 1088 B, CM 240 B

cdef CryptoEngine* crypto_engine_new(int ipsec_mb) noexcept nogil      # NULL: not on this machine, or no memory
cdef void crypto_engine_free(CryptoEngine* engine) noexcept nogil

cdef CipherKey* gcm_key_new(CryptoEngine* engine, const uint8_t* key, int key_bytes) noexcept nogil
cdef CipherKey* cm_key_new(CryptoEngine* engine, const uint8_t* key, const uint8_t* auth_key) noexcept nogil
cdef void cipher_key_free(CipherKey* key) noexcept nogil               # wipes it

# AEAD: `out` and `data` are the same or do not overlap. gcm_open writes plaintext even when it returns False.
cdef void gcm_seal(
    CryptoEngine* engine, CipherKey* key, const uint8_t* iv, const uint8_t* aad, int aad_len,
    const uint8_t* data, int length, uint8_t* out, uint8_t* tag) noexcept nogil
cdef bint gcm_open(
    CryptoEngine* engine, CipherKey* key, const uint8_t* iv, const uint8_t* aad, int aad_len,
    const uint8_t* data, int length, uint8_t* out, const uint8_t* tag) noexcept nogil

# Counter mode, then HMAC-SHA1-80 over dst[0:header_len], the ciphertext and the 4 bytes that stand after it.
# cm_seal is complete when it returns. cm_queue is complete at the latest after crypto_flush, so that packets of
# many keys are hashed side by side; over EVP it is cm_seal.
cdef void cm_seal(
    CryptoEngine* engine, CipherKey* key, const uint8_t* iv, uint8_t* dst, int header_len,
    const uint8_t* data, int length, uint8_t* tag) noexcept nogil
cdef void cm_queue(
    CryptoEngine* engine, CipherKey* key, const uint8_t* iv, uint8_t* dst, int header_len,
    const uint8_t* data, int length, uint8_t* tag) noexcept nogil
cdef void crypto_flush(CryptoEngine* engine) noexcept nogil
cdef bint cm_tag_ok(
    CipherKey* key, const uint8_t* data, int length, const uint8_t* tail, int tail_len,
    const uint8_t* tag) noexcept nogil
cdef void cm_crypt(
    CryptoEngine* engine, CipherKey* key, const uint8_t* iv, const uint8_t* data, int length,
    uint8_t* out) noexcept nogil

# The AES counter-mode keystream itself (RFC 3711 §4.1.1); 0, or -1 on a bad key length or no memory.
cdef int aes_keystream(
    const uint8_t* key, int key_bytes, const uint8_t* iv, uint8_t* out, int length) noexcept nogil
