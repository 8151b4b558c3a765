from enum import IntFlag

class SrtpProfile(IntFlag):
    AES_CM_128_HMAC_SHA1_80 = 0x0001
    AEAD_AES_128_GCM = 0x0007
    AEAD_AES_256_GCM = 0x0008

class SrtpBackend(IntFlag):
    EVP = 0
    IPSEC_MB = 1

def srtp_backends() -> list[SrtpBackend]:
    """The backends of this machine, the fastest first."""
