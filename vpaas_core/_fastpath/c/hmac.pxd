"""The little of OpenSSL that STUN needs: HMAC-SHA1 in one call, and a comparison that leaks no timing.

HMAC() allocates inside libcrypto. That is bearable here: a peer sends a check every few seconds, and only a
check that names a ufrag of ours is ever hashed.
"""

from libc.stdint cimport uint8_t


cdef extern from "openssl/evp.h" nogil:
    ctypedef struct EVP_MD
    const EVP_MD* EVP_sha1() noexcept


cdef extern from "openssl/hmac.h" nogil:
    uint8_t* HMAC(
        const EVP_MD* digest, const void* key, int key_len, const uint8_t* data, size_t data_len,
        uint8_t* out, unsigned int* out_len,
    ) noexcept


cdef extern from "openssl/crypto.h" nogil:
    int CRYPTO_memcmp(const void* a, const void* b, size_t n) noexcept
