/*
 * Scripts: their arguments are pointers and lengths, so that what a record
 * holds comes back to Redis as it was, zeros included.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_ARGS       1000000                   /* of a script; by Redis */
#define CTL_ARGS_HEAD  6


static int ctl_script_ask(ctl_t *ctl, const char *script, size_t argc,
    const stok_str_t *argv, redisReply **reply);
static int ctl_script_looks(const char *script, size_t argc,
    const stok_str_t *argv);
static const char *ctl_script_word(redisReply *reply);
static int ctl_script_send(ctl_t *ctl, const char *script, size_t argc,
    const stok_str_t *argv);
static int ctl_script_answer(ctl_t *ctl, const char *answer,
    const char *word);
static void ctl_script_notes(ctl_t *ctl, redisReply *reply);


int
ctl_script_texts(ctl_t *ctl, const char *script, size_t argc,
    const char **argv, char **word)
{
    size_t      i;
    stok_str_t  arg[CTL_TEXTS_MAX];

    if (argc > CTL_TEXTS_MAX) {
        return ctl_fail(ctl, CTL_REJECTED, "too many records for one step");
    }

    for (i = 0; i < argc; i++) {
        arg[i] = ctl_str(argv[i]);
    }

    return ctl_script(ctl, script, argc, arg, word);
}


int
ctl_script(ctl_t *ctl, const char *script, size_t argc,
    const stok_str_t *argv, char **word)
{
    int          code;
    redisReply  *reply;

    *word = NULL;

    if (ctl->dry && !ctl_script_looks(script, argc, argv)) {
        *word = strdup("");

        return *word ? ctl_writable(ctl)
                     : ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    code = ctl_script_ask(ctl, script, argc, argv, &reply);
    if (code != CTL_OK) {
        return code;
    }

    *word = strdup(ctl_script_word(reply));

    code = *word ? ctl_script_answer(ctl, reply->element[0]->str, *word)
                 : ctl_fail(ctl, CTL_FAILED, "no memory");

    if (code == CTL_OK) {
        ctl_script_notes(ctl, reply);
    }

    freeReplyObject(reply);

    if (code != CTL_OK && code != CTL_FOUND) {
        free(*word);
        *word = NULL;
    }

    return code;
}


/* scripts with a mode that writes nothing, and that mode */

static int
ctl_script_looks(const char *script, size_t argc, const stok_str_t *argv)
{
    return (script == stok_script_fsck && argc > 0
            && ctl_str_is(argv[0], "check"))
           || (script == stok_script_token_create && argc > 0
               && !ctl_str_is(argv[0], "write"))
           || (script == stok_script_token_delete && argc > 3
               && ctl_str_is(argv[3], "look"));
}


/* what a script has to tell beside its answer: of keys that it put aside */

static void
ctl_script_notes(ctl_t *ctl, redisReply *reply)
{
    size_t  i;

    for (i = 2; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_STRING) {
            ctl_note(ctl, CTL_NOTE_NOTE, "%s", reply->element[i]->str);
        }
    }
}


int
ctl_script_reply(ctl_t *ctl, const char *script, size_t argc,
    const stok_str_t *argv, redisReply **reply)
{
    int  code;

    code = ctl_script_ask(ctl, script, argc, argv, reply);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_script_answer(ctl, (*reply)->element[0]->str,
                             ctl_script_word(*reply));

    if (code != CTL_OK) {
        freeReplyObject(*reply);
    }

    return code;
}


/* CTL_OK: an array, the first element is text */

static int
ctl_script_ask(ctl_t *ctl, const char *script, size_t argc,
    const stok_str_t *argv, redisReply **reply)
{
    int  code, sent;

    if (ctl->dry && !ctl_script_looks(script, argc, argv)) {
        return ctl_fail(ctl, CTL_STATE, "a dry run does not write");
    }

    /* all others write, and fsck asks before it does */

    code = script == stok_script_fsck ? CTL_OK : ctl_writable(ctl);

    if (code == CTL_OK) {
        code = ctl_script_send(ctl, script, argc, argv);
    }

    if (code != CTL_OK) {
        return code;
    }

    sent = ctl->ctx != NULL;
    code = ctl_reply(ctl, CTL_IS_ANSWER, reply);

    /* it was sent, and the connection went before there was an answer */

    if (code == CTL_UNAVAILABLE && sent && ctl->ctx == NULL
        && ctl->error.hint[0] == '\0' && !ctl_script_looks(script, argc, argv))
    {
        snprintf(ctl->error.hint, sizeof(ctl->error.hint), "the change may "
                 "have been made: look, or run it again");
    }

    return code;
}


/* what stands behind the first word */

static const char *
ctl_script_word(redisReply *reply)
{
    return reply->elements > 1
           && reply->element[1]->type == REDIS_REPLY_STRING
           ? reply->element[1]->str : "";
}


static int
ctl_script_send(ctl_t *ctl, const char *script, size_t argc,
    const stok_str_t *argv)
{
    char          marker[STOK_PREFIX_MAX + 8], who[CTL_WHO];
    size_t        i, *len;
    const char  **arg;

    const char   *head[] = {
        "EVAL", script, "1", marker, ctl->prefix, who
    };

    if (argc > CTL_ARGS) {
        return ctl_fail(ctl, CTL_REJECTED, "too many records for one step");
    }

    arg = calloc(argc + CTL_ARGS_HEAD, sizeof(char *));
    len = calloc(argc + CTL_ARGS_HEAD, sizeof(size_t));

    if (arg == NULL || len == NULL) {
        free(arg);
        free(len);
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    snprintf(marker, sizeof(marker), "%smeta", ctl->prefix);
    ctl_who(ctl, who);

    for (i = 0; i < CTL_ARGS_HEAD; i++) {
        arg[i] = head[i];
        len[i] = strlen(head[i]);
    }

    for (i = 0; i < argc; i++) {
        arg[CTL_ARGS_HEAD + i] = argv[i].data;
        len[CTL_ARGS_HEAD + i] = argv[i].len;
    }

    ctl_append_argv(ctl, (int) (CTL_ARGS_HEAD + argc), arg, len);

    free(arg);
    free(len);

    return CTL_OK;
}


/* no name can make a line of its own */

void
ctl_who(ctl_t *ctl, char who[CTL_WHO])
{
    char        *p;
    size_t       i, n;

    const char  *name[] = {
        ctl->actor, ctl->os, ctl->sudo, ctl->acl, ctl->via, ctl->via_token,
        ctl->via_addr, ctl->via_request
    };

    for (i = 0, n = 0; i < sizeof(name) / sizeof(name[0]); i++) {
        p = who + n;
        snprintf(p, STOK_NAME_BYTES + 1, "%s", name[i] ? name[i] : "");
        n += strlen(p);

        for ( /* void */ ; *p; p++) {
            if ((unsigned char) *p < ' ' || *p == 0x7f) {
                *p = '?';
            }
        }

        if (i + 1 < sizeof(name) / sizeof(name[0])) {
            who[n++] = '\n';
            who[n] = '\0';
        }
    }
}


static int
ctl_script_answer(ctl_t *ctl, const char *answer, const char *word)
{
    if (strcmp(answer, "OK") == 0) {
        return CTL_OK;
    }

    /* another record was there: it is looked for again */

    if (strcmp(answer, "CHANGED") == 0 || strcmp(answer, "MISLED") == 0) {
        return ctl_fail(ctl, CTL_CHANGED, "the record keeps changing: "
                        "nothing was done, try again");
    }

    if (strcmp(answer, "EXISTS") == 0 || strcmp(answer, "WATCHED") == 0) {
        return CTL_FOUND;
    }

    if (strcmp(answer, "UNREADY") == 0) {
        return ctl_unready(ctl);
    }

    if (strcmp(answer, "NOTFOUND") == 0) {
        return ctl_fail(ctl, CTL_NOTFOUND, "%s", word);
    }

    if (strcmp(answer, "REFUSED") == 0) {
        return ctl_fail(ctl, CTL_STATE, "%s", word);
    }

    return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis gave an unexpected answer");
}
