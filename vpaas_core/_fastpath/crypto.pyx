"""See crypto.pxd."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from vpaas_core._fastpath.c cimport ipsec_mb as imb
from vpaas_core._fastpath.c cimport openssl as ssl

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void** out, size_t alignment, size_t size)

cdef extern from "dlfcn.h" nogil:
    int RTLD_NOW
    void* dlopen(const char* name, int flags)
    void* dlsym(void* handle, const char* name)

ctypedef unsigned int (*VersionFn)() noexcept nogil
ctypedef imb.IMB_MGR* (*AllocFn)(uint64_t flags) noexcept nogil
ctypedef void (*InitFn)(imb.IMB_MGR* manager, uint32_t* arch) noexcept nogil
ctypedef void (*FreeFn)(imb.IMB_MGR* manager) noexcept nogil

cdef enum:
    SHA1_BYTES = 20
    SHA1_BLOCK_BYTES = 64
    CM_ROUND_KEYS_BYTES = 176       # AES-128
    CACHE_LINE_BYTES = 64


cdef struct QueuedTag:
    uint8_t* out                    # where the truncated tag belongs
    uint8_t full[SHA1_BYTES]        # a job writes 12 or 20 bytes, which would run into the next packet
    uint8_t iv[AES_BLOCK_BYTES]


cdef struct CryptoEngine:
    imb.IMB_MGR* queue              # cm_queue's; NULL: EVP
    imb.IMB_MGR* single             # cm_crypt's, always empty between calls
    FreeFn manager_free
    imb.gcm_context_data gcm
    unsigned int queued             # packets ever queued
    QueuedTag tags[imb.IMB_MAX_JOBS]    # jobs complete in order: the oldest slot is free when the ring wraps


cdef struct CipherKey:
    ssl.EVP_CIPHER_CTX* evp         # NULL over ipsec-mb
    int size                        # bytes of this struct and the schedule behind it
    int key_bytes
    uint32_t inner[5]               # SHA-1 states after the HMAC key's ipad and opad blocks
    uint32_t outer[5]
    uint8_t pad[8]                  # the schedule starts on a cache line, as ipsec-mb wants it


# --- Engines and keys -------------------------------------------------------

cdef CryptoEngine* crypto_engine_new(int ipsec_mb) noexcept nogil:
    cdef CryptoEngine* engine = <CryptoEngine*>calloc(1, sizeof(CryptoEngine))
    if engine != NULL and ipsec_mb and not open_managers(engine):
        crypto_engine_free(engine)
        return NULL
    return engine


cdef void crypto_engine_free(CryptoEngine* engine) noexcept nogil:
    if engine == NULL:
        return
    if engine.queue != NULL:
        engine.manager_free(engine.queue)
    if engine.single != NULL:
        engine.manager_free(engine.single)
    free(engine)


cdef bint open_managers(CryptoEngine* engine) noexcept nogil:
    """Both managers, or False. The library stays open for the life of the process."""
    cdef void* library = dlopen(imb.IMB_SONAME, RTLD_NOW) if imb.VPAAS_IPSEC_MB else NULL
    cdef VersionFn version
    cdef AllocFn alloc
    cdef InitFn init
    if library == NULL:
        return False
    version = <VersionFn>dlsym(library, b"imb_get_version")
    alloc = <AllocFn>dlsym(library, b"alloc_mb_mgr")
    init = <InitFn>dlsym(library, b"init_mb_mgr_auto")
    engine.manager_free = <FreeFn>dlsym(library, b"free_mb_mgr")
    # Within one soname fields are only added, behind those used here: only an older library may lack some.
    if version == NULL or alloc == NULL or init == NULL or engine.manager_free == NULL:
        return False
    if version() < imb.IMB_VERSION_NUM:
        return False
    engine.queue = alloc(0)
    engine.single = alloc(0)
    if engine.queue == NULL or engine.single == NULL:
        return False
    init(engine.queue, NULL)
    init(engine.single, NULL)
    return engine.queue.used_arch >= imb.IMB_ARCH_SSE     # below it no AES-NI: OpenSSL is faster


cdef CipherKey* key_alloc(size_t schedule_bytes, int key_bytes) noexcept nogil:
    cdef void* memory = NULL
    cdef size_t size = sizeof(CipherKey) + schedule_bytes
    cdef CipherKey* key
    if posix_memalign(&memory, CACHE_LINE_BYTES, size) != 0:
        return NULL
    memset(memory, 0, size)
    key = <CipherKey*>memory
    key.size = <int>size
    key.key_bytes = key_bytes
    return key


cdef inline void* schedule(CipherKey* key) noexcept nogil:
    return <uint8_t*>key + sizeof(CipherKey)


cdef inline imb.gcm_key_data* gcm_schedule(CipherKey* key) noexcept nogil:
    return <imb.gcm_key_data*>schedule(key)


cdef CipherKey* evp_key_new(
    const ssl.EVP_CIPHER* cipher, const uint8_t* key_data, int key_bytes) noexcept nogil:
    cdef CipherKey* key = key_alloc(0, key_bytes)
    if key == NULL:
        return NULL
    key.evp = ssl.EVP_CIPHER_CTX_new()
    if key.evp == NULL or ssl.EVP_CipherInit_ex(key.evp, cipher, NULL, key_data, NULL, 1) != 1:
        cipher_key_free(key)
        return NULL
    return key


cdef CipherKey* gcm_key_new(CryptoEngine* engine, const uint8_t* key_data, int key_bytes) noexcept nogil:
    cdef CipherKey* key
    if engine.queue == NULL:
        return evp_key_new(
            ssl.EVP_aes_128_gcm() if key_bytes == 16 else ssl.EVP_aes_256_gcm(), key_data, key_bytes)
    key = key_alloc(sizeof(imb.gcm_key_data), key_bytes)
    if key != NULL:
        if key_bytes == 16:
            engine.queue.gcm128_pre(key_data, gcm_schedule(key))
        else:
            engine.queue.gcm256_pre(key_data, gcm_schedule(key))
    return key


cdef CipherKey* cm_key_new(
    CryptoEngine* engine, const uint8_t* key_data, const uint8_t* auth_key) noexcept nogil:
    cdef CipherKey* key
    cdef uint8_t decrypt_schedule[CM_ROUND_KEYS_BYTES]
    if engine.queue == NULL:
        key = evp_key_new(ssl.EVP_aes_128_ctr(), key_data, 16)
    else:
        key = key_alloc(CM_ROUND_KEYS_BYTES, 16)
        if key != NULL:
            engine.queue.keyexp_128(key_data, schedule(key), decrypt_schedule)
            ssl.OPENSSL_cleanse(decrypt_schedule, sizeof(decrypt_schedule))
    if key != NULL:
        hmac_pad(auth_key, 0x36, key.inner)
        hmac_pad(auth_key, 0x5C, key.outer)
    return key


cdef void cipher_key_free(CipherKey* key) noexcept nogil:
    if key == NULL:
        return
    ssl.EVP_CIPHER_CTX_free(key.evp)    # wipes its own state
    ssl.OPENSSL_cleanse(key, key.size)
    free(key)


# --- GCM --------------------------------------------------------------------

cdef void gcm_seal(
    CryptoEngine* engine, CipherKey* key, const uint8_t* iv, const uint8_t* aad, int aad_len,
    const uint8_t* data, int length, uint8_t* out, uint8_t* tag,
) noexcept nogil:
    cdef int n = 0
    cdef imb.aes_gcm_enc_dec_t encrypt
    if key.evp == NULL:
        encrypt = engine.queue.gcm128_enc if key.key_bytes == 16 else engine.queue.gcm256_enc
        encrypt(gcm_schedule(key), &engine.gcm, out, data, length, iv, aad, aad_len, tag, GCM_TAG_BYTES)
        return
    ssl.EVP_CipherInit_ex(key.evp, NULL, NULL, NULL, iv, 1)
    ssl.EVP_CipherUpdate(key.evp, NULL, &n, aad, aad_len)
    if length > 0:
        ssl.EVP_CipherUpdate(key.evp, out, &n, data, length)
    ssl.EVP_CipherFinal_ex(key.evp, tag, &n)    # GCM is a stream: nothing is left to write
    ssl.EVP_CIPHER_CTX_ctrl(key.evp, ssl.EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, tag)


cdef bint gcm_open(
    CryptoEngine* engine, CipherKey* key, const uint8_t* iv, const uint8_t* aad, int aad_len,
    const uint8_t* data, int length, uint8_t* out, const uint8_t* tag,
) noexcept nogil:
    cdef int n = 0
    cdef uint8_t computed[GCM_TAG_BYTES]
    cdef imb.aes_gcm_enc_dec_t decrypt
    if key.evp == NULL:
        decrypt = engine.queue.gcm128_dec if key.key_bytes == 16 else engine.queue.gcm256_dec
        decrypt(gcm_schedule(key), &engine.gcm, out, data, length, iv, aad, aad_len, computed, GCM_TAG_BYTES)
        return ssl.CRYPTO_memcmp(computed, tag, GCM_TAG_BYTES) == 0
    ssl.EVP_CipherInit_ex(key.evp, NULL, NULL, NULL, iv, 0)
    ssl.EVP_CIPHER_CTX_ctrl(key.evp, ssl.EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, <void*>tag)
    ssl.EVP_CipherUpdate(key.evp, NULL, &n, aad, aad_len)
    if length > 0:
        ssl.EVP_CipherUpdate(key.evp, out, &n, data, length)
    return ssl.EVP_CipherFinal_ex(key.evp, computed, &n) == 1


# --- Counter mode with HMAC-SHA1 --------------------------------------------

cdef void cm_seal(
    CryptoEngine* engine, CipherKey* key, const uint8_t* iv, uint8_t* dst, int header_len,
    const uint8_t* data, int length, uint8_t* tag,
) noexcept nogil:
    cdef uint8_t full[SHA1_BYTES]
    cm_crypt(engine, key, iv, data, length, dst + header_len)
    hmac_sha1(key, dst, header_len + length + 4, NULL, 0, full)
    memcpy(tag, full, HMAC_TAG_BYTES)


cdef void cm_queue(
    CryptoEngine* engine, CipherKey* key, const uint8_t* iv, uint8_t* dst, int header_len,
    const uint8_t* data, int length, uint8_t* tag,
) noexcept nogil:
    cdef QueuedTag* slot
    cdef imb.IMB_JOB* job
    if key.evp != NULL:
        cm_seal(engine, key, iv, dst, header_len, data, length, tag)
        return
    slot = &engine.tags[engine.queued % imb.IMB_MAX_JOBS]
    engine.queued += 1
    slot.out = tag
    memcpy(slot.iv, iv, AES_BLOCK_BYTES)
    job = engine.queue.get_next_job(engine.queue)
    fill_cipher(job, key, slot.iv, data, length, dst + header_len)
    job.hash_alg = imb.IMB_AUTH_HMAC_SHA_1
    # The hash runs over the output; the library counts its start from the input, so the difference may wrap.
    job.hash_start_src_offset_in_bytes = <uint64_t>dst - <uint64_t>data
    job.msg_len_to_hash_in_bytes = header_len + length + 4
    job.hmac_inner = <const uint8_t*>key.inner
    job.hmac_outer = <const uint8_t*>key.outer
    job.auth_tag_output = slot.full
    job.auth_tag_output_len_in_bytes = SHA1_BYTES
    job.user_data = slot
    job = engine.queue.submit_job_nocheck(engine.queue)
    while job != NULL:
        finish(job)
        job = engine.queue.get_completed_job(engine.queue)


cdef void crypto_flush(CryptoEngine* engine) noexcept nogil:
    cdef imb.IMB_JOB* job
    if engine.queue == NULL:
        return
    job = engine.queue.flush_job(engine.queue)
    while job != NULL:
        finish(job)
        job = engine.queue.flush_job(engine.queue)


cdef inline void finish(imb.IMB_JOB* job) noexcept nogil:
    cdef QueuedTag* slot = <QueuedTag*>job.user_data
    memcpy(slot.out, slot.full, HMAC_TAG_BYTES)


cdef bint cm_tag_ok(
    CipherKey* key, const uint8_t* data, int length, const uint8_t* tail, int tail_len, const uint8_t* tag,
) noexcept nogil:
    cdef uint8_t full[SHA1_BYTES]
    hmac_sha1(key, data, length, tail, tail_len, full)
    return ssl.CRYPTO_memcmp(full, tag, HMAC_TAG_BYTES) == 0


cdef void cm_crypt(
    CryptoEngine* engine, CipherKey* key, const uint8_t* iv, const uint8_t* data, int length, uint8_t* out,
) noexcept nogil:
    cdef int n = 0
    cdef imb.IMB_JOB* job
    if length == 0:
        return
    if key.evp != NULL:
        ssl.EVP_CipherInit_ex(key.evp, NULL, NULL, NULL, iv, 1)
        ssl.EVP_CipherUpdate(key.evp, out, &n, data, length)
        return
    job = engine.single.get_next_job(engine.single)
    fill_cipher(job, key, iv, data, length, out)
    job.hash_alg = imb.IMB_AUTH_NULL
    if engine.single.submit_job_nocheck(engine.single) == NULL:
        engine.single.flush_job(engine.single)


cdef inline void fill_cipher(
    imb.IMB_JOB* job, CipherKey* key, const uint8_t* iv, const uint8_t* data, int length, uint8_t* out,
) noexcept nogil:
    job.cipher_mode = imb.IMB_CIPHER_CNTR if length > 0 else imb.IMB_CIPHER_NULL
    job.cipher_direction = imb.IMB_DIR_ENCRYPT
    job.chain_order = imb.IMB_ORDER_CIPHER_HASH
    job.enc_keys = schedule(key)
    job.dec_keys = schedule(key)
    job.key_len_in_bytes = 16
    job.iv = iv
    job.iv_len_in_bytes = AES_BLOCK_BYTES
    job.src = data
    job.dst = out
    job.cipher_start_src_offset_in_bytes = 0
    job.msg_len_to_cipher_in_bytes = length


# --- HMAC-SHA1 and the bare keystream ---------------------------------------

cdef void hmac_pad(const uint8_t* key, uint8_t pad, uint32_t* state) noexcept nogil:
    """The SHA-1 state after the padded key's block: RFC 2104, computed once per key."""
    cdef ssl.SHA_CTX sha
    cdef uint8_t block[SHA1_BLOCK_BYTES]
    cdef int i
    memset(block, pad, SHA1_BLOCK_BYTES)
    for i in range(HMAC_KEY_BYTES):
        block[i] ^= key[i]
    ssl.SHA1_Init(&sha)
    ssl.SHA1_Transform(&sha, block)
    state[0], state[1], state[2], state[3], state[4] = sha.h0, sha.h1, sha.h2, sha.h3, sha.h4
    ssl.OPENSSL_cleanse(block, sizeof(block))


cdef void hmac_sha1(
    const CipherKey* key, const uint8_t* data, int length, const uint8_t* tail, int tail_len, uint8_t* out,
) noexcept nogil:
    cdef ssl.SHA_CTX sha
    sha_resume(&sha, key.inner)
    ssl.SHA1_Update(&sha, data, length)
    if tail_len > 0:
        ssl.SHA1_Update(&sha, tail, tail_len)
    ssl.SHA1_Final(out, &sha)
    sha_resume(&sha, key.outer)
    ssl.SHA1_Update(&sha, out, SHA1_BYTES)
    ssl.SHA1_Final(out, &sha)


cdef inline void sha_resume(ssl.SHA_CTX* sha, const uint32_t* state) noexcept nogil:
    ssl.SHA1_Init(sha)
    sha.h0, sha.h1, sha.h2, sha.h3, sha.h4 = state[0], state[1], state[2], state[3], state[4]
    sha.Nl = SHA1_BLOCK_BYTES * 8


cdef int aes_keystream(
    const uint8_t* key, int key_bytes, const uint8_t* iv, uint8_t* out, int length) noexcept nogil:
    cdef const ssl.EVP_CIPHER* cipher
    cdef ssl.EVP_CIPHER_CTX* ctx
    cdef int n = 0
    cdef bint done
    if key_bytes != 16 and key_bytes != 32:
        return -1
    cipher = ssl.EVP_aes_128_ctr() if key_bytes == 16 else ssl.EVP_aes_256_ctr()
    ctx = ssl.EVP_CIPHER_CTX_new()
    if ctx == NULL:
        return -1
    memset(out, 0, length)
    done = (ssl.EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, 1) == 1
            and ssl.EVP_CipherUpdate(ctx, out, &n, out, length) == 1)
    ssl.EVP_CIPHER_CTX_free(ctx)
    return 0 if done else -1
