/*
 * fsck: records and names that cannot be used, and how findings are reported.
 */


#include "fsck.h"
#include "audit.h"

#include <stdio.h>
#include <string.h>


static const char *ctl_fsck_why(ctl_fsck_t *f, const char *kind,
    const char *name, redisReply **element, size_t n, ctl_record_t *rec);


int
ctl_fsck_record(ctl_fsck_t *f, ctl_names_t *names, size_t i,
    redisReply *record)
{
    char            seen[160];
    const char     *name, *why;
    ctl_wrong_t     finding;
    ctl_record_t    rec;

    name = names->arg[CTL_FSCK_FIXED + i - 1];
    memset(&finding, 0, sizeof(finding));

    *(strcmp(names->kind, "user") == 0 ? &f->users : &f->tokens) += 1;

    why = ctl_fsck_why(f, names->kind, name, record->element,
                       record->elements, &rec);

    if (why == NULL) {
        return 1;
    }

    /* one finding for all of these: see ctl_fsck_seals() */

    if (rec.state == CTL_REC_UNSEALED) {
        f->unsealed++;
        f->unreadable += strcmp(names->kind, "token") == 0;
        return 0;
    }

    if (ctl_field(&rec, "id").len) {
        finding.token = ctl_field(&rec, "id").data;
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
    ctl_record_t  rec;

    return ctl_fsck_why(f, "token", record->element[0]->str,
                        record->element + 1, record->elements - 1, &rec)
           == NULL;
}


/*
 * NULL: it can be read, and its seal is right if there are keys.  The record is
 * part of a longer reply, which goes on owning it.
 */

static const char *
ctl_fsck_why(ctl_fsck_t *f, const char *kind, const char *name,
    redisReply **element, size_t n, ctl_record_t *rec)
{
    redisReply  hex, fields;

    memset(&hex, 0, sizeof(hex));
    hex.type = REDIS_REPLY_STRING;
    hex.str = (char *) name;
    hex.len = strlen(name);

    memset(&fields, 0, sizeof(fields));
    fields.type = REDIS_REPLY_ARRAY;
    fields.elements = n;
    fields.element = element;

    if (strcmp(kind, "user") == 0) {
        ctl_record_user(rec, name);

    } else if (ctl_record_token(rec, &hex) != CTL_OK) {
        return "its name is not a digest";
    }

    ctl_record_take(f->ctl, rec, &fields, NULL);
    rec->reply = NULL;

    switch (rec->state) {

    case CTL_REC_GOOD:
    case CTL_REC_KEYLESS:
        return NULL;

    case CTL_REC_TAMPERED:
    case CTL_REC_UNSEALED:
        return "its seal is wrong";

    default:
        return rec->why ? rec->why : "it has no fields";
    }
}


/* of a dataset that is not sealed yet, and of one whose key file is missing */

void
ctl_fsck_seals(ctl_fsck_t *f)
{
    char         seen[160];
    ctl_wrong_t  finding;

    ctl_unchecked(f->ctl);

    if (f->unsealed) {
        snprintf(seen, sizeof(seen), "%lld records have no seal, this dataset "
                 "is not sealed yet: see \"seal --first --dry-run\"",
                 (long long) f->unsealed);

        memset(&finding, 0, sizeof(finding));
        finding.word = "unsealed";
        finding.seen = seen;
        ctl_fsck_say(f, &finding);
    }
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
    f->found++;
    f->fixed += finding->fixed;

    item = json_pack("{s:s, s:s?, s:s?, s:s, s:b}", "finding", finding->word,
                     "token", finding->token && finding->token[0]
                              ? finding->token : NULL,
                     "user", finding->user && finding->user[0]
                             ? finding->user : NULL,
                     "seen", finding->seen, "fixed", finding->fixed);

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
