#include "csystem.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t one_stream(uint32_t crc, const uint8_t *bytes, size_t count) {
    uint64_t state = crc;
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        state = _mm_crc32_u64(state, word);
    }
    for (; count > 0; bytes++, count--) state = _mm_crc32_u8((uint32_t)state, *bytes);
    return (uint32_t)state;
}

// The instruction takes three cycles, and another one can begin in each: three stretches side by side take the time of one. What the state of a
// stretch becomes when STRETCH zero bytes follow is linear in its bits, so it is looked up, byte by byte.
#define STRETCH 1024
static uint32_t followed_by_zeros[4][256];

__attribute__((constructor)) static void fill_table(void) {
    static const uint8_t zeros[STRETCH];
    if (!__builtin_cpu_supports("sse4.2")) return;
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t value = 1; value < 256; value++) {
            uint32_t lowest = value & -value;
            followed_by_zeros[byte][value] = value == lowest ? one_stream(value << (8 * byte), zeros, STRETCH)
                                                             : followed_by_zeros[byte][lowest] ^ followed_by_zeros[byte][value ^ lowest];
        }
}

static uint32_t shifted(uint32_t crc) {
    return followed_by_zeros[0][crc & 255] ^ followed_by_zeros[1][crc >> 8 & 255] ^ followed_by_zeros[2][crc >> 16 & 255] ^ followed_by_zeros[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t hardware(uint32_t crc, const uint8_t *bytes, size_t count) {
    for (; count >= 3 * STRETCH; bytes += 3 * STRETCH, count -= 3 * STRETCH) {
        uint64_t first = crc, second = 0, third = 0;
        for (size_t at = 0; at < STRETCH; at += 8) {
            uint64_t words[3];
            for (int stretch = 0; stretch < 3; stretch++) memcpy(&words[stretch], bytes + stretch * STRETCH + at, 8);
            first = _mm_crc32_u64(first, words[0]);
            second = _mm_crc32_u64(second, words[1]);
            third = _mm_crc32_u64(third, words[2]);
        }
        crc = shifted(shifted((uint32_t)first) ^ (uint32_t)second) ^ (uint32_t)third;
    }
    return one_stream(crc, bytes, count);
}

static int has_hardware(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static uint32_t hardware(uint32_t crc, const uint8_t *bytes, size_t count) {
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        crc = __crc32cd(crc, word);
    }
    for (; count > 0; bytes++, count--) crc = __crc32cb(crc, *bytes);
    return crc;
}

static int has_hardware(void) { return 1; }

#else

static uint32_t hardware(uint32_t crc, const uint8_t *bytes, size_t count) {
    (void)bytes, (void)count;
    return crc;
}

static int has_hardware(void) { return 0; }

#endif

// One bit at a time with the reversed polynomial 0x82f63b78: only for machines that have no instruction for it.
static uint32_t portable(uint32_t crc, const uint8_t *bytes, size_t count) {
    for (; count > 0; bytes++, count--) {
        crc ^= *bytes;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78u & -(crc & 1));
    }
    return crc;
}

uint32_t csystem_crc32c(uint32_t crc, const void *bytes, size_t count) {
    return ~(has_hardware() ? hardware(~crc, bytes, count) : portable(~crc, bytes, count));
}
