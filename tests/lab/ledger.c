/* The ledger's lines: whatever names a lab has, each is one line of JSON that says what it was told. */
#include "tests/lib/tap.h"

#include "core/base/mem.h"
#include "lab/chat/chat.h"

#include <jansson.h>
#include <string.h>

static void
test_long (void)
{
    char name[4096];
    SB_AUTOFREE char *line = NULL;
    json_t *j;

    memset (name, 'n', sizeof name - 1);
    name[0] = '"';
    name[sizeof name - 1] = 0;
    line = lab_ledger_line ("id-1", "pchat01", name, 7, 1000, 2000);
    CU_ASSERT_FATAL (line != NULL);
    CU_ASSERT (strchr (line, '\n') == line + strlen (line) - 1);
    j = json_loads (line, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL (j);
    CU_ASSERT (strcmp (json_string_value (json_object_get (j, "instance")), name) == 0);
    CU_ASSERT (json_integer_value (json_object_get (j, "acked_ms")) == 2000);
    json_decref (j);
}

static const struct sb_tap_test tests[] = {
    { "an instance name longer than any line, with a quote in it, is entered whole", test_long },
    { NULL, NULL },
};

int
main (void)
{
    return sb_tap_run ("ledger", tests);
}
