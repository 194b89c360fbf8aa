/*
 * One line of an import: what line_read.c has read, which may be anything, to
 * a record that the edge can read.
 */


#include "dump.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>


static int ctl_line_user(ctl_t *ctl, ctl_line_t *line);
static int ctl_line_token(ctl_t *ctl, ctl_line_t *line);
static int ctl_line_meta(ctl_line_t *line);
static int ctl_line_fields(ctl_line_t *line);
static int ctl_line_texts(ctl_line_t *line);
static int ctl_line_field(ctl_line_t *line, const ctl_member_t *m);
static int ctl_line_beside(ctl_line_t *line, const ctl_member_t *m);
static int ctl_line_used(ctl_line_t *line);
static int ctl_line_usage(ctl_line_t *line);
static const ctl_member_t *ctl_line_member(ctl_line_t *line,
    const char *name);
static int ctl_line_text(ctl_line_t *line, const char *name,
    stok_str_t *text);
static int ctl_line_is_date(stok_str_t name);


int
ctl_line_parse(ctl_t *ctl, ctl_line_t *line, const char *text, size_t len)
{
    ctl_line_init(line);

    if (ctl_line_plain(line, text, len) != CTL_OK) {
        ctl_line_init(line);

        if (ctl_line_json(line, text, len) != CTL_OK) {
            return CTL_REJECTED;
        }
    }

    switch (line->kind) {

    case CTL_LINE_TOKEN:
        return ctl_line_token(ctl, line);

    case CTL_LINE_USER:
        return ctl_line_user(ctl, line);

    case CTL_LINE_META:
        return ctl_line_meta(line);

    default:
        return CTL_OK;
    }
}


void
ctl_line_init(ctl_line_t *line)
{
    memset(line, 0, offsetof(ctl_line_t, member));
}


void
ctl_line_free(ctl_line_t *line)
{
    json_decref(line->json);
    line->json = NULL;
}


static int
ctl_line_user(ctl_t *ctl, ctl_line_t *line)
{
    const char  *why;

    if (ctl_line_text(line, "id", &line->id) != CTL_OK
        || stok_user_id_check(line->id) != STOK_OK)
    {
        return ctl_line_bad(line, "the user has no valid id");
    }

    if (ctl_line_fields(line) != CTL_OK || ctl_line_texts(line) != CTL_OK) {
        return CTL_REJECTED;
    }

    if (stok_user_record_decode(&line->user, line->field, line->n, &why)
        != STOK_OK)
    {
        return ctl_line_bad(line, "the user cannot be read: %s",
                            why ? why : "no field");
    }

    if (ctl->keys.n) {
        stok_seal_check_user(&ctl->keys, line->id, &line->user);

        if (line->user.tampered) {
            return ctl_line_bad(line, "the user has no valid seal by a key "
                                "of the key file");
        }
    }

    return CTL_OK;
}


static int
ctl_line_token(ctl_t *ctl, ctl_line_t *line)
{
    stok_str_t   hex;
    const char  *why;

    if (ctl_line_text(line, "digest", &hex) != CTL_OK
        || ctl_unhex(hex.data, hex.len, line->digest) != CTL_OK)
    {
        return ctl_line_bad(line, "the token's digest is not 64 hex digits");
    }

    memcpy(line->hex, hex.data, STOK_DIGEST_HEX);

    if (ctl_line_fields(line) != CTL_OK || ctl_line_texts(line) != CTL_OK
        || ctl_line_used(line) != CTL_OK)
    {
        return CTL_REJECTED;
    }

    if (stok_token_record_decode(&line->token, line->field, line->n, &why)
        != STOK_OK)
    {
        return ctl_line_bad(line, "the token cannot be read: %s",
                            why ? why : "no field");
    }

    line->id = line->token.id;

    if (ctl->keys.n) {
        stok_seal_check_token(&ctl->keys, line->digest, &line->token);

        if (line->token.tampered) {
            return ctl_line_bad(line, "the token has no valid seal by a key "
                                "of the key file");
        }
    }

    return CTL_OK;
}


static int
ctl_line_meta(ctl_line_t *line)
{
    stok_str_t   text;
    const char  *approval;

    if (ctl_line_text(line, "schema", &text) != CTL_OK
        || text.len != sizeof(STOK_SCHEMA) - 1
        || memcmp(text.data, STOK_SCHEMA, text.len) != 0)
    {
        return ctl_line_bad(line, "it is of another schema than %s",
                            STOK_SCHEMA);
    }

    if (ctl_line_text(line, "brand", &text) != CTL_OK
        || stok_brand_check(text.data, text.len) != STOK_OK)
    {
        return ctl_line_bad(line, "there is no valid brand");
    }

    approval = json_string_value(json_object_get(line->object, "approval"));

    if (json_object_get(line->object, "approval")
        && (approval == NULL || (strcmp(approval, "none") != 0
                                 && strcmp(approval, "required") != 0)))
    {
        return ctl_line_bad(line, "approval is neither required nor none");
    }

    return CTL_OK;
}


/* what is the record's: all but what stands beside it */

static int
ctl_line_fields(ctl_line_t *line)
{
    size_t  i;

    for (i = 0; i < line->members; i++) {

        if (ctl_line_beside(line, &line->member[i])) {
            continue;
        }

        if (line->n == CTL_FIELDS) {
            return ctl_line_bad(line, "there are too many fields");
        }

        if (ctl_line_field(line, &line->member[i]) != CTL_OK) {
            return CTL_REJECTED;
        }
    }

    return CTL_OK;
}


static int
ctl_line_texts(ctl_line_t *line)
{
    const char  *why, *name;

    why = ctl_record_wrong(line->field, line->n, &name);

    return why ? ctl_line_bad(line, "its %s %s", name, why) : CTL_OK;
}


static int
ctl_line_beside(ctl_line_t *line, const ctl_member_t *m)
{
    if (line->kind == CTL_LINE_USER) {
        return ctl_str_is(m->name, "id");
    }

    return ctl_str_is(m->name, "digest") || ctl_str_is(m->name, "last_used")
           || ctl_str_is(m->name, "usage");
}


static int
ctl_line_field(ctl_line_t *line, const ctl_member_t *m)
{
    int  date;

    date = ctl_line_is_date(m->name);

    line->field[line->n++] = m->name;
    line->field[line->n++] = m->text;

    if (m->type == CTL_MEMBER_TEXT && (!date || m->text.len == 0)) {
        return CTL_OK;
    }

    if (m->type == CTL_MEMBER_NUMBER && date) {
        return CTL_OK;
    }

    /* a name that is none of ours is not repeated */

    return date ? ctl_line_bad(line, "a date is not a number")
                : ctl_line_bad(line, "a field is not text");
}


static int
ctl_line_used(ctl_line_t *line)
{
    int64_t              date;
    const ctl_member_t  *m;

    m = ctl_line_member(line, "last_used");

    if (m) {
        if (m->type != CTL_MEMBER_NUMBER
            || stok_date_parse(m->text, &date) != STOK_OK)
        {
            return ctl_line_bad(line, "last_used is not a date");
        }

        line->last_used = m->text;
    }

    m = ctl_line_member(line, "usage");

    if (m && m->type != CTL_MEMBER_USAGE) {
        return ctl_line_bad(line, "usage is not an object of %d fields at "
                            "most", CTL_USAGE_MAX);
    }

    return ctl_line_usage(line);
}


static int
ctl_line_usage(ctl_line_t *line)
{
    size_t       i, k;
    stok_str_t  *name, *value;

    for (i = 0; i < line->usages; i += 2) {
        name = &line->usage[i];
        value = &line->usage[i + 1];

        for (k = 0; k < name->len; k++) {
            if ((name->data[k] < 'a' || name->data[k] > 'z')
                && name->data[k] != '_')
            {
                break;
            }
        }

        if (name->len == 0 || name->len > 32 || k < name->len
            || value->data == NULL || value->len > STOK_TEXT_MAX)
        {
            return ctl_line_bad(line, "usage has a field that is not valid");
        }
    }

    return CTL_OK;
}


/* NULL: not found */

static const ctl_member_t *
ctl_line_member(ctl_line_t *line, const char *name)
{
    size_t  i;

    for (i = 0; i < line->members; i++) {
        if (ctl_str_is(line->member[i].name, name)) {
            return &line->member[i];
        }
    }

    return NULL;
}


static int
ctl_line_text(ctl_line_t *line, const char *name, stok_str_t *text)
{
    const ctl_member_t  *m;

    m = ctl_line_member(line, name);

    if (m == NULL || m->type != CTL_MEMBER_TEXT) {
        return CTL_REJECTED;
    }

    *text = m->text;

    return CTL_OK;
}


static int
ctl_line_is_date(stok_str_t name)
{
    return name.len > 3 && memcmp(name.data + name.len - 3, "_at", 3) == 0;
}


int
ctl_line_bad(ctl_line_t *line, const char *format, ...)
{
    va_list  ap;

    va_start(ap, format);
    vsnprintf(line->why, sizeof(line->why), format, ap);
    va_end(ap);

    return CTL_REJECTED;
}
