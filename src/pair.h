/* A pair found, rows as their own inputs number them. */
#ifndef PAIR_H
#define PAIR_H

#include <stdint.h>

struct pair {
    uint64_t left, right;
    float value; /* similarity, or the number of colliding bands */
};

#endif
