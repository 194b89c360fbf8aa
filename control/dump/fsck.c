/*
 * fsck: what must hold between the keys of the dataset.
 *
 * Records first, found by SCAN whether an index names them or not; then what
 * is made from them: with --fix an index has all its entries by then, and an
 * entry that still has no record is a stray one.  A page of names is checked
 * by one call of the script, so nothing changes under it.  Each name with
 * something to fix is a call of its own.
 *
 * A token of which nothing was found, and which has no links, is remembered:
 * its record is there, and id: leads to it.  An entry in an index needs no
 * more than that, so Redis is not asked again; what is made or deleted
 * meanwhile is made or deleted with its entries.  Besides these ids, 16 bytes
 * of a hash each, no more than a page is held here.
 *
 * Whether a record can be read is decided by the library, as at the edge.  From
 * one that cannot be read, or whose seal is wrong, nothing is fixed; and while
 * there is one, nothing is removed from an index: the entry may be its own.
 */


#include "fsck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_FSCK_COUNT  500                      /* names of a page, about */


static int ctl_fsck_run(ctl_fsck_t *f);
static int ctl_fsck_walk(ctl_fsck_t *f, const char *command,
    const char *kind, const char *owner);
static int ctl_fsck_scan(ctl_fsck_t *f, const char *command,
    const char *kind, const char *owner, const char *cursor,
    redisReply **reply);
static int ctl_fsck_page(ctl_fsck_t *f, const char *kind, const char *owner,
    redisReply *page, size_t step);
static int ctl_fsck_known(ctl_fsck_t *f, const char *kind,
    const redisReply *name);
static int ctl_fsck_names(ctl_fsck_t *f, ctl_names_t *names);
static int ctl_fsck_ask(ctl_fsck_t *f, ctl_names_t *names, const char *mode,
    redisReply **reply);
static int ctl_fsck_fits(const redisReply *reply);
static int ctl_fsck_one(ctl_fsck_t *f, ctl_names_t *names, size_t i,
    redisReply *reply);
static int ctl_fsck_right(ctl_fsck_t *f, redisReply *record);
static int ctl_fsck_members(ctl_fsck_t *f, ctl_names_t *names, size_t i,
    redisReply *members);
static int ctl_fsck_same(ctl_fsck_t *f, const char *id, const char *other);
static int ctl_fsck_fix(ctl_fsck_t *f, ctl_names_t *names, size_t i);
static void ctl_fsck_findings(ctl_fsck_t *f, redisReply *findings, size_t i,
    int fixed);


int
ctl_fsck(ctl_t *ctl, int fix, ctl_item_pt each, void *data, json_t **sums)
{
    int         code;
    json_t     *notes;
    ctl_fsck_t  f;

    code = fix ? ctl_writable(ctl) : CTL_OK;

    if (code == CTL_OK) {
        code = ctl_info_note(ctl, 0, &notes);
    }

    if (code != CTL_OK) {
        return code;
    }

    memset(&f, 0, sizeof(f));
    f.ctl = ctl;
    f.fix = fix;
    f.each = each;
    f.data = data;
    f.names = json_object();

    code = ctl_fsck_run(&f);
    code = code == CTL_OK ? f.code : code;

    if (code == CTL_OK) {
        *sums = json_pack("{s:I, s:I, s:I, s:I}",
                          "users", (json_int_t) f.users,
                          "tokens", (json_int_t) f.tokens,
                          "found", (json_int_t) f.found,
                          "fixed", (json_int_t) f.fixed);
        code = ctl_info_add(ctl, *sums, notes);
        code = code == CTL_OK && f.found ? CTL_FOUND : code;

    } else {
        json_decref(notes);
    }

    json_decref(f.names);
    ctl_set_free(&f.right);

    return code != CTL_STOPPED ? code
           : ctl_fail(ctl, CTL_STOPPED, "stopped: %s",
                      fix && !ctl->dry
                      ? "what was fixed stays so; run fsck --fix again to "
                        "finish it" : "nothing was changed");
}


static int
ctl_fsck_run(ctl_fsck_t *f)
{
    int          code;
    size_t       i;
    int64_t      users, tokens;
    const char  *arg[CTL_FSCK_FIXED];
    ctl_names_t  types = { "types", "", 0, arg };
    ctl_names_t  mark = { "mark", "", 0, arg };

    static const char  *walks[][2] = {
        { "SCAN", "token" },
        { "SCAN", "user" },
        { "SCAN", "id" },
        { "SCAN", "user-tokens" },
        { "SCAN", "usage" },
        { "SCAN", "aside" },
        { "ZSCAN", "users" },
        { "ZSCAN", "tokens" },
        { "ZSCAN", "expiry" },
        { "ZSCAN", "rotating" },
        { "ZSCAN", "last_used" }
    };

    code = ctl_total(f->ctl, &users, &tokens);

    /* what most of the walks below meet */

    f->total = 3 * users + 6 * tokens;

    if (code == CTL_OK) {
        code = ctl_fsck_names(f, &types);
    }

    /* every other step relies on these: fix them by hand first */

    if (code != CTL_OK || f->found) {
        return code;
    }

    /* before a fix adds its entry to it */

    code = ctl_fsck_audit(f);

    if (code == CTL_OK) {
        code = ctl_fsck_names(f, &mark);
    }

    for (i = 0; i < sizeof(walks) / sizeof(walks[0]) && code == CTL_OK; i++) {
        code = ctl_fsck_walk(f, walks[i][0], walks[i][1], "");
    }

    ctl_fsck_seals(f);

    return code;
}


static int
ctl_fsck_walk(ctl_fsck_t *f, const char *command, const char *kind,
    const char *owner)
{
    int          code;
    char         cursor[CTL_CURSOR];
    redisReply  *reply;

    strcpy(cursor, "0");

    do {
        code = ctl_fsck_scan(f, command, kind, owner, cursor, &reply);
        if (code != CTL_OK) {
            return code;
        }

        strcpy(cursor, reply->element[0]->str);

        code = ctl_fsck_page(f, kind, owner, reply->element[1],
                             command[0] == 'Z' ? 2 : 1);

        f->done += (int64_t) reply->element[1]->elements
                   / (command[0] == 'Z' ? 2 : 1);
        freeReplyObject(reply);

        if (code == CTL_OK) {
            code = ctl_step(f->ctl, f->done, f->total);
        }

    } while (code == CTL_OK && strcmp(cursor, "0") != 0);

    return code;
}


/* the next page of keys, or of an index */

static int
ctl_fsck_scan(ctl_fsck_t *f, const char *command, const char *kind,
    const char *owner, const char *cursor, redisReply **reply)
{
    char         pattern[2 * STOK_PREFIX_MAX + 1], *out;
    ctl_t       *ctl;
    const char  *p;

    ctl = f->ctl;

    if (strcmp(command, "SCAN") != 0) {
        return ctl_command(ctl, CTL_IS_PAGE, reply, "%s %s%s%s %s COUNT %d",
                           command, ctl->prefix,
                           owner[0] ? "user-tokens:" : kind, owner, cursor,
                           CTL_FSCK_COUNT);
    }

    /* the prefix may have characters of a pattern */

    for (out = pattern, p = ctl->prefix; *p; p++) {
        if (strchr("*?[]^\\", *p)) {
            *out++ = '\\';
        }

        *out++ = *p;
    }

    *out = '\0';

    return ctl_command(ctl, CTL_IS_PAGE, reply, "SCAN %s MATCH %s%s:* COUNT "
                       "%d", cursor, pattern, kind, CTL_FSCK_COUNT);
}


/* step: strings for each name, 2 where there are scores */

static int
ctl_fsck_page(ctl_fsck_t *f, const char *kind, const char *owner,
    redisReply *page, size_t step)
{
    int           code;
    size_t        i, head;
    redisReply   *name;
    ctl_names_t   names;

    if (page->elements == 0) {
        return CTL_OK;
    }

    names.kind = kind;
    names.owner = owner;
    names.n = 0;
    names.arg = calloc(CTL_FSCK_FIXED + page->elements, sizeof(char *));

    if (names.arg == NULL) {
        return ctl_fail(f->ctl, CTL_FAILED, "no memory");
    }

    head = step == 1 && owner[0] == '\0'
           ? strlen(f->ctl->prefix) + strlen(kind) + 1 : 0;

    for (i = 0; i + step <= page->elements; i += step) {
        name = page->element[i];

        if (name->type != REDIS_REPLY_STRING
            || (size_t) name->len < head)
        {
            continue;
        }

        memmove(name->str, name->str + head, (size_t) name->len - head + 1);
        name->len -= (int) head;

        if (ctl_fsck_key(f, kind, name) && !ctl_fsck_known(f, kind, name)) {
            names.arg[CTL_FSCK_FIXED + names.n++] = name->str;
        }
    }

    code = names.n ? ctl_fsck_names(f, &names) : CTL_OK;

    free(names.arg);

    return code;
}


static int
ctl_fsck_known(ctl_fsck_t *f, const char *kind, const redisReply *name)
{
    return (strcmp(kind, "id") == 0 || strcmp(kind, "tokens") == 0
            || strcmp(kind, "expiry") == 0 || strcmp(kind, "last_used") == 0)
           && ctl_set_has(&f->right, name->str, name->len);
}


static int
ctl_fsck_names(ctl_fsck_t *f, ctl_names_t *names)
{
    int          code;
    size_t       i;
    redisReply  *reply;

    code = ctl_fsck_ask(f, names, "check", &reply);
    if (code != CTL_OK) {
        return code;
    }

    /* what belongs to no name */

    ctl_fsck_findings(f, reply->element[1], 0, 0);

    for (i = 1; i <= names->n && code == CTL_OK; i++) {
        code = ctl_fsck_one(f, names, i, reply);
    }

    freeReplyObject(reply);

    return code;
}


static int
ctl_fsck_ask(ctl_fsck_t *f, ctl_names_t *names, const char *mode,
    redisReply **reply)
{
    int          code;
    size_t       i, n;
    stok_str_t  *arg;

    names->arg[0] = mode;
    names->arg[1] = names->kind;
    names->arg[2] = names->owner;
    names->arg[3] = f->unreadable ? "keep" : "";

    n = CTL_FSCK_FIXED + names->n;
    arg = calloc(n, sizeof(stok_str_t));

    if (arg == NULL) {
        return ctl_fail(f->ctl, CTL_FAILED, "no memory");
    }

    for (i = 0; i < n; i++) {
        arg[i] = ctl_str(names->arg[i]);
    }

    code = ctl_script_reply(f->ctl, stok_script_fsck, n, arg, reply);
    free(arg);

    if (code != CTL_OK) {
        return code;
    }

    if (!ctl_fsck_fits(*reply)) {
        freeReplyObject(*reply);
        return ctl_fail(f->ctl, CTL_UNAVAILABLE, "Redis gave an unexpected "
                        "answer");
    }

    return CTL_OK;
}


/* findings of six texts each; of each name what is to be judged, or nil */

static int
ctl_fsck_fits(const redisReply *reply)
{
    size_t             i;
    const redisReply  *findings, *records;

    if (reply->elements != 3) {
        return 0;
    }

    findings = reply->element[1];
    records = reply->element[2];

    if (findings->type != REDIS_REPLY_ARRAY
        || records->type != REDIS_REPLY_ARRAY)
    {
        return 0;
    }

    for (i = 0; i < findings->elements; i++) {
        if (!ctl_fits(findings->element[i], CTL_IS_TEXTS)
            || findings->element[i]->elements < 6)
        {
            return 0;
        }
    }

    for (i = 0; i < records->elements; i++) {
        if (records->element[i]->type == REDIS_REPLY_ARRAY
            && !ctl_fits(records->element[i], CTL_IS_TEXTS))
        {
            return 0;
        }
    }

    return 1;
}


/* what the answer says of name i, from 1 */

static int
ctl_fsck_one(ctl_fsck_t *f, ctl_names_t *names, size_t i, redisReply *reply)
{
    int          code, good, found;
    size_t       k;
    redisReply  *records, *findings, *finding;

    findings = reply->element[1];
    records = reply->element[2];
    good = 1;

    if (i <= records->elements
        && records->element[i - 1]->type == REDIS_REPLY_ARRAY
        && records->element[i - 1]->elements)
    {
        if (strcmp(names->kind, "token") == 0
            || strcmp(names->kind, "user") == 0)
        {
            good = ctl_fsck_record(f, names, i, records->element[i - 1]);

        } else if (strcmp(names->kind, "id") == 0) {
            good = ctl_fsck_readable(f, records->element[i - 1]);

        } else {
            code = ctl_fsck_members(f, names, i, records->element[i - 1]);
            if (code != CTL_OK) {
                return code;
            }
        }
    }

    for (k = 0, found = 0; k < findings->elements; k++) {
        finding = findings->element[k];

        if ((size_t) ctl_number(finding->element[1]->str) != i) {
            continue;
        }

        if (good && f->fix && !f->ctl->dry
            && finding->element[5]->str[0] == '+')
        {
            return ctl_fsck_fix(f, names, i);
        }

        found = 1;
    }

    ctl_fsck_findings(f, findings, i, good && f->fix && f->ctl->dry);

    return good && !found && strcmp(names->kind, "token") == 0
           && i <= records->elements
           && records->element[i - 1]->type == REDIS_REPLY_ARRAY
           ? ctl_fsck_right(f, records->element[i - 1]) : CTL_OK;
}


/* its links are judged when all of id: is right, so it is asked for again */

static int
ctl_fsck_right(ctl_fsck_t *f, redisReply *record)
{
    size_t             i;
    const redisReply  *name, *id;

    for (i = 0, id = NULL; i + 1 < record->elements; i += 2) {
        name = record->element[i];

        if (strcmp(name->str, "id") == 0) {
            id = record->element[i + 1];

        } else if (strncmp(name->str, "rotated_", 8) == 0) {
            return CTL_OK;
        }
    }

    return id == NULL || ctl_set_add(&f->right, id->str, id->len) >= 0
           ? CTL_OK : ctl_fail(f->ctl, CTL_FAILED, "no memory");
}


/*
 * Ids of a user's tokens, and their names: each is to have its own.  Names are
 * kept for one user at a time.
 */

static int
ctl_fsck_members(ctl_fsck_t *f, ctl_names_t *names, size_t i,
    redisReply *members)
{
    int          code;
    size_t       k;
    json_t      *other;
    const char  *id, *name;

    if (strcmp(names->kind, "user-tokens") == 0) {
        json_object_clear(f->names);

        if (members->elements == 1) {
            return ctl_fsck_walk(f, "SSCAN", "member",
                                 names->arg[CTL_FSCK_FIXED + i - 1]);
        }
    }

    code = CTL_OK;

    for (k = 0; k + 1 < members->elements && code == CTL_OK; k += 2) {
        id = members->element[k]->str;
        name = members->element[k + 1]->str;
        other = json_object_get(f->names, name);

        if (other == NULL) {
            (void) json_object_set_new_nocheck(f->names, name,
                                               json_string_nocheck(id));

        } else if (strcmp(json_string_value(other), id) != 0) {
            code = ctl_fsck_same(f, id, json_string_value(other));
        }
    }

    return code;
}


/* a page may have been older than the other: both are asked for at once */

static int
ctl_fsck_same(ctl_fsck_t *f, const char *id, const char *other)
{
    int           code;
    redisReply   *reply;
    const char   *arg[CTL_FSCK_FIXED + 1];
    ctl_names_t   same = { "same", other, 1, arg };

    arg[CTL_FSCK_FIXED] = id;

    code = ctl_fsck_ask(f, &same, "check", &reply);

    if (code == CTL_OK) {
        ctl_fsck_findings(f, reply->element[1], 1, 0);
        freeReplyObject(reply);
    }

    return code;
}


/* judge it anew, and report what it is now */

static int
ctl_fsck_fix(ctl_fsck_t *f, ctl_names_t *names, size_t i)
{
    int           code;
    redisReply   *reply;
    const char   *arg[CTL_FSCK_FIXED + 1];
    ctl_names_t   one = { names->kind, names->owner, 1, arg };

    arg[CTL_FSCK_FIXED] = names->arg[CTL_FSCK_FIXED + i - 1];

    code = ctl_fsck_ask(f, &one, "fix", &reply);

    if (code == CTL_OK) {
        ctl_fsck_findings(f, reply->element[1], 1, 1);
        freeReplyObject(reply);
    }

    return code;
}


static void
ctl_fsck_findings(ctl_fsck_t *f, redisReply *findings, size_t i, int fixed)
{
    size_t          k;
    redisReply    **e;
    ctl_wrong_t   finding;

    for (k = 0; k < findings->elements; k++) {
        e = findings->element[k]->element;

        if ((size_t) ctl_number(e[1]->str) != i) {
            continue;
        }

        finding.word = e[0]->str;
        finding.token = e[2]->str;
        finding.user = e[3]->str;
        finding.seen = e[4]->str;
        finding.fixed = fixed && e[5]->str[0] == '+';
        ctl_fsck_say(f, &finding);
    }
}
