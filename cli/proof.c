/* What `switchback prove` has left behind about a plan: STATE/proofs/DIGEST.json.
 * It holds for exactly that plan: workflow, topology, parameters, plugins. */
#include "cli/proof.h"

#include "core/sys/file.h"

#include <string.h>

#define PROOF_LIMIT (1u << 20)

json_t *
cli_proof (struct cli *c, const char *digest)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_faults ignored = { 0 };
    char *path = sb_arena_printf (&c->arena, "%s/proofs/%s.json", cli_state_dir (c), digest);
    json_t *proof = NULL;
    const char *said;

    if (sb_file_exists (path) && sb_file_read (path, PROOF_LIMIT, &text, &ignored))
        proof = json_loads (sb_buf_cstr (&text), 0, NULL);
    sb_faults_free (&ignored);
    said = json_string_value (json_object_get (proof, "digest"));
    if (said != NULL && strcmp (digest, said) == 0)
        return proof;
    json_decref (proof);
    return NULL;
}

static long long
number (const json_t *o, const char *key)
{
    return json_integer_value (json_object_get (o, key));
}

void
cli_proof_words (const json_t *proof, struct sb_buf *out)
{
    const json_t *b = json_object_get (proof, "budget");
    const char *histories = json_string_value (json_object_get (proof, "histories"));

    sb_buf_printf (
            out,
            "engine and workflow proved over the verb models: %s histories, %lld states, %zu invariants; budget: %lld "
            "deaths, %lld events, %lld faults, at most %lld together",
            histories == NULL ? "?" : histories, number (proof, "states"),
            json_array_size (json_object_get (proof, "invariants")), number (b, "deaths"), number (b, "events"),
            number (b, "faults"), number (b, "together"));
}
