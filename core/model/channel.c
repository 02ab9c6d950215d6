/* Channels: whom to tell when nobody acknowledges in time. */
#include "core/model/channel.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define AFTER " after "

const struct sb_object *
sb_channel_escalation (const struct sb_topology *t, const struct sb_object *channel, int64_t *ret_ms)
{
    SB_AUTOFREE char *text = sb_xstrdup (sb_object_attr (channel, "escalate to"));
    char *after, *next;
    const struct sb_object *to;

    if (text == NULL || (after = strstr (text, AFTER)) == NULL)
        return NULL;
    while ((next = strstr (after + 1, AFTER)) != NULL)
        after = next;
    *after = '\0';
    to = sb_topology_find (t, "channel", sb_trim (text));
    if (!sb_parse_duration (sb_trim (after + strlen (AFTER)), ret_ms) || *ret_ms <= 0)
        return NULL;
    return to;
}
