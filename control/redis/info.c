/*
 * Asks Redis about itself, by INFO, and finds settings that lose revocations
 * or remove records.
 *
 * The command's user may lack the permission: its ACL need not have INFO or
 * CONFIG.  An unknown value is null, and neither a warning nor a failure.
 */


#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


#define CTL_INFO_ROOM  10                        /* a tenth of it is little */


typedef enum {
    CTL_INFO_TEXT = 0,
    CTL_INFO_NUMBER,
    CTL_INFO_YES,                                /* "1" */
    CTL_INFO_OK                                  /* "ok" */
} ctl_info_e;


/* by the name that INFO has */
static const struct {
    const char  *name;
    const char  *info;
    ctl_info_e   type;
} ctl_info_fields[] = {
    { "version", "redis_version", CTL_INFO_TEXT },
    { "role", "role", CTL_INFO_TEXT },
    { "uptime", "uptime_in_seconds", CTL_INFO_NUMBER },
    { "loading", "loading", CTL_INFO_YES },
    { "aof_enabled", "aof_enabled", CTL_INFO_YES },
    { "aof_last_write_ok", "aof_last_write_status", CTL_INFO_OK },
    { "save_ok", "rdb_last_bgsave_status", CTL_INFO_OK },
    { "saved_at", "rdb_last_save_time", CTL_INFO_NUMBER },
    { "memory_used", "used_memory", CTL_INFO_NUMBER },
    { "memory_max", "maxmemory", CTL_INFO_NUMBER },
    { "memory_policy", "maxmemory_policy", CTL_INFO_TEXT },
    { "evicted_keys", "evicted_keys", CTL_INFO_NUMBER },
    { "replicas", "connected_slaves", CTL_INFO_NUMBER },
    { "replicas_good", "min_slaves_good_slaves", CTL_INFO_NUMBER },
};


static json_t *ctl_info_value(const char *text, const char *name,
    ctl_info_e type);
static const char *ctl_info_find(const char *text, const char *name,
    size_t *len);
static json_t *ctl_info_others(ctl_t *ctl, const char *text);
static int ctl_info_config(ctl_t *ctl, json_t *info, const char *name,
    const char *config, int number);
static void ctl_info_persistence(json_t *lines, json_t *info);
static void ctl_info_memory(json_t *lines, json_t *info);
static void ctl_info_full(json_t *lines, json_t *info, json_int_t most);
static int ctl_info_is(json_t *info, const char *name, int value);
static void ctl_info_line(json_t *lines, const char *what,
    const char *format, ...) __attribute__((format(printf, 3, 4)));


int
ctl_info(ctl_t *ctl, json_t **info)
{
    int          code;
    size_t       i;
    redisReply  *reply;
    const char  *text;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "INFO");
    if (code != CTL_OK) {
        return code;
    }

    text = ctl_is_text(reply) ? reply->str : "";
    *info = json_object();

    for (i = 0; i < sizeof(ctl_info_fields) / sizeof(ctl_info_fields[0]); i++)
    {
        json_object_set_new(*info, ctl_info_fields[i].name,
                            ctl_info_value(text, ctl_info_fields[i].info,
                                           ctl_info_fields[i].type));
    }

    json_object_set_new(*info, "other_keys", ctl_info_others(ctl, text));
    freeReplyObject(reply);

    code = ctl_info_config(ctl, *info, "appendfsync", "appendfsync", 0);

    if (code == CTL_OK) {
        code = ctl_info_config(ctl, *info, "min_replicas",
                               "min-replicas-to-write", 1);
    }

    if (code != CTL_OK) {
        json_decref(*info);
        *info = NULL;
    }

    return code;
}


static json_t *
ctl_info_value(const char *text, const char *name, ctl_info_e type)
{
    char         value[128];
    size_t       len;
    json_t      *json;
    const char  *found;

    found = ctl_info_find(text, name, &len);

    if (found == NULL || len >= sizeof(value)) {
        return json_null();
    }

    memcpy(value, found, len);
    value[len] = '\0';

    switch (type) {

    case CTL_INFO_NUMBER:
        return json_integer(ctl_number(value));

    case CTL_INFO_YES:
        return json_boolean(strcmp(value, "1") == 0);

    case CTL_INFO_OK:
        return json_boolean(strcmp(value, "ok") == 0);

    default:
        json = json_string(value);
        return json ? json : json_null();
    }
}


/* "name:value" as a line; NULL: not found */

static const char *
ctl_info_find(const char *text, const char *name, size_t *len)
{
    size_t       n;
    const char  *p;

    n = strlen(name);

    for (p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        if (strncmp(p, name, n) == 0 && p[n] == ':') {
            *len = strcspn(p + n + 1, "\r\n");
            return p + n + 1;
        }
    }

    return NULL;
}


/* keys of other databases of the same server */

static json_t *
ctl_info_others(ctl_t *ctl, const char *text)
{
    int          db;
    long long    keys, sum;
    const char  *p;

    if (*text == '\0') {
        return json_null();
    }

    sum = 0;

    for (p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        if (sscanf(p, "db%d:keys=%18lld", &db, &keys) == 2 && db != ctl->db) {
            sum += keys;
        }
    }

    return json_integer(sum);
}


static int
ctl_info_config(ctl_t *ctl, json_t *info, const char *name,
    const char *config, int number)
{
    int          code;
    json_t      *value;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "CONFIG GET %s", config);
    if (code != CTL_OK) {
        return code;
    }

    value = NULL;

    if (ctl_fits(reply, CTL_IS_PAIRS) && reply->elements == 2) {
        value = number ? json_integer(ctl_number(reply->element[1]->str))
                       : json_string(reply->element[1]->str);
    }

    json_object_set_new(info, name, value ? value : json_null());
    freeReplyObject(reply);

    return CTL_OK;
}


json_t *
ctl_info_warnings(json_t *info, int all)
{
    json_t      *lines;
    json_int_t   others;

    lines = json_array();

    ctl_info_persistence(lines, info);
    ctl_info_memory(lines, info);

    others = json_integer_value(json_object_get(info, "other_keys"));

    if (others && all) {
        ctl_info_line(lines, "redis-shared", "%lld key%s in other databases of "
                      "this Redis: memory and time are shared; give the "
                      "dataset a Redis of its own", (long long) others,
                      ctl_s(others));
    }

    return lines;
}


static void
ctl_info_persistence(json_t *lines, json_t *info)
{
    const char  *fsync;

    fsync = ctl_text(info, "appendfsync");

    if (ctl_info_is(info, "aof_enabled", 0)) {
        ctl_info_line(lines, "redis-appendonly", "Redis keeps no append-only "
                      "file: after a crash, revoked tokens are valid again "
                      "(appendonly yes)");

    } else if (fsync[0] && strcmp(fsync, "always") != 0
               && strcmp(fsync, "everysec") != 0)
    {
        ctl_info_line(lines, "redis-appendfsync", "appendfsync is %s: after a "
                      "power cut, tokens revoked before it may be valid again "
                      "(appendfsync everysec)", fsync);
    }

    if (ctl_info_is(info, "aof_enabled", 1)
        && ctl_info_is(info, "aof_last_write_ok", 0))
    {
        ctl_info_line(lines, "redis-aof-write", "Redis cannot write its "
                      "append-only file: see its log, and the disk");
    }

    if (ctl_info_is(info, "save_ok", 0)) {
        ctl_info_line(lines, "redis-save", "Redis cannot save: see its log, "
                      "and the disk");
    }
}


static void
ctl_info_memory(json_t *lines, json_t *info)
{
    json_int_t   evicted, most;
    const char  *policy;

    policy = ctl_text(info, "memory_policy");
    evicted = json_integer_value(json_object_get(info, "evicted_keys"));
    most = json_integer_value(json_object_get(info, "memory_max"));

    if (most && policy[0] && strcmp(policy, "noeviction") != 0) {
        ctl_info_line(lines, "redis-policy", "maxmemory-policy is %s: when "
                      "memory is full, Redis removes keys of the dataset "
                      "(maxmemory-policy noeviction)", policy);

    } else if (most) {
        ctl_info_full(lines, info, most);
    }

    if (evicted) {
        ctl_info_line(lines, "redis-evicted", "Redis has removed %lld key%s "
                      "because memory was full, perhaps of users and tokens: "
                      "run service-token fsck", (long long) evicted,
                      ctl_s(evicted));
    }
}


static void
ctl_info_full(json_t *lines, json_t *info, json_int_t most)
{
    json_int_t  used;

    used = json_integer_value(json_object_get(info, "memory_used"));

    if (used >= most - most / CTL_INFO_ROOM) {
        ctl_info_line(lines, "redis-memory", "Redis is %s: it uses %.1f MB, "
                      "and maxmemory is %.1f MB; when it is full, only what "
                      "revokes, disables or deletes works",
                      used < most ? "almost full" : "full",
                      (double) used / 1e6, (double) most / 1e6);
    }
}


/* known, and so */

static int
ctl_info_is(json_t *info, const char *name, int value)
{
    json_t  *json;

    json = json_object_get(info, name);

    return json_is_boolean(json) && json_is_true(json) == value;
}


static void
ctl_info_line(json_t *lines, const char *what, const char *format, ...)
{
    char     text[256];
    va_list  ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);

    json_array_append_new(lines, json_pack("{s:s, s:s}", "what", what, "text",
                                           text));
}


int
ctl_info_note(ctl_t *ctl, int all, json_t **notes)
{
    int      code;
    size_t   i;
    json_t  *info, *lines, *line;

    *notes = NULL;

    code = ctl_info(ctl, &info);
    if (code != CTL_OK) {
        return code;
    }

    lines = ctl_info_warnings(info, all);

    json_array_foreach(lines, i, line) {
        ctl_note(ctl, CTL_NOTE_WARNING, "%s", ctl_text(line, "text"));

        if (*notes == NULL) {
            *notes = json_array();
        }

        json_array_append(*notes, json_object_get(line, "text"));
    }

    json_decref(lines);
    json_decref(info);

    return CTL_OK;
}


int
ctl_info_add(ctl_t *ctl, json_t *json, json_t *notes)
{
    if (json == NULL) {
        json_decref(notes);
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    json_object_set_new(json, "notes", notes ? notes : json_array());

    return CTL_OK;
}
