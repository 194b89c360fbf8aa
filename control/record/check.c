/*
 * The decision of the edge, for a token.
 */


#include "internal.h"
#include "stok_bearer.h"

#include <string.h>
#include <time.h>


typedef struct {
    stok_verdict_e        verdict;
    ctl_record_t          token_rec;
    ctl_record_t          user_rec;
    stok_token_record_t   token;
    stok_user_record_t    user;
    int                   token_found;
    int                   user_found;
    size_t                key;                   /* of the token's digest */
} ctl_checked_t;


static int ctl_check_judge(ctl_t *ctl, const char *text, size_t len,
    const stok_require_t *require, ctl_checked_t *checked);
static int ctl_check_records(ctl_t *ctl, const char *text, size_t len,
    ctl_checked_t *checked);
static int ctl_check_token(ctl_t *ctl, const char *text, size_t len,
    ctl_checked_t *checked);
static int ctl_check_plain(ctl_t *ctl, const char *text, size_t len);
static int ctl_check_fetch(ctl_t *ctl, ctl_record_t *rec);
static json_t *ctl_check_json(ctl_t *ctl, ctl_checked_t *checked);


int
ctl_check(ctl_t *ctl, const char *text, size_t len,
    const stok_require_t *require, json_t **answer)
{
    int            code;
    ctl_checked_t  checked;

    memset(&checked, 0, sizeof(checked));

    code = ctl_check_judge(ctl, text, len, require, &checked);

    if (code == CTL_OK) {
        *answer = ctl_check_json(ctl, &checked);
        code = checked.verdict == STOK_ALLOWED ? CTL_OK
               : checked.verdict == STOK_UNAVAILABLE ? CTL_UNAVAILABLE
               : CTL_FOUND;
    }

    ctl_free(&checked.token_rec);
    ctl_free(&checked.user_rec);

    return code;
}


int
ctl_check_require(ctl_t *ctl, const char *role, const char *scope,
    const char *type, stok_require_t *require)
{
    stok_str_t  text;

    memset(require, 0, sizeof(*require));
    require->roles = &ctl->roles;
    require->types = STOK_TYPE_ANY;
    require->scope.data = "";
    require->scope.len = 0;

    if (role) {
        text.data = role;
        text.len = strlen(role);
        require->role = stok_role_rank(&ctl->roles, text);

        if (require->role < 0) {
            return ctl_fail(ctl, CTL_INVALID, "no role \"%s\": the roles are "
                            "%s", role, ctl->role_names);
        }
    }

    if (scope) {
        require->scope.data = scope;
        require->scope.len = strlen(scope);

        if (stok_scope_check(require->scope) != STOK_OK) {
            return ctl_fail(ctl, CTL_INVALID, "bad --scope");
        }
    }

    if (type == NULL) {
        return CTL_OK;
    }

    if (strcmp(type, "service") == 0) {
        require->types = STOK_TYPE_SERVICE;

    } else if (strcmp(type, "personal") == 0) {
        require->types = STOK_TYPE_PERSONAL;

    } else {
        return ctl_fail(ctl, CTL_INVALID, "bad --type: service or personal");
    }

    return CTL_OK;
}


static int
ctl_check_judge(ctl_t *ctl, const char *text, size_t len,
    const stok_require_t *require, ctl_checked_t *checked)
{
    int           code;
    stok_token_t  parsed;

    if (len == 0) {
        checked->verdict = STOK_MISSING;
        return CTL_OK;
    }

    if (stok_bearer_check(text, len) != STOK_OK) {
        checked->verdict = STOK_MALFORMED;
        return CTL_OK;
    }

    if (stok_token_parse(text, len, &parsed) == STOK_INVALID) {
        checked->verdict = STOK_UNKNOWN;
        return CTL_OK;
    }

    code = ctl_check_records(ctl, text, len, checked);

    if (code == CTL_OK) {
        checked->verdict = stok_decide(checked->token_found ? &checked->token
                                                            : NULL,
                                       checked->user_found ? &checked->user
                                                           : NULL,
                                       require, NULL, time(NULL));
        return CTL_OK;
    }

    if (code == CTL_FOUND) {
        checked->verdict = STOK_UNAVAILABLE;
        return CTL_OK;
    }

    return code;
}


/* CTL_FOUND: a record, or the dataset's marker, cannot be read */

static int
ctl_check_records(ctl_t *ctl, const char *text, size_t len,
    ctl_checked_t *checked)
{
    int            code;
    char           id[STOK_USER_ID_MAX + 1];
    stok_str_t     user;
    redisReply    *reply;
    ctl_record_t  *rec;

    rec = &checked->token_rec;

    code = ctl_check_token(ctl, text, len, checked);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_command(ctl, CTL_IS_VALUES, &reply, "HMGET %smeta schema "
                       "importing", ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    code = reply->elements == 2 && ctl_is_text(reply->element[0])
           && strcmp(reply->element[0]->str, STOK_SCHEMA) == 0
           && reply->element[1]->type == REDIS_REPLY_NIL ? CTL_OK : CTL_FOUND;
    freeReplyObject(reply);

    if (code != CTL_OK || rec->state == CTL_REC_NONE) {
        return code;
    }

    checked->token = rec->token;
    checked->token_found = 1;

    user = checked->token.user;
    memcpy(id, user.data, user.len);
    id[user.len] = '\0';

    rec = &checked->user_rec;
    ctl_record_user(rec, id);

    code = ctl_check_fetch(ctl, rec);
    if (code != CTL_OK || rec->state == CTL_REC_NONE) {
        return code;
    }

    checked->user = rec->user;
    checked->user_found = 1;

    return CTL_OK;
}


/* by the current key, and while there is no such record, by each older one */

static int
ctl_check_token(ctl_t *ctl, const char *text, size_t len,
    ctl_checked_t *checked)
{
    int            code;
    stok_str_t     prefix;
    ctl_record_t  *rec;

    rec = &checked->token_rec;
    prefix.data = "";
    prefix.len = 0;

    for ( ;; ) {
        stok_digest(ctl->keys.n ? &ctl->keys.key[checked->key] : NULL, text,
                    len, rec->digest);
        rec->key[stok_token_key(rec->key, prefix, rec->digest)] = '\0';

        code = ctl_check_fetch(ctl, rec);

        if (code != CTL_OK || rec->state != CTL_REC_NONE) {
            return code;
        }

        if (checked->key + 1 >= ctl->keys.n) {
            return ctl->keys.n ? ctl_check_plain(ctl, text, len)
                               : ctl_writable(ctl);
        }

        ctl_free(rec);
        checked->key++;
    }
}


/* an edge with keys does not know one from before there were any */

static int
ctl_check_plain(ctl_t *ctl, const char *text, size_t len)
{
    int          code;
    char         hex[STOK_DIGEST_HEX + 1];
    uint8_t      digest[STOK_DIGEST_LEN];
    redisReply  *reply;

    stok_digest(NULL, text, len, digest);
    stok_digest_hex(digest, hex);
    hex[STOK_DIGEST_HEX] = '\0';

    code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "EXISTS %stoken:%s",
                       ctl->prefix, hex);
    if (code != CTL_OK) {
        return code;
    }

    if (reply->integer) {
        ctl_note(ctl, CTL_NOTE_NOTE, "the token was made without a key file: "
                 "to nginx with one it is unknown, without one it is not");
    }

    freeReplyObject(reply);

    return CTL_OK;
}


static int
ctl_check_fetch(ctl_t *ctl, ctl_record_t *rec)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HGETALL %s%s", ctl->prefix,
                       rec->key);
    if (code != CTL_OK) {
        return code;
    }

    ctl_record_take(ctl, rec, reply, NULL);

    return rec->state == CTL_REC_ODD ? CTL_FOUND : CTL_OK;
}


static json_t *
ctl_check_json(ctl_t *ctl, ctl_checked_t *checked)
{
    json_t            *json;
    const stok_key_t  *key;

    json = json_pack("{s:s, s:n, s:n, s:n, s:n}", "verdict",
                     stok_verdict_word(checked->verdict).data, "id", "user",
                     "role", "key");

    if (checked->token_found) {
        json_object_set_new(json, "id",
                            json_stringn(checked->token.id.data,
                                         checked->token.id.len));
        json_object_set_new(json, "user",
                            json_stringn(checked->token.user.data,
                                         checked->token.user.len));
    }

    if (checked->token_found && ctl->keys.n) {
        key = &ctl->keys.key[checked->key];
        json_object_set_new(json, "key",
                            json_stringn(key->name, key->name_len));
    }

    if (checked->user_found) {
        json_object_set_new(json, "role",
                            json_stringn(checked->user.role.data,
                                         checked->user.role.len));
    }

    return json;
}
