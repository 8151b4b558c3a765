"""libcrypto, the part the packet path uses."""

from libc.stdint cimport uint8_t, uint32_t

cdef extern from *:
    # SHA1_* is deprecated but is the only SHA-1 whose state can be copied without allocating: 20 % of a packet.
    """
    #define OPENSSL_SUPPRESS_DEPRECATED
    """

cdef extern from "openssl/crypto.h" nogil:
    int CRYPTO_memcmp(const void* a, const void* b, size_t length)   # constant time
    void OPENSSL_cleanse(void* p, size_t length)

cdef extern from "openssl/sha.h" nogil:
    ctypedef struct SHA_CTX:
        uint32_t h0, h1, h2, h3, h4
        uint32_t Nl     # bits hashed so far
    int SHA1_Init(SHA_CTX* c)
    int SHA1_Update(SHA_CTX* c, const void* data, size_t length)
    int SHA1_Final(uint8_t* digest, SHA_CTX* c)
    void SHA1_Transform(SHA_CTX* c, const uint8_t* block)

cdef extern from "openssl/evp.h" nogil:
    ctypedef struct EVP_CIPHER
    ctypedef struct EVP_CIPHER_CTX
    ctypedef struct ENGINE
    int EVP_CTRL_AEAD_GET_TAG
    int EVP_CTRL_AEAD_SET_TAG
    const EVP_CIPHER* EVP_aes_128_gcm()
    const EVP_CIPHER* EVP_aes_256_gcm()
    const EVP_CIPHER* EVP_aes_128_ctr()
    const EVP_CIPHER* EVP_aes_256_ctr()
    EVP_CIPHER_CTX* EVP_CIPHER_CTX_new()
    void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX* ctx)
    int EVP_CipherInit_ex(
        EVP_CIPHER_CTX* ctx, const EVP_CIPHER* cipher, ENGINE* engine, const uint8_t* key, const uint8_t* iv,
        int encrypt)
    int EVP_CipherUpdate(EVP_CIPHER_CTX* ctx, uint8_t* out, int* out_len, const uint8_t* data, int length)
    int EVP_CipherFinal_ex(EVP_CIPHER_CTX* ctx, uint8_t* out, int* out_len)
    int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX* ctx, int command, int arg, void* p)
