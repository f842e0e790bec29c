/* Numbers of a dataset read past HDF5, whose every call costs some ten microseconds: for many small reads.
 * Not collective. */
#ifndef H5_RAW_H
#define H5_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h5_raw {
    int file; /* descriptor + 1; 0: cannot be read so */
    uint64_t place;
};

enum { H5_RAW_MOST = 1 << 16 }; /* bytes, beyond which a call of HDF5 costs nothing */

/* Where an open dataset (hid_t) begins in its file, if it lies there in one stretch as numbers of the type
 * native (hid_t) have it in memory; else UINT64_MAX. */
uint64_t h5_raw_place(int64_t dataset, int64_t native);

/* Of an open dataset (hid_t) of `file`, where it lies in one stretch as numbers of the type native (hid_t)
 * have it in memory. End with h5_raw_close in any case. */
struct h5_raw h5_raw_open(int64_t dataset, const char *file, int64_t native);
/* Does nothing to what is all zero. */
void h5_raw_close(struct h5_raw *r);

/* Bytes [first, first + n) of the dataset. False where they cannot be had: HDF5 will say why. */
bool h5_raw_read(const struct h5_raw *r, uint64_t first, uint64_t n, void *out);

#endif
