/* Sums over the coordinates of two vectors: right to twelve digits, and the same bits at every SIMD level. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "lshjoin/distance.h"

enum { MOST = 300, TRIALS = 10 };

/* Two vectors in both widths; the coordinates of the wide ones need double precision. */
struct vectors {
    float x4[MOST], y4[MOST];
    double x8[MOST], y8[MOST];
};

static double next_coordinate(uint64_t *seed) {
    double unit = (double)random_next(seed) * 0x1p-63 - 1;
    return ldexp(unit, (int)random_below(seed, 30) - 15);
}

static void draw(struct vectors *v, uint64_t *seed) {
    for (int i = 0; i < MOST; i++) {
        v->x8[i] = next_coordinate(seed);
        v->y8[i] = random_below(seed, 4) ? next_coordinate(seed) : v->x8[i] * (1 + 1e-6);
        v->x4[i] = (float)v->x8[i];
        v->y4[i] = (float)v->y8[i];
    }
}

static const void *x_of(const struct vectors *v, size_t item) {
    return item == sizeof(float) ? (const void *)v->x4 : v->x8;
}

static const void *y_of(const struct vectors *v, size_t item) {
    return item == sizeof(float) ? (const void *)v->y4 : v->y8;
}

static void check_close(double got, long double sum, long double size) {
    assert_true(fabsl(got - sum) <= 1e-12L * size);
}

/* Of non-negative terms the sums are as close as this to themselves; of products to what cancels. */
static void check_values(struct moments m, double sum, const struct vectors *v, uint64_t n, size_t item) {
    long double xy = 0, xx = 0, yy = 0, difference = 0, size = 0;
    for (uint64_t i = 0; i < n; i++) {
        long double x = item == sizeof(float) ? (long double)v->x4[i] : (long double)v->x8[i];
        long double y = item == sizeof(float) ? (long double)v->y4[i] : (long double)v->y8[i];
        xy += x * y;
        size += fabsl(x * y);
        xx += x * x;
        yy += y * y;
        difference += (x - y) * (x - y);
    }
    check_close(m.xy, xy, size);
    check_close(m.xx, xx, xx);
    check_close(m.yy, yy, yy);
    check_close(sum, difference, difference + 1e-9L * size); /* x - y of doubles is rounded */
}

static void test_moments(void **state) {
    (void)state;
    static struct vectors v;
    uint64_t seed = 1;
    for (int trial = 0; trial < TRIALS; trial++) {
        draw(&v, &seed);
        for (uint64_t n = 0; n <= MOST; n++)
            for (size_t item = sizeof(float); item <= sizeof(double); item += sizeof(float)) {
                const void *x = x_of(&v, item), *y = y_of(&v, item);
                struct moments scalar = vector_moments(x, y, n, item, SIMD_SCALAR);
                double difference = vector_difference(x, y, n, item, INFINITY, SIMD_SCALAR);
                check_values(scalar, difference, &v, n, item);
                for (int level = SIMD_SCALAR + 1; level <= (int)cpu_simd(); level++) {
                    struct moments fast = vector_moments(x, y, n, item, (enum simd)level);
                    assert_memory_equal(&fast, &scalar, sizeof fast);
                    assert_true(vector_difference(x, y, n, item, INFINITY, (enum simd)level) == difference);
                }
            }
    }
}

/* The order of summation that the header promises, coordinate by coordinate. */
static void test_order_of_summation(void **state) {
    (void)state;
    static struct vectors v;
    uint64_t seed = 2;
    draw(&v, &seed);
    for (uint64_t n = 0; n <= MOST; n++) {
        double lane[8] = {0};
        for (uint64_t i = 0; i < n; i++)
            lane[i % 8] += v.x8[i] * v.y8[i];
        double xy = ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
        for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++)
            assert_true(vector_moments(v.x8, v.y8, n, sizeof(double), (enum simd)level).xy == xy);
    }
}

/* What the order of the two vectors may not change: which of them is fetched depends on the ranks. */
static void test_symmetric(void **state) {
    (void)state;
    static struct vectors v;
    uint64_t seed = 3;
    draw(&v, &seed);
    for (uint64_t n = 0; n <= MOST; n++)
        for (size_t item = sizeof(float); item <= sizeof(double); item += sizeof(float)) {
            struct moments a = vector_moments(x_of(&v, item), y_of(&v, item), n, item, cpu_simd());
            struct moments b = vector_moments(y_of(&v, item), x_of(&v, item), n, item, cpu_simd());
            assert_true(a.xy == b.xy && a.xx == b.yy && a.yy == b.xx);
            assert_true(vector_difference(x_of(&v, item), y_of(&v, item), n, item, INFINITY, cpu_simd()) ==
                        vector_difference(y_of(&v, item), x_of(&v, item), n, item, INFINITY, cpu_simd()));
        }
}

/* Nothing is read beyond the last coordinate: what lies there is not a number. */
static void test_stays_within(void **state) {
    (void)state;
    static struct vectors v, alone;
    uint64_t seed = 4;
    draw(&v, &seed);
    for (uint64_t n = 0; n < MOST; n++) {
        memset(&alone, 0xff, sizeof alone);
        memcpy(alone.x4, v.x4, n * sizeof *v.x4);
        memcpy(alone.y4, v.y4, n * sizeof *v.y4);
        for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++) {
            struct moments whole = vector_moments(v.x4, v.y4, n, sizeof(float), (enum simd)level);
            struct moments part = vector_moments(alone.x4, alone.y4, n, sizeof(float), (enum simd)level);
            assert_memory_equal(&whole, &part, sizeof whole);
        }
    }
}

/* Integers are exact, so ties at a radius are. */
static void test_integers_are_exact(void **state) {
    (void)state;
    float x[MOST] = {0}, y[MOST] = {0};
    uint64_t seed = 5;
    for (uint64_t n = 1; n <= MOST; n++) {
        int64_t xy = 0, difference = 0;
        for (uint64_t i = 0; i < n; i++) {
            int64_t a = (int64_t)random_below(&seed, 511) - 255, b = (int64_t)random_below(&seed, 511) - 255;
            x[i] = (float)a;
            y[i] = (float)b;
            xy += a * b;
            difference += (a - b) * (a - b);
        }
        struct moments m = vector_moments(x, y, n, sizeof(float), cpu_simd());
        assert_true(m.xy == (double)xy &&
                    vector_difference(x, y, n, sizeof(float), INFINITY, cpu_simd()) == (double)difference);
    }
}

/* With a bound the sum is the whole one or, above it, a part; and which of the two does not depend on the
 * level. */
static void test_bound(void **state) {
    (void)state;
    static struct vectors v;
    uint64_t seed = 6, stopped = 0;
    draw(&v, &seed);
    double whole = vector_difference(v.x8, v.y8, MOST, sizeof(double), INFINITY, SIMD_SCALAR);
    for (int k = 0; k <= 100; k++) {
        double most = whole * k / 50,
               sum = vector_difference(v.x8, v.y8, MOST, sizeof(double), most, SIMD_SCALAR);
        assert_true(whole <= most ? sum == whole : sum > most && sum <= whole);
        stopped += sum < whole;
        for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++)
            assert_true(vector_difference(v.x8, v.y8, MOST, sizeof(double), most, (enum simd)level) == sum);
    }
    assert_true(stopped > 5);
    assert_true(vector_difference(v.x8, v.y8, MOST, sizeof(double), whole, SIMD_SCALAR) == whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_order_of_summation),
        cmocka_unit_test(test_symmetric),
        cmocka_unit_test(test_stays_within),
        cmocka_unit_test(test_integers_are_exact),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
