/* What messages say: the packaged texts, those of the site (messages.ini beside
 * the topology), those of a channel (its key `messages`), one over the other. */
#include "cli/cli.h"

#include "core/engine/message.h"
#include "core/sys/file.h"

#include <string.h>

#define TEXTS_LIMIT (256u << 10)

static bool
read_texts (struct cli *c, struct sb_messages *m, const char *file)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };

    return sb_file_read (file, TEXTS_LIMIT, &text, &c->faults)
           && sb_messages_read (m, file, sb_buf_cstr (&text), text.len, &c->faults);
}

static const char *
beside_topology (struct cli *c, const char *name)
{
    if (strncmp (name, "file:", 5) == 0)
        name += 5;
    return name[0] == '/' || c->base == NULL ? name : sb_arena_printf (&c->arena, "%s/%s", c->base, name);
}

void
cli_free_messages (void *messages)
{
    sb_messages_free (messages);
}

int
cli_load_messages (struct cli *c)
{
    const char *packaged = sb_arena_printf (&c->arena, "%s/messages.ini", c->paths.templates);
    const char *ours = beside_topology (c, "messages.ini"), *own;
    struct sb_messages *common = sb_messages_new ();
    const struct sb_object *o;
    size_t i;

    sb_map_free_with (&c->messages, cli_free_messages);
    c->messages = (struct sb_map){ 0 };
    if (sb_topology_nth (&c->topology, "channel", 0) != NULL && read_texts (c, common, packaged)
        && (c->base == NULL || !sb_file_exists (ours) || read_texts (c, common, ours)))
        for (i = 0; (o = sb_topology_nth (&c->topology, "channel", i)) != NULL; i++) {
            struct sb_messages *m = sb_messages_copy (common);

            sb_map_set (&c->messages, o->name, m);
            if ((own = sb_object_attr (o, "messages")) != NULL)
                read_texts (c, m, beside_topology (c, own));
        }
    sb_messages_free (common);
    return c->faults.count == 0 ? EXIT_DONE : cli_fail (c, EXIT_CONFIG);
}
