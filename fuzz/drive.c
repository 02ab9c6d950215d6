/* Plays a corpus through a fuzz target without libFuzzer: every file given (or every file of a folder), and of each some
 * damaged copies.  The damage is the same every time, so that what fails here fails again.
 *   TARGET [FILE|FOLDER]...          SB_FUZZ_ROUNDS=N damaged copies of each (100), SB_FUZZ_SEED=N */
#include "core/base/buf.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define MOST (1u << 20)

static uint64_t state;
static unsigned long played;

static uint32_t
roll (uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t) (state >> 16) % n;
}

/* A copy of exactly this size, so that reading behind it is noticed. */
static void
play (const char *data, size_t n)
{
    uint8_t *copy = sb_xcalloc (n == 0 ? 1 : n, 1);

    if (n > 0)
        memcpy (copy, data, n);
    LLVMFuzzerTestOneInput (copy, n);
    free (copy);
    played++;
}

static void
damage (struct sb_buf *b)
{
    static const uint8_t bad[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff };

    for (unsigned hits = 1 + roll (4); hits > 0 && b->len > 0; hits--) {
        size_t at = roll ((uint32_t) b->len);
        switch (roll (5)) {
        case 0:
            b->s[at] = (char) (b->s[at] ^ (1 << roll (8)));
            break;
        case 1:
            b->s[at] = (char) bad[roll (sizeof bad)];
            break;
        case 2:
            b->len = at;
            break;
        case 3: { /* say a part of it twice */
            size_t len = 1 + roll (32);
            char part[32];
            len = len > b->len - at ? b->len - at : len;
            memcpy (part, b->s + at, len);
            if (b->len + len < MOST)
                sb_buf_add (b, part, len);
            break;
        }
        default: { /* leave a part of it out */
            size_t len = 1 + roll (16);
            len = len > b->len - at ? b->len - at : len;
            memmove (b->s + at, b->s + at + len, b->len - at - len);
            b->len -= len;
        }
        }
    }
}

static void
play_file (const char *path, unsigned rounds)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf whole = { 0 };
    FILE *f = fopen (path, "rb");
    char chunk[4096];
    size_t n;

    if (f == NULL) {
        fprintf (stderr, "%s cannot be read\n", path);
        exit (2);
    }
    while (whole.len < MOST && (n = fread (chunk, 1, sizeof chunk, f)) > 0)
        sb_buf_add (&whole, chunk, n);
    fclose (f);
    play (whole.s, whole.len);
    while (rounds-- > 0) {
        SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
        if (whole.len > 0)
            sb_buf_add (&b, whole.s, whole.len);
        damage (&b);
        play (b.s, b.len);
    }
}

static void
play_path (const char *path, unsigned rounds)
{
    struct stat st;
    struct dirent **list = NULL;
    int n;

    if (stat (path, &st) != 0 || !S_ISDIR (st.st_mode)) {
        play_file (path, rounds);
        return;
    }
    n = scandir (path, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (list[i]->d_name[0] != '.') {
            SB_AUTOFREE char *file = sb_xprintf ("%s/%s", path, list[i]->d_name);
            play_file (file, rounds);
        }
        free (list[i]);
    }
    free (list);
}

int
main (int argc, char **argv)
{
    const char *rounds = getenv ("SB_FUZZ_ROUNDS"), *seed = getenv ("SB_FUZZ_SEED");

    state = (seed != NULL ? strtoull (seed, NULL, 10) : 88172645463325252u) | 1;
    for (int i = 1; i < argc; i++)
        play_path (argv[i], rounds != NULL ? (unsigned) atoi (rounds) : 100);
    printf ("%lu inputs\n", played);
    return played == 0;
}
