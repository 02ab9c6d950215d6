/* Mailboxes, paths and parameters; see envelope.h. */
#include "config.h"

#include "lab/sinks/envelope.h"

#include "core/base/text.h"

#include <ctype.h>
#include <string.h>

/* RFC 5321 4.5.3.1 */
#define MAX_LOCAL  64
#define MAX_DOMAIN 255
#define MAX_PATH   256

static bool
is_atext (char c)
{
    return isalnum ((unsigned char) c) || (c != 0 && strchr ("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static const char *
dot_string (const char *s)
{
    for (;;) {
        if (!is_atext (*s))
            return NULL;
        while (is_atext (*s))
            s++;
        if (*s != '.')
            return s;
        s++;
    }
}

static const char *
quoted_string (const char *s)
{
    for (s++; *s != '"'; s++) {
        if (*s == '\\')
            s++;
        if (*s < 32 || *s > 126) /* also the end, and what is not ASCII */
            return NULL;
    }
    return s + 1;
}

static const char *
literal (const char *s)
{
    const char *start = ++s;

    while (isalnum ((unsigned char) *s) || (*s != 0 && strchr (":.-", *s) != NULL))
        s++;
    return *s == ']' && s > start ? s + 1 : NULL;
}

static const char *
domain (const char *s)
{
    const char *start = s, *label;

    if (*s == '[')
        return literal (s);
    for (;;) {
        label = s;
        while (isalnum ((unsigned char) *s) || *s == '-')
            s++;
        if (s == label || *label == '-' || s[-1] == '-' || s - label > 63)
            return NULL;
        if (*s != '.')
            return s - start <= MAX_DOMAIN ? s : NULL;
        s++;
    }
}

bool
envelope_host (const char *s)
{
    const char *end = domain (s);

    return end != NULL && *end == 0;
}

/* "@a,@b:" before the mailbox; accepted and left out (RFC 5321 appendix C). */
static const char *
source_route (const char *s)
{
    for (;;) {
        if (*s != '@' || (s = domain (s + 1)) == NULL)
            return NULL;
        if (*s == ':')
            return s + 1;
        if (*s++ != ',')
            return NULL;
    }
}

static const char *
mailbox (const char *s)
{
    const char *local = s;

    s = *s == '"' ? quoted_string (s) : dot_string (s);
    return s != NULL && s - local <= MAX_LOCAL && *s == '@' ? domain (s + 1) : NULL;
}

const char *
envelope_path (const char *s, enum envelope_path kind, struct sb_buf *ret)
{
    const char *start = s, *box, *end;

    if (kind == ENVELOPE_FROM && strncmp (s, "<>", 2) == 0)
        return s + 2;
    if (*s++ != '<')
        return NULL;
    if (*s == '@' && (s = source_route (s)) == NULL)
        return NULL;
    box = s;
    end = kind == ENVELOPE_TO && strncasecmp (s, "Postmaster>", 11) == 0 ? s + 10 : mailbox (s);
    if (end == NULL || *end != '>' || end + 1 - start > MAX_PATH)
        return NULL;
    sb_buf_add (ret, box, (size_t) (end - box));
    return end + 1;
}

static enum envelope_fault
parameter (const char *key, const char *value, struct envelope_mail *ret)
{
    size_t digits = value != NULL ? strspn (value, "0123456789") : 0;

    if (sb_casecmp (key, "SIZE") == 0) {
        if (ret->size >= 0 || digits == 0 || value[digits] != 0 || digits > 20)
            return ENVELOPE_SYNTAX;
        if (!sb_parse_int (value, &ret->size))
            ret->size = INT64_MAX; /* twenty digits are allowed */
        return ENVELOPE_GOOD;
    }
    if (sb_casecmp (key, "BODY") == 0) {
        ret->eight = value != NULL && sb_casecmp (value, "8BITMIME") == 0;
        return ret->eight || (value != NULL && sb_casecmp (value, "7BIT") == 0) ? ENVELOPE_GOOD : ENVELOPE_SYNTAX;
    }
    if (sb_casecmp (key, "AUTH") == 0) /* RFC 4954 5: who wrote it; believed of nobody */
        return value != NULL && *value != 0 ? ENVELOPE_GOOD : ENVELOPE_SYNTAX;
    return ENVELOPE_UNKNOWN;
}

enum envelope_fault
envelope_parameters (const char *s, struct envelope_mail *ret)
{
    enum envelope_fault fault = ENVELOPE_GOOD;
    char word[512], *value;
    size_t n;

    *ret = (struct envelope_mail){ .size = -1 };
    while (*s != 0 && fault == ENVELOPE_GOOD) {
        if (*s++ != ' ')
            return ENVELOPE_SYNTAX;
        n = strcspn (s, " ");
        if (n == 0 || n >= sizeof word)
            return ENVELOPE_SYNTAX;
        memcpy (word, s, n);
        word[n] = 0;
        s += n;
        value = strchr (word, '=');
        if (value != NULL)
            *value++ = 0;
        fault = parameter (word, value, ret);
    }
    return fault;
}
