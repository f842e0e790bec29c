#include "lshjoin/pivot.h"

#include <stdlib.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "lshjoin/base.h"

/* The table has 16 to 32 slots for each element, so that one in 32 or fewer clashes. Each element of the
 * other set is compared with all that clash, which costs the more the longer the pivot is; a merge is faster
 * then. */
enum { SLOTS = 16, MOST_BYTES = 1024, MOST_CLASHES = 32, PIECE = 64 };

#define MUL_A 0x9e3779b1u
#define MUL_B 0x85ebca77u

/* Both halves of a wide element count; 32 bits, which SIMD multiplies best. */
static inline uint32_t place_u32(uint32_t x, uint32_t shift) {
    return x * MUL_A >> shift;
}

static inline uint32_t place_u64(uint64_t x, uint32_t shift) {
    return ((uint32_t)x + (uint32_t)(x >> 32) * MUL_B) * MUL_A >> shift;
}

/* Slots that nobody takes hold the first element, which nobody looks for there. Returns how many clash, of
 * which no more than fit are kept. */
#define DEFINE_FILL(name, type, place)                                                                       \
    static uint32_t name(const type *set, uint64_t n, uint32_t shift, type *slot, type *clashing) {          \
        type empty = set[0];                                                                                 \
        uint32_t slots = (uint32_t)1 << (32 - shift), first = place(empty, shift), n_clashing = 0;           \
        for (uint32_t k = 0; k < slots; k++)                                                                 \
            slot[k] = empty;                                                                                 \
        for (uint64_t k = 1; k < n; k++) {                                                                   \
            uint32_t at = place(set[k], shift);                                                              \
            if (at != first && slot[at] == empty)                                                            \
                slot[at] = set[k];                                                                           \
            else if (n_clashing++ < MOST_CLASHES)                                                            \
                clashing[n_clashing - 1] = set[k];                                                           \
        }                                                                                                    \
        return n_clashing;                                                                                   \
    }
DEFINE_FILL(fill_u32, uint32_t, place_u32)
DEFINE_FILL(fill_u64, uint64_t, place_u64)

struct pivot pivot_create(const void *set, uint64_t n, size_t width, enum simd simd) {
    struct pivot p = {.set = set, .n = n, .width = width, .simd = simd, .shift = 31};
    if (n == 0 || n * width > MOST_BYTES)
        return p;
    while ((uint64_t)1 << (32 - p.shift) < SLOTS * n)
        p.shift--;
    uint64_t slots = (uint64_t)1 << (32 - p.shift);
    p.slot = mem_alloc(slots + MOST_CLASHES, width);
    p.clashing = (char *)p.slot + slots * width;
    p.n_clashing = width == 4 ? fill_u32(set, n, p.shift, p.slot, p.clashing)
                              : fill_u64(set, n, p.shift, p.slot, p.clashing);
    if (p.n_clashing > MOST_CLASHES)
        pivot_free(&p);
    return p;
}

void pivot_free(struct pivot *p) {
    free(p->slot);
    p->slot = NULL;
}

/* How many of b[n] the pivot has: one that stands in its slot does not clash as well. */
static uint64_t count_u32(const struct pivot *p, const uint32_t *b, uint64_t n) {
    const uint32_t *slot = p->slot, *clashing = p->clashing;
    uint64_t found = 0;
    for (uint64_t k = 0; k < n; k++) {
        found += slot[place_u32(b[k], p->shift)] == b[k];
        for (uint32_t c = 0; c < p->n_clashing; c++)
            found += b[k] == clashing[c];
    }
    return found;
}

static uint64_t count_u64(const struct pivot *p, const uint64_t *b, uint64_t n) {
    const uint64_t *slot = p->slot, *clashing = p->clashing;
    uint64_t found = 0;
    for (uint64_t k = 0; k < n; k++) {
        found += slot[place_u64(b[k], p->shift)] == b[k];
        for (uint32_t c = 0; c < p->n_clashing; c++)
            found += b[k] == clashing[c];
    }
    return found;
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,popcnt")))

/* The same, several at once; lanes behind the end are neither read nor counted. */
AVX2 static uint64_t count_u32_avx2(const struct pivot *p, const uint32_t *b, uint64_t n) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), factor = _mm256_set1_epi32((int)MUL_A);
    const __m128i shift = _mm_cvtsi32_si128((int)p->shift);
    const int *clashing = p->clashing;
    uint64_t found = 0;
    for (uint64_t k = 0; k < n; k += 8) {
        __m256i in = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)min_u64(n - k, 8)), lane);
        __m256i x = _mm256_maskload_epi32((const int *)(b + k), in);
        __m256i at = _mm256_srl_epi32(_mm256_mullo_epi32(x, factor), shift);
        __m256i same = _mm256_cmpeq_epi32(_mm256_i32gather_epi32(p->slot, at, 4), x);
        for (uint32_t c = 0; c < p->n_clashing; c++)
            same = _mm256_or_si256(same, _mm256_cmpeq_epi32(_mm256_set1_epi32(clashing[c]), x));
        int lanes = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_and_si256(same, in)));
        found += (uint64_t)__builtin_popcount((unsigned)lanes);
    }
    return found;
}

AVX2 static uint64_t count_u64_avx2(const struct pivot *p, const uint64_t *b, uint64_t n) {
    const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3), low = _mm256_set1_epi64x(UINT32_MAX);
    const __m256i factor = _mm256_set1_epi32((int)MUL_A), of_high = _mm256_set1_epi32((int)MUL_B);
    const __m128i shift = _mm_cvtsi32_si128((int)p->shift);
    const long long *clashing = p->clashing;
    uint64_t found = 0;
    for (uint64_t k = 0; k < n; k += 4) {
        __m256i in = _mm256_cmpgt_epi64(_mm256_set1_epi64x((int64_t)min_u64(n - k, 4)), lane);
        __m256i x = _mm256_maskload_epi64((const long long *)(b + k), in);
        __m256i sum = _mm256_add_epi32(x, _mm256_mullo_epi32(_mm256_srli_epi64(x, 32), of_high));
        __m256i at = _mm256_srl_epi64(_mm256_and_si256(_mm256_mullo_epi32(sum, factor), low), shift);
        __m256i same = _mm256_cmpeq_epi64(_mm256_i64gather_epi64(p->slot, at, 8), x);
        for (uint32_t c = 0; c < p->n_clashing; c++)
            same = _mm256_or_si256(same, _mm256_cmpeq_epi64(_mm256_set1_epi64x(clashing[c]), x));
        int lanes = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_and_si256(same, in)));
        found += (uint64_t)__builtin_popcount((unsigned)lanes);
    }
    return found;
}
#else
#define count_u32_avx2 count_u32
#define count_u64_avx2 count_u64
#endif

static uint64_t count(const struct pivot *p, const void *b, uint64_t n) {
    if (p->simd == SIMD_SCALAR)
        return p->width == 4 ? count_u32(p, b, n) : count_u64(p, b, n);
    return p->width == 4 ? count_u32_avx2(p, b, n) : count_u64_avx2(p, b, n);
}

/* set_intersection with the pivot. */
static uint64_t intersection(const struct pivot *p, const void *b, uint64_t nb, uint64_t least) {
    uint64_t both = 0;
    for (uint64_t done = 0, n; done < nb && both + (nb - done) >= least; done += n) {
        n = min_u64(nb - done, PIECE);
        both += count(p, (const char *)b + done * p->width, n);
    }
    return both;
}

bool pivot_at_least(struct fraction t, const struct pivot *p, const void *b, uint64_t nb,
                    double *similarity) {
    uint64_t least = jaccard_least(t, p->n, nb);
    if (!p->slot)
        return jaccard_at_least(t, p->set, p->n, b, nb, p->width, similarity);
    if (min_u64(p->n, nb) < least)
        return false;
    return jaccard_reaches(t, p->n, nb, intersection(p, b, nb, least), similarity);
}
