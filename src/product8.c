#include "lshjoin/product8.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { ROWS = PRODUCT8_ROWS, PANEL = PRODUCT8_PANEL, QUAD = PRODUCT8_QUAD };

typedef bool reach_fn(const struct panel8 *p, const int8_t *x, uint64_t rows, uint64_t quads,
                      const int32_t *offset, uint64_t *reached);

/* The meaning of all of them. */
static bool reach_scalar(const struct panel8 *p, const int8_t *x, uint64_t rows, uint64_t quads,
                         const int32_t *offset, uint64_t *reached) {
    uint64_t any = 0, bits[ROWS] = {0};
    for (uint64_t r = 0; r < rows; r++, x += quads * QUAD) {
        int32_t sum[PANEL];
        for (uint64_t k = 0; k < PANEL; k++)
            sum[k] = p->start[k] + offset[r];
        for (uint64_t i = 0; i < quads; i++)
            for (uint64_t k = 0; k < PANEL; k++) {
                const int8_t *a = x + i * QUAD, *b = p->image + (i * PANEL + k) * QUAD;
                sum[k] += a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
            }
        for (uint64_t k = 0; k < PANEL; k++)
            bits[r] |= (uint64_t)(sum[k] >= 0) << k;
        any |= bits[r];
    }
    if (any)
        memcpy(reached, bits, rows * sizeof *bits);
    return any;
}

static int32_t pair_scalar(const int8_t *x, const int8_t *y, uint64_t n) {
    int32_t sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

#if defined(__x86_64__)
/* Where the rows are and what they add; missing ones repeat the first. */
struct tile {
    const int8_t *row[ROWS];
    int32_t offset[ROWS];
};

static struct tile tile_of(const int8_t *x, uint64_t rows, uint64_t quads, const int32_t *offset) {
    struct tile t;
    for (uint64_t r = 0; r < ROWS; r++) {
        uint64_t from = r < rows ? r : 0;
        t.row[r] = x + from * quads * QUAD;
        t.offset[r] = offset[from];
    }
    return t;
}

static inline int quad_at(const int8_t *row, uint64_t quad) {
    int bytes;
    memcpy(&bytes, row + quad * QUAD, sizeof bytes);
    return bytes;
}

/* The sums' signs: most tiles reach nothing, which the AND of all tells. */
__attribute__((target("avx512f,avx512bw,avx512dq"), always_inline)) static inline bool
signs_avx512(__m512i sum[ROWS][4], uint64_t rows, uint64_t *reached) {
    __m512i all = _mm512_set1_epi32(-1);
    for (int r = 0; r < ROWS; r++)
        for (int q = 0; q < 4; q++)
            all = _mm512_and_si512(all, sum[r][q]);
    if (_mm512_movepi32_mask(all) == 0xffff)
        return false;
    for (uint64_t r = 0; r < rows; r++) {
        uint64_t below = 0;
        for (int q = 0; q < 4; q++)
            below |= (uint64_t)_mm512_movepi32_mask(sum[r][q]) << 16 * q;
        reached[r] = ~below;
    }
    return true;
}

/* The first factors of this instruction have no sign: 128 is added to the rows, and 128 times a column's sum
 * taken away in the beginning. */
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vnni"))) static bool
reach_vnni(const struct panel8 *p, const int8_t *x, uint64_t rows, uint64_t quads, const int32_t *offset,
           uint64_t *reached) {
    struct tile t = tile_of(x, rows, quads, offset);
    __m512i sum[ROWS][4], more = _mm512_set1_epi32((int)0x80808080u);
    for (int q = 0; q < 4; q++) {
        __m512i too_much = _mm512_slli_epi32(_mm512_loadu_si512(p->sum + 16 * q), 7);
        __m512i start = _mm512_sub_epi32(_mm512_loadu_si512(p->start + 16 * q), too_much);
        for (int r = 0; r < ROWS; r++)
            sum[r][q] = _mm512_add_epi32(start, _mm512_set1_epi32(t.offset[r]));
    }
    for (uint64_t i = 0; i < quads; i++) {
        __m512i four[ROWS];
        for (int r = 0; r < ROWS; r++)
            four[r] = _mm512_xor_si512(_mm512_set1_epi32(quad_at(t.row[r], i)), more);
        for (int q = 0; q < 4; q++) {
            __m512i columns = _mm512_loadu_si512(p->image + (i * PANEL + (uint64_t)q * 16) * QUAD);
            for (int r = 0; r < ROWS; r++)
                sum[r][q] = _mm512_dpbusd_epi32(sum[r][q], four[r], columns);
        }
    }
    return signs_avx512(sum, rows, reached);
}

/* x y is |x| times y with the sign of x; two such products are at most 2*127*127, which 16 bits hold. */
__attribute__((target("avx512f,avx512bw,avx512dq"))) static bool
reach_avx512(const struct panel8 *p, const int8_t *x, uint64_t rows, uint64_t quads, const int32_t *offset,
             uint64_t *reached) {
    struct tile t = tile_of(x, rows, quads, offset);
    __m512i sum[ROWS][4], zero = _mm512_setzero_si512(), ones = _mm512_set1_epi16(1);
    for (int q = 0; q < 4; q++)
        for (int r = 0; r < ROWS; r++)
            sum[r][q] =
                _mm512_add_epi32(_mm512_loadu_si512(p->start + 16 * q), _mm512_set1_epi32(t.offset[r]));
    for (uint64_t i = 0; i < quads; i++) {
        __m512i size[ROWS];
        __mmask64 negative[ROWS];
        for (int r = 0; r < ROWS; r++) {
            __m512i four = _mm512_set1_epi32(quad_at(t.row[r], i));
            negative[r] = _mm512_movepi8_mask(four);
            size[r] = _mm512_abs_epi8(four);
        }
        for (int q = 0; q < 4; q++) {
            __m512i columns = _mm512_loadu_si512(p->image + (i * PANEL + (uint64_t)q * 16) * QUAD);
            for (int r = 0; r < ROWS; r++) {
                __m512i turned = _mm512_mask_sub_epi8(columns, negative[r], zero, columns);
                __m512i pairs = _mm512_maddubs_epi16(size[r], turned);
                sum[r][q] = _mm512_add_epi32(sum[r][q], _mm512_madd_epi16(pairs, ones));
            }
        }
    }
    return signs_avx512(sum, rows, reached);
}

/* Sixteen columns: as many as have sums that fit the registers. */
__attribute__((target("avx2"), always_inline)) static inline void
part_avx2(const struct panel8 *p, const struct tile *t, uint64_t quads, uint64_t part, __m256i sum[ROWS][2]) {
    const __m256i ones = _mm256_set1_epi16(1);
    for (int q = 0; q < 2; q++)
        for (int r = 0; r < ROWS; r++)
            sum[r][q] = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)(p->start + part + 8 * q)),
                                         _mm256_set1_epi32(t->offset[r]));
    for (uint64_t i = 0; i < quads; i++) {
        const __m256i *columns = (const __m256i *)(p->image + (i * PANEL + part) * QUAD);
        __m256i left = _mm256_loadu_si256(columns), right = _mm256_loadu_si256(columns + 1);
        for (int r = 0; r < ROWS; r++) { /* as in reach_avx512 */
            __m256i four = _mm256_set1_epi32(quad_at(t->row[r], i)), size = _mm256_abs_epi8(four);
            __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(left, four));
            sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(pairs, ones));
            pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(right, four));
            sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(pairs, ones));
        }
    }
}

__attribute__((target("avx2"))) static bool reach_avx2(const struct panel8 *p, const int8_t *x, uint64_t rows,
                                                       uint64_t quads, const int32_t *offset,
                                                       uint64_t *reached) {
    struct tile t = tile_of(x, rows, quads, offset);
    uint64_t any = 0, bits[ROWS] = {0};
    for (uint64_t part = 0; part < PANEL; part += 16) {
        __m256i sum[ROWS][2];
        part_avx2(p, &t, quads, part, sum);
        for (uint64_t r = 0; r < ROWS; r++) {
            unsigned below = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(sum[r][0])) |
                             (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(sum[r][1])) << 8;
            bits[r] |= (uint64_t)(below ^ 0xffff) << part;
            any |= bits[r];
        }
    }
    if (any)
        memcpy(reached, bits, rows * sizeof *bits);
    return any;
}

__attribute__((target("avx2"))) static int32_t pair_avx2(const int8_t *x, const int8_t *y, uint64_t n) {
    __m256i sum = _mm256_setzero_si256();
    uint64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i a = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + i)));
        __m256i b = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(y + i)));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
    }
    int32_t lane[8];
    _mm256_storeu_si256((__m256i *)lane, sum);
    for (int k = 1; k < 8; k++)
        lane[0] += lane[k];
    return lane[0] + pair_scalar(x + i, y + i, n - i);
}

__attribute__((target("avx512f,avx512bw"))) static int32_t pair_avx512(const int8_t *x, const int8_t *y,
                                                                       uint64_t n) {
    __m512i sum = _mm512_setzero_si512();
    uint64_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m512i a = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(x + i)));
        __m512i b = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(y + i)));
        sum = _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
    }
    return _mm512_reduce_add_epi32(sum) + pair_scalar(x + i, y + i, n - i);
}
#else
#define pair_avx2 pair_scalar
#define pair_avx512 pair_scalar
#define reach_avx2 reach_scalar
#define reach_avx512 reach_scalar
#define reach_vnni reach_scalar
#endif

static reach_fn *const reach_at[] = {reach_scalar, reach_avx2, reach_avx512};

bool product8_reach(enum simd simd, bool vnni, const struct panel8 *p, const int8_t *x, uint64_t rows,
                    uint64_t quads, const int32_t *offset, uint64_t *reached) {
    reach_fn *reach = vnni ? reach_vnni : reach_at[simd];
    return reach(p, x, rows, quads, offset, reached);
}

int32_t product8_pair(enum simd simd, const int8_t *x, const int8_t *y, uint64_t n) {
    static int32_t (*const pair_at[])(const int8_t *, const int8_t *, uint64_t) = {pair_scalar, pair_avx2,
                                                                                   pair_avx512};
    return pair_at[simd](x, y, n);
}
