#include "lshjoin/cpu.h"

#include <stdlib.h>
#include <string.h>

static const char *const name[] = {"scalar", "avx2", "avx512"};

const char *cpu_simd_name(enum simd level) {
    return name[level];
}

static enum simd processor(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return SIMD_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return SIMD_AVX2;
#endif
    return SIMD_SCALAR;
}

enum simd cpu_simd(void) {
    enum simd best = processor();
    const char *cap = getenv("LSHJOIN_SIMD");
    for (enum simd level = SIMD_SCALAR; cap && level < best; level++)
        if (strcmp(cap, name[level]) == 0)
            return level;
    return best;
}

/* More than any level has. */
static bool may_use_more(void) {
    const char *cap = getenv("LSHJOIN_SIMD");
    return cpu_simd() == SIMD_AVX512 && !(cap && strcmp(cap, name[SIMD_AVX512]) == 0);
}

bool cpu_vnni(void) {
#if defined(__x86_64__)
    return may_use_more() && __builtin_cpu_supports("avx512vnni");
#else
    return false;
#endif
}

bool cpu_counts_bits(void) {
#if defined(__x86_64__)
    return may_use_more() && __builtin_cpu_supports("avx512vpopcntdq");
#else
    return false;
#endif
}
