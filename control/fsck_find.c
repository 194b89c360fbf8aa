/*
 * fsck: records and names that cannot be used, and how findings are told.
 */


#include "fsck.h"
#include "audit.h"

#include <stdio.h>
#include <string.h>


static const char *ctl_fsck_why(ctl_fsck_t *f, const char *kind,
    const char *name, stok_str_t *field, size_t n);
static size_t ctl_fsck_fields(redisReply **element, size_t n,
    stok_str_t field[CTL_FIELDS]);


int
ctl_fsck_record(ctl_fsck_t *f, ctl_names_t *names, size_t i,
    redisReply *record)
{
    char            seen[160];
    size_t          k, n;
    stok_str_t      field[CTL_FIELDS];
    const char     *name, *why;
    ctl_wrong_t   finding;

    name = names->arg[CTL_FSCK_FIXED + i - 1];
    memset(&finding, 0, sizeof(finding));
    n = ctl_fsck_fields(record->element, record->elements, field);

    for (k = 0; k + 1 < n; k += 2) {
        if (ctl_str_is(field[k], "id")) {
            finding.token = field[k + 1].data;
        }
    }

    *(strcmp(names->kind, "user") == 0 ? &f->users : &f->tokens) += 1;

    why = ctl_fsck_why(f, names->kind, name, field, n);

    if (why == NULL) {
        return 1;
    }

    if (strcmp(names->kind, "user") == 0) {
        finding.user = name;
        snprintf(seen, sizeof(seen), "its record cannot be used: %s", why);

    } else {
        snprintf(seen, sizeof(seen), "token:%.8s... cannot be used: %s",
                 name, why);
        f->unreadable++;
    }

    finding.word = "unreadable";
    finding.seen = seen;
    ctl_fsck_say(f, &finding);

    return 0;
}


int
ctl_fsck_readable(ctl_fsck_t *f, redisReply *record)
{
    size_t       n;
    stok_str_t   field[CTL_FIELDS];

    n = ctl_fsck_fields(record->element + 1, record->elements - 1, field);

    return ctl_fsck_why(f, "token", record->element[0]->str, field, n)
           == NULL;
}


static size_t
ctl_fsck_fields(redisReply **element, size_t n, stok_str_t field[CTL_FIELDS])
{
    size_t  k;

    n = n > CTL_FIELDS ? CTL_FIELDS : n;

    for (k = 0; k < n; k++) {
        field[k].data = element[k]->str;
        field[k].len = (size_t) element[k]->len;
    }

    return n;
}


/* NULL: it can be read, and its seal is right if there are keys */

static const char *
ctl_fsck_why(ctl_fsck_t *f, const char *kind, const char *name,
    stok_str_t *field, size_t n)
{
    int                   rc, tampered;
    uint8_t               digest[STOK_DIGEST_LEN];
    stok_str_t            id;
    const char           *why;
    stok_user_record_t    user;
    stok_token_record_t   token;

    tampered = 0;

    if (strcmp(kind, "user") == 0) {
        id.data = name;
        id.len = strlen(name);
        rc = stok_user_record_decode(&user, field, n, &why);

        if (rc == STOK_OK && f->ctl->keys.n) {
            stok_seal_check_user(&f->ctl->keys, id, &user);
            tampered = user.tampered;
        }

    } else {
        rc = stok_token_record_decode(&token, field, n, &why);

        if (rc == STOK_OK && f->ctl->keys.n
            && ctl_unhex(name, strlen(name), digest) == CTL_OK)
        {
            stok_seal_check_token(&f->ctl->keys, digest, &token);
            tampered = token.tampered;
        }
    }

    return rc != STOK_OK ? why : tampered ? "its seal is wrong" : NULL;
}


int
ctl_fsck_key(ctl_fsck_t *f, const char *kind, redisReply *name)
{
    char            seen[160];
    stok_str_t      id;
    uint8_t         digest[STOK_DIGEST_LEN];
    ctl_wrong_t   finding;

    id.data = name->str;
    id.len = (size_t) name->len;

    if (strcmp(kind, "token") == 0
        ? ctl_unhex(id.data, id.len, digest) == CTL_OK
        : strcmp(kind, "aside") == 0 ? 1
        : strncmp(kind, "user", 4) == 0 ? stok_user_id_check(id) == STOK_OK
                                        : stok_record_id_check(id) == STOK_OK)
    {
        return 1;
    }

    /* a digest is shown no further than this, wrong or not */

    memset(&finding, 0, sizeof(finding));
    snprintf(seen, sizeof(seen), "%s:%.8s... is not a name of the schema", kind,
             name->str);
    finding.word = "name";
    finding.seen = seen;
    ctl_fsck_say(f, &finding);

    return 0;
}


void
ctl_fsck_say(ctl_fsck_t *f, const ctl_wrong_t *finding)
{
    json_t      *item;
    const char  *token, *user;

    token = finding->token ? finding->token : "";
    user = finding->user ? finding->user : "";

    f->found++;
    f->mended += finding->mended;

    item = json_pack("{s:s, s:s, s:s, s:s, s:b}", "finding", finding->word,
                     "token", token, "user", user, "seen", finding->seen,
                     "mended", finding->mended);

    if (f->code == CTL_OK) {
        f->code = item ? f->each(f->ctl, item, f->data) : CTL_OK;
    }

    json_decref(item);
}


/* what the audit's chain has to tell */

int
ctl_fsck_audit(ctl_fsck_t *f)
{
    int             code;
    size_t          i;
    json_t         *findings, *item;
    int64_t         found;
    ctl_wrong_t     finding;

    code = ctl_audit_findings(f->ctl, &findings, &found);

    memset(&finding, 0, sizeof(finding));
    finding.word = "audit";

    json_array_foreach(findings, i, item) {
        finding.seen = json_string_value(json_object_get(item, "seen"));
        ctl_fsck_say(f, &finding);
    }

    /* those beyond the first ones */

    f->found += found - (int64_t) json_array_size(findings);
    json_decref(findings);

    return code;
}
