/* The engine of copies (plugins/lib/copy.h) over a store that breaks where it is told
 * to: what broke off is taken up, what is damaged is found, what is full is told, and
 * nothing half-written ever bears a good name. */
#include "plugins/lib/copy.h"
#include "tests/lib/tap.h"

#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1 << 20)

/* A store that passes everything on and breaks as `trouble` says; lanes share it. */
struct trouble {
    int64_t fail_write_at, fail_read_at; /* offset from which it fails, reads for 4 MiB; 0: never */
    int error;
    int64_t flip_at; /* read there for the second time, a byte comes back damaged, once; 0: never */
    int reads_there;
    int64_t grow_at; /* reading here makes the source grow; 0: never */
    char grows[128];
};

static struct trouble *trouble;
static struct sb_store_ops broken;
static const struct sb_store_ops *real;

static ssize_t
broken_read (struct sb_handle *h, void *data, size_t n, int64_t at)
{
    ssize_t k;

    if (trouble->grow_at > 0 && at >= trouble->grow_at) {
        int fd = open (trouble->grows, O_WRONLY | O_APPEND);

        CU_ASSERT_EQUAL (write (fd, "more", 4), 4);
        close (fd);
        trouble->grow_at = 0;
    }
    if (trouble->fail_read_at > 0 && at >= trouble->fail_read_at && at < trouble->fail_read_at + 4 * MIB) {
        errno = trouble->error;
        return -1;
    }
    k = real->read (h, data, n, at);
    if (k > 0 && trouble->flip_at > 0 && at == trouble->flip_at && ++trouble->reads_there == 2)
        *(char *) data ^= 1;
    return k;
}

static ssize_t
broken_write (struct sb_handle *h, const void *data, size_t n, int64_t at)
{
    if (trouble->fail_write_at > 0 && at >= trouble->fail_write_at) {
        errno = trouble->error;
        return -1;
    }
    return real->write (h, data, n, at);
}

static struct sb_store *
break_it (struct sb_store *s)
{
    if (real == NULL) {
        real = s->ops;
        broken = *real;
        broken.read = broken_read;
        broken.write = broken_write;
        broken.share = NULL;
    }
    return s;
}

/* Two folders and what is asked for. */
struct scene {
    char dir[32], from[48], to[48];
    struct sb_store *source, *target;
    struct sb_entries want;
    struct sb_copy c;
};

static struct sb_store *
again_broken (struct sb_store *s)
{
    struct sb_store *n = real->again (s);

    n->ops = s->ops;
    return n;
}

static void
begin (struct scene *s)
{
    memset (s, 0, sizeof *s);
    memset (trouble, 0, sizeof *trouble);
    trouble->error = EIO;
    strcpy (s->dir, "/tmp/sb-copy-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL (mkdtemp (s->dir));
    snprintf (s->from, sizeof s->from, "%s/from", s->dir);
    snprintf (s->to, sizeof s->to, "%s/to", s->dir);
    mkdir (s->from, 0700);
    mkdir (s->to, 0700);
}

static void
put (struct scene *s, const char *name, size_t size)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/%s", s->from, name);
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    CU_ASSERT_FATAL (fd >= 0);
    for (size_t at = 0; at < size; at += 4096) {
        SB_AUTOFREE char *text = sb_xprintf ("%s %zu", name, at);

        CU_ASSERT (pwrite (fd, text, strlen (text), (off_t) at) > 0);
    }
    CU_ASSERT_EQUAL (ftruncate (fd, (off_t) size), 0);
    close (fd);
}

/* One copy of all there is; true: it ended well. */
static bool
copy (struct scene *s, int lanes)
{
    const struct sb_filter all = { NULL, NULL };
    bool good;

    sb_entries_free (&s->want);
    free (s->c.ret);
    sb_store_free (s->source);
    sb_store_free (s->target);
    s->source = break_it (sb_store_local (s->from));
    s->target = break_it (sb_store_local (s->to));
    broken.again = again_broken;
    s->source->ops = s->target->ops = &broken;
    CU_ASSERT_TRUE (s->source->ops->list (s->source, &all, &s->want));
    s->c = (struct sb_copy){ .from = s->source, .to = s->target, .want = &s->want, .lanes = lanes, .stop_fd = -1 };
    s->c.ret = sb_xcalloc (s->want.count, sizeof *s->c.ret);
    good = sb_copy_run (&s->c);
    return good;
}

static bool
same (struct scene *s, const char *name)
{
    SB_AUTOFREE char *cmd = sb_xprintf ("cmp -s '%s/%s' '%s/%s'", s->from, name, s->to, name);

    return system (cmd) == 0;
}

static bool
stands (struct scene *s, const char *name)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/%s", s->to, name);

    return access (path, F_OK) == 0;
}

static size_t
entries (struct scene *s)
{
    SB_AUTOFREE char *cmd = sb_xprintf ("ls -A '%s' | wc -l", s->to);
    FILE *p = popen (cmd, "r");
    size_t n = 0;

    CU_ASSERT_EQUAL (fscanf (p, "%zu", &n), 1);
    pclose (p);
    return n;
}

static void
end (struct scene *s)
{
    SB_AUTOFREE char *cmd = sb_xprintf ("rm -rf '%s'", s->dir);

    sb_entries_free (&s->want);
    free (s->c.ret);
    sb_store_free (s->source);
    sb_store_free (s->target);
    CU_ASSERT_EQUAL (system (cmd), 0);
}

static void
several (void)
{
    struct scene s;

    begin (&s);
    for (int i = 0; i < 300; i++) {
        SB_AUTOFREE char *name = sb_xprintf ("%d.trn", i);

        put (&s, name, (size_t) i * 97);
    }
    put (&s, "large.trn", 45 * MIB + 7);
    put (&s, "even.trn", 8 * MIB);
    CU_ASSERT_TRUE (copy (&s, 4));
    CU_ASSERT_EQUAL (s.c.state.files_done, 302);
    CU_ASSERT_EQUAL (entries (&s), 302);
    CU_ASSERT_TRUE (same (&s, "large.trn"));
    CU_ASSERT_TRUE (same (&s, "even.trn"));
    CU_ASSERT_TRUE (same (&s, "0.trn"));
    CU_ASSERT_TRUE (same (&s, "299.trn"));
    end (&s);
}

static void
broken_off (void)
{
    struct scene s;

    for (int lanes = 1; lanes <= 3; lanes += 2) {
        begin (&s);
        put (&s, "mgc.trn", 37 * MIB + 11);
        trouble->fail_read_at = 20 * MIB;
        CU_ASSERT_FALSE (copy (&s, lanes));
        CU_ASSERT_EQUAL (s.c.ret[0].how, SB_COPY_NO_SOURCE);
        CU_ASSERT_EQUAL (s.c.ret[0].error, EIO);
        CU_ASSERT_FALSE (stands (&s, "mgc.trn"));
        trouble->fail_read_at = 0;
        CU_ASSERT_TRUE (copy (&s, lanes));
        CU_ASSERT (s.c.state.bytes_resumed >= 4 * MIB);
        CU_ASSERT (s.c.state.bytes_copied <= 33 * MIB + 11);
        CU_ASSERT_TRUE (same (&s, "mgc.trn"));
        CU_ASSERT_EQUAL (entries (&s), 1);
        end (&s);
    }
}

/* Somebody wrote into the part meanwhile, or the disk lost what it had. */
static void
spoiled (void)
{
    struct scene s;
    SB_AUTOFREE char *part = sb_copy_hidden ("mgc.trn", ".part"), *path = NULL;
    int fd;

    begin (&s);
    put (&s, "mgc.trn", 30 * MIB);
    trouble->fail_write_at = 21 * MIB;
    CU_ASSERT_FALSE (copy (&s, 1));
    CU_ASSERT_EQUAL (s.c.ret[0].how, SB_COPY_NO_TARGET);
    trouble->fail_write_at = 0;
    path = sb_xprintf ("%s/%s", s.to, part);
    fd = open (path, O_WRONLY);
    CU_ASSERT_EQUAL (pwrite (fd, "x", 1, 5 * MIB), 1);
    CU_ASSERT_EQUAL (ftruncate (fd, 15 * MIB), 0);
    close (fd);
    CU_ASSERT_TRUE (copy (&s, 1));
    CU_ASSERT_EQUAL (s.c.state.bytes_resumed, 8 * MIB);
    CU_ASSERT_TRUE (same (&s, "mgc.trn"));
    end (&s);
}

/* The source is another file of that name by now: nothing of the old one is taken. */
static void
replaced (void)
{
    struct scene s;

    begin (&s);
    put (&s, "mgc.trn", 20 * MIB);
    trouble->fail_read_at = 12 * MIB;
    CU_ASSERT_FALSE (copy (&s, 1));
    trouble->fail_read_at = 0;
    put (&s, "mgc.trn", 19 * MIB);
    CU_ASSERT_TRUE (copy (&s, 1));
    CU_ASSERT_EQUAL (s.c.state.bytes_resumed, 0);
    CU_ASSERT_TRUE (same (&s, "mgc.trn"));
    end (&s);
}

static void
damaged (void)
{
    struct scene s;

    begin (&s);
    put (&s, "mgc.trn", 10 * MIB);
    trouble->flip_at = 8 * MIB;
    CU_ASSERT_FALSE (copy (&s, 1));
    CU_ASSERT_EQUAL (s.c.ret[0].how, SB_COPY_DAMAGED);
    CU_ASSERT_EQUAL (entries (&s), 0);
    CU_ASSERT_TRUE (copy (&s, 1));
    CU_ASSERT_TRUE (same (&s, "mgc.trn"));
    end (&s);
}

static void
grows (void)
{
    struct scene s;

    begin (&s);
    put (&s, "a.trn", 9 * MIB);
    put (&s, "b.trn", 100);
    snprintf (trouble->grows, sizeof trouble->grows, "%s/a.trn", s.from);
    trouble->grow_at = 5 * MIB;
    CU_ASSERT_TRUE (copy (&s, 1));
    CU_ASSERT_EQUAL (s.c.ret[0].how, SB_COPY_GREW);
    CU_ASSERT_EQUAL (s.c.ret[1].how, SB_COPY_DONE);
    CU_ASSERT_EQUAL (entries (&s), 1);
    end (&s);
}

static void
full (void)
{
    struct scene s;

    begin (&s);
    put (&s, "a.trn", 3 * MIB);
    put (&s, "b.trn", 30 * MIB);
    trouble->fail_write_at = 6 * MIB;
    trouble->error = ENOSPC;
    CU_ASSERT_FALSE (copy (&s, 2));
    CU_ASSERT_EQUAL (s.c.ret[1].how, SB_COPY_NO_TARGET);
    CU_ASSERT_EQUAL (s.c.ret[1].error, ENOSPC);
    CU_ASSERT_FALSE (stands (&s, "b.trn"));
    end (&s);
}

static void
stopped (void)
{
    struct scene s;
    SB_AUTOFREE char *name = NULL;
    int p[2];

    begin (&s);
    put (&s, "b.trn", 30 * MIB);
    CU_ASSERT_TRUE (copy (&s, 1)); /* readies the scene */
    name = sb_xprintf ("%s/b.trn", s.to);
    unlink (name);
    CU_ASSERT_EQUAL (pipe (p), 0);
    CU_ASSERT_EQUAL (write (p[1], "x", 1), 1);
    s.c.stop_fd = p[0];
    CU_ASSERT_FALSE (sb_copy_run (&s.c));
    CU_ASSERT_TRUE (s.c.stopped);
    CU_ASSERT_EQUAL (s.c.ret[0].how, SB_COPY_NOT_YET);
    CU_ASSERT_FALSE (stands (&s, "b.trn"));
    close (p[0]);
    close (p[1]);
    end (&s);
}

static void
names (void)
{
    static const char *const bad[] = { "", ".", "..", "a/b", "a\\b", "a\nb", "\x7f", "\xff\xfe", "\xed\xa0\x80" };
    const struct sb_filter all = { NULL, NULL }, trn = { "MGC_", ".trn" };
    SB_AUTOFREE char *longest = sb_xprintf ("%0255d", 1), *longer = sb_xprintf ("%0256d", 1);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_FALSE (sb_name_is_sound (bad[i]));
    CU_ASSERT_TRUE (sb_name_is_sound (longest));
    CU_ASSERT_FALSE (sb_name_is_sound (longer));
    CU_ASSERT_TRUE (sb_name_fits ("mgc_Übung.TRN", &trn));
    CU_ASSERT_FALSE (sb_name_fits ("mgc.trn", &trn));
    CU_ASSERT_FALSE (sb_name_fits (".hidden", &all));
    CU_ASSERT_FALSE (sb_name_fits ("copy.WRK", &all));
    CU_ASSERT_TRUE (sb_folder_is_sound ("before r1/logs"));
    CU_ASSERT_FALSE (sb_folder_is_sound ("a//b"));
    CU_ASSERT_FALSE (sb_folder_is_sound ("a/../b"));
    CU_ASSERT_FALSE (sb_folder_is_sound ("/a"));
    CU_ASSERT_FALSE (sb_folder_is_sound ("a/"));
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "several processes copy many files and the blocks of a large one", several },
        { "a copy that broke off is taken up, whoever copied it", broken_off },
        { "what was spoiled in an unfinished copy is copied again", spoiled },
        { "an unfinished copy of a file that was replaced is forgotten", replaced },
        { "what the target gives back is compared with what was read", damaged },
        { "a source that grows meanwhile is left out, and nothing stays of it", grows },
        { "a full target is told, and the file has no name", full },
        { "a copy stops when it is asked to", stopped },
        { "names that no folder can hold are refused", names },
        { NULL, NULL }
    };

    trouble = mmap (NULL, sizeof *trouble, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return sb_tap_run ("copy", tests);
}
