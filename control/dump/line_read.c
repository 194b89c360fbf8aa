/*
 * Text of a line to its members, which line.c judges.
 *
 * A line as export writes it is read in place: two objects of plain texts and
 * whole numbers, no white space, no escape, nothing but ASCII.  A million of
 * them pass here twice, and jansson makes a tree of each.  A line that is
 * written in another way, or is wrong, is read by jansson, which says what is
 * wrong; so what is taken here is never more than what jansson takes, and the
 * same (fuzz/line.c compares them).
 */


#include "dump.h"

#include <stdio.h>
#include <string.h>


#define CTL_PLAIN_DIGITS  18                     /* fit 64 bits */


static const char *ctl_plain_text(const char *p, const char *end,
    stok_str_t *text);
static const char *ctl_plain_number(const char *p, const char *end,
    stok_str_t *text);
static const char *ctl_plain_object(ctl_line_t *line, const char *p,
    const char *end);
static const char *ctl_plain_member(ctl_line_t *line, const char *p,
    const char *end);
static const char *ctl_plain_usage(ctl_line_t *line, const char *p,
    const char *end);
static int ctl_line_kind(ctl_line_t *line, stok_str_t kind);
static int ctl_json_member(ctl_line_t *line, const char *name,
    json_t *value);
static ctl_member_e ctl_json_usage(ctl_line_t *line, json_t *usage);


int
ctl_line_plain(ctl_line_t *line, const char *text, size_t len)
{
    stok_str_t   kind;
    const char  *p, *end;

    p = text;
    end = text + len;

    if (p == end || *p++ != '{') {
        return CTL_REJECTED;
    }

    p = ctl_plain_text(p, end, &kind);

    if (p == NULL || ctl_line_kind(line, kind) != CTL_OK
        || (line->kind != CTL_LINE_USER && line->kind != CTL_LINE_TOKEN)
        || p == end || *p++ != ':')
    {
        return CTL_REJECTED;
    }

    p = ctl_plain_object(line, p, end);

    return p && end - p == 1 && *p == '}' ? CTL_OK : CTL_REJECTED;
}


/* from '{' to behind '}'; NULL: it is not plain */

static const char *
ctl_plain_object(ctl_line_t *line, const char *p, const char *end)
{
    if (p == end || *p++ != '{') {
        return NULL;
    }

    for ( ;; ) {
        p = ctl_plain_member(line, p, end);

        if (p == NULL || p == end) {
            return NULL;
        }

        switch (*p++) {

        case ',':
            break;

        case '}':
            return p;

        default:
            return NULL;
        }
    }
}


static const char *
ctl_plain_member(ctl_line_t *line, const char *p, const char *end)
{
    size_t         i;
    ctl_member_t  *m;

    if (line->members == CTL_MEMBERS) {
        return NULL;
    }

    m = &line->member[line->members];
    p = ctl_plain_text(p, end, &m->name);

    if (p == NULL || end - p < 2 || *p++ != ':') {
        return NULL;
    }

    for (i = 0; i < line->members; i++) {
        if (ctl_str_same(line->member[i].name, m->name)) {
            return NULL;
        }
    }

    line->members++;

    if (*p == '"') {
        m->type = CTL_MEMBER_TEXT;
        return ctl_plain_text(p, end, &m->text);
    }

    if (*p == '{' && line->kind == CTL_LINE_TOKEN
        && ctl_str_is(m->name, "usage"))
    {
        m->type = CTL_MEMBER_USAGE;
        return ctl_plain_usage(line, p + 1, end);
    }

    m->type = CTL_MEMBER_NUMBER;

    return ctl_plain_number(p, end, &m->text);
}


/* texts only, and at least one */

static const char *
ctl_plain_usage(ctl_line_t *line, const char *p, const char *end)
{
    size_t       i;
    stok_str_t  *pair;

    for ( ;; ) {
        if (line->usages == 2 * CTL_USAGE_MAX) {
            return NULL;
        }

        pair = &line->usage[line->usages];
        p = ctl_plain_text(p, end, &pair[0]);

        if (p == NULL || p == end || *p++ != ':') {
            return NULL;
        }

        for (i = 0; i < line->usages; i += 2) {
            if (ctl_str_same(line->usage[i], pair[0])) {
                return NULL;
            }
        }

        line->usages += 2;
        p = ctl_plain_text(p, end, &pair[1]);

        if (p == NULL || p == end) {
            return NULL;
        }

        switch (*p++) {

        case ',':
            break;

        case '}':
            return p;

        default:
            return NULL;
        }
    }
}


static const char *
ctl_plain_text(const char *p, const char *end, stok_str_t *text)
{
    if (p == end || *p++ != '"') {
        return NULL;
    }

    text->data = p;

    while (p < end && *p != '"') {
        if (*p < ' ' || *p > '~' || *p == '\\') {
            return NULL;
        }

        p++;
    }

    text->len = (size_t) (p - text->data);

    return p < end ? p + 1 : NULL;
}


/* what follows it is looked at by the caller */

static const char *
ctl_plain_number(const char *p, const char *end, stok_str_t *text)
{
    text->data = p;

    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }

    text->len = (size_t) (p - text->data);

    if (text->len == 0 || text->len > CTL_PLAIN_DIGITS
        || (text->data[0] == '0' && text->len > 1))
    {
        return NULL;
    }

    return p;
}


int
ctl_line_json(ctl_line_t *line, const char *text, size_t len)
{
    void          *iter;
    json_t        *value;
    const char    *name, *near;
    stok_str_t     kind;
    json_error_t   error;

    line->json = json_loadb(text, len, JSON_REJECT_DUPLICATES
                                       | JSON_ALLOW_NUL, &error);

    if (line->json == NULL) {
        near = strstr(error.text, " near ");     /* the text itself */

        return ctl_line_bad(line, "it is not JSON: %.*s",
                            (int) (near ? near - error.text
                                        : (long) strlen(error.text)),
                            error.text);
    }

    iter = json_object_iter(line->json);

    if (json_object_size(line->json) == 1) {
        kind.data = json_object_iter_key(iter);
        kind.len = strlen(kind.data);
        line->object = json_object_iter_value(iter);

        if (json_is_object(line->object)
            && ctl_line_kind(line, kind) == CTL_OK)
        {
            json_object_foreach(line->object, name, value) {
                if (ctl_json_member(line, name, value) != CTL_OK) {
                    return CTL_REJECTED;
                }
            }

            return CTL_OK;
        }
    }

    return ctl_line_bad(line, "it is not one user, token, meta or end");
}


static int
ctl_line_kind(ctl_line_t *line, stok_str_t kind)
{
    size_t  i;

    static const char  *kinds[] = { "meta", "user", "token", "end" };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (ctl_str_is(kind, kinds[i])) {
            line->kind = (ctl_line_e) i;
            return CTL_OK;
        }
    }

    return CTL_REJECTED;
}


static int
ctl_json_member(ctl_line_t *line, const char *name, json_t *value)
{
    char          *number;
    ctl_member_t  *m;

    if (line->members == CTL_MEMBERS) {
        return ctl_line_bad(line, "there are too many fields");
    }

    m = &line->member[line->members];
    m->name.data = name;
    m->name.len = strlen(name);
    m->type = CTL_MEMBER_OTHER;

    if (json_is_string(value)) {
        m->type = CTL_MEMBER_TEXT;
        m->text.data = json_string_value(value);
        m->text.len = json_string_length(value);

    } else if (json_is_integer(value)) {
        m->type = CTL_MEMBER_NUMBER;
        number = line->number[line->members];
        m->text.data = number;
        m->text.len = (size_t) snprintf(number, sizeof(line->number[0]),
                                        "%lld",
                                        (long long) json_integer_value(value));

    } else if (json_is_object(value) && line->kind == CTL_LINE_TOKEN
               && strcmp(name, "usage") == 0)
    {
        m->type = ctl_json_usage(line, value);
    }

    line->members++;

    return CTL_OK;
}


/* a value that is not text has no data */

static ctl_member_e
ctl_json_usage(ctl_line_t *line, json_t *usage)
{
    json_t      *value;
    const char  *name;

    if (json_object_size(usage) > CTL_USAGE_MAX) {
        return CTL_MEMBER_OTHER;
    }

    json_object_foreach(usage, name, value) {
        line->usage[line->usages].data = name;
        line->usage[line->usages++].len = strlen(name);
        line->usage[line->usages].data = json_string_value(value);
        line->usage[line->usages++].len = json_string_length(value);
    }

    return CTL_MEMBER_USAGE;
}
