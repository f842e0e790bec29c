/* A quicksort for any type, with the comparison inlined: median of three, and insertion where few are left.
 * DEFINE_SORT(name, type, IS_LESS) defines name(type *a, int64_t n). */
#ifndef PEER_SORT_H
#define PEER_SORT_H

#include <stdint.h>

enum { SORT_FEW = 16 };

#define SORT_MEDIAN(x, y, z, less)                                                                           \
    (less(x, y) ? (less(y, z) ? (y) : less(x, z) ? (z) : (x)) : (less(x, z) ? (x) : less(y, z) ? (z) : (y)))

#define DEFINE_SORT(name, type, less)                                                                        \
    /* [0, result) and [result, n), neither empty: nothing in the first is greater than any in the second */ \
    static int64_t name##_split(type *a, int64_t n) {                                                        \
        type pivot = SORT_MEDIAN(a[0], a[n / 2], a[n - 1], less);                                            \
        for (int64_t i = 0, j = n - 1;; i++, j--) {                                                          \
            while (less(a[i], pivot))                                                                        \
                i++;                                                                                         \
            while (less(pivot, a[j]))                                                                        \
                j--;                                                                                         \
            if (i >= j)                                                                                      \
                return j + 1;                                                                                \
            type t = a[i];                                                                                   \
            a[i] = a[j];                                                                                     \
            a[j] = t;                                                                                        \
        }                                                                                                    \
    }                                                                                                        \
    static void name(type *a, int64_t n) {                                                                   \
        while (n > SORT_FEW) {                                                                               \
            int64_t left = name##_split(a, n);                                                               \
            name(a + left, n - left);                                                                        \
            n = left;                                                                                        \
        }                                                                                                    \
        for (int64_t k = 1; k < n; k++) {                                                                    \
            type t = a[k];                                                                                   \
            int64_t i = k;                                                                                   \
            for (; i > 0 && less(t, a[i - 1]); i--)                                                          \
                a[i] = a[i - 1];                                                                             \
            a[i] = t;                                                                                        \
        }                                                                                                    \
    }

#endif
