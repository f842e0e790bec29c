/* peer_minhash IN.bin THRESHOLD REPETITIONS VALUES OUT.bin: pairs of sets by plain MinHash banding: what a
 * join by hashing is measured against. One thread.
 *
 * The algorithm is the MinHash baseline of Christiani, Pagh, Sivertsen (2018): 128 hash values of a set; in
 * each repetition a key of VALUES of them, drawn anew; of those with equal keys every pair is compared, first
 * by sizes, then by sketches of 512 bits, which let 95% of the pairs at the threshold pass, at last by a
 * merge. IN.bin is what make_data.py writes; OUT.bin is uint32 left, right, by pairs. */
#include <math.h>
#include <string.h>

#include "peer.h"
#include "peer_sort.h"

enum { POOL = 128, BITS = 512, WORDS = BITS / 64, FUNCTIONS = POOL + BITS };

struct keyed {
    uint64_t key;
    uint32_t row;
};

struct hashed {
    uint32_t *value;  /* [sets][POOL] */
    uint64_t *sketch; /* [sets][WORDS] */
};

struct filter {
    double threshold;
    int most_differing; /* bits of two sketches */
};

static uint32_t salt[2][FUNCTIONS];

static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t next_random(void) {
    static uint64_t state = 7;
    return mix(state += 0x9e3779b97f4a7c15u);
}

static void hash_set(const uint32_t *element, int64_t n, uint32_t *value, uint64_t *sketch) {
    uint32_t least[FUNCTIONS];
    memset(least, 0xff, sizeof least);
    for (int64_t i = 0; i < n; i++) {
        uint32_t mixed = (uint32_t)mix(element[i] + 0x9e37u);
        for (int f = 0; f < FUNCTIONS; f++) {
            uint32_t h = (mixed ^ salt[0][f]) * 0x85ebca6bu;
            h = (h ^ (h >> 15)) * salt[1][f];
            h ^= h >> 13;
            least[f] = h < least[f] ? h : least[f];
        }
    }
    memcpy(value, least, POOL * sizeof *value);
    for (int w = 0; w < WORDS; w++) {
        uint64_t word = 0;
        for (int b = 0; b < 64; b++)
            word |= (uint64_t)(__builtin_popcount(least[POOL + 64 * w + b] * 0x9e3779b1u >> 7) & 1) << b;
        sketch[w] = word;
    }
}

static struct hashed hash_all(const struct sets *s) {
    for (int f = 0; f < FUNCTIONS; f++) {
        salt[0][f] = (uint32_t)next_random();
        salt[1][f] = (uint32_t)next_random() | 1;
    }
    struct hashed h = {peer_alloc(s->n * POOL, sizeof *h.value), peer_alloc(s->n * WORDS, sizeof *h.sketch)};
    for (int64_t i = 0; i < s->n; i++)
        hash_set(set_row(s, i), set_size(s, i), h.value + i * POOL, h.sketch + i * WORDS);
    return h;
}

/* The equal bits of a pair at the threshold are half of those that do not agree, and all that do. */
static struct filter make_filter(double threshold) {
    double p = (1 + threshold) / 2;
    return (struct filter){threshold, BITS - (int)floor(BITS * p - 1.645 * sqrt(BITS * p * (1 - p)))};
}

static bool is_similar(const struct filter *f, const struct sets *s, const struct hashed *h, uint32_t i,
                       uint32_t j) {
    int64_t a = set_size(s, i), b = set_size(s, j);
    if ((double)(a < b ? a : b) < f->threshold * (double)(a < b ? b : a))
        return false;
    int differing = 0;
    for (int w = 0; w < WORDS; w++)
        differing +=
            __builtin_popcountll(h->sketch[(int64_t)i * WORDS + w] ^ h->sketch[(int64_t)j * WORDS + w]);
    if (differing > f->most_differing)
        return false;
    double least = ceil(f->threshold / (1 + f->threshold) * (double)(a + b) - 1e-9);
    return sets_share(s, i, j, (int64_t)least);
}

#define KEYED_IS_LESS(a, b) ((a).key != (b).key ? (a).key < (b).key : (a).row < (b).row)
#define NUMBER_IS_LESS(a, b) ((a) < (b))
DEFINE_SORT(sort_keyed, struct keyed, KEYED_IS_LESS)
DEFINE_SORT(sort_numbers, uint64_t, NUMBER_IS_LESS)

/* All sets by a key of `values` hash values. */
static void make_keys(const struct hashed *h, int64_t n, int values, struct keyed *keyed) {
    int pick[POOL];
    for (int v = 0; v < values; v++)
        pick[v] = (int)(next_random() % POOL);
    for (int64_t i = 0; i < n; i++) {
        const uint32_t *value = h->value + i * POOL;
        uint64_t key = 0;
        for (int v = 0; v < values; v++)
            key = mix(key + value[pick[v]] + 1);
        keyed[i] = (struct keyed){key, (uint32_t)i};
    }
    sort_keyed(keyed, n);
}

static void sort_unique(struct pairs *p) {
    uint64_t kept = 0;
    sort_numbers(p->pair, (int64_t)p->n);
    for (uint64_t i = 0; i < p->n; i++)
        if (i == 0 || p->pair[i] != p->pair[i - 1])
            p->pair[kept++] = p->pair[i];
    p->n = kept;
}

/* The similar pairs among sets with equal keys, put behind those that are there already. */
static void join(const struct filter *f, const struct sets *s, const struct hashed *h,
                 const struct keyed *keyed, struct pairs *found) {
    for (int64_t first = 0, end; first < s->n; first = end) {
        for (end = first + 1; end < s->n && keyed[end].key == keyed[first].key; end++)
            ;
        for (int64_t i = first; i < end; i++)
            for (int64_t j = i + 1; j < end; j++)
                if (is_similar(f, s, h, keyed[i].row, keyed[j].row))
                    pairs_add(found, keyed[i].row, keyed[j].row);
    }
}

int main(int argc, char **argv) {
    int repetitions = argc == 6 ? atoi(argv[3]) : 0, values = argc == 6 ? atoi(argv[4]) : 0;
    if (repetitions < 1 || values < 1 || values > POOL) {
        fprintf(stderr, "usage: %s IN.bin THRESHOLD REPETITIONS VALUES OUT.bin\n", argv[0]);
        return EX_USAGE;
    }
    struct sets s = sets_read(argv[1]);
    struct filter f = make_filter(atof(argv[2]));
    struct hashed h = hash_all(&s);
    struct keyed *keyed = peer_alloc(s.n, sizeof *keyed);
    struct pairs found = {0};
    for (int r = 0; r < repetitions; r++) {
        make_keys(&h, s.n, values, keyed);
        join(&f, &s, &h, keyed, &found);
    }
    sort_unique(&found);
    pairs_write(&found, argv[5]);
    return 0;
}
