/* Sums of blocks: of parts they add up, however a block is cut, and any damage changes them. */
#include "unit.h"

#include "lshjoin/seal.h"

static void fill(unsigned char *block, uint64_t seed) {
    for (int i = 0; i < SEAL_BLOCK; i++)
        block[i] = (unsigned char)random_next(&seed);
}

static void test_parts_add_up(void **state) {
    (void)state;
    unsigned char block[SEAL_BLOCK];
    uint64_t seed = 3;
    fill(block, 1);
    for (int again = 0; again < 2000; again++) {
        uint64_t n = again % 3 ? SEAL_BLOCK : random_below(&seed, SEAL_BLOCK + 1), at = 0, sum = 0;
        while (at < n) {
            uint64_t part = min_u64(n - at, 1 + random_below(&seed, again % 2 ? 9 : 2000));
            sum += seal_part(block + at, at, part);
            at += part;
        }
        assert_int_equal(sum, seal_part(block, 0, n));
    }
    assert_int_equal(seal_part(block, 7, 0), 0);
}

/* Bits that flip, bytes and words that change places, and a part that moves. */
static void test_damage_is_seen(void **state) {
    (void)state;
    unsigned char block[SEAL_BLOCK];
    uint64_t seed = 5;
    fill(block, 2);
    uint64_t whole = seal_part(block, 0, SEAL_BLOCK);
    for (int bit = 0; bit < 8 * SEAL_BLOCK; bit++) {
        block[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_true(seal_part(block, 0, SEAL_BLOCK) != whole);
        block[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (int again = 0; again < 20000; again++) {
        uint32_t a = random_below(&seed, SEAL_BLOCK), b = random_below(&seed, SEAL_BLOCK);
        unsigned char was = block[a];
        if (was == block[b])
            continue;
        block[a] = block[b];
        block[b] = was;
        assert_true(seal_part(block, 0, SEAL_BLOCK) != whole);
        block[b] = block[a];
        block[a] = was;
    }
    assert_true(seal_part(block, 0, 400) != seal_part(block, 4, 400));
    assert_int_equal(seal_part(block, 0, SEAL_BLOCK), whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_add_up),
        cmocka_unit_test(test_damage_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
