/* The services: what each of them takes, and how characters that mean something
 * to it are written so that they mean nothing.
 *
 * Limits are those of the services' own documentation, or less where a form is
 * not shown whole:
 *   teams       Workflows "When a Teams webhook request is received": Adaptive Card 1.4 in a message of at most 28 KB
 *   slack       Block Kit: header 150, section 3000, 10 fields of 2000, context 3000
 *   mattermost  a post of 16383 characters; attachments count beside it
 *   rocketchat  Message_MaxAllowedSize, 5000 unless the site says otherwise
 *   googlechat  32000 bytes a message; cards v2
 *   discord     content 2000; embed: description 4096, 25 fields of 1024, footer 2048, 6000 in all
 *   matrix      an event of 65536 bytes, of which signatures and keys of the server take their part */
#include "plugins/notify/notify.h"

#include <string.h>

static const struct escape entities = { .how = ESCAPE_ENTITY, .chars = "&<>" };
static const struct escape html = { .how = ESCAPE_ENTITY, .chars = "&<>\"", .breaks = 1 };
static const struct escape markdown = { .how = ESCAPE_BACKSLASH, .chars = "\\`*_[]()#>~|", .parted = "@" };
static const struct escape few = { .how = ESCAPE_BACKSLASH, .chars = "\\`*_~[]#>", .parted = "@" };
static const struct escape discord = { .how = ESCAPE_BACKSLASH, .chars = "\\`*_~[]()#>|<", .parted = "@" };

/* clang-format off */
const struct service services[] = {
    /*  name          method  escape      subject  text  fact facts  hint payload  takes              build */
    { "json",        "POST", NULL,             0,     0,    0,    0,    0,      0, NULL,              build_json },
    { "teams",       "POST", NULL,           500,  8000, 1000,   20, 1000,  28000, NULL,              build_teams },
    { "slack",       "POST", &entities,      150,  3000, 2000,   10, 2000,  40000, "ok",              build_slack },
    { "mattermost",  "POST", &markdown,      500,  7000, 1000,   20, 1000,  60000, "ok",              build_attachment },
    { "rocketchat",  "POST", &few,           500,  4000,  500,   20,  500,  30000, "\"success\":true", build_attachment },
    { "googlechat",  "POST", &html,          200,  8000, 1000,   20, 1000,  32000, "\"name\"",        build_googlechat },
    { "discord",     "POST", &discord,      1000,  2500,  200,   10,  300,  12000, NULL,              build_discord },
    { "matrix",      "PUT",  &html,          500, 12000, 1000,   20, 1000,  60000, "\"event_id\"",    build_matrix },
    { "mail",        NULL,   &html,            0,     0,    0,    0,    0,      0, NULL,              NULL },
    { "syslog",      NULL,   NULL,             0,     0,    0,    0,    0,      0, NULL,              NULL },
    { .name = NULL }
};
/* clang-format on */

const struct service *
service_find (const char *name)
{
    const struct service *s;

    for (s = services; s->name != NULL; s++)
        if (strcmp (s->name, name) == 0)
            return s;
    return NULL;
}

static const char *
entity (char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    default:
        return "&quot;";
    }
}

/* How one character is written, in `to` (room for 16 bytes). */
static void
write_one (const struct escape *how, const char *s, size_t n, char *to)
{
    int special = how != NULL && how->chars != NULL && strchr (how->chars, *s) != NULL;

    to[0] = '\0';
    if (*s == '\n' && how != NULL && how->breaks) {
        strcpy (to, "<br>");
    } else if (special && how->how == ESCAPE_ENTITY) {
        strcpy (to, entity (*s));
    } else {
        if (special && how->how == ESCAPE_BACKSLASH)
            strcpy (to, "\\");
        strncat (to, s, n);
        if ((special && how->how == ESCAPE_PART)
            || (how != NULL && how->parted != NULL && strchr (how->parted, *s) != NULL))
            strcat (to, "\xe2\x80\x8b"); /* U+200B, zero width space */
    }
}

static size_t
units (const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += ((unsigned char) *s & 0xc0) == 0x80 ? 0 : (unsigned char) *s >= 0xf0 ? 2 : 1;
    return n;
}

const char *
escaped (struct sb_call *call, const struct escape *how, const char *s, size_t limit, int *ret_cut)
{
    static const char mark[] = "\xe2\x80\xa6"; /* U+2026 */
    struct text t = { .call = call };
    size_t used = 0, n, before_last = 0;
    char one[16];

    text_add (&t, "", 0);
    for (; *s != '\0'; s += n) {
        n = utf8_length (s);
        if (n == 0) {
            n = 1;
            strcpy (one, "\xef\xbf\xbd");
        } else if ((unsigned char) *s < 0x20 && *s != '\n' && *s != '\t') {
            strcpy (one, " ");
        } else {
            write_one (how, s, n, one);
        }
        if (limit > 0 && used + units (one) > limit) {
            t.len = before_last; /* there is room for the mark */
            t.s[t.len] = '\0';
            text_str (&t, mark);
            *ret_cut = 1;
            break;
        }
        if (limit == 0 || used + units (one) + 1 <= limit)
            before_last = t.len + strlen (one);
        used += units (one);
        text_str (&t, one);
    }
    return t.s;
}
