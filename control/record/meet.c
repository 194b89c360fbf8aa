/*
 * A walk over all records of tokens, and the token that has an id, found by
 * its record where the index cannot be believed.
 */


#include "meet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    const char    *id;
    int            found;
    int            many;                         /* others have the id, too */
    ctl_record_t   rec;
} ctl_seek_t;


static int ctl_meet_page(ctl_t *ctl, redisReply *keys, ctl_meet_pt meet,
    void *data);
static int ctl_seek(ctl_t *ctl, const char *id, ctl_record_t *rec, int *many);
static int ctl_seek_meet(ctl_t *ctl, const ctl_met_t *met, void *data);


int
ctl_meet_walk(ctl_t *ctl, ctl_meet_pt meet, void *data)
{
    int          code;
    char         cursor[CTL_CURSOR], pattern[2 * STOK_PREFIX_MAX + 1];
    redisReply  *reply;

    strcpy(cursor, "0");
    ctl_pattern(ctl->prefix, pattern);

    do {
        code = ctl_command(ctl, CTL_IS_PAGE, &reply, "SCAN %s MATCH %stoken:* "
                           "COUNT %d", cursor, pattern, CTL_MEET_COUNT);
        if (code != CTL_OK) {
            return code;
        }

        strcpy(cursor, reply->element[0]->str);
        code = ctl_meet_page(ctl, reply->element[1], meet, data);

        freeReplyObject(reply);

    } while (code == CTL_OK && strcmp(cursor, "0") != 0);

    return code;
}


/* keys become digests where they stand */

static int
ctl_meet_page(ctl_t *ctl, redisReply *keys, ctl_meet_pt meet, void *data)
{
    size_t       i, head;
    redisReply  *key;

    head = strlen(ctl->prefix) + sizeof("token:") - 1;

    for (i = 0; i < keys->elements; i++) {
        key = keys->element[i];

        if (key->type == REDIS_REPLY_STRING && key->len >= head) {
            memmove(key->str, key->str + head, key->len - head + 1);
            key->len -= head;
        }
    }

    return ctl_meet_records(ctl, keys->element, keys->elements, meet, data);
}


int
ctl_meet_records(ctl_t *ctl, redisReply **digest, size_t n, ctl_meet_pt meet,
    void *data)
{
    int            code;
    size_t         i, k;
    uint8_t        raw[STOK_DIGEST_LEN];
    ctl_met_t      met;
    redisReply   **rec, *other;

    for (i = 0, k = 0; i < n; i++) {
        if (digest[i]->type == REDIS_REPLY_STRING
            && ctl_unhex(digest[i]->str, digest[i]->len, raw) == CTL_OK)
        {
            ctl_append(ctl, "HMGET %stoken:%s id user status", ctl->prefix,
                       digest[i]->str);

            /* each stays there once: the caller frees them */

            other = digest[k];
            digest[k++] = digest[i];
            digest[i] = other;
        }
    }

    code = ctl_tries(ctl, k, &rec);
    if (code != CTL_OK) {
        return code;
    }

    for (i = 0; i < k && code == CTL_OK; i++) {
        if (ctl_fits(rec[i], CTL_IS_VALUES) && rec[i]->elements == 3) {
            met.digest = digest[i];
            met.id = rec[i]->element[0];
            met.user = rec[i]->element[1];
            met.status = rec[i]->element[2];

            code = meet(ctl, &met, data);
        }
    }

    ctl_tries_free(rec, k);

    return code;
}


int
ctl_stop_token(ctl_t *ctl, const char *id, ctl_record_t *rec)
{
    int  many;

    return ctl_seek(ctl, id, rec, &many);
}


int
ctl_only_token(ctl_t *ctl, const char *id, ctl_record_t *rec)
{
    int  code, many;

    code = ctl_seek(ctl, id, rec, &many);

    if (code == CTL_OK && many && rec->state != CTL_REC_GOOD) {
        ctl_free(rec);
        code = ctl_fail(ctl, CTL_BROKEN, "several records say that they are "
                        "token \"%s\", and none has a valid seal: revoke it, "
                        "and make a new one", id);
    }

    return code;
}


static int
ctl_seek(ctl_t *ctl, const char *id, ctl_record_t *rec, int *many)
{
    int         code;
    ctl_seek_t  seek;

    *many = 0;

    code = ctl_lookup_token(ctl, id, rec);

    if (code == CTL_INVALID) {
        return ctl_fail(ctl, CTL_NOTFOUND, "no token \"%s\"", id);
    }

    if ((code == CTL_OK && (ctl->keys.n == 0 || rec->state == CTL_REC_GOOD))
        || (code != CTL_OK && code != CTL_NOTFOUND))
    {
        return code;
    }

    memset(&seek, 0, sizeof(seek));
    seek.id = id;

    if (code == CTL_OK) {
        seek.rec = *rec;
        seek.found = 1;
    }

    code = ctl_meet_walk(ctl, ctl_seek_meet, &seek);
    *many = seek.many;

    if (code == CTL_FOUND || (code == CTL_OK && seek.found)) {
        *rec = seek.rec;
        return CTL_OK;
    }

    ctl_free(&seek.rec);

    return code != CTL_OK ? code
                          : ctl_fail(ctl, CTL_NOTFOUND, "no token \"%s\"", id);
}


/*
 * Records of one id: the one that nobody but us can have written, or, if there
 * is none, the first.  Without keys nobody can tell: one that is active.
 */

static int
ctl_seek_meet(ctl_t *ctl, const ctl_met_t *met, void *data)
{
    int            code, sure;
    ctl_seek_t    *seek = data;
    ctl_record_t   rec;

    if (!ctl_says(met->id, seek->id)) {
        return CTL_OK;
    }

    code = ctl_read_digest(ctl, met->digest, &rec);
    if (code != CTL_OK) {
        return code == CTL_NOTFOUND || code == CTL_BROKEN ? CTL_OK : code;
    }

    sure = ctl->keys.n ? rec.state == CTL_REC_GOOD
                       : ctl_says(met->status, "active");

    if (seek->found && !sure) {
        seek->many |= strcmp(rec.key, seek->rec.key) != 0;
        ctl_free(&rec);
        return CTL_OK;
    }

    ctl_free(&seek->rec);
    seek->rec = rec;
    seek->found = 1;

    return sure ? CTL_FOUND : CTL_OK;
}


int
ctl_says(const redisReply *reply, const char *text)
{
    return reply->type == REDIS_REPLY_STRING && reply->len == strlen(text)
           && memcmp(reply->str, text, reply->len) == 0;
}
