/* Reading the pool: one script for each question, and what its JSON means.
 * Property names follow the cmdlets' help; where it is silent (the active list)
 * a missing property is doubt, never an empty list. */
#include "plugins/pool/pool.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

/* ---- lists ---------------------------------------------------------------------------------------------- */

bool
pool_list_has (const struct pool_list *l, const char *name)
{
    size_t i;

    for (i = 0; i < l->count; i++)
        if (sb_casecmp (l->names[i], name) == 0)
            return true;
    return false;
}

void
pool_list_add (struct pool_list *l, const char *name)
{
    if (*name != '\0' && l->count < POOL_MAX_SERVERS && !pool_list_has (l, name))
        l->names[l->count++] = name;
}

bool
pool_list_same (const struct pool_list *a, const struct pool_list *b)
{
    size_t i;

    for (i = 0; i < a->count; i++)
        if (!pool_list_has (b, a->names[i]))
            return false;
    return a->count == b->count;
}

const char *
pool_list_text (struct sb_call *call, const struct pool_list *l)
{
    const char *text = "";
    size_t i;

    for (i = 0; i < l->count; i++) {
        const char *name = pool_name_of (call, "server", l->names[i]);

        text = sb_format (call, "%s%s%s", text, i == 0 ? "" : ", ", name != NULL ? name : l->names[i]);
    }
    return text;
}

/* ---- JSON ----------------------------------------------------------------------------------------------- */

static const char *
text_of (struct sb_call *call, json_t *o, const char *key)
{
    const char *text = json_string_value (json_object_get (o, key));

    return sb_format (call, "%s", text != NULL ? text : "");
}

/* ConvertTo-Json may give one element where a list of one was meant. */
static size_t
length_of (json_t *list)
{
    return json_is_array (list) ? json_array_size (list) : json_is_object (list) || json_is_string (list);
}

static json_t *
nth_of (json_t *list, size_t i)
{
    return json_is_array (list) ? json_array_get (list, i) : list;
}

static bool
ends_with (const char *text, const char *end)
{
    size_t n = strlen (text), k = strlen (end);

    return n >= k && sb_casecmp (text + n - k, end) == 0;
}

/* The entry that speaks of this pool: its identity ends with ":FQDN" or its key `pool` is it; else the only one. */
static json_t *
entry_of (struct sb_call *call, json_t *list)
{
    const char *fqdn = sb_attr (call, "pool", sb_about (call, "object"), "fqdn");
    size_t i;

    for (i = 0; i < length_of (list); i++) {
        const char *identity = text_of (call, nth_of (list, i), "identity");

        if (fqdn != NULL
            && (ends_with (identity, sb_format (call, ":%s", fqdn))
                || ends_with (identity, sb_format (call, " %s", fqdn))
                || sb_casecmp (text_of (call, nth_of (list, i), "pool"), fqdn) == 0))
            return nth_of (list, i);
    }
    return length_of (list) == 1 ? nth_of (list, 0) : NULL;
}

/* ---- state and active list ------------------------------------------------------------------------------ */

static const char look_script[] =
        "$states=@(Get-CsPersistentChatState|ForEach-Object{@{identity=\"$($_.Identity)\";state=\"$($_.PoolState)\"}})\n"
        "$services=@(Get-CsService -PersistentChatServer|ForEach-Object{\n"
        "$known=$null -ne $_.PSObject.Properties['ActiveServers']\n"
        "$active=@($_.ActiveServers|ForEach-Object{\"$_\"})\n"
        "@{identity=\"$($_.Identity)\";pool=\"$($_.PoolFqdn)\";known=$known;active=$active}})\n"
        "$r=@{states=$states;services=$services}";

static void
take_xml_servers (struct sb_call *call, xmlNode *n, struct pool_list *active, bool *found)
{
    for (; n != NULL; n = n->next) {
        xmlChar *fqdn = n->type == XML_ELEMENT_NODE ? xmlGetNoNsProp (n, (const xmlChar *) "Fqdn") : NULL;

        if (fqdn != NULL)
            pool_list_add (active, sb_format (call, "%s", (const char *) fqdn));
        *found = true;
        xmlFree (fqdn);
    }
}

/* The machine state is a setting of the topology document.  Its form is not described by the vendor; elements named
 * ActiveServers with children that carry Fqdn are taken, anything else is left as unknown. */
static enum sb_rc
look_in_topology (struct sb_call *call, struct pool *p, struct pool_list *active)
{
    json_t *doc = NULL;
    enum sb_rc rc = pool_ps (call, p, NULL, false, "$r=@{xml=\"$(Get-CsTopology -AsXml)\"}", &doc);
    const char *text = json_string_value (json_object_get (doc, "xml"));
    const int flags = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    xmlDoc *xml = text != NULL && strlen (text) < INT32_MAX
                          ? xmlReadMemory (text, (int) strlen (text), "topology.xml", NULL, flags)
                          : NULL;
    xmlNode *top = xml != NULL ? xmlDocGetRootElement (xml) : NULL, *n = top;
    bool found = false;

    while (n != NULL && xml->intSubset == NULL) {
        if (n->type == XML_ELEMENT_NODE && strcmp ((const char *) n->name, "ActiveServers") == 0)
            take_xml_servers (call, n->children, active, &found);
        if (n->type == XML_ELEMENT_NODE && n->children != NULL) {
            n = n->children;
            continue;
        }
        while (n != top && n->next == NULL)
            n = n->parent;
        n = n == top ? NULL : n->next;
    }
    xmlFreeDoc (xml);
    json_decref (doc);
    if (rc == SB_OK && !found)
        return sb_fail (
                call, SB_RETRY,
                "the list of active servers is in neither Get-CsService nor Get-CsTopology\n"
                "HINT: Look for it with Get-CsService -PersistentChatServer | Format-List *, and tell the authors.");
    return rc;
}

static enum sb_rc
read_active (struct sb_call *call, struct pool *p, json_t *services, struct pool_list *ret)
{
    json_t *service = entry_of (call, services), *active = json_object_get (service, "active");
    size_t i;

    if (service == NULL)
        return sb_fail (call, SB_FAIL, "the pool '%s' is not among the %zu chat pools of the topology",
                        sb_about (call, "object"), length_of (services));
    if (!json_is_true (json_object_get (service, "known")))
        return look_in_topology (call, p, ret);
    for (i = 0; i < length_of (active); i++)
        if (json_is_string (nth_of (active, i)))
            pool_list_add (ret, sb_format (call, "%s", json_string_value (nth_of (active, i))));
    return SB_OK;
}

enum sb_rc
pool_look (struct sb_call *call, struct pool *p, struct pool_seen *ret)
{
    json_t *doc = NULL, *state;
    enum sb_rc rc = pool_ps (call, p, NULL, false, look_script, &doc);

    memset (ret, 0, sizeof *ret);
    if (rc != SB_OK)
        return rc;
    state = entry_of (call, json_object_get (doc, "states"));
    ret->state = text_of (call, state, "state");
    ret->identity = text_of (call, state, "identity");
    if (state == NULL || *ret->identity == '\0' || *ret->state == '\0')
        rc = sb_fail (call, SB_FAIL, "the state of pool '%s' is not told by Get-CsPersistentChatState",
                      sb_about (call, "object"));
    else
        rc = read_active (call, p, json_object_get (doc, "services"), &ret->active);
    json_decref (doc);
    return rc;
}

/* ---- central store and replicas ------------------------------------------------------------------------- */

enum sb_rc
pool_store (struct sb_call *call, struct pool *p, const char *asked, struct pool_store *ret)
{
    json_t *doc = NULL;
    enum sb_rc rc = pool_ps (call, p, asked, false,
                             "$c=Get-CsManagementStoreReplicationStatus -CentralManagementStoreStatus\n"
                             "$r=@{master=\"$($c.ActiveMasterFqdn)\"}",
                             &doc);
    const char *name;

    memset (ret, 0, sizeof *ret);
    if (rc != SB_OK)
        return rc;
    ret->master = text_of (call, doc, "master");
    json_decref (doc);
    if (*ret->master == '\0')
        ret->master = NULL;
    name = ret->master != NULL ? pool_name_of (call, "frontend", ret->master) : NULL;
    ret->site = name != NULL ? sb_attr (call, "frontend", name, "site") : NULL;
    return SB_OK;
}

enum sb_rc
pool_replicas (struct sb_call *call, struct pool *p, const struct pool_list *servers, struct pool_list *ret_late)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    json_t *doc = NULL, *list;
    enum sb_rc rc;
    size_t i;

    ret_late->count = 0;
    sb_buf_str (&b, "$r=@{replicas=@(");
    for (i = 0; i < servers->count; i++) {
        sb_buf_str (&b, i == 0 ? "" : ",");
        ps_quote (&b, servers->names[i]);
    }
    sb_buf_str (&b, "|ForEach-Object{$s=Get-CsManagementStoreReplicationStatus -ReplicaFqdn $_\n"
                    "@{fqdn=\"$_\";up=[bool]$s.UpToDate}})}");
    rc = pool_ps (call, p, NULL, false, b.s, &doc);
    if (rc != SB_OK)
        return rc;
    list = json_object_get (doc, "replicas");
    for (i = 0; i < length_of (list); i++)
        if (!json_is_true (json_object_get (nth_of (list, i), "up")))
            pool_list_add (ret_late, text_of (call, nth_of (list, i), "fqdn"));
    if (length_of (list) != servers->count)
        rc = sb_fail (call, SB_RETRY, "%zu of %zu replicas were told", length_of (list), servers->count);
    json_decref (doc);
    return rc;
}

/* ---- services ------------------------------------------------------------------------------------------- */

static bool
contains (const char *text, const char *part)
{
    SB_AUTOFREE char *pattern = sb_xprintf ("*%s*", part);

    return sb_glob (pattern, text, true);
}

/* The names of the two services are not documented; the chat service and the compliance service are told by the words of
 * their display names or roles.  The setting `services` names them where that does not do. */
static bool
is_chat_service (struct sb_call *call, const char *name, const char *words)
{
    const char *given;
    size_t i;

    for (i = 0; (given = sb_item (call, "services", i)) != NULL; i++)
        if (sb_casecmp (given, name) == 0)
            return true;
    if (sb_item (call, "services", 0) != NULL)
        return false;
    return contains (words, "persistent chat") || contains (words, "persistentchat") || contains (words, "compliance");
}

enum sb_rc
pool_services (struct sb_call *call, struct pool *p, const char *fqdn, struct pool_services *ret)
{
    const char *body =
            sb_format (call,
                       "$r=@{services=@(Get-CsWindowsService -ComputerName %s -ExcludeActivityLevel|ForEach-Object{\n"
                       "@{name=\"$($_.Name)\";words=\"$($_.DisplayName) $($_.RoleName)\";status=\"$($_.Status)\"}})}",
                       ps_quoted (call, fqdn));
    json_t *doc = NULL, *list;
    enum sb_rc rc = pool_ps (call, p, NULL, false, body, &doc);
    size_t i;

    ret->count = 0;
    if (rc != SB_OK)
        return rc;
    list = json_object_get (doc, "services");
    for (i = 0; i < length_of (list) && ret->count < sizeof ret->list / sizeof *ret->list; i++) {
        json_t *s = nth_of (list, i);

        if (is_chat_service (call, text_of (call, s, "name"), text_of (call, s, "words"))) {
            ret->list[ret->count].compliance = contains (text_of (call, s, "name"), "compliance")
                                               || contains (text_of (call, s, "words"), "compliance");
            ret->list[ret->count].name = text_of (call, s, "name");
            ret->list[ret->count++].status = text_of (call, s, "status");
        }
    }
    json_decref (doc);
    if (ret->count == 0)
        return sb_fail (
                call, SB_FAIL,
                "none of the services of '%s' is a chat service\nHINT: Name them: services = A, B in the section of the pool.",
                fqdn);
    return SB_OK;
}

/* ---- mirrors -------------------------------------------------------------------------------------------- */

enum sb_rc
pool_mirrors (struct sb_call *call, struct pool *p, const char *type, struct pool_mirror *ret, size_t max,
              size_t *ret_count)
{
    const char *fqdn = sb_attr (call, "pool", sb_about (call, "object"), "fqdn");
    const char *body =
            sb_format (call,
                       "$r=@{list=@(Get-CsDatabaseMirrorState -PoolFqdn %s -DatabaseType %s|ForEach-Object{\n"
                       "$o=$_.MirroringStatusOnMirror\nif(-not $o){$o=$_.MirroringStatusOnSecondary}\n"
                       "@{name=\"$($_.DatabaseName)\";p=\"$($_.StateOnPrimary)\";m=\"$($_.StateOnMirror)\";"
                       "ps=\"$($_.MirroringStatusOnPrimary)\";ms=\"$o\"}})}",
                       ps_quoted (call, fqdn != NULL ? fqdn : ""), ps_quoted (call, type));
    json_t *doc = NULL, *list;
    enum sb_rc rc = pool_ps (call, p, NULL, false, body, &doc);
    size_t i;

    *ret_count = 0;
    if (rc != SB_OK)
        return rc;
    list = json_object_get (doc, "list");
    for (i = 0; i < length_of (list) && i < max; i++) {
        json_t *m = nth_of (list, i);

        ret[(*ret_count)++] = (struct pool_mirror){
            .name = text_of (call, m, "name"),
            .on_primary = text_of (call, m, "p"),
            .on_mirror = text_of (call, m, "m"),
            .both_synchronized = sb_casecmp (text_of (call, m, "ps"), "synchronized") == 0
                                 && sb_casecmp (text_of (call, m, "ms"), "synchronized") == 0,
        };
    }
    json_decref (doc);
    return SB_OK;
}

/* ---- a message ------------------------------------------------------------------------------------------ */

static const char *
argument (struct sb_call *call, const char *name, const char *setting)
{
    const char *value = sb_setting (call, setting);

    return value != NULL ? sb_format (call, " %s %s", name, ps_quoted (call, value)) : "";
}

enum sb_rc
pool_message (struct sb_call *call, struct pool *p, struct pool_message *ret)
{
    const char *fqdn = sb_attr (call, "pool", sb_about (call, "object"), "fqdn");
    const char *body =
            sb_format (call,
                       "$t=Test-CsPersistentChatMessage -TargetFqdn %s%s%s%s\n"
                       "$r=@{result=\"$($t.Result)\";latency=\"$($t.Latency)\";why=\"$($t.Error) $($t.Diagnosis)\"}",
                       ps_quoted (call, fqdn != NULL ? fqdn : ""), argument (call, "-SenderSipAddress", "sender"),
                       argument (call, "-ReceiverSipAddress", "receiver"), argument (call, "-ChatRoomUri", "room"));
    json_t *doc = NULL;
    enum sb_rc rc = pool_ps (call, p, NULL, false, body, &doc);

    memset (ret, 0, sizeof *ret);
    if (rc != SB_OK)
        return rc;
    ret->success = sb_casecmp (text_of (call, doc, "result"), "Success") == 0;
    ret->latency = text_of (call, doc, "latency");
    ret->why = text_of (call, doc, "why");
    json_decref (doc);
    return SB_OK;
}
