/*
 * What goes to standard output: one JSON value, lines of fields, or cells of
 * a table.
 */


#include "cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>


static int cli_is_number(const char *name);
static int cli_is_date(const char *name);
static int cli_columns(void);
static size_t cli_utf8_len(const char *p);


/* a record without what nobody may see: seals */

json_t *
ctl_json(const ctl_record_t *rec, const char *id)
{
    size_t       i;
    json_t      *json, *value;
    const char  *name;

    json = json_object();

    if (id) {
        json_object_set_new(json, "id", json_string(id));
    }

    for (i = 0; i + 1 < rec->n; i += 2) {
        name = rec->field[i].data;

        if (strcmp(name, "seal") == 0) {
            continue;
        }

        if (cli_is_number(name)) {
            value = json_integer(ctl_number(rec->field[i + 1].data));

        } else {
            value = json_stringn(rec->field[i + 1].data,
                                 rec->field[i + 1].len);
        }

        /* what is not UTF-8 cannot be shown as JSON */

        json_object_set_new(json, name, value ? value : json_null());
    }

    return json;
}


/* dates, and how often */

static int
cli_is_number(const char *name)
{
    return cli_is_date(name) || strcmp(name, "uses") == 0
           || strcmp(name, "refused") == 0;
}


static int
cli_is_date(const char *name)
{
    size_t  len;

    len = strlen(name);

    return (len > 3 && strcmp(name + len - 3, "_at") == 0)
           || strcmp(name, "last_used") == 0
           || strcmp(name, "first_used") == 0;
}


int
cli_print_json(ctl_t *ctl, json_t *json)
{
    char  *text;

    text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);

    if (text == NULL) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    printf("%s\n", text);
    free(text);

    return CTL_OK;
}


void
cli_answer(ctl_t *ctl, json_t *json)
{
    ctl->answer = json;
}


/* "name  value" lines, with dates as text */

void
cli_print_fields(json_t *json)
{
    char         date[24];
    size_t       i;
    json_t      *value, *item;
    const char  *name;

    json_object_foreach(json, name, value) {
        printf("%-16s", name);

        if (json_is_integer(value) && cli_is_date(name)) {

            if (json_integer_value(value) == 0) {
                printf("%s\n", strcmp(name, "expires_at") == 0 ? "never"
                                                               : "-");
            } else {
                ctl_iso(json_integer_value(value), date);
                printf("%s\n", date);
            }

        } else if (json_is_integer(value)) {
            printf("%lld\n", (long long) json_integer_value(value));

        } else if (json_is_string(value) && json_string_length(value)) {
            cli_safe(json_string_value(value));
            printf("\n");

        } else if (json_array_size(value)) {

            json_array_foreach(value, i, item) {
                printf(i ? ", " : "");
                cli_safe(json_is_string(item) ? json_string_value(item) : "?");
            }

            printf("\n");

        } else if (json_is_null(value) && strcmp(name, "last_used") == 0) {
            printf("never used\n");

        } else {
            printf("-\n");
        }
    }

    json_decref(json);
}


/*
 * Text cut or filled to a width in characters; below 0: the last cell of a
 * line, cut and not filled.  What a narrow terminal has no room for is cut,
 * so that a row stays one line.
 */

void
cli_cell(const char *text, int width)
{
    int          i, n, last, room;
    size_t       len;
    const char  *p;

    static int   used;

    last = width < 0;
    width = abs(width);
    room = cli_columns() - used;
    used = last ? 0 : used + width + 1;

    if (room < width) {
        width = room;
    }

    if (width <= 0) {
        if (last) {
            printf("\n");
        }

        return;
    }

    for (p = text, n = 0; *p; p += cli_utf8_len(p)) {
        n++;
    }

    for (p = text, i = 0; *p && i < (n > width ? width - 1 : n); i++) {
        len = cli_utf8_len(p);

        if ((unsigned char) *p < ' ' || *p == 0x7f) {
            putchar('?');

        } else {
            fwrite(p, 1, len, stdout);
        }

        p += len;
    }

    if (n > width) {
        printf("\xe2\x80\xa6");
    }

    if (last) {
        printf("\n");

    } else {
        n = n < width ? width - n + 1 : 1;
        printf("%*s", room > width ? n : n - 1, "");
    }
}


/* of a terminal; a file has room for everything */

static int
cli_columns(void)
{
    static int      columns;
    struct winsize  size;

    if (columns == 0) {
        columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col
                  ? size.ws_col : INT_MAX / 2;
    }

    return columns;
}


static size_t
cli_utf8_len(const char *p)
{
    size_t  n;

    for (n = 1; (p[n] & 0xc0) == 0x80; n++) {
        /* void */
    }

    return n;
}


/* text of others, so that it cannot steer a terminal */

void
cli_safe(const char *text)
{
    for ( /* void */ ; *text; text++) {
        putchar((unsigned char) *text < ' ' || *text == 0x7f ? '?' : *text);
    }
}


/* an id as a word of a shell's command line; what is too long is cut */

void
ctl_quote(const char *text, char out[CTL_QUOTED])
{
    size_t       n;
    const char  *p;

    static const char  *plain = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@.+-/:";

    text = text ? text : "";

    if (text[0] && text[strspn(text, plain)] == '\0'
        && strlen(text) < CTL_QUOTED)
    {
        strcpy(out, text);
        return;
    }

    n = 0;
    out[n++] = '\'';

    for (p = text; *p && n < CTL_QUOTED - 6; p++) {
        if (*p == '\'') {
            memcpy(out + n, "'\\'", 3);
            n += 3;
        }

        out[n++] = *p;
    }

    out[n++] = '\'';
    out[n] = '\0';
}


/* whether a word stands in a list of words with blanks around each */

int
ctl_word(const char *list, const char *word)
{
    size_t       len;
    const char  *p;

    len = strlen(word);

    for (p = strstr(list, word); p && len; p = strstr(p + 1, word)) {
        if (p > list && p[-1] == ' ' && p[len] == ' ') {
            return 1;
        }
    }

    return 0;
}


int
cli_flush(ctl_t *ctl)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "cannot write to standard "
                        "output");
    }

    return CTL_OK;
}
