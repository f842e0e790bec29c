/* Command lines of both programs: a byte that picks one, then arguments, each ended by a line end. */
#include "fuzz.h"

#include <getopt.h>
#include <math.h>

#include "argument.h"
#include "form.h"
#include "options.h"
#include "settings.h"

enum { MOST = 24 };

static void check_options(const struct options *o) {
    bool plans = o->recall > 0, hashes = o->bands >= 1 && o->rows >= 1, asks = o->n_indexes > 0;
    MUST(plans + hashes + asks + o->exact == 1); /* an index has its bands */
    MUST(o->threads >= 1 && o->files >= 1 && o->round_bytes >= 4096 && o->n_inputs >= 1 && o->n_inputs <= 2);
    MUST(isfinite(o->recall) && o->recall >= 0 && o->recall <= 1 && isfinite(o->width) && o->width >= 0);
    MUST(isfinite(o->threshold.value) && o->threshold.value >= 0);
    bool is_fraction = o->threshold_text && !asks && o->family != &family_ip; /* an index has its metric */
    if (is_fraction)
        MUST(o->threshold.exact.q > 0 && o->threshold.exact.q <= 1000000000 &&
             o->threshold.exact.p <= o->threshold.exact.q);
}

static void try_options(int argc, char **argv) {
    struct options o;
    struct error e = {0};
    if (!options_parse(&o, argc, argv, NULL, &e) && !o.help && !o.version)
        check_options(&o);
    options_free(&o);
}

static void try_settings(int argc, char **argv) {
    struct settings s;
    struct error e = {0};
    if (settings_parse(&s, argc, argv, &e) || s.help || s.version || s.info || s.show)
        return;
    MUST(s.shingling.n >= 1 && s.threads >= 1 && s.kmers >= 1 && s.kmers <= 32 && s.memory >= 1024);
    if (s.form)
        settings_suit(&s, &e);
}

static void try_numbers(const char *text) {
    struct error e = {0};
    struct fraction f;
    uint64_t v;
    if (!argument_number("n", text, 3, 70000, &v, &e))
        MUST(v >= 3 && v <= 70000);
    e.status = 0;
    if (!argument_size("n", text, 4096, (uint64_t)1 << 50, &v, &e))
        MUST(v >= 4096 && v <= (uint64_t)1 << 50);
    if (fraction_parse(text, &f))
        MUST(fabs((double)f.p / (double)f.q - strtod(text, NULL)) <= 1e-9 * fmax(1, strtod(text, NULL)));
    form_of_file(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes b = {data, size};
    bool packs = next_byte(&b) & 1;
    char *text = strndup((const char *)b.at, b.left), *argv[MOST + 1] = {"program"}, *rest = text, *word;
    int argc = 1;
    while (argc < MOST && (word = strsep(&rest, "\n"))) {
        try_numbers(word);
        argv[argc++] = word;
    }
    optind = 0; /* getopt begins anew */
    if (packs)
        try_settings(argc, argv);
    else
        try_options(argc, argv);
    free(text);
    return 0;
}
