"""Intel's multi-buffer crypto library. It is opened at run time (crypto.pyx), never linked.

VPAAS_IPSEC_MB is 0 where its header is missing: the names below then exist for the compiler only.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    #if VPAAS_IPSEC_MB
    #define NO_COMPAT_IMB_API_053   /* its old names clash with OpenSSL's */
    #include <intel-ipsec-mb.h>
    #define IMB_SONAME_(major) "libIPSec_MB.so." #major
    #if IMB_VERSION_NUM < 0x20000
    #define IMB_SONAME IMB_SONAME_(1)
    #else
    #define IMB_SONAME IMB_SONAME_(2)
    #endif
    #else
    #define IMB_SONAME ""
    #define IMB_VERSION_NUM 0
    enum { IMB_CIPHER_CNTR, IMB_CIPHER_NULL, IMB_DIR_ENCRYPT, IMB_AUTH_HMAC_SHA_1, IMB_AUTH_NULL,
           IMB_ORDER_CIPHER_HASH, IMB_STATUS_COMPLETED, IMB_MAX_JOBS = 1, IMB_ARCH_SSE };
    struct gcm_key_data { char unused; };
    struct gcm_context_data { char unused; };
    typedef struct IMB_JOB {
        const void *enc_keys, *dec_keys;
        const uint8_t *src, *iv;
        uint8_t *dst, *auth_tag_output;
        uint64_t key_len_in_bytes, cipher_start_src_offset_in_bytes, msg_len_to_cipher_in_bytes,
            iv_len_in_bytes, hash_start_src_offset_in_bytes, msg_len_to_hash_in_bytes,
            auth_tag_output_len_in_bytes;
        struct { struct { const uint8_t *_hashed_auth_key_xor_ipad, *_hashed_auth_key_xor_opad; } HMAC; } u;
        int status, cipher_mode, cipher_direction, hash_alg, chain_order;
        void *user_data;
    } IMB_JOB;
    typedef void (*aes_gcm_enc_dec_t)(const struct gcm_key_data *, struct gcm_context_data *, uint8_t *,
        const uint8_t *, uint64_t, const uint8_t *, const uint8_t *, uint64_t, uint8_t *, uint64_t);
    typedef struct IMB_MGR {
        uint32_t used_arch;
        IMB_JOB *(*get_next_job)(struct IMB_MGR *), *(*submit_job_nocheck)(struct IMB_MGR *),
            *(*get_completed_job)(struct IMB_MGR *), *(*flush_job)(struct IMB_MGR *);
        void (*keyexp_128)(const void *, void *, void *);
        aes_gcm_enc_dec_t gcm128_enc, gcm256_enc, gcm128_dec, gcm256_dec;
        void (*gcm128_pre)(const void *, struct gcm_key_data *);
        void (*gcm256_pre)(const void *, struct gcm_key_data *);
    } IMB_MGR;
    #endif
    """
    const char* IMB_SONAME
    const uint32_t IMB_VERSION_NUM
    const int VPAAS_IPSEC_MB
    cdef enum:
        IMB_MAX_JOBS
    const int IMB_CIPHER_CNTR, IMB_CIPHER_NULL, IMB_DIR_ENCRYPT, IMB_AUTH_HMAC_SHA_1, IMB_AUTH_NULL
    const int IMB_ORDER_CIPHER_HASH, IMB_STATUS_COMPLETED
    const uint32_t IMB_ARCH_SSE

    ctypedef struct gcm_key_data "struct gcm_key_data":
        pass
    ctypedef struct gcm_context_data "struct gcm_context_data":
        pass

    ctypedef struct IMB_JOB:
        const void* enc_keys
        const void* dec_keys
        uint64_t key_len_in_bytes
        const uint8_t* src
        uint8_t* dst
        uint64_t cipher_start_src_offset_in_bytes
        uint64_t msg_len_to_cipher_in_bytes
        const uint8_t* iv
        uint64_t iv_len_in_bytes
        uint64_t hash_start_src_offset_in_bytes
        uint64_t msg_len_to_hash_in_bytes
        uint8_t* auth_tag_output
        uint64_t auth_tag_output_len_in_bytes
        const uint8_t* hmac_inner "u.HMAC._hashed_auth_key_xor_ipad"
        const uint8_t* hmac_outer "u.HMAC._hashed_auth_key_xor_opad"
        int status, cipher_mode, cipher_direction, hash_alg, chain_order
        void* user_data

    ctypedef void (*aes_gcm_enc_dec_t)(
        const gcm_key_data* key, gcm_context_data* ctx, uint8_t* out, const uint8_t* data, uint64_t length,
        const uint8_t* iv, const uint8_t* aad, uint64_t aad_len, uint8_t* tag, uint64_t tag_len) noexcept nogil

    ctypedef struct IMB_MGR:
        uint32_t used_arch
        IMB_JOB* (*get_next_job)(IMB_MGR*) noexcept nogil
        IMB_JOB* (*submit_job_nocheck)(IMB_MGR*) noexcept nogil
        IMB_JOB* (*get_completed_job)(IMB_MGR*) noexcept nogil
        IMB_JOB* (*flush_job)(IMB_MGR*) noexcept nogil
        void (*keyexp_128)(const void* key, void* encrypt, void* decrypt) noexcept nogil
        aes_gcm_enc_dec_t gcm128_enc, gcm256_enc, gcm128_dec, gcm256_dec
        void (*gcm128_pre)(const void* key, gcm_key_data* out) noexcept nogil
        void (*gcm256_pre)(const void* key, gcm_key_data* out) noexcept nogil
