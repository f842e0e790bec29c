#define H5_USE_110_API /* H5O_info_t as HDF5 1.10 has it, in later versions too */

#include "h5_find.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "h5_base.h"

#define SETS                                                                                                 \
    "a group with indptr and indices, or a flat dataset D beside size_D, such as train and size_train"
#define WEIGHTED "a group with indptr, indices and data"
#define VECTORS "a two-dimensional dataset of floating-point numbers or of 8-bit integers"

#define ELSEWHERE " (a link to another file, which is not followed)"

/* Objects of one level of the file. */
struct objects {
    struct object {
        char *path;
        const char *kind; /* of sets; NULL: any group */
        haddr_t address;
    } * at;
    uint64_t n;
};

struct search {
    hid_t file;
    enum h5_content content;
    bool all;             /* go on below the level where some are found */
    bool elsewhere;       /* a link to another file was met, and not followed */
    const char *group;    /* whose links are looked at */
    struct objects next;  /* the groups below this level */
    struct objects sets;  /* found */
    struct objects twice; /* groups that have several hard links, so as not to go round in circles */
};

static void objects_add(struct objects *list, const char *path, const char *kind, haddr_t address) {
    if ((list->n & (list->n - 1)) == 0) /* full: the room is a power of two */
        list->at = mem_grow(list->at, list->n ? 2 * list->n : 1, sizeof *list->at);
    struct object *o = &list->at[list->n++];
    *o = (struct object){mem_alloc(strlen(path) + 1, 1), kind, address};
    strcpy(o->path, path);
}

static bool objects_have(const struct objects *list, haddr_t address) {
    for (uint64_t i = 0; i < list->n; i++)
        if (list->at[i].address == address)
            return true;
    return false;
}

static void objects_free(struct objects *list) {
    for (uint64_t i = 0; i < list->n; i++)
        free(list->at[i].path);
    free(list->at);
    *list = (struct objects){0};
}

static const char *last_name(const char *path) {
    return strrchr(path, '/') + 1;
}

static bool object_info(hid_t loc, const char *path, H5O_info_t *info) {
    return H5Oget_info_by_name2(loc, path, info, H5O_INFO_BASIC, H5P_DEFAULT) >= 0;
}

static bool is_dataset(hid_t file, const char *path) {
    H5O_info_t info;
    return object_info(file, path, &info) && info.type == H5O_TYPE_DATASET;
}

struct h5_parts h5_parts_of(const char *object, const char *kind) {
    struct h5_parts p;
    int directory = (int)(last_name(object) - object);
    if (strcmp(kind, "csr") == 0) {
        const char *slash = object[directory] ? "/" : ""; /* the root ends in one */
        snprintf(p.offsets, sizeof p.offsets, "%s%sindptr", object, slash);
        snprintf(p.elements, sizeof p.elements, "%s%sindices", object, slash);
        snprintf(p.weights, sizeof p.weights, "%s%sdata", object, slash);
    } else {
        snprintf(p.offsets, sizeof p.offsets, "%.*ssize_%s", directory, object, object + directory);
        snprintf(p.elements, sizeof p.elements, "%s", object);
        p.weights[0] = '\0';
    }
    return p;
}

/* Dimensions of a dataset. A virtual one is not asked for its extent, for which HDF5 opens its sources. */
static int rank_of(hid_t dataset) {
    hid_t plist = H5Dget_create_plist(dataset);
    bool virtual = H5Pget_layout(plist) == H5D_VIRTUAL;
    hid_t space = virtual ? H5Pget_virtual_vspace(plist, 0) : H5Dget_space(dataset);
    int rank = H5Sget_simple_extent_ndims(space);
    H5Sclose(space);
    H5Pclose(plist);
    return rank;
}

/* Whether a dataset can be read as vectors. */
static bool is_dense(hid_t file, const char *path) {
    hid_t id = H5Dopen2(file, path, H5P_DEFAULT);
    if (id < 0)
        return false;
    hid_t type = H5Dget_type(id);
    H5T_class_t class = H5Tget_class(type);
    bool dense = rank_of(id) == 2 && (class == H5T_FLOAT || (class == H5T_INTEGER && H5Tget_size(type) == 1));
    H5Tclose(type);
    H5Dclose(id);
    return dense;
}

/* The kind of sets or vectors that an object is, if it is what is wanted, or NULL. */
static const char *kind_of(hid_t file, const char *path, H5O_type_t type, enum h5_content wanted) {
    const char *kind = type == H5O_TYPE_GROUP ? "csr" : "flat";
    if (type != H5O_TYPE_GROUP && type != H5O_TYPE_DATASET)
        return NULL;
    if ((wanted == H5_VECTORS || wanted == H5_EITHER) && type == H5O_TYPE_DATASET && is_dense(file, path))
        return "dense";
    if (wanted == H5_VECTORS)
        return NULL;
    struct h5_parts p = h5_parts_of(path, kind);
    if (wanted == H5_WEIGHTED && !(p.weights[0] && is_dataset(file, p.weights)))
        return NULL;
    return is_dataset(file, p.offsets) && is_dataset(file, p.elements) ? kind : NULL;
}

/* Whether a link leads to another file, by itself or on its way. */
static bool leads_elsewhere(hid_t group, const char *name, const H5L_info_t *link) {
    H5O_info_t info;
    return link->type == H5L_TYPE_EXTERNAL ||
           (link->type == H5L_TYPE_SOFT && !object_info(group, name, &info) && h5_leads_elsewhere());
}

/* What a link of the searched group leads to, if its path is short enough to be named. A soft link may name
 * sets, but is not searched: what lies below it is reached by its own path. */
static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *ctx) {
    struct search *s = ctx;
    H5O_info_t info;
    if (leads_elsewhere(group, name, link)) {
        s->elsewhere = true;
        return 0;
    }
    if (!object_info(group, name, &info))
        return link->type == H5L_TYPE_HARD ? -1 : 0; /* a soft link may lead nowhere */
    char path[H5_PATH];
    if (snprintf(path, sizeof path, "%s/%s", strcmp(s->group, "/") ? s->group : "", name) >= H5_PATH)
        return 0; /* nobody could name it */
    const char *kind = kind_of(s->file, path, info.type, s->content);
    if (kind && !objects_have(&s->sets, info.addr))
        objects_add(&s->sets, path, kind, info.addr);
    if (info.type == H5O_TYPE_GROUP && link->type == H5L_TYPE_HARD && !objects_have(&s->twice, info.addr)) {
        objects_add(&s->next, path, NULL, info.addr);
        if (info.rc > 1)
            objects_add(&s->twice, path, NULL, info.addr);
    }
    return 0;
}

/* Level by level, so that the shallowest are found first. */
static int search_file(struct search *s, const char *file, struct error *e) {
    H5O_info_t root;
    if (!object_info(s->file, "/", &root))
        return h5_fail(e, EX_DATAERR, file, "cannot be searched");
    objects_add(&s->next, "/", NULL, root.addr);
    objects_add(&s->twice, "/", NULL, root.addr);
    if (kind_of(s->file, "/", H5O_TYPE_GROUP, s->content))
        objects_add(&s->sets, "/", "csr", root.addr);
    while ((s->all || s->sets.n == 0) && s->next.n > 0 && !e->status) {
        struct objects level = s->next;
        s->next = (struct objects){0};
        for (uint64_t i = 0; i < level.n && !e->status; i++) {
            hsize_t from = 0;
            s->group = level.at[i].path;
            if (H5Literate_by_name(s->file, s->group, H5_INDEX_NAME, H5_ITER_INC, &from, visit, s,
                                   H5P_DEFAULT) < 0)
                h5_fail(e, EX_DATAERR, file, "%s: cannot be searched", s->group);
        }
        objects_free(&level);
    }
    return e->status;
}

static void free_search(struct search *s) {
    objects_free(&s->next);
    objects_free(&s->sets);
    objects_free(&s->twice);
}

static bool has_usual_name(const char *path) {
    const char *name = last_name(path);
    return strcmp(name, "X") == 0 || strcmp(name, "matrix") == 0 || strcmp(name, "sets") == 0 ||
           strcmp(name, "vectors") == 0;
}

/* The one that is meant, or NULL. Sets of a group come in the order of their names. */
static const struct object *choose(const struct objects *sets) {
    const struct object *usual = NULL;
    if (sets->n == 1)
        return sets->at;
    for (uint64_t i = 0; i < sets->n; i++)
        if (has_usual_name(sets->at[i].path)) {
            if (usual)
                return NULL;
            usual = &sets->at[i];
        }
    for (uint64_t i = 0; i < sets->n && !usual; i++) /* ann-benchmarks: beside test, distances and more */
        if (strcmp(sets->at[i].path, "/train") == 0)
            usual = &sets->at[i];
    return usual;
}

/* Names for a message, as many as fit. */
struct names {
    char text[300];
    size_t length;
};

static void names_add(struct names *names, const char *name) {
    size_t room = sizeof names->text - names->length;
    const char *comma = names->length ? ", " : "";
    if (strlen(comma) + strlen(name) + sizeof ", ..." <= room)
        names->length += (size_t)snprintf(names->text + names->length, room, "%s%s", comma, name);
    else if (room > sizeof ", ...") { /* no more after this */
        snprintf(names->text + names->length, room, "%s...", comma);
        names->length = sizeof names->text - 1;
    }
}

static herr_t add_link(hid_t group, const char *name, const H5L_info_t *link, void *ctx) {
    char text[H5_PATH];
    snprintf(text, sizeof text, "%s%s", name, leads_elsewhere(group, name, link) ? ELSEWHERE : "");
    names_add(ctx, text);
    return 0;
}

/* What a group holds. */
static struct names names_in(hid_t file, const char *group) {
    struct names names = {"nothing", 0};
    hsize_t from = 0;
    H5Literate_by_name(file, group, H5_INDEX_NAME, H5_ITER_INC, &from, add_link, &names, H5P_DEFAULT);
    return names;
}

static int complain_of_several(const struct objects *sets, const char *file, struct error *e) {
    struct names names = {"", 0};
    for (uint64_t i = 0; i < sets->n; i++)
        names_add(&names, sets->at[i].path);
    return error_set(e, EX_DATAERR,
                     "%s: holds %" PRIu64 " collections of records; name one, as in %s:%s (there are %s)",
                     file, sets->n, file, sets->at[0].path, names.text);
}

static const char *const name_of[] = {
    [H5_SETS] = "sets",
    [H5_VECTORS] = "vectors",
    [H5_EITHER] = "sets or vectors",
    [H5_WEIGHTED] = "weighted sets",
};
static const char *const expected[] = {
    [H5_SETS] = SETS,
    [H5_VECTORS] = VECTORS,
    [H5_EITHER] = SETS ", or " VECTORS,
    [H5_WEIGHTED] = WEIGHTED,
};

static int find_by_content(char object[H5_PATH], const char **kind, hid_t file_id, const char *file,
                           enum h5_content wanted, struct error *e) {
    struct search s = {.file = file_id, .content = wanted};
    if (search_file(&s, file, e) == 0) {
        const struct object *chosen = choose(&s.sets);
        if (chosen) {
            snprintf(object, H5_PATH, "%s", chosen->path);
            *kind = chosen->kind;
        } else if (s.sets.n > 0)
            complain_of_several(&s.sets, file, e);
        else
            error_set(e, EX_DATAERR, "%s: holds no %s (looked for %s)%s", file, name_of[wanted],
                      expected[wanted], s.elsewhere ? "; its links to other files are not followed" : "");
    }
    free_search(&s);
    return e->status;
}

static int complain_of_missing(hid_t file_id, const char *file, const char *path, struct error *e) {
    H5O_info_t info;
    char above[H5_PATH];
    snprintf(above, sizeof above, "%s", path);
    do {
        char *slash = strrchr(above, '/');
        slash[slash == above] = '\0'; /* the first slash is the root */
    } while (above[1] && !(object_info(file_id, above, &info) && info.type == H5O_TYPE_GROUP));
    return error_set(e, EX_DATAERR, "%s: %s: no such object (%s holds %s)", file, path, above,
                     names_in(file_id, above).text);
}

static int complain_of_other(hid_t file_id, const char *file, const char *path, H5O_type_t type,
                             enum h5_content wanted, struct error *e) {
    if (type == H5O_TYPE_GROUP)
        return error_set(e, EX_DATAERR, "%s: %s: a group of %s; expected %s", file, path,
                         names_in(file_id, path).text, expected[wanted]);
    return error_set(e, EX_DATAERR, "%s: %s: %s; expected %s", file, path,
                     type == H5O_TYPE_DATASET ? "another kind of dataset" : "neither a group nor a dataset",
                     expected[wanted]);
}

static int find_by_name(char object[H5_PATH], const char **kind, hid_t file_id, const char *file,
                        const char *name, enum h5_content wanted, struct error *e) {
    int length = snprintf(object, H5_PATH, "%s%s", name[0] == '/' ? "" : "/", name);
    if (length >= H5_PATH)
        return error_set(e, EX_DATAERR, "%s: a path of %d bytes is too long", file, length);
    while (length > 1 && object[length - 1] == '/')
        object[--length] = '\0';
    H5O_info_t info;
    if (!object_info(file_id, object, &info))
        return complain_of_missing(file_id, file, object, e);
    *kind = kind_of(file_id, object, info.type, wanted);
    return *kind ? 0 : complain_of_other(file_id, file, object, info.type, wanted, e);
}

int h5_find_all(int64_t file_id, const char *file,
                void (*tell)(void *ctx, const char *object, const char *kind), void *ctx, struct error *e) {
    struct search s = {.file = file_id, .content = H5_EITHER, .all = true};
    search_file(&s, file, e);
    for (uint64_t i = 0; i < s.sets.n && !e->status; i++)
        tell(ctx, s.sets.at[i].path, s.sets.at[i].kind);
    free_search(&s);
    return e->status;
}

int h5_find(char object[H5_PATH], const char **kind, int64_t file_id, const char *file, const char *name,
            enum h5_content wanted, struct error *e) {
    if (name)
        return find_by_name(object, kind, file_id, file, name, wanted, e);
    return find_by_content(object, kind, file_id, file, wanted, e);
}
