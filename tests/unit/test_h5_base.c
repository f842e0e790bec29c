/* What HDF5 may load and follow once it is started. */
#include "unit.h"

#include <hdf5.h>
#include <stdlib.h>

#include "h5_base.h"

/* Bits of the kinds of plugins that may be loaded, after a start with this HDF5_PLUGIN_PATH. */
static unsigned plugins_with(const char *path) {
    unsigned kinds = 0;
    H5PLset_loading_state(H5PL_ALL_PLUGIN);
    if (path)
        setenv("HDF5_PLUGIN_PATH", path, 1);
    else
        unsetenv("HDF5_PLUGIN_PATH");
    h5_start();
    assert_true(H5PLget_loading_state(&kinds) >= 0);
    return kinds & H5PL_FILTER_PLUGIN;
}

static void test_plugins_are_asked_for(void **state) {
    (void)state;
    assert_int_equal(plugins_with(NULL), 0);
    assert_int_equal(plugins_with(""), 0);
    assert_int_equal(plugins_with("/nowhere"), H5PL_FILTER_PLUGIN);
}

static void test_no_class_of_links_elsewhere(void **state) {
    (void)state;
    h5_start();
    assert_int_equal(H5Lis_registered(H5L_TYPE_EXTERNAL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plugins_are_asked_for),
        cmocka_unit_test(test_no_class_of_links_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
