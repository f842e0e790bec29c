/* Query-directed probing (Lv, Josephson, Wang, Charikar, Li 2007): where else than in its own bucket would a
 * record's neighbours be? A move takes one symbol to a neighbouring value; its score is the square of how far
 * the record is from there. The best sets of moves are those whose scores have the least sum. */
#ifndef LSHJOIN_PROBE_H
#define LSHJOIN_PROBE_H

#include <stdint.h>

struct move {
    double score;
    uint32_t row; /* of the band; no set has two moves of one row */
    int32_t step;
};

/* An enumeration of sets, to be begun again and again. */
struct probe {
    const struct move *move; /* [n_moves] rising by score */
    uint32_t n_moves;
    struct probe_node *node; /* [n_nodes] the sets met so far */
    uint32_t *heap;          /* [n_heap] nodes whose turn has not come */
    uint32_t n_nodes, n_heap, capacity;
};

/* Begin with these moves, of which the `most` best are brought to the front, sorted, and used to the end: the
 * best `most` sets have no others. *p is all zero before the first time. */
void probe_begin(struct probe *p, struct move *moves, uint32_t n, uint32_t most);
/* The next best set, `most` times at most: its number of moves, whose places are put into chosen[as many as
 * there are rows]; 0 where there are no more sets. The cost grows with the sets that are asked for, not with
 * all there are. */
uint32_t probe_next(struct probe *p, uint32_t *chosen);
void probe_free(struct probe *p);

#endif
