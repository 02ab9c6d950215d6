/* Dates of the little PowerShell: .NET's formats, and the texts that are dates. */
#include "config.h"

#include "lab/winrm/ps_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* One run of a letter in a .NET date format. */
static void
date_part (struct sb_buf *b, char letter, size_t n, const struct tm *t, int ms, bool utc)
{
    static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December" };
    static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
    int hour12 = t->tm_hour % 12 ? t->tm_hour % 12 : 12;
    int width = n > 1 ? 2 : 1;
    char fraction[8];

    switch (letter) {
    case 'y':
        sb_buf_printf (b, "%0*d", n > 2 ? 4 : 2, n > 2 ? t->tm_year + 1900 : t->tm_year % 100);
        break;
    case 'M':
        if (n > 2)
            sb_buf_printf (b, "%.*s", n > 3 ? 20 : 3, months[t->tm_mon]);
        else
            sb_buf_printf (b, "%0*d", width, t->tm_mon + 1);
        break;
    case 'd':
        if (n > 2)
            sb_buf_printf (b, "%.*s", n > 3 ? 20 : 3, days[t->tm_wday]);
        else
            sb_buf_printf (b, "%0*d", width, t->tm_mday);
        break;
    case 'H':
        sb_buf_printf (b, "%0*d", width, t->tm_hour);
        break;
    case 'h':
        sb_buf_printf (b, "%0*d", width, hour12);
        break;
    case 'm':
        sb_buf_printf (b, "%0*d", width, t->tm_min);
        break;
    case 's':
        sb_buf_printf (b, "%0*d", width, t->tm_sec);
        break;
    case 'f':
        snprintf (fraction, sizeof fraction, "%03d0000", ms);
        sb_buf_add (b, fraction, n < 7 ? n : 7);
        break;
    case 't':
        sb_buf_str (b, t->tm_hour < 12 ? "AM" : "PM");
        break;
    case 'K':
        sb_buf_str (b, utc ? "Z" : "+00:00");
        break;
    case 'z':
        sb_buf_str (b, "+00:00");
        break;
    default:
        for (; n; n--)
            sb_buf_char (b, letter);
    }
}

const char *
ps_date_text (struct ps *ps, struct ps_value v, const char *format)
{
    static const struct {
        const char *letter, *format;
    } standard[] = {
        { "o", "yyyy-MM-ddTHH:mm:ss.fffffffK" },
        { "O", "yyyy-MM-ddTHH:mm:ss.fffffffK" },
        { "s", "yyyy-MM-ddTHH:mm:ss" },
        { "u", "yyyy-MM-dd HH:mm:ssZ" },
        { "G", "M/d/yyyy h:mm:ss tt" },
        { "g", "M/d/yyyy h:mm tt" },
        { "d", "M/d/yyyy" },
        { "D", "dddd, MMMM d, yyyy" },
        { "t", "h:mm tt" },
        { "T", "h:mm:ss tt" },
        { "F", "dddd, MMMM d, yyyy h:mm:ss tt" },
        { "", "M/d/yyyy h:mm:ss tt" },
    };
    struct sb_buf b = { 0 };
    struct tm t;
    int64_t ms = ((v.u.i % 1000) + 1000) % 1000;
    time_t seconds = (time_t) ((v.u.i - ms) / 1000);
    const char *ret;

    if (!gmtime_r (&seconds, &t) || t.tm_year < -1899 || t.tm_year > 8099)
        return "";
    for (size_t i = 0; i < sizeof standard / sizeof *standard; i++)
        if (!strcmp (standard[i].letter, format)) {
            format = standard[i].format;
            break;
        }
    while (*format && b.len < 4096) {
        size_t n = strspn (format, (char[]){ *format, '\0' });

        if (*format == '\'' && strchr (format + 1, '\'')) {
            n = (size_t) (strchr (format + 1, '\'') - format) + 1;
            sb_buf_add (&b, format + 1, n - 2);
        } else if (*format == '\\' && format[1]) {
            sb_buf_char (&b, format[1]);
            n = 2;
        } else
            date_part (&b, *format, n, &t, (int) ms, v.utc);
        format += n;
    }
    ret = ps_strdup (ps, sb_buf_cstr (&b));
    sb_buf_free (&b);
    return ret;
}

/* ISO 8601, or the American form that PowerShell prints. */
bool
ps_parse_date (const char *s, int64_t *ret_ms, bool *ret_utc)
{
    struct tm t = { 0 };
    double seconds = 0;
    char half[3] = "";
    int n = 0;

    if (sscanf (s, "%d-%d-%dT%d:%d:%lf%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &seconds, &n) == 6
        || sscanf (s, "%d-%d-%d %d:%d:%lf%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &seconds, &n)
                   == 6
        || (sscanf (s, "%d-%d-%d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &n) == 3 && !s[n]))
        ;
    else if (sscanf (s, "%d/%d/%d %d:%d:%lf%n %2[AaPpMm]%n", &t.tm_mon, &t.tm_mday, &t.tm_year, &t.tm_hour, &t.tm_min,
                     &seconds, &n, half, &n)
             >= 6) {
        if (half[0])
            t.tm_hour = t.tm_hour % 12 + ((half[0] | 32) == 'p' ? 12 : 0);
    } else if (sscanf (s, "%d/%d/%d%n", &t.tm_mon, &t.tm_mday, &t.tm_year, &n) != 3)
        return false;
    if (s[n] && strcmp (s + n, "Z") != 0 && strcmp (s + n, "+00:00") != 0)
        return false;
    if (t.tm_year < 1 || t.tm_year > 9999 || t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31
        || t.tm_hour < 0 || t.tm_hour > 23 || t.tm_min < 0 || t.tm_min > 59 || !(seconds >= 0 && seconds < 60))
        return false;
    t.tm_year -= 1900;
    t.tm_mon--;
    *ret_ms = (int64_t) timegm (&t) * 1000 + (int64_t) (seconds * 1000 + 0.5);
    *ret_utc = s[n] != '\0';
    return true;
}
