/* Which kernels this processor can run. A kernel's scalar version is its meaning; the others give the same
 * bits. */
#ifndef LSHJOIN_CPU_H
#define LSHJOIN_CPU_H

#include <stdbool.h>

enum simd { SIMD_SCALAR, SIMD_AVX2, SIMD_AVX512 };

/* The best level that both the processor and LSHJOIN_SIMD (scalar, avx2 or avx512; for tests) allow. */
enum simd cpu_simd(void);

const char *cpu_simd_name(enum simd level);

/* Whether AVX-512's dot products of bytes (VNNI) may be used besides: the processor has them, and
 * LSHJOIN_SIMD names no level, avx512 included. */
bool cpu_vnni(void);

/* The same of its counts of bits (VPOPCNTDQ). */
bool cpu_counts_bits(void);

#endif
