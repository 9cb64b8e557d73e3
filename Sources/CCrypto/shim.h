// SHA1_Init and its kin are deprecated in OpenSSL 3 in favour of calls that look the algorithm up each time, which costs more than hashing an id.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

// SHA-1, for derived ids; nothing's security rests on it. Returns 1, or 0 when the library has none.
static inline int mesh_sha1(const void *bytes, size_t count, unsigned char *digest) {
    SHA_CTX context;
    return SHA1_Init(&context) && SHA1_Update(&context, bytes, count) && SHA1_Final(digest, &context);
}
