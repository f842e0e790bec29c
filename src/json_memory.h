/* Memory of jansson. */
#ifndef JSON_MEMORY_H
#define JSON_MEMORY_H

#include <jansson.h>
#include <stdlib.h>

#include "lshjoin/base.h"

static inline void *json_memory_take(size_t bytes) {
    return mem_alloc(bytes, 1);
}

/* From now on, where jansson finds no memory, the program dies as elsewhere: jansson itself would go on, and
 * a report would lack what there was no room for. */
static inline void json_memory_start(void) {
    json_set_alloc_funcs(json_memory_take, free);
}

#endif
