/*
 * One line of an import: JSON that may hold anything, to a record that the
 * edge can read.
 */


#include "cli_dump.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


static int cli_line_user(cli_t *cli, cli_line_t *line);
static int cli_line_token(cli_t *cli, cli_line_t *line);
static int cli_line_meta(cli_line_t *line);
static int cli_line_fields(cli_line_t *line);
static int cli_line_field(cli_line_t *line, const char *name, json_t *value);
static int cli_line_used(cli_line_t *line);
static int cli_line_usage(cli_line_t *line, json_t *usage);
static int cli_line_text(json_t *object, const char *name, stok_str_t *text);
static int cli_line_is_date(const char *name);
static int cli_line_bad(cli_line_t *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


int
cli_line_parse(cli_t *cli, cli_line_t *line, const char *text, size_t len)
{
    void          *iter;
    const char    *kind, *near;
    json_error_t   error;

    memset(line, 0, sizeof(*line));

    line->json = json_loadb(text, len, JSON_REJECT_DUPLICATES
                                       | JSON_ALLOW_NUL, &error);

    if (line->json == NULL) {
        near = strstr(error.text, " near ");     /* the text itself */

        return cli_line_bad(line, "it is not JSON: %.*s",
                            (int) (near ? near - error.text
                                        : (long) strlen(error.text)),
                            error.text);
    }

    iter = json_object_iter(line->json);

    if (!json_is_object(line->json) || json_object_size(line->json) != 1
        || !json_is_object(json_object_iter_value(iter)))
    {
        return cli_line_bad(line, "it is not one user, token, meta or end");
    }

    kind = json_object_iter_key(iter);
    line->object = json_object_iter_value(iter);

    if (strcmp(kind, "token") == 0) {
        line->kind = CLI_LINE_TOKEN;
        return cli_line_token(cli, line);
    }

    if (strcmp(kind, "user") == 0) {
        line->kind = CLI_LINE_USER;
        return cli_line_user(cli, line);
    }

    if (strcmp(kind, "meta") == 0) {
        line->kind = CLI_LINE_META;
        return cli_line_meta(line);
    }

    if (strcmp(kind, "end") == 0) {
        line->kind = CLI_LINE_END;
        return CLI_OK;
    }

    return cli_line_bad(line, "it is not one user, token, meta or end");
}


void
cli_line_free(cli_line_t *line)
{
    json_decref(line->json);
    line->json = NULL;
}


static int
cli_line_user(cli_t *cli, cli_line_t *line)
{
    const char  *why;

    if (cli_line_text(line->object, "id", &line->id) != CLI_OK
        || stok_user_id_check(line->id) != STOK_OK)
    {
        return cli_line_bad(line, "the user has no valid id");
    }

    if (cli_line_fields(line) != CLI_OK) {
        return CLI_REFUSED;
    }

    if (stok_user_record_decode(&line->user, line->field, line->n, &why)
        != STOK_OK)
    {
        return cli_line_bad(line, "the user cannot be read: %s",
                            why ? why : "no field");
    }

    if (cli->keys.n) {
        stok_seal_check_user(&cli->keys, line->id, &line->user);

        if (line->user.tampered) {
            return cli_line_bad(line, "the user has no valid seal by a key "
                                "of the key file");
        }
    }

    return CLI_OK;
}


static int
cli_line_token(cli_t *cli, cli_line_t *line)
{
    stok_str_t   hex;
    const char  *why;

    if (cli_line_text(line->object, "digest", &hex) != CLI_OK
        || cli_unhex(hex.data, hex.len, line->digest) != CLI_OK)
    {
        return cli_line_bad(line, "the token's digest is not 64 hex digits");
    }

    memcpy(line->hex, hex.data, STOK_DIGEST_HEX);

    if (cli_line_fields(line) != CLI_OK || cli_line_used(line) != CLI_OK) {
        return CLI_REFUSED;
    }

    if (stok_token_record_decode(&line->token, line->field, line->n, &why)
        != STOK_OK)
    {
        return cli_line_bad(line, "the token cannot be read: %s",
                            why ? why : "no field");
    }

    line->id = line->token.id;

    if (cli->keys.n) {
        stok_seal_check_token(&cli->keys, line->digest, &line->token);

        if (line->token.tampered) {
            return cli_line_bad(line, "the token has no valid seal by a key "
                                "of the key file");
        }
    }

    return CLI_OK;
}


static int
cli_line_meta(cli_line_t *line)
{
    stok_str_t   text;
    const char  *approval;

    if (cli_line_text(line->object, "schema", &text) != CLI_OK
        || text.len != sizeof(STOK_SCHEMA) - 1
        || memcmp(text.data, STOK_SCHEMA, text.len) != 0)
    {
        return cli_line_bad(line, "it is of another schema than %s",
                            STOK_SCHEMA);
    }

    if (cli_line_text(line->object, "brand", &text) != CLI_OK
        || stok_brand_check(text.data, text.len) != STOK_OK)
    {
        return cli_line_bad(line, "there is no valid brand");
    }

    approval = json_string_value(json_object_get(line->object, "approval"));

    if (json_object_get(line->object, "approval")
        && (approval == NULL || (strcmp(approval, "none") != 0
                                 && strcmp(approval, "required") != 0)))
    {
        return cli_line_bad(line, "approval is neither required nor none");
    }

    return CLI_OK;
}


/* what is the record's: all but what stands beside it */

static int
cli_line_fields(cli_line_t *line)
{
    json_t      *value;
    const char  *name;

    json_object_foreach(line->object, name, value) {

        if (line->kind == CLI_LINE_USER ? strcmp(name, "id") == 0
            : strcmp(name, "digest") == 0 || strcmp(name, "last_used") == 0
              || strcmp(name, "usage") == 0)
        {
            continue;
        }

        if (line->n == CLI_FIELDS) {
            return cli_line_bad(line, "there are too many fields");
        }

        if (cli_line_field(line, name, value) != CLI_OK) {
            return CLI_REFUSED;
        }
    }

    return CLI_OK;
}


static int
cli_line_field(cli_line_t *line, const char *name, json_t *value)
{
    char        *date;
    stok_str_t  *text;

    line->field[line->n].data = name;
    line->field[line->n++].len = strlen(name);
    text = &line->field[line->n++];

    if (json_is_string(value)
        && (!cli_line_is_date(name) || json_string_length(value) == 0))
    {
        text->data = json_string_value(value);
        text->len = json_string_length(value);
        return CLI_OK;
    }

    if (json_is_integer(value) && cli_line_is_date(name)) {
        date = line->date[line->dates++];
        text->data = date;
        text->len = (size_t) snprintf(date, sizeof(line->date[0]), "%lld",
                                      (long long) json_integer_value(value));
        return CLI_OK;
    }

    /* a name that is none of ours is not repeated */

    return cli_line_is_date(name)
           ? cli_line_bad(line, "a date is not a number")
           : cli_line_bad(line, "a field is not text");
}


static int
cli_line_used(cli_line_t *line)
{
    json_t   *value;
    int64_t   date;

    value = json_object_get(line->object, "last_used");

    if (value) {
        line->last_used.data = line->last;
        line->last_used.len = (size_t)
            snprintf(line->last, sizeof(line->last), "%lld",
                     (long long) json_integer_value(value));

        if (!json_is_integer(value)
            || stok_date_parse(line->last_used, &date) != STOK_OK)
        {
            return cli_line_bad(line, "last_used is not a date");
        }
    }

    value = json_object_get(line->object, "usage");

    return value ? cli_line_usage(line, value) : CLI_OK;
}


static int
cli_line_usage(cli_line_t *line, json_t *usage)
{
    size_t       len;
    json_t      *value;
    const char  *name;

    if (!json_is_object(usage) || json_object_size(usage) > CLI_USAGE_MAX) {
        return cli_line_bad(line, "usage is not an object of %d fields at "
                            "most", CLI_USAGE_MAX);
    }

    json_object_foreach(usage, name, value) {
        len = strlen(name);

        if (len == 0 || len > 32
            || strspn(name, "abcdefghijklmnopqrstuvwxyz_") != len
            || !json_is_string(value)
            || json_string_length(value) > STOK_TEXT_MAX)
        {
            return cli_line_bad(line, "usage has a field that is not valid");
        }

        line->usage[line->usages].data = name;
        line->usage[line->usages++].len = len;
        line->usage[line->usages].data = json_string_value(value);
        line->usage[line->usages++].len = json_string_length(value);
    }

    return CLI_OK;
}


static int
cli_line_text(json_t *object, const char *name, stok_str_t *text)
{
    json_t  *value;

    value = json_object_get(object, name);

    text->data = json_string_value(value);
    text->len = json_string_length(value);

    return text->data ? CLI_OK : CLI_REFUSED;
}


static int
cli_line_is_date(const char *name)
{
    size_t  len;

    len = strlen(name);

    return len > 3 && strcmp(name + len - 3, "_at") == 0;
}


static int
cli_line_bad(cli_line_t *line, const char *format, ...)
{
    va_list  ap;

    va_start(ap, format);
    vsnprintf(line->why, sizeof(line->why), format, ap);
    va_end(ap);

    return CLI_REFUSED;
}
