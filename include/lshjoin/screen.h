/* From buckets and sketches to candidates: pairs are dropped where they meet, without a look at their
 * records, if they agree in too few symbols or have met in a lower band (sketch.h). What is left comes once.
 */
#ifndef LSHJOIN_SCREEN_H
#define LSHJOIN_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/bucket.h"
#include "lshjoin/shard.h"
#include "lshjoin/sketch.h"
#include "lshjoin/sort.h"

struct screen;

/* For buckets of rows of that shard, none of which asks; between two inputs left rows meet right ones.
 * exclusive: leave out pairs with equal row numbers in their inputs. What is given must outlive it. */
struct screen *screen_create(struct pool *pool, const struct sketching *sketching, const struct shard *shard,
                             bool exclusive);
void screen_free(struct screen *s);

/* Begin with the buckets of n_lists lists, whose bands are counted from first_band on. */
void screen_begin(struct screen *s, const struct bucket_list *lists, int n_lists, uint32_t first_band);

/* Go on to the next buckets that have `most` rows in all, or to one that has more. Returns the rows whose
 * sketches screen_next will want: global numbers, *n of them, the screen's own; *n is 0 when all buckets are
 * done. */
const uint64_t *screen_portion(struct screen *s, uint64_t most, uint64_t *n);

/* The next candidates of the portion, about `most` (a unit of work more for each thread), in any order:
 * global numbers of the rows. sketch[n][words]: of the portion's rows. *copies grows by the number of pairs
 * looked at; *more: there are some left. They belong to the screen until the next call. */
const struct u64_pair *screen_next(struct screen *s, const uint64_t *sketch, uint64_t most, uint64_t *n,
                                   uint64_t *copies, bool *more);

#endif
