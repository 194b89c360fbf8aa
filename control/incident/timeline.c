/*
 * The timeline of an incident, from audit, refusals and what is known of use;
 * and the steps that remain.
 */


#include "audit.h"
#include "incident.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


#define CTL_TIMELINE  1000                       /* older ones are left out */


typedef struct {
    const char  *token;
    const char  *user;
    json_t      *array;
} ctl_timeline_t;


static int ctl_timeline_entry(ctl_t *ctl, redisReply *entry, void *data);
static void ctl_timeline_put(json_t *timeline, json_t *usage,
    const char *date, const char *what, const char *addr, const char *more);


int
ctl_timeline(ctl_t *ctl, const char *token, const char *user,
    json_t **timeline)
{
    int             code;
    ctl_both_t      last;
    ctl_timeline_t  data;

    data.token = token;
    data.user = user;
    data.array = json_array();

    code = ctl_both_walk(ctl, last, "-", ctl_timeline_entry, &data);

    if (code != CTL_OK) {
        json_decref(data.array);
        data.array = NULL;
    }

    *timeline = data.array;

    return code;
}


static int
ctl_timeline_entry(ctl_t *ctl, redisReply *entry, void *data)
{
    char             detail[512];
    json_t          *item;
    const char      *before, *after;
    ctl_timeline_t  *t = data;

    (void) ctl;

    if (t->token ? strcmp(ctl_entry_get(entry, "token"), t->token) != 0
                 : strcmp(ctl_entry_get(entry, "user"), t->user) != 0)
    {
        return CTL_OK;
    }

    before = ctl_entry_get(entry, "before");
    after = ctl_entry_get(entry, "after");

    snprintf(detail, sizeof(detail), "%s%s%s%s%s",
             t->token ? "" : ctl_entry_get(entry, "token"),
             t->token || ctl_entry_get(entry, "token")[0] == '\0' ? "" : "  ",
             before[0] ? before : "-", " -> ", after[0] ? after : "-");

    item = json_object();
    json_object_set_new(item, "at",
                        json_integer(ctl_number(ctl_entry_get(entry, "at"))));
    json_object_set_new(item, "what",
                        json_string(ctl_entry_get(entry, "action")));
    json_object_set_new(item, "who",
                        json_string(ctl_entry_get(entry, "actor")));
    json_object_set_new(item, "detail", json_string(detail));

    if (json_array_size(t->array) == CTL_TIMELINE) {
        json_array_remove(t->array, 0);
    }

    json_array_append_new(t->array, item);

    return CTL_OK;
}


void
ctl_timeline_usage(json_t *timeline, json_t *usage, int64_t now)
{
    json_int_t  expires;

    ctl_timeline_put(timeline, usage, "first_used", "first use", "first_addr",
                     NULL);
    ctl_timeline_put(timeline, usage, "last_used", "last use", "last_addr",
                     "last_location");
    ctl_timeline_put(timeline, usage, "refused_at", "last refused attempt",
                     "refused_addr", "refused_reason");

    expires = json_integer_value(json_object_get(usage, "expires_at"));

    if (expires && expires <= now) {
        ctl_timeline_put(timeline, usage, "expires_at", "expired", NULL, NULL);
    }
}


/* behind all that was at that second or before */

static void
ctl_timeline_put(json_t *timeline, json_t *usage, const char *date,
    const char *what, const char *addr, const char *more)
{
    char         detail[512];
    size_t       i;
    json_t      *at, *item;
    const char  *where, *rest;

    at = json_object_get(usage, date);

    if (!json_is_integer(at) || json_integer_value(at) == 0) {
        return;
    }

    where = addr ? ctl_text(usage, addr) : "";
    rest = more ? ctl_text(usage, more) : "";

    snprintf(detail, sizeof(detail), "%s%s%s%s", where[0] ? "from " : "",
             where, rest[0] ? "  " : "", rest);

    for (i = json_array_size(timeline); i > 0; i--) {
        item = json_array_get(timeline, i - 1);

        if (json_integer_value(json_object_get(item, "at"))
            <= json_integer_value(at))
        {
            break;
        }
    }

    json_array_insert_new(timeline, i,
                          json_pack("{s:O, s:s, s:s, s:s}", "at", at, "what",
                                    what, "who", "", "detail", detail));
}


void
ctl_remains(json_t *remaining, const char *step, const char *why,
    const char *format, ...)
{
    char      command[1024];
    json_t   *item;
    va_list   ap;

    item = json_pack("{s:s, s:s, s:n}", "step", step, "why", why, "command");

    if (format) {
        va_start(ap, format);
        vsnprintf(command, sizeof(command), format, ap);
        va_end(ap);

        json_object_set_new(item, "command", json_string(command));
    }

    json_array_append_new(remaining, item);
}
