/* PRELOGIN and LOGIN7; see login.h.  All numbers of LOGIN7 are little endian,
 * those of PRELOGIN big endian. */
#include "lab/tds/login.h"

#include "core/base/mem.h"
#include "core/base/text.h"
#include "lab/tds/release.h"

#include <stdlib.h>
#include <string.h>

#define LOGIN_FIXED    36
#define LOGIN_HEAD_71  86 /* up to the attach file's pair */
#define LOGIN_TEXT_MAX 128

bool
sb_tds_prelogin_parse (const uint8_t *p, size_t n, struct sb_tds_prelogin *ret)
{
    size_t at = 0;

    memset (ret, 0, sizeof *ret);
    ret->encrypt = SB_TDS_ENC_NONE;
    while (at < n && p[at] != 0xff) {
        size_t offset, length;
        if (n - at < 5)
            return false;
        offset = (size_t) (p[at + 1] << 8 | p[at + 2]);
        length = (size_t) (p[at + 3] << 8 | p[at + 4]);
        if (offset > n || length > n - offset)
            return false;
        if (p[at] == 1 && length >= 1)
            ret->encrypt = p[offset];
        ret->asks_thread |= p[at] == 3;
        ret->asks_mars |= p[at] == 4;
        at += 5;
    }
    return at < n && ret->encrypt <= SB_TDS_ENC_REQUIRED;
}

struct sb_tds_agreement
sb_tds_agree (uint8_t client, enum sb_tds_policy policy)
{
    bool on = client == SB_TDS_ENC_ON || client == SB_TDS_ENC_REQUIRED;

    if (policy == SB_TDS_TLS_NONE)
        return (struct sb_tds_agreement){ .answer = SB_TDS_ENC_NONE };
    if (client == SB_TDS_ENC_NONE) {
        if (policy == SB_TDS_TLS_FORCED)
            return (struct sb_tds_agreement){ .answer = SB_TDS_ENC_REQUIRED, .refuse = true };
        return (struct sb_tds_agreement){ .answer = SB_TDS_ENC_NONE };
    }
    if (on)
        return (struct sb_tds_agreement){ .answer = SB_TDS_ENC_ON, .tls = true };
    if (policy == SB_TDS_TLS_FORCED)
        return (struct sb_tds_agreement){ .answer = SB_TDS_ENC_REQUIRED, .tls = true };
    return (struct sb_tds_agreement){ .answer = SB_TDS_ENC_OFF, .tls = true, .login_only = true };
}

void
sb_tds_prelogin_answer (const struct sb_tds_prelogin *client, uint8_t encrypt, unsigned major, struct sb_buf *out)
{
    const struct tds_release *is = tds_release (major);
    const uint8_t version[6] = { (uint8_t) is->major, (uint8_t) is->minor, (uint8_t) (is->build >> 8),
                                 (uint8_t) is->build };
    struct {
        uint8_t id, length;
        const void *data;
    } option[5] = { { 0, 6, version }, { 1, 1, &encrypt }, { 2, 1, "" } };
    size_t count = 3, offset;

    if (client->asks_thread)
        option[count++].id = 3;
    if (client->asks_mars) {
        option[count].id = 4;
        option[count].length = 1;
        option[count++].data = "";
    }
    offset = count * 5 + 1;
    for (size_t i = 0; i < count; i++) {
        const uint8_t row[5] = { option[i].id, (uint8_t) (offset >> 8), (uint8_t) offset, 0, option[i].length };
        sb_buf_add (out, row, 5);
        offset += option[i].length;
    }
    sb_buf_char (out, (char) 0xff);
    for (size_t i = 0; i < count; i++)
        if (option[i].length > 0)
            sb_buf_add (out, option[i].data, option[i].length);
}

static uint32_t
le32 (const uint8_t *p)
{
    return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static size_t
le16 (const uint8_t *p)
{
    return (size_t) (p[0] | p[1] << 8);
}

/* The text of the index-th offset/count pair; NULL: it leaves the message or is not text. */
static char *
text_at (const uint8_t *p, size_t n, size_t index, bool scrambled)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    uint8_t clear[LOGIN_TEXT_MAX * 2];
    size_t offset = le16 (p + LOGIN_FIXED + index * 4);
    size_t bytes = le16 (p + LOGIN_FIXED + index * 4 + 2) * 2;
    bool good;

    if (bytes == 0)
        return sb_xstrdup ("");
    if (bytes > sizeof clear || offset > n || bytes > n - offset)
        return NULL;
    for (size_t i = 0; i < bytes; i++) {
        uint8_t b = p[offset + i];
        if (scrambled) {
            b ^= 0xa5;
            b = (uint8_t) (b << 4 | b >> 4);
        }
        clear[i] = b;
    }
    good = sb_utf16le_to_utf8 (clear, bytes, &text);
    sb_wipe (clear, sizeof clear);
    return good && strlen (sb_buf_cstr (&text)) == text.len ? sb_buf_take (&text) : NULL;
}

/* The feature list: id, length(4), data, ..., FF.  The announcing bit alone proves nothing. */
static bool
wants_feature (const uint8_t *p, size_t n, uint8_t feature)
{
    size_t offset = le16 (p + LOGIN_FIXED + 5 * 4);
    size_t length = le16 (p + LOGIN_FIXED + 5 * 4 + 2);
    size_t at;

    if ((p[27] & 0x10) == 0 || length < 4 || offset > n || n - offset < 4)
        return false;
    at = le32 (p + offset);
    while (at < n && p[at] != 0xff) {
        size_t size;
        if (p[at] == feature)
            return true;
        if (n - at < 5)
            return false;
        size = le32 (p + at + 1);
        if (size > n - at - 5)
            return false;
        at += 5 + size;
    }
    return false;
}

static uint8_t
version_of (uint32_t word)
{
    uint8_t v = (uint8_t) (word >> 24);

    return v >= 0x71 && v <= 0x74 ? v : v > 0x74 && v < 0x80 ? 0x74 : 0;
}

/* Its length has sixteen bits, or, when those are all ones, 32 further on (7.2 and later). */
static bool
take_sspi (const uint8_t *p, size_t n, struct sb_tds_login *l)
{
    size_t offset = le16 (p + 78), size = le16 (p + 80);

    if (size == 0xffff && n >= 94 && le32 (p + 90) != 0)
        size = le32 (p + 90);
    if (offset > n || size > n - offset)
        return false;
    l->sspi = sb_xcalloc (size + 1, 1);
    memcpy (l->sspi, p + offset, size);
    l->nsspi = size;
    return true;
}

bool
sb_tds_login_parse (const uint8_t *p, size_t n, struct sb_tds_login *l)
{
    struct {
        size_t index;
        char **place;
    } texts[] = { { 0, &l->host },   { 1, &l->user },    { 2, &l->password }, { 3, &l->app },
                  { 4, &l->server }, { 6, &l->library }, { 7, &l->language }, { 8, &l->database } };
    bool good = true;

    memset (l, 0, sizeof *l);
    if (n < LOGIN_HEAD_71 || le32 (p) > n)
        return false;
    n = le32 (p);
    if (n < LOGIN_HEAD_71)
        return false;
    l->tds_word = le32 (p + 4);
    l->tds = version_of (l->tds_word);
    l->packet_size = le32 (p + 8);
    l->client_version = le32 (p + 12);
    l->client_pid = le32 (p + 16);
    l->odbc = (p[25] & 0x02) != 0;
    l->integrated = (p[25] & 0x80) != 0;
    l->read_only = (p[26] & 0x20) != 0;
    l->wants_utf8 = wants_feature (p, n, 0x0a);
    good = !l->integrated || take_sspi (p, n, l);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i].place = text_at (p, n, texts[i].index, texts[i].index == 2);
        good &= *texts[i].place != NULL;
    }
    if (good && l->tds != 0)
        return true;
    sb_tds_login_release (l);
    return false;
}

void
sb_tds_login_release (struct sb_tds_login *l)
{
    if (l->password != NULL)
        sb_wipe (l->password, strlen (l->password));
    free (l->host);
    free (l->user);
    free (l->password);
    free (l->app);
    free (l->server);
    free (l->library);
    free (l->language);
    free (l->database);
    free (l->sspi);
    memset (l, 0, sizeof *l);
}
