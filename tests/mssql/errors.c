/* The error numbers that the vendor's catalogue gives to mirroring, backup, restore, log shipping, state options and
 * logins, and what each must mean to the plugin (SQL sheet 1.3, 2.10, 3.4, 4.5, 5.2, 5.3, 5.5).  Written down from the
 * catalogue, not from the plugin's table: a number that the table forgets or takes for something else is seen here. */
#include "tests/lib/tap.h"

#include "plugins/mssql/messages.h"

#include <stdbool.h>
#include <stdio.h>

#define LIST_END 0

/* The same statement may work later: transient states, lost connections between partners. */
static const int retry[] = { 921,  922,  941,  952,  955,  956,  1205, 1222, 1404,  1413,
                             1414, 1418, 1422, 1424, 1426, 1428, 1431, 1438, 1447,  1456,
                             1472, 1474, 1479, 3023, 4060, 5004, 5059, 5061, 22022, LIST_END };
/* Nobody knows what became of it: the catalogue must be read. */
static const int unsure[] = { 596, 1421, 1430, 1433, 1457, 1499, 3051, 3204, 4319, 5901, LIST_END };
/* It is so already, if the state says so too. */
static const int already[] = { 927,  1405, 1410,  1446,  1460,  1801,  3009,  3120,
                               3153, 4326, 15023, 32009, 32012, 32013, 32024, LIST_END };
/* Others are in the way. */
static const int busy[] = { 924, 1807, 3101, 3702, 5064, 5070, LIST_END };
/* One backup file cannot be used; another one may. */
static const int file[] = { 3132, 3182, 3183, 3186, 3187, 3189, 3201, 3202,
                            3203, 3241, 3254, 3256, 3266, 3271, 3287, LIST_END };
/* What was to be ended or removed is not there. */
static const int gone[] = { 911,  1416, 1417, 1439,  1451,  3118,  5002,  6101,    6104,
                            6106, 6107, 6120, 14262, 32010, 32014, 32023, LIST_END };
/* It will not work until somebody changes something. */
static const int fail[] = { 155,   208,   226,   229,   262,   916,   923,   926,   942,   945,   948,     954,
                            957,   1402,  1406,  1407,  1408,  1409,  1411,  1412,  1415,  1419,  1420,    1427,
                            1429,  1436,  1448,  1449,  1452,  1453,  1454,  1455,  1458,  1459,  1462,    1463,
                            1464,  1465,  1466,  1467,  1468,  1469,  1470,  1473,  1475,  1476,  1477,    1478,
                            1488,  1490,  1828,  1834,  3007,  3021,  3031,  3032,  3035,  3036,  3041,    3048,
                            3059,  3102,  3104,  3110,  3117,  3136,  3141,  3154,  3156,  3159,  3169,    3170,
                            3173,  3180,  3234,  3257,  3708,  3743,  4208,  4214,  4303,  4305,  4312,    4318,
                            4330,  4334,  4335,  5003,  5008,  5011,  5052,  5058,  5063,  6102,  6115,    12104,
                            14420, 14421, 15151, 15247, 15281, 15404, 18456, 32007, 32011, 32015, 32016,   32017,
                            32018, 32022, 32025, 32028, 32052, 32053, 32054, 32055, 33009, 33111, LIST_END };
/* Never the cause: what stands before it is. */
static const int trailers[] = { 3013, 3119, 5069, LIST_END };

static void
are (const int *numbers, enum sb_msg_class class)
{
    for (; *numbers != LIST_END; numbers++) {
        const struct sb_msg_note *note = sb_msg_note (*numbers);

        if (note == NULL || note->class != class)
            printf ("# %d is %s\n", *numbers, note == NULL ? "not in the table" : "of another class");
        CU_ASSERT_TRUE (note != NULL && note->class == class);
    }
}

static void
retries (void)
{
    are (retry, SB_MSG_RETRY);
}

static void
doubts (void)
{
    are (unsure, SB_MSG_UNSURE);
}

static void
repeats (void)
{
    are (already, SB_MSG_ALREADY);
    are (gone, SB_MSG_GONE);
}

static void
others (void)
{
    are (busy, SB_MSG_BUSY);
    are (file, SB_MSG_FILE);
}

static void
failures (void)
{
    are (fail, SB_MSG_FAIL);
    are (trailers, SB_MSG_TRAILER);
}

/* What an operator can do something about says what; what the table leaves to the server's own text is listed here. */
static void
words (void)
{
    static const int wordless[] = {
        1415, 1451, 3013, 3119, 5058, 5069, 6101, 6104, 6106, 6107, 6115, 6120, 32028, 32052
    };
    static const int hinted[] = {
        229,  262,  945,  955,  1407, 1408, 1412, 1418, 1431, 1448, 1456, 1460,  1462,  1468,
        3104, 3110, 3201, 3241, 3254, 3257, 4208, 4214, 4305, 4330, 5011, 15247, 18456, 22022
    };

    for (int number = 1; number < 40000; number++) {
        const struct sb_msg_note *note = sb_msg_note (number);
        bool bare = false;

        for (size_t n = 0; n < sizeof wordless / sizeof *wordless; n++)
            bare = bare || wordless[n] == number;
        if (note != NULL && (note->sentence == NULL) != bare)
            printf ("# %d\n", number);
        CU_ASSERT_TRUE (note == NULL || (note->sentence == NULL) == bare);
    }
    for (size_t n = 0; n < sizeof hinted / sizeof *hinted; n++) {
        if (sb_msg_note (hinted[n]) == NULL || sb_msg_note (hinted[n])->hint == NULL)
            printf ("# %d has no hint\n", hinted[n]);
        CU_ASSERT_TRUE (sb_msg_note (hinted[n]) != NULL && sb_msg_note (hinted[n])->hint != NULL);
    }
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "transient errors are tried again", retries },
        { "errors that leave doubt are told from those that changed nothing", doubts },
        { "what is so already, and what is gone already, is no failure", repeats },
        { "others in the way, and one bad file, are told from failures", others },
        { "what will not work is not tried again, and trailers are never the cause", failures },
        { "a number that somebody can act upon has a sentence, and the commonest have a hint", words },
        { NULL, NULL },
    };

    return sb_tap_run ("mssql errors", tests);
}
