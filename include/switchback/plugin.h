/* What a plugin sees of Switchback, and all it may rely on.
 *
 * A plugin is a constant with tables (settings, actions, parameters, results).
 * The program reads the tables without running any code of the plugin, calls
 * one action at a time in a worker process, and asks every changing action the
 * same question before and after: is it so already?  The manual is
 * switchback-plugin(3); the verbs each role offers are in switchback-roles(7).
 *
 * History (append; never renumber):
 *   1  first public ABI
 */
#ifndef SWITCHBACK_PLUGIN_H
#define SWITCHBACK_PLUGIN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SB_ABI 1u /* raised only when old plugins can no longer be loaded */

#if defined(__GNUC__)
#define SB_PRINTF(fmt, args) __attribute__ ((__format__ (__printf__, fmt, args)))
#define SB_EXPORT            __attribute__ ((__visibility__ ("default")))
#else
#define SB_PRINTF(fmt, args)
#define SB_EXPORT
#endif

/* What the engine shall do next.  Why it happened is the sentence given to
 * sb_fail(); the class is all the engine looks at. */
enum sb_rc {
    SB_OK = 0,     /* believed done; the engine still asks verify() */
    SB_RETRY = 1,  /* nothing was changed; the same call may work later */
    SB_FAIL = 2,   /* nothing was changed; the same call will not work */
    SB_UNSURE = 3, /* something may have been changed: verify before all else */
    SB_STOPPED = 4 /* asked to stop, and left nothing half done */
};

/* What verify() found in the world. */
enum sb_seen { SB_SEEN_NO = 0, SB_SEEN_YES = 1, SB_SEEN_PARTLY = 2, SB_SEEN_UNKNOWN = 3 };

/* How dangerous it is to call an action twice. */
enum sb_effect {
    SB_READS = 0,   /* changes nothing; also called by check, plan and status */
    SB_SETTLES = 1, /* ends in the same state however often it is called */
    SB_CHANGES = 2  /* called again only after verify() said SB_SEEN_NO */
};

enum sb_lanes {
    SB_SERIAL = 0,  /* one lane per target: right for nearly every plugin */
    SB_PARALLEL = 1 /* several lanes (processes); never two calls in one process at a time */
};

/* One setting of a plugin, one parameter or one result of an action.  The core
 * checks the value before the plugin sees it; help and manual come from here. */
enum sb_type {
    SB_STRING = 0,
    SB_INT,
    SB_BOOL,     /* yes or no; number() gives 1 or 0 */
    SB_DURATION, /* "90s", "5m"; number() gives milliseconds */
    SB_CHOICE,
    SB_LIST,   /* commas in the file only; an array at run time, item() walks it */
    SB_SECRET, /* a reference in the file, the secret itself at run time; never logged */
    SB_TARGET  /* the name of an object of the topology; attr() reads its attributes */
};

#define SB_REQUIRED 0x1u

struct sb_option {
    const char *name;
    enum sb_type type;
    uint32_t flags;
    const char *fallback;       /* as it would be typed; NULL: none */
    const char *const *choices; /* words of SB_CHOICE, kinds of SB_TARGET; ends with NULL */
    const char *help;           /* one line, no full stop */
};

struct sb_call; /* one attempt at one action; gone when the function returns */

struct sb_action {
    const char *verb; /* "*": every verb of the role it is configured for; see sb_about() */
    const char *help;
    enum sb_effect effect;
    uint32_t timeout_ms; /* advised; a step may set its own */
    const struct sb_option *params;
    const struct sb_option *results; /* keys that run and verify both set */
    enum sb_rc (*run) (struct sb_call *call, void *self);
    /* required unless SB_READS; never changes anything; after sb_fail() return SB_SEEN_UNKNOWN */
    enum sb_seen (*verify) (struct sb_call *call, void *self);
    const char *undo; /* the verb that takes it back; NULL: nothing does */
};

/* A plugin is a constant.  Tables end with an entry whose name is NULL. */
struct sb_plugin {
    uint32_t abi, size, option_size, action_size; /* written by SB_PLUGIN() */
    const char *name;                             /* also the file name and the manual: switchback-NAME(7) */
    const char *role; /* "database", "share", "pool", "notify", "fence", a site's own, or "*" */
    const char *version;
    const char *summary;
    enum sb_lanes lanes;
    const struct sb_option *settings;
    const struct sb_action *actions;
    enum sb_rc (*open) (struct sb_call *call, void **ret_self); /* optional */
    void (*close) (void *self);                                 /* optional */
};

enum sb_level { SB_DEBUG = 0, SB_INFO, SB_NOTICE, SB_WARNING };

/* Services of the host; reached through the wrappers below.  Append only.
 * Strings that the host returns live until the call ends; NULL means "not there". */
struct sb_host {
    uint32_t size;
    const char *(*about) (struct sb_call *, const char *what);
    const char *(*setting) (struct sb_call *, const char *name);
    const char *(*param) (struct sb_call *, const char *name);
    const char *(*item) (struct sb_call *, const char *name, size_t index);
    const char *(*object) (struct sb_call *, const char *kind, size_t index);
    const char *(*attr) (struct sb_call *, const char *kind, const char *name, const char *key);
    const char *(*secret) (struct sb_call *, const char *kind, const char *name, const char *key);
    int64_t (*number) (struct sb_call *, const char *name);
    void (*result) (struct sb_call *, const char *key, const char *value);
    void (*progress) (struct sb_call *, unsigned percent, const char *what);
    void (*log) (struct sb_call *, enum sb_level, const char *fmt, va_list) SB_PRINTF (3, 0);
    enum sb_rc (*fail) (struct sb_call *, enum sb_rc, const char *fmt, va_list) SB_PRINTF (3, 0);
    int64_t (*left_ms) (struct sb_call *);
    int (*stop_fd) (struct sb_call *);
    int (*pause) (struct sb_call *, int64_t ms);
    void *(*alloc) (struct sb_call *, size_t size);
    char *(*format) (struct sb_call *, const char *fmt, va_list) SB_PRINTF (2, 0);
    const char *(*param_name) (struct sb_call *, size_t index);
};

struct sb_call_head { /* the visible start of a call */
    const struct sb_host *host;
};

static inline const struct sb_host *
sb_host (struct sb_call *call)
{
    return ((const struct sb_call_head *) (const void *) call)->host;
}

/* "verb", "role", "object" (who plays the role), "run", "step", "attempt",
 * "session" (the name to show to servers: switchback/RUN/STEP), "drill" ("yes"),
 * "base" (the folder of the topology file; relative paths start there), "run dir" (a folder for what
 * the run keeps), "op" (run or verify). */
static inline const char *
sb_about (struct sb_call *call, const char *what)
{
    return sb_host (call)->about (call, what);
}

/* A setting of the object that plays the role, or its fallback. */
static inline const char *
sb_setting (struct sb_call *call, const char *name)
{
    return sb_host (call)->setting (call, name);
}

/* A parameter of this call, or its fallback. */
static inline const char *
sb_param (struct sb_call *call, const char *name)
{
    return sb_host (call)->param (call, name);
}

/* The name of the index-th parameter that has a value; NULL after the last.  For actions that take any verb ("*"). */
static inline const char *
sb_param_name (struct sb_call *call, size_t index)
{
    return sb_host (call)->param_name (call, index);
}

/* The index-th element of a list parameter or list setting; NULL after the last. */
static inline const char *
sb_item (struct sb_call *call, const char *name, size_t index)
{
    return sb_host (call)->item (call, name, index);
}

/* The name of the index-th object of a kind ("instance", "server", ...); NULL after the last. */
static inline const char *
sb_object (struct sb_call *call, const char *kind, size_t index)
{
    return sb_host (call)->object (call, kind, index);
}

/* An attribute of an object of the topology, as written, or the core's default. */
static inline const char *
sb_attr (struct sb_call *call, const char *kind, const char *name, const char *key)
{
    return sb_host (call)->attr (call, kind, name, key);
}

/* A secret attribute (a reference such as file:x in the topology), resolved.  Wiped after the call. */
static inline const char *
sb_secret (struct sb_call *call, const char *kind, const char *name, const char *key)
{
    return sb_host (call)->secret (call, kind, name, key);
}

/* A parameter or setting as a number: integer, 1/0, or milliseconds; 0 when absent. */
static inline int64_t
sb_number (struct sb_call *call, const char *name)
{
    return sb_host (call)->number (call, name);
}

/* Set a result; the key must be declared.  The value is copied; setting again replaces. */
static inline void
sb_result (struct sb_call *call, const char *key, const char *value)
{
    sb_host (call)->result (call, key, value);
}

/* Tell how far it is: 0..100, or more than 100 when only `what` is known. */
static inline void
sb_progress (struct sb_call *call, unsigned percent, const char *what)
{
    sb_host (call)->progress (call, percent, what);
}

/* Milliseconds until the deadline of this call; never negative. */
static inline int64_t
sb_left_ms (struct sb_call *call)
{
    return sb_host (call)->left_ms (call);
}

/* A descriptor that is readable when the call shall stop. */
static inline int
sb_stop_fd (struct sb_call *call)
{
    return sb_host (call)->stop_fd (call);
}

/* Sleep; 1 means: stop now (asked to, or the deadline passed). */
static inline int
sb_pause (struct sb_call *call, int64_t ms)
{
    return sb_host (call)->pause (call, ms);
}

/* Zeroed memory, freed after the call. */
static inline void *
sb_alloc (struct sb_call *call, size_t size)
{
    return sb_host (call)->alloc (call, size);
}

SB_PRINTF (3, 4)
static inline void
sb_log (struct sb_call *call, enum sb_level level, const char *fmt, ...)
{
    va_list args;

    va_start (args, fmt);
    sb_host (call)->log (call, level, fmt, args);
    va_end (args);
}

/* Report and return in one line:  return sb_fail (call, SB_RETRY, "..."); The
 * sentence says what was tried, on what, what came back; a line that starts
 * with "HINT: " says what to do. */
SB_PRINTF (3, 4)
static inline enum sb_rc
sb_fail (struct sb_call *call, enum sb_rc rc, const char *fmt, ...)
{
    va_list args;

    va_start (args, fmt);
    rc = sb_host (call)->fail (call, rc, fmt, args);
    va_end (args);
    return rc;
}

/* A string that lives as long as the call. */
SB_PRINTF (2, 3)
static inline char *
sb_format (struct sb_call *call, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start (args, fmt);
    text = sb_host (call)->format (call, fmt, args);
    va_end (args);
    return text;
}

/* Publish a plugin.  The symbol bears libltdl's prefix, so that many plugins
 * can be linked into one program; the file must therefore be called IDENT. */
/* clang-format off */
#define SB_PLUGIN(ident, ...)                                      \
    extern SB_EXPORT const struct sb_plugin ident##_LTX_sb_plugin; \
    const struct sb_plugin ident##_LTX_sb_plugin = {               \
        .abi = SB_ABI,                                             \
        .size = sizeof (struct sb_plugin),                         \
        .option_size = sizeof (struct sb_option),                  \
        .action_size = sizeof (struct sb_action),                  \
        __VA_ARGS__                                                \
    }
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif /* SWITCHBACK_PLUGIN_H */
