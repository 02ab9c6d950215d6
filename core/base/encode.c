/* Encodings: UTF-8, UTF-16LE, base64, hexadecimal.  What is refused is refused
 * before anything is written: a false leaves `out` as it was. */
#include "core/base/text.h"

#include <string.h>

/* Decodes the character at p (before end): its length in bytes, 0 if it is not one of Unicode in its shortest form. */
static size_t
decode_utf8 (const unsigned char *p, const unsigned char *end, uint32_t *ret)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
    uint32_t c;

    if (n == 0 || (size_t) (end - p) < n)
        return 0;
    c = n == 1 ? *p : *p & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret = c;
    return n;
}

bool
sb_is_utf8 (const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *) s, *end = p + n;
    uint32_t c;

    while (p < end) {
        size_t len = decode_utf8 (p, end, &c);

        if (len == 0)
            return false;
        p += len;
    }
    return true;
}

static void
put_unit (struct sb_buf *out, uint32_t unit)
{
    sb_buf_char (out, (char) (unit & 0xff));
    sb_buf_char (out, (char) (unit >> 8));
}

bool
sb_utf8_to_utf16le (const char *s, size_t n, struct sb_buf *out)
{
    const unsigned char *p = (const unsigned char *) s, *end = p + n;
    uint32_t c = 0;

    if (!sb_is_utf8 (s, n))
        return false;
    while (p < end) {
        p += decode_utf8 (p, end, &c);
        if (c < 0x10000) {
            put_unit (out, c);
        } else {
            put_unit (out, 0xd800 + ((c - 0x10000) >> 10));
            put_unit (out, 0xdc00 + ((c - 0x10000) & 0x3ff));
        }
    }
    return true;
}

static void
put_utf8 (struct sb_buf *out, uint32_t c)
{
    if (c < 0x80) {
        sb_buf_char (out, (char) c);
        return;
    }
    if (c < 0x800) {
        sb_buf_char (out, (char) (0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            sb_buf_char (out, (char) (0xe0 | c >> 12));
        } else {
            sb_buf_char (out, (char) (0xf0 | c >> 18));
            sb_buf_char (out, (char) (0x80 | (c >> 12 & 0x3f)));
        }
        sb_buf_char (out, (char) (0x80 | (c >> 6 & 0x3f)));
    }
    sb_buf_char (out, (char) (0x80 | (c & 0x3f)));
}

bool
sb_utf16le_to_utf8 (const void *data, size_t bytes, struct sb_buf *out)
{
    const uint8_t *p = data;
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };

    if (bytes % 2)
        return false;
    for (const uint8_t *end = p + bytes; p < end; p += 2) {
        uint32_t c = (uint32_t) p[0] | (uint32_t) p[1] << 8;

        if (c >= 0xd800 && c <= 0xdfff) {
            uint32_t low = end - p >= 4 ? (uint32_t) p[2] | (uint32_t) p[3] << 8 : 0;

            if (c >= 0xdc00 || low < 0xdc00 || low > 0xdfff)
                return false;
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            p += 2;
        }
        put_utf8 (&text, c);
    }
    sb_buf_add (out, sb_buf_cstr (&text), text.len);
    return true;
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
sb_base64_encode (const void *data, size_t n, struct sb_buf *out)
{
    const uint8_t *p = data;

    for (; n; p += 3) {
        size_t part = n < 3 ? n : 3;
        uint32_t v = (uint32_t) p[0] << 16 | (part > 1 ? (uint32_t) p[1] << 8 : 0) | (part > 2 ? p[2] : 0);
        char four[4] = { base64[v >> 18], base64[v >> 12 & 63], part > 1 ? base64[v >> 6 & 63] : '=',
                         part > 2 ? base64[v & 63] : '=' };

        sb_buf_add (out, four, 4);
        n -= part;
    }
}

/* Four characters, of which the last `pads` are '='. */
static void
decode_four (uint32_t v, size_t pads, struct sb_buf *out)
{
    char three[3] = { (char) (v >> 16), (char) (v >> 8), (char) v };

    sb_buf_add (out, three, 3 - pads);
}

bool
sb_base64_decode (const char *s, size_t n, struct sb_buf *out)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf bytes = { 0 };
    size_t have = 0, pads = 0;
    uint32_t v = 0;

    for (const char *end = s + n; s < end; s++) {
        const char *digit = *s ? strchr (base64, *s) : NULL;

        if (*s == ' ' || *s == '\t' || *s == '\r' || *s == '\n')
            continue;
        if (*s == '=' ? have < 2 || ++pads > 2 : !digit || pads)
            return false;
        v = v << 6 | (digit ? (uint32_t) (digit - base64) : 0);
        if (++have < 4)
            continue;
        decode_four (v, pads, &bytes);
        v = 0;
        have = pads ? 4 : 0; /* after padding nothing may follow */
        if (pads)
            pads = 2;
    }
    if (have % 4)
        return false;
    sb_buf_add (out, sb_buf_cstr (&bytes), bytes.len);
    return true;
}

void
sb_hex (const void *data, size_t n, struct sb_buf *out)
{
    static const char digit[] = "0123456789abcdef";

    for (const uint8_t *p = data; n; n--, p++) {
        sb_buf_char (out, digit[*p >> 4]);
        sb_buf_char (out, digit[*p & 15]);
    }
}
