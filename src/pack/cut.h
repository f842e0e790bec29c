/* Where records begin and end. */
#ifndef PACK_CUT_H
#define PACK_CUT_H

#include <stdbool.h>
#include <stdint.h>

struct head;

/* How the bytes of a form are cut into records. Called on any thread. */
struct cut {
    /* Whether a record begins at text[at], the begin of a line; not where what follows the text could tell.
     * NULL: at every line. */
    bool (*starts)(const char *text, uint64_t bytes, uint64_t at);
    /* Bytes of the record that begins the text, of `bytes` > 0, its line end among them; more than `bytes`
     * where it can be seen to go on behind. */
    uint64_t (*extent)(const struct head *h, const char *text, uint64_t bytes);
    bool by_lines; /* records begin at begins of lines, and mistakes are told with the number of the line;
                      else with that of the record */
    bool is_whole; /* a file cannot be entered in its middle */
};

/* The first record start that is sure in text[from .. bytes], from >= 1, where lines tell it; UINT64_MAX if
 * there is none. */
uint64_t cut_next(const struct cut *cut, const char *text, uint64_t bytes, uint64_t from);
/* The last one in text[1 .. bytes], given that a record begins at 0; 0 if there is none. */
uint64_t cut_last(const struct cut *cut, const struct head *h, const char *text, uint64_t bytes);

/* The extent of a line. */
uint64_t cut_line(const struct head *h, const char *text, uint64_t bytes);
/* The extent of a whole file. */
uint64_t cut_nowhere(const struct head *h, const char *text, uint64_t bytes);

#endif
