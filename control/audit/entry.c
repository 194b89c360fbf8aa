/*
 * Entries of the audit: how they are read, and the hash that each has to have.
 * scripts/common.lua writes them.
 */


#include "audit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>


#define CTL_BATCH_MAX  1000                      /* in a batch */


int
ctl_audit_walk(ctl_t *ctl, const char *from, ctl_entry_pt handler,
    void *data)
{
    int          code;
    char         start[64];
    size_t       i, n;
    redisReply  *batch;

    snprintf(start, sizeof(start), "%s", from);

    do {
        code = ctl_command(ctl, CTL_IS_ENTRIES, &batch, "XRANGE %saudit %s + "
                           "COUNT %d", ctl->prefix, start, CTL_BATCH_MAX);
        if (code != CTL_OK) {
            return code;
        }

        n = batch->type == REDIS_REPLY_ARRAY ? batch->elements : 0;

        for (i = 0; i < n && code == CTL_OK; i++) {
            code = ctl_entry_check(ctl, batch->element[i]);

            if (code == CTL_OK) {
                code = handler(ctl, batch->element[i], data);
            }
        }

        if (code == CTL_OK && n) {
            snprintf(start, sizeof(start), "(%s",
                     batch->element[n - 1]->element[0]->str);
        }

        freeReplyObject(batch);

    } while (code == CTL_OK && n == CTL_BATCH_MAX);

    return code;
}


int
ctl_entry_check(ctl_t *ctl, redisReply *entry)
{
    size_t       i, n;
    redisReply  *fields;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2
        || entry->element[0]->type != REDIS_REPLY_STRING
        || entry->element[1]->type != REDIS_REPLY_ARRAY)
    {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis gave an unexpected "
                        "answer");
    }

    fields = entry->element[1];
    n = fields->elements;

    for (i = 0; i < n && fields->element[i]->type == REDIS_REPLY_STRING; i++) {
        /* void */
    }

    return i == n ? CTL_OK : ctl_fail(ctl, CTL_UNAVAILABLE, "Redis gave an "
                                      "unexpected answer");
}


const char *
ctl_entry_get(redisReply *entry, const char *name)
{
    size_t       i;
    redisReply  *fields;

    fields = entry->element[1];

    for (i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, name) == 0) {
            return fields->element[i + 1]->str;
        }
    }

    return "";
}


json_t *
ctl_entry_json(redisReply *entry)
{
    size_t       i;
    json_t      *json, *value;
    redisReply  *fields, *text;
    const char  *name;

    json = json_object();
    fields = entry->element[1];

    json_object_set_new(json, "id", json_string(entry->element[0]->str));

    for (i = 0; i + 1 < fields->elements; i += 2) {
        name = fields->element[i]->str;
        text = fields->element[i + 1];

        if (strcmp(name, "at") == 0 || strcmp(name, "seq") == 0
            || strcmp(name, "count") == 0)
        {
            value = json_integer(ctl_number(text->str));

        } else {
            value = text->len ? json_stringn(text->str, (size_t) text->len)
                              : NULL;
        }

        /* none, or not UTF-8, which cannot be shown as JSON */

        json_object_set_new(json, name, value ? value : json_null());
    }

    return json;
}


void
ctl_entry_hash(redisReply *entry, char out[CTL_CHAIN_LEN + 1])
{
    int             rc;
    char            len[32];
    size_t          i;
    unsigned        n;
    EVP_MD_CTX     *md;
    redisReply     *fields, *text;
    unsigned char   hash[EVP_MAX_MD_SIZE];

    out[0] = '\0';
    fields = entry->element[1];
    md = EVP_MD_CTX_new();

    if (md == NULL) {
        return;
    }

    rc = EVP_DigestInit_ex(md, EVP_sha1(), NULL) == 1
         && EVP_DigestUpdate(md, "stok-audit-1\n", 13) == 1;

    for (i = 0; rc && i < fields->elements; i++) {
        text = fields->element[i];

        if (i % 2 == 0 && strcmp(text->str, "hash") == 0) {
            i++;
            continue;
        }

        snprintf(len, sizeof(len), "%zu:", (size_t) text->len);

        rc = EVP_DigestUpdate(md, len, strlen(len)) == 1
             && EVP_DigestUpdate(md, text->str, (size_t) text->len) == 1
             && EVP_DigestUpdate(md, "\n", 1) == 1;
    }

    if (rc && EVP_DigestFinal_ex(md, hash, &n) == 1
        && n * 2 == CTL_CHAIN_LEN)
    {
        for (i = 0; i < n; i++) {
            snprintf(out + 2 * i, 3, "%02x", hash[i]);
        }
    }

    EVP_MD_CTX_free(md);
}
