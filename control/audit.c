/*
 * audit: who did what and when, from the stream, one line an entry; and what
 * comes anew, until it is interrupted.
 */


#include "audit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_FOLLOW_BLOCK  1000                   /* ms; below the timeout */


typedef struct {
    const char  *token;                          /* NULL: of all */
    const char  *user;
    int          follow;
    size_t       shown;
    char         last[64];                       /* id of the last entry */
} ctl_audit_t;


static volatile sig_atomic_t  ctl_interrupted;


static int ctl_audit_options(ctl_t *ctl, cli_args_t *args,
    ctl_audit_t *audit, char from[64]);
static int ctl_audit_show(ctl_t *ctl, redisReply *entry, void *data);
static void ctl_audit_line(redisReply *entry);
static int ctl_audit_none(ctl_t *ctl, ctl_audit_t *audit);
static int ctl_audit_newest(ctl_t *ctl, ctl_audit_t *audit);
static int ctl_audit_follow(ctl_t *ctl, ctl_audit_t *audit);
static int ctl_audit_read(ctl_t *ctl, ctl_audit_t *audit);
static void ctl_audit_interrupt(int number);


int
ctl_audit(ctl_t *ctl, cli_args_t *args)
{
    int          code;
    char         from[64];
    ctl_audit_t  audit;

    code = ctl_audit_options(ctl, args, &audit, from);
    if (code != CTL_OK) {
        return code;
    }

    if (audit.follow && cli_option(args, "since") == NULL) {
        code = ctl_audit_newest(ctl, &audit);
        return code == CTL_OK ? ctl_audit_follow(ctl, &audit) : code;
    }

    code = ctl_audit_walk(ctl, from, ctl_audit_show, &audit);

    if (code == CTL_OK && audit.follow) {
        return ctl_audit_follow(ctl, &audit);
    }

    if (code == CTL_OK && audit.shown == 0) {
        code = ctl_audit_none(ctl, &audit);
    }

    if (code == CTL_OK && ctl->json) {
        printf(audit.shown ? "\n]\n" : "[]\n");
    }

    return code;
}


static int
ctl_audit_options(ctl_t *ctl, cli_args_t *args, ctl_audit_t *audit,
    char from[64])
{
    int          code;
    char        *brand;
    int64_t      now, since;
    stok_str_t   id;
    const char  *text;

    memset(audit, 0, sizeof(*audit));
    audit->token = cli_option(args, "token");
    audit->user = cli_option(args, "user");
    audit->follow = cli_option(args, "follow") != NULL;
    strcpy(audit->last, "0-0");
    strcpy(from, "-");

    if (audit->token && audit->user) {
        return ctl_fail(ctl, CTL_INVALID, "give --token or --user, not both");
    }

    id.data = audit->token ? audit->token : audit->user;
    id.len = id.data ? strlen(id.data) : 0;

    if (id.data && (audit->token ? stok_record_id_check(id)
                                 : stok_user_id_check(id)) != STOK_OK)
    {
        return ctl_fail(ctl, CTL_NOTFOUND, "no %s \"%s\"",
                        audit->token ? "token" : "user", id.data);
    }

    code = ctl_now(ctl, &now);
    text = cli_option(args, "since");

    if (code == CTL_OK && text) {
        code = ctl_since(ctl, text, now, &since);
        snprintf(from, 64, "%lld-0", (long long) since * 1000);
    }

    if (code == CTL_OK) {
        code = ctl_meta(ctl, "brand", &brand);
    }

    if (code == CTL_OK) {
        free(brand);
    }

    return code;
}


static int
ctl_audit_show(ctl_t *ctl, redisReply *entry, void *data)
{
    char         *text;
    json_t       *json;
    ctl_audit_t  *audit = data;

    snprintf(audit->last, sizeof(audit->last), "%s", entry->element[0]->str);

    if ((audit->token
         && strcmp(ctl_entry_get(entry, "token"), audit->token) != 0)
        || (audit->user
            && strcmp(ctl_entry_get(entry, "user"), audit->user) != 0))
    {
        return CTL_OK;
    }

    audit->shown++;

    if (!ctl->json) {
        ctl_audit_line(entry);
        return CTL_OK;
    }

    json = ctl_entry_json(entry);
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);

    if (text == NULL) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    if (audit->follow) {
        printf("%s\n", text);

    } else {
        printf("%s  %s", audit->shown == 1 ? "[\n" : ",\n", text);
    }

    free(text);

    return CTL_OK;
}


/* when, who, what, of whom, before and after, and what else there is */

static void
ctl_audit_line(redisReply *entry)
{
    char         date[24];
    size_t       i;
    redisReply  *fields;
    const char  *name, *before, *after;

    static const char  *known = " at actor action token user user_name before "
                                "after seq prev hash ";

    ctl_iso(ctl_number(ctl_entry_get(entry, "at")), date);
    printf("%s  ", date);
    cli_safe(ctl_entry_get(entry, "actor"));
    printf("  ");
    cli_safe(ctl_entry_get(entry, "action"));

    for (i = 0; i < 2; i++) {
        name = ctl_entry_get(entry, i ? "user" : "token");

        if (name[0]) {
            printf("  ");
            cli_safe(name);
        }
    }

    before = ctl_entry_get(entry, "before");
    after = ctl_entry_get(entry, "after");

    if (before[0] || after[0]) {
        printf("  ");
        cli_safe(before[0] ? before : "-");
        printf(" -> ");
        cli_safe(after[0] ? after : "-");
    }

    fields = entry->element[1];

    for (i = 0; i + 1 < fields->elements; i += 2) {
        name = fields->element[i]->str;

        if (fields->element[i + 1]->len && !ctl_word(known, name)) {
            printf("  ");
            cli_safe(name);
            printf("=");
            cli_safe(fields->element[i + 1]->str);
        }
    }

    printf("\n");
}


/* nothing was found: is there such a token or user at all? */

static int
ctl_audit_none(ctl_t *ctl, ctl_audit_t *audit)
{
    int          code, none;
    redisReply  *reply;

    if (audit->token == NULL && audit->user == NULL) {
        return CTL_OK;
    }

    code = ctl_command(ctl, &reply, "EXISTS %s%s%s", ctl->prefix,
                       audit->token ? "id:" : "user:",
                       audit->token ? audit->token : audit->user);
    if (code != CTL_OK) {
        return code;
    }

    none = reply->integer == 0;
    freeReplyObject(reply);

    return none ? ctl_fail(ctl, CTL_NOTFOUND, "no %s \"%s\"",
                           audit->token ? "token" : "user",
                           audit->token ? audit->token : audit->user)
                : CTL_OK;
}


static int
ctl_audit_newest(ctl_t *ctl, ctl_audit_t *audit)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, &reply, "XREVRANGE %saudit + - COUNT 1",
                       ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements) {
        code = ctl_entry_check(ctl, reply->element[0]);

        if (code == CTL_OK) {
            snprintf(audit->last, sizeof(audit->last), "%s",
                     reply->element[0]->element[0]->str);
        }
    }

    freeReplyObject(reply);

    return code;
}


/*
 * Redis is asked to wait for less than the connection's timeout, so silence
 * beyond that is an outage: it ends here, with one line.
 */

static int
ctl_audit_follow(ctl_t *ctl, ctl_audit_t *audit)
{
    int               code;
    struct sigaction  action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = ctl_audit_interrupt;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    do {
        code = cli_flush(ctl);

        if (code == CTL_OK) {
            code = ctl_audit_read(ctl, audit);
        }

    } while (code == CTL_OK && !ctl_interrupted);

    return code;
}


static int
ctl_audit_read(ctl_t *ctl, ctl_audit_t *audit)
{
    int          code;
    size_t       i;
    redisReply  *reply, *entries;

    code = ctl_command(ctl, &reply, "XREAD COUNT 1000 BLOCK %d STREAMS "
                       "%saudit %s", CTL_FOLLOW_BLOCK, ctl->prefix,
                       audit->last);
    if (code != CTL_OK) {
        return code;
    }

    /* nil: nothing came */

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1
        && reply->element[0]->elements == 2)
    {
        entries = reply->element[0]->element[1];

        for (i = 0; i < entries->elements && code == CTL_OK; i++) {
            code = ctl_entry_check(ctl, entries->element[i]);

            if (code == CTL_OK) {
                code = ctl_audit_show(ctl, entries->element[i], audit);
            }
        }
    }

    freeReplyObject(reply);

    return code;
}


static void
ctl_audit_interrupt(int number)
{
    (void) number;
    ctl_interrupted = 1;
}
