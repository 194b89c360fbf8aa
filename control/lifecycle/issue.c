/*
 * A new token: of token create, and of token rotate.
 *
 * Nobody can be shown a token again, so the order is: check, deliver, write.
 * First all that may be refused is checked, in Redis too, and nothing is
 * changed.  Then the plaintext token leaves, to standard output or to a file.
 * Only then one script makes it, and with it hands a predecessor over.
 *
 * So a failure or a kill at any moment leaves one of two states: nothing was
 * changed, and a predecessor is as it was; or all is made, and the plaintext
 * token is where it was wanted.  The other order could shorten a predecessor's
 * life for a successor that nobody has.  The price: when the last step fails,
 * the token that was delivered is not valid.  It is refused everywhere, the
 * exit code and a line say so, and a file is removed again.  When only its
 * answer is lost, the token may be valid: the line says how to find out, and
 * the file stays.
 */


#include "issue.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int ctl_issue_steps(ctl_t *ctl, ctl_new_t *new, const char *mode,
    ctl_issue_step_pt step, void *data);
static int ctl_issue_random(ctl_t *ctl, ctl_new_t *new, stok_kind_e kind);
static int ctl_issue_dates(ctl_t *ctl, ctl_new_t *new, const char *text,
    size_t len);
static int ctl_issue_write(ctl_t *ctl, ctl_new_t *new,
    const ctl_deliver_t *deliver, ctl_issue_step_pt step, void *data);
static int ctl_issue_made(ctl_t *ctl, ctl_new_t *new, int code);
static void ctl_new_text(json_t *json, const char *name, const char *text);
static void ctl_new_date(json_t *json, const char *name, int64_t date);


/* what --expires-in says, as far as it is known before there is a date */

void
ctl_issue_ends(ctl_new_t *new, const ctl_time_t *ends)
{
    new->ends = ends->kind == CTL_TIME_MOMENT ? ends->at : 0;
    new->lifetime = ends->kind == CTL_TIME_LENGTH ? ends->ms / 1000 : 0;
}


int
ctl_issue_name(ctl_t *ctl, const char *name, ctl_new_t *new)
{
    int  code;

    code = ctl_name_new(ctl, "--name", name);

    if (code == CTL_OK) {
        strcpy(new->name, name);
    }

    return code;
}


int
ctl_issue(ctl_t *ctl, ctl_new_t *new, const ctl_deliver_t *deliver,
    ctl_issue_step_pt step, void *data)
{
    int  code;

    code = ctl_meta(ctl, "brand", &new->brand);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_issue_steps(ctl, new, new->choose ? "name" : "check", step,
                           data);

    if (code == CTL_OK) {
        code = ctl_secret_choose(ctl, new);
    }

    if (code == CTL_OK && !ctl->dry && deliver->deliver) {
        code = deliver->deliver(ctl, new, deliver->data);
    }

    if (code == CTL_OK && !ctl->dry) {
        code = ctl_issue_write(ctl, new, deliver, step, data);
    }

    if (code == CTL_OK) {
        ctl_issue_warn(ctl, new);
    }

    free(new->brand);
    OPENSSL_cleanse(new->token, sizeof(new->token));

    return code;
}


static int
ctl_issue_write(ctl_t *ctl, ctl_new_t *new, const ctl_deliver_t *deliver,
    ctl_issue_step_pt step, void *data)
{
    int  code;

    ctl_hint(ctl, "discard the token that was shown or written: it is not "
             "valid, unless \"token show %s\" finds it", new->id);

    code = ctl_issue_steps(ctl, new, "write", step, data);

    if (code == CTL_CHANGED) {
        code = ctl_fail(ctl, CTL_CHANGED, "the record keeps changing");
    }

    ctl_hint(ctl, NULL);

    if (code == CTL_UNAVAILABLE && ctl->ctx == NULL) {
        snprintf(ctl->error.hint, sizeof(ctl->error.hint), "the token that "
                 "was shown or written may be valid: if \"token show %s\" "
                 "finds it, use it or revoke it", new->id);
    }

    if (code == CTL_OK) {
        if (deliver->done) {
            deliver->done(ctl, new, deliver->data);
        }

    } else if (deliver->undo && !ctl_issue_made(ctl, new, code)) {
        deliver->undo(ctl, new, deliver->data);
    }

    return code;
}


/* when Redis went away, whether it was made is not known: so it may be */

static int
ctl_issue_made(ctl_t *ctl, ctl_new_t *new, int code)
{
    int          made;
    redisReply  *reply;
    ctl_error_t  error;

    if (code != CTL_UNAVAILABLE && code != CTL_FAILED) {
        return 0;
    }

    error = ctl->error;

    code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "EXISTS %sid:%s",
                       ctl->prefix, new->id);
    ctl->error = error;

    made = code != CTL_OK || reply->integer;
    freeReplyObject(reply);

    return made;
}


void
ctl_issue_warn(ctl_t *ctl, ctl_new_t *new)
{
    ctl_env_warn(ctl, new->env, new->lifetime);

    if (new->owner != STOK_USER_ACTIVE) {
        ctl_note(ctl, CTL_NOTE_NOTE, "the user is %s: the token is refused "
                 "until it is active", stok_user_status_name(new->owner).data);
    }
}


static int
ctl_issue_steps(ctl_t *ctl, ctl_new_t *new, const char *mode,
    ctl_issue_step_pt step, void *data)
{
    int  code, tries;

    code = CTL_CHANGED;

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = step(ctl, new, mode, data);
    }

    return code;
}


/* token, id, digest and dates: the first time only */

int
ctl_issue_draw(ctl_t *ctl, ctl_new_t *new)
{
    int  code;

    if (new->created_at) {
        return CTL_OK;
    }

    code = ctl_issue_random(ctl, new, new->scope[0] ? STOK_KIND_SCIM
                                 : new->personal ? STOK_KIND_PAT
                                                 : STOK_KIND_SVC);

    return code == CTL_OK ? ctl_issue_dates(ctl, new, new->token,
                                            strlen(new->token))
                          : code;
}


int
ctl_issue_id(ctl_t *ctl, ctl_new_t *new, const char *text, size_t len)
{
    int  code;

    if (new->created_at) {
        return CTL_OK;
    }

    /* the token that is drawn with the id is not used */

    code = ctl_issue_random(ctl, new, STOK_KIND_SVC);
    OPENSSL_cleanse(new->token, sizeof(new->token));

    return code == CTL_OK ? ctl_issue_dates(ctl, new, text, len) : code;
}


static int
ctl_issue_dates(ctl_t *ctl, ctl_new_t *new, const char *text, size_t len)
{
    int         code;
    ctl_time_t  moment;

    stok_digest(ctl->keys.n ? &ctl->keys.key[0] : NULL, text, len,
                new->digest);

    code = ctl_now(ctl, &new->created_at);

    if (code == CTL_OK) {
        new->expires_at = new->lifetime ? new->created_at + new->lifetime : 0;
    }

    if (code == CTL_OK && new->ends) {
        memset(&moment, 0, sizeof(moment));
        moment.kind = CTL_TIME_MOMENT;
        moment.at = new->ends;

        code = ctl_time_ahead(ctl, "expires-in", &moment, new->created_at,
                              &new->expires_at);
        new->lifetime = new->expires_at - new->created_at;
    }

    return code;
}


static int
ctl_issue_random(ctl_t *ctl, ctl_new_t *new, stok_kind_e kind)
{
    int          rc;
    size_t       len;
    uint8_t      random[2][STOK_TOKEN_RANDOM];
    const char  *brand;

    brand = new->brand && new->brand[0] ? new->brand : "stk";

    do {
        if (RAND_bytes(random[0], sizeof(random)) != 1) {
            return ctl_fail(ctl, CTL_FAILED, "no random numbers");
        }

        rc = stok_token_make(brand, strlen(brand), kind, random[0],
                             new->token, &len);

        if (rc == STOK_OK) {
            rc = stok_id_make(random[1], new->id);
        }

    } while (rc == STOK_ERROR);

    OPENSSL_cleanse(random, sizeof(random));

    if (rc != STOK_OK) {
        return ctl_fail(ctl, CTL_BROKEN, "the dataset's brand \"%s\" is not "
                        "valid", brand);
    }

    new->token[len] = '\0';
    new->id[STOK_ID_LEN] = '\0';

    return CTL_OK;
}


/* more: n arguments that say what becomes of a predecessor */

int
ctl_issue_script(ctl_t *ctl, ctl_new_t *new, const char *mode, size_t n,
    const stok_str_t *more)
{
    int                   code;
    char                  hex[STOK_DIGEST_HEX + 1], seal[STOK_SEAL_MAX + 1];
    char                  created[24], expires[24], *word;
    char                  secret[CTL_SECRET_MAX + 1];
    size_t                i;
    ctl_record_t          made;
    stok_str_t            arg[19 + 2 * CTL_FIELDS];
    stok_token_record_t   rec;

    stok_digest_hex(new->digest, hex);
    hex[STOK_DIGEST_HEX] = '\0';

    memset(&rec, 0, sizeof(rec));
    rec.id.data = new->id;
    rec.id.len = STOK_ID_LEN;
    rec.user.data = new->user;
    rec.user.len = strlen(new->user);
    rec.name.data = new->name;
    rec.name.len = strlen(new->name);
    rec.scope.data = new->scope;
    rec.scope.len = strlen(new->scope);
    rec.env.data = new->env;
    rec.env.len = strlen(new->env);
    rec.networks.data = new->networks;
    rec.networks.len = strlen(new->networks);
    rec.rate.data = new->rate;
    rec.rate.len = strlen(new->rate);
    rec.type = new->personal ? STOK_TYPE_PERSONAL : STOK_TYPE_SERVICE;
    rec.status = STOK_TOKEN_ACTIVE;
    rec.expires_at = new->expires_at;

    snprintf(created, sizeof(created), "%lld", (long long) new->created_at);
    snprintf(expires, sizeof(expires), "%lld", (long long) new->expires_at);

    memcpy(made.digest, new->digest, sizeof(made.digest));
    (void) ctl_token_seal(ctl, &made, &rec, seal);

    arg[0] = ctl_str(mode);
    arg[1] = ctl_str(hex);
    arg[2] = ctl_str(new->id);
    arg[3] = ctl_str(new->user);
    arg[4] = ctl_str(new->name);
    arg[5] = ctl_str(stok_type_name(rec.type).data);
    arg[6] = ctl_str(new->scope);
    arg[7] = ctl_str(new->env);
    arg[8] = ctl_str(created);
    arg[9] = ctl_str(expires);
    arg[10] = ctl_str(seal);
    arg[11] = ctl_str(new->networks);
    arg[12] = ctl_str(new->rate);

    ctl_secret_text(new, secret);
    arg[13] = ctl_str(secret);

    for (i = 0; i < n; i++) {
        arg[14 + i] = more[i];
    }

    code = ctl_script(ctl, stok_script_token_create, 14 + n, arg, &word);

    if (code == CTL_OK) {
        snprintf(new->name, sizeof(new->name), "%s", word);
        free(word);
    }

    return code;
}


json_t *
ctl_new_json(ctl_t *ctl, const ctl_new_t *new)
{
    json_t  *json;

    json = json_object();

    ctl_new_text(json, "id", new->id);
    ctl_new_text(json, "user", new->user);
    ctl_new_text(json, "name", new->name);
    ctl_new_text(json, "type", new->personal ? "personal" : "service");
    ctl_new_text(json, "scope", new->scope);
    ctl_new_text(json, "env", new->env);
    ctl_new_text(json, "networks", new->networks);
    ctl_new_text(json, "rate", new->rate);
    ctl_new_text(json, "status", "active");
    ctl_new_date(json, "created_at", new->created_at);
    ctl_new_text(json, "created_by", ctl->actor);
    ctl_new_date(json, "expires_at", new->expires_at);
    ctl_new_date(json, "revoked_at", 0);
    ctl_new_text(json, "rotated_from", new->old ? new->old : "");
    ctl_new_text(json, "rotated_to", "");
    ctl_token_state(json, stok_user_status_name(new->owner).data, NULL);

    if (new->old) {
        json_object_set_new(json, "predecessor",
                            json_pack("{s:s}", "id", new->old));
        ctl_new_date(json_object_get(json, "predecessor"), "expires_at",
                     new->old_expires_at);
    }

    return json;
}


static void
ctl_new_text(json_t *json, const char *name, const char *text)
{
    json_object_set_new(json, name, ctl_json_value(name, ctl_str(text)));
}


static void
ctl_new_date(json_t *json, const char *name, int64_t date)
{
    json_object_set_new(json, name, date ? json_integer(date) : json_null());
}
