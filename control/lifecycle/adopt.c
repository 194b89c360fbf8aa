/*
 * token adopt: a token that another system has made becomes one of ours.
 *
 * It is looked up by its digest like every other one, so only that is stored,
 * and its holder need not know.  A token is refused here if nginx would never
 * let it in, if it is known already, or if it is easier to guess than a token
 * may be.
 *
 * No message repeats a token, and none has a name before the token has been
 * judged: in a list whose columns were mixed up, the name is the token.
 */


#include "issue.h"
#include "stok_bearer.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_ADOPT_CHARS  16
#define CTL_ADOPT_BITS   80


typedef struct {
    const char  *text;
    size_t       len;
    char         id[STOK_RECORD_ID_MAX + 1];     /* it is this one already */
} ctl_adopt_t;


static int ctl_adopt_judge(ctl_t *ctl, const char *text, size_t len,
    const char *name, int weak);
static int ctl_adopt_try(ctl_t *ctl, const char *user, ctl_new_t *new,
    ctl_adopt_t *adopt);
static int ctl_adopt_known(ctl_t *ctl, const ctl_new_t *new,
    ctl_adopt_t *adopt);


int
ctl_token_adopt(ctl_t *ctl, const ctl_token_new_t *want, const char *text,
    size_t len, int weak, json_t **token)
{
    int           code, tries;
    ctl_new_t     new;
    ctl_adopt_t   adopt;

    memset(&new, 0, sizeof(new));
    adopt.text = text;
    adopt.len = len;
    adopt.id[0] = '\0';

    code = ctl_adopt_judge(ctl, text, len, want->name, weak);

    if (code == CTL_OK) {
        code = ctl_token_want(ctl, want, &new);
    }

    if (code == CTL_OK) {
        code = CTL_CHANGED;
    }

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_adopt_try(ctl, want->user, &new, &adopt);
    }

    if (code == CTL_CHANGED) {
        code = ctl_fail(ctl, CTL_CHANGED, "the record keeps changing");
    }

    if (code == CTL_OK && !adopt.id[0]) {
        ctl_issue_warn(ctl, &new);
    }

    if (code == CTL_OK) {
        *token = adopt.id[0]
                 ? json_pack("{s:s, s:s, s:s}", "id", adopt.id, "user",
                             new.user, "name", new.name)
                 : ctl_new_json(ctl, &new);
        json_object_set_new(*token, "result",
                            json_string(adopt.id[0] ? "known" : "adopted"));
    }

    return code;
}


static int
ctl_adopt_judge(ctl_t *ctl, const char *text, size_t len, const char *name,
    int weak)
{
    int           bits;
    stok_token_t  token;

    if (stok_bearer_check(text, len) != STOK_OK) {
        return ctl_fail(ctl, CTL_REJECTED, "that is not a bearer token, and "
                        "nginx would refuse it: it has 1 to %d letters, "
                        "digits and -._~+/, and may end with =",
                        STOK_BEARER_MAX);
    }

    if (stok_token_parse(text, len, &token) == STOK_INVALID) {
        return ctl_fail(ctl, CTL_REJECTED, "the token has the form of one of "
                        "ours and a wrong checksum: nginx would refuse it");
    }

    bits = ctl_strength(text, len);

    if (len >= CTL_ADOPT_CHARS && bits >= CTL_ADOPT_BITS) {
        return CTL_OK;
    }

    if (stok_bearer_check(name, strlen(name)) == STOK_OK
        && strlen(name) > len
        && ctl_strength(name, strlen(name)) >= CTL_ADOPT_BITS)
    {
        return ctl_fail(ctl, CTL_REJECTED, "the token is weaker than its name: "
                        "are the two mixed up?");
    }

    return weak ? CTL_OK
                : ctl_fail(ctl, CTL_REJECTED, "the token is too weak: %zu "
                           "characters, about %d bits, and it needs %d and "
                           "%d; --allow-weak takes it anyway", len,
                           bits, CTL_ADOPT_CHARS, CTL_ADOPT_BITS);
}


static int
ctl_adopt_try(ctl_t *ctl, const char *user, ctl_new_t *new,
    ctl_adopt_t *adopt)
{
    int                  code;
    ctl_record_t         rec;
    stok_user_record_t   record;

    code = ctl_read_user(ctl, user, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_decode_user(ctl, user, &rec, &record);
    ctl_free(&rec);

    if (code != CTL_OK) {
        return code;
    }

    strcpy(new->user, user);
    new->owner = record.status;
    new->personal = record.kind == STOK_USER_HUMAN;

    code = ctl_adopt_known(ctl, new, adopt);

    if (code == CTL_FOUND) {
        return CTL_OK;
    }

    if (code == CTL_OK) {
        code = ctl_issue_id(ctl, new, adopt->text, adopt->len);
    }

    return code == CTL_OK ? ctl_issue_script(ctl, new, "adopt", 0, NULL)
                          : code;
}


/* CTL_FOUND: the same user has it by the same name: there is nothing to do */

static int
ctl_adopt_known(ctl_t *ctl, const ctl_new_t *new, ctl_adopt_t *adopt)
{
    int            code;
    char           id[STOK_RECORD_ID_MAX + 1];
    ctl_record_t   rec;

    code = ctl_leak_find(ctl, adopt->text, adopt->len, 0, &rec, id);
    if (code != CTL_FOUND) {
        return code;
    }

    code = ctl_read_token(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    if (strcmp(ctl_get(&rec, "status"), "active") != 0) {
        code = ctl_fail(ctl, CTL_STATE, "the token is %s, and was revoked",
                        id);

    } else if (strcmp(ctl_get(&rec, "user"), new->user) == 0
               && strcmp(ctl_get(&rec, "name"), new->name) == 0)
    {
        strcpy(adopt->id, id);
        code = CTL_FOUND;

    } else {
        code = ctl_fail(ctl, CTL_CONFLICT, "the token is %s of %s already", id,
                        ctl_get(&rec, "user"));
    }

    ctl_free(&rec);

    return code;
}
