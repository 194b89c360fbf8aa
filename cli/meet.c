/*
 * A walk over all records of tokens, and the token that has an id, found by
 * its record where the index cannot be believed.
 */


#include "cli_meet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    const char    *id;
    int            found;
    cli_record_t   rec;
} cli_seek_t;


static int cli_meet_page(cli_t *cli, redisReply *keys, cli_meet_pt meet,
    void *data);
static int cli_seek_meet(cli_t *cli, const cli_met_t *met, void *data);
static int cli_seek_sure(cli_t *cli, const cli_record_t *rec);


int
cli_meet_walk(cli_t *cli, cli_meet_pt meet, void *data)
{
    int          code;
    char         cursor[CLI_CURSOR], pattern[2 * STOK_PREFIX_MAX + 1];
    redisReply  *reply;

    strcpy(cursor, "0");
    cli_pattern(cli->prefix, pattern);

    do {
        code = cli_command(cli, &reply, "SCAN %s MATCH %stoken:* COUNT %d",
                           cursor, pattern, CLI_MEET_COUNT);
        if (code != CLI_OK) {
            return code;
        }

        code = cli_cursor(reply, cursor);

        if (code == CLI_OK) {
            code = cli_meet_page(cli, reply->element[1], meet, data);
        }

        freeReplyObject(reply);

    } while (code == CLI_OK && strcmp(cursor, "0") != 0);

    return code;
}


/* keys become digests where they stand */

static int
cli_meet_page(cli_t *cli, redisReply *keys, cli_meet_pt meet, void *data)
{
    size_t       i, head;
    redisReply  *key;

    head = strlen(cli->prefix) + sizeof("token:") - 1;

    for (i = 0; i < keys->elements; i++) {
        key = keys->element[i];

        if (key->type == REDIS_REPLY_STRING && key->len >= head) {
            memmove(key->str, key->str + head, key->len - head + 1);
            key->len -= head;
        }
    }

    return cli_meet_records(cli, keys->element, keys->elements, meet, data);
}


int
cli_meet_records(cli_t *cli, redisReply **digest, size_t n, cli_meet_pt meet,
    void *data)
{
    int            code;
    size_t         i, k;
    uint8_t        raw[STOK_DIGEST_LEN];
    cli_met_t      met;
    redisReply   **rec, *other;

    for (i = 0, k = 0; i < n; i++) {
        if (digest[i]->type == REDIS_REPLY_STRING
            && cli_unhex(digest[i]->str, digest[i]->len, raw) == CLI_OK)
        {
            redisAppendCommand(cli->ctx, "HMGET %stoken:%s id user status",
                               cli->prefix, digest[i]->str);

            /* each stays there once: the caller frees them */

            other = digest[k];
            digest[k++] = digest[i];
            digest[i] = other;
        }
    }

    code = cli_tries(cli, k, &rec);
    if (code != CLI_OK) {
        return code;
    }

    for (i = 0; i < k && code == CLI_OK; i++) {
        if (rec[i]->type == REDIS_REPLY_ARRAY && rec[i]->elements == 3) {
            met.hex = digest[i]->str;
            met.id = rec[i]->element[0];
            met.user = rec[i]->element[1];
            met.status = rec[i]->element[2];

            code = meet(cli, &met, data);
        }
    }

    cli_tries_free(rec, k);

    return code;
}


int
cli_stop_token(cli_t *cli, const char *id, cli_record_t *rec)
{
    int         code;
    cli_seek_t  seek;

    code = cli_lookup_token(cli, id, rec);

    if (code == CLI_USAGE) {
        return cli_fail(CLI_REFUSED, "no token \"%s\"", id);
    }

    if ((code == CLI_OK && (cli->keys.n == 0 || cli_seek_sure(cli, rec)))
        || (code != CLI_OK && code != CLI_REFUSED))
    {
        return code;
    }

    memset(&seek, 0, sizeof(seek));
    seek.id = id;

    if (code == CLI_OK) {
        seek.rec = *rec;
        seek.found = 1;
    }

    code = cli_meet_walk(cli, cli_seek_meet, &seek);

    if (code == CLI_FOUND || (code == CLI_OK && seek.found)) {
        *rec = seek.rec;
        return CLI_OK;
    }

    cli_free(&seek.rec);

    return code != CLI_OK ? code
                          : cli_fail(CLI_REFUSED, "no token \"%s\"", id);
}


/*
 * Records of one id: the one that nobody but us can have written, or, if there
 * is none, the first.  Without keys nobody can tell: one that is active.
 */

static int
cli_seek_meet(cli_t *cli, const cli_met_t *met, void *data)
{
    int            code, sure;
    cli_seek_t    *seek = data;
    cli_record_t   rec;

    if (!cli_says(met->id, seek->id)) {
        return CLI_OK;
    }

    code = cli_read_digest(cli, met->hex, &rec);
    if (code != CLI_OK) {
        return code == CLI_REFUSED ? CLI_OK : code;
    }

    sure = cli->keys.n ? cli_seek_sure(cli, &rec)
                       : cli_says(met->status, "active");

    if (seek->found && !sure) {
        cli_free(&rec);
        return CLI_OK;
    }

    cli_free(&seek->rec);
    seek->rec = rec;
    seek->found = 1;

    return sure ? CLI_FOUND : CLI_OK;
}


static int
cli_seek_sure(cli_t *cli, const cli_record_t *rec)
{
    const char           *why;
    stok_token_record_t   token;

    if (stok_token_record_decode(&token, rec->field, rec->n, &why) != STOK_OK)
    {
        return 0;
    }

    stok_seal_check_token(&cli->keys, rec->digest, &token);

    return !token.tampered;
}


int
cli_says(const redisReply *reply, const char *text)
{
    return reply->type == REDIS_REPLY_STRING && reply->len == strlen(text)
           && memcmp(reply->str, text, reply->len) == 0;
}
