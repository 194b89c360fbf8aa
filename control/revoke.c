/*
 * token delete, and user revoke-all: every active token of a user in one
 * step.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* arguments of the script, and the texts among them that are ours */
typedef struct {
    int           argc;
    const char  **argv;
    size_t        texts;
    char        **text;
} ctl_step_t;


static int ctl_delete_tried(const char *told, char tried[256]);
static int ctl_revoke_all_try(ctl_t *ctl, const char *user, char **word);
static int ctl_revoke_all_collect(ctl_t *ctl, redisReply *ids,
    ctl_step_t *step);
static int ctl_revoke_all_add(ctl_t *ctl, const char *id, ctl_step_t *step);


int
ctl_token_delete(ctl_t *ctl, const char *id, int force)
{
    int          code;
    char        *word, date[24], tried[256];
    stok_str_t   name;
    const char  *arg[2];

    name.data = id;
    name.len = strlen(id);

    if (stok_record_id_check(name) != STOK_OK) {
        return ctl_fail(ctl, CTL_NOTFOUND, "no token \"%s\"", id);
    }

    arg[0] = id;
    arg[1] = force ? "-9999999999" : "604800";

    code = ctl_script(ctl, stok_script_token_delete, 2, arg, &word);

    if (code == CTL_FOUND) {
        ctl_iso(ctl_number(word), date);
        (void) ctl_delete_tried(word, tried);
        code = ctl_fail(ctl, CTL_STATE, "token \"%s\" is watched until %s, "
                        "7 days after it was revoked, and was %s: "
                        "--force deletes it now", id, date, tried);

    } else if (code == CTL_OK && ctl_delete_tried(word, tried)) {
        ctl_note(ctl, CTL_NOTE_NOTE, "it was %s", tried);
    }

    free(word);

    return code;
}


/* whether somebody went on with a revoked token, as the script tells */

static int
ctl_delete_tried(const char *told, char tried[256])
{
    char       date[24], from[64], verdict[32];
    long long  at;

    if (sscanf(told, "%*d %lld %63s %31s", &at, from, verdict) != 3) {
        strcpy(tried, "not tried since");
        return 0;
    }

    ctl_iso(at, date);
    snprintf(tried, 256, "still tried %s from %s (%s)", date, from, verdict);

    return 1;
}


int
ctl_user_stop(ctl_t *ctl, const char *user, int64_t *n)
{
    int   code, tries;
    char *word;

    code = CTL_CHANGED;
    word = NULL;

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_revoke_all_try(ctl, user, &word);
    }

    *n = ctl_number(word);
    free(word);

    return code;
}


static int
ctl_revoke_all_try(ctl_t *ctl, const char *user, char **word)
{
    int                  code;
    size_t               i;
    ctl_step_t           step;
    redisReply          *ids;
    ctl_record_t         rec;
    stok_user_record_t   owner;

    code = ctl_read_user(ctl, user, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_decode_user(ctl, user, &rec, &owner);

    if (code != CTL_OK && !ctl_needs_key(ctl, &rec)) {
        ctl_note_error(ctl);
        code = CTL_OK;
    }

    ctl_free(&rec);

    if (code == CTL_OK) {
        code = ctl_command(ctl, &ids, "SMEMBERS %suser-tokens:%s",
                           ctl->prefix, user);
    }

    if (code != CTL_OK) {
        return code;
    }

    memset(&step, 0, sizeof(step));
    step.argv = calloc(1 + 3 * ids->elements, sizeof(char *));
    step.text = calloc(1 + 2 * ids->elements, sizeof(char *));

    if (step.argv == NULL || step.text == NULL) {
        code = ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");

    } else {
        step.argv[step.argc++] = user;
        code = ctl_revoke_all_collect(ctl, ids, &step);
    }

    if (code == CTL_OK) {
        code = ctl_script(ctl, stok_script_user_revoke_all, step.argc,
                          step.argv, word);
    }

    for (i = 0; i < step.texts; i++) {
        free(step.text[i]);
    }

    free(step.text);
    free(step.argv);
    freeReplyObject(ids);

    return code;
}


static int
ctl_revoke_all_collect(ctl_t *ctl, redisReply *ids, ctl_step_t *step)
{
    int     code;
    size_t  i;

    for (i = 0; i < ids->elements; i++) {
        code = ctl_revoke_all_add(ctl, ids->element[i]->str, step);
        if (code != CTL_OK) {
            return code;
        }
    }

    return CTL_OK;
}


/*
 * Id, seal it has, seal it gets: for a token that is active.  One that cannot
 * be read, or whose seal is wrong, does not keep the others from being
 * revoked: it is revoked too, and its seal stays as wrong as it is.
 */

static int
ctl_revoke_all_add(ctl_t *ctl, const char *id, ctl_step_t *step)
{
    int                   code;
    char                 *had, *gets;
    ctl_record_t          rec;
    stok_token_record_t   token;

    code = ctl_read_token(ctl, id, &rec);
    if (code != CTL_OK) {
        if (code == CTL_NOTFOUND || code == CTL_BROKEN) {
            ctl_note_error(ctl);
            code = CTL_OK;
        }

        return code;
    }

    if (strcmp(ctl_get(&rec, "status"), "active") != 0) {
        ctl_free(&rec);
        return CTL_OK;
    }

    code = ctl_decode_token(ctl, id, &rec, &token);

    if (code != CTL_OK && ctl_needs_key(ctl, &rec)) {
        ctl_free(&rec);
        return code;
    }

    if (code != CTL_OK) {
        ctl_note_error(ctl);
    }

    had = strdup(ctl_get(&rec, "seal"));
    gets = calloc(1, STOK_SEAL_MAX + 1);

    if (had == NULL || gets == NULL) {
        free(had);
        free(gets);
        ctl_free(&rec);
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    step->text[step->texts++] = had;
    step->text[step->texts++] = gets;

    if (code == CTL_OK) {
        token.status = STOK_TOKEN_REVOKED;
        (void) ctl_token_seal(ctl, &rec, &token, gets);
    }

    step->argv[step->argc++] = id;
    step->argv[step->argc++] = had;
    step->argv[step->argc++] = gets;

    ctl_free(&rec);

    return CTL_OK;
}
