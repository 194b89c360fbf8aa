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


static int cli_columns(void);
static size_t cli_utf8_len(const char *p);


int
cli_print_json(cli_t *cli, json_t *json)
{
    char  *text;

    text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);

    if (text == NULL) {
        return ctl_fail(&cli->ctl, CTL_UNAVAILABLE, "no memory");
    }

    printf("%s\n", text);
    free(text);

    return CTL_OK;
}


void
cli_answer(cli_t *cli, json_t *json)
{
    cli->answer = json;
}


int
cli_changed(cli_t *cli, int code, json_t *json)
{
    if (code == CTL_OK && json) {
        cli_answer(cli, json);
    }

    return code;
}


int
cli_print_record(cli_t *cli, json_t *record)
{
    if (cli->json) {
        return cli_print_json(cli, record);
    }

    cli_print_fields(record);

    return CTL_OK;
}


void
cli_rows_init(cli_rows_t *rows, cli_t *cli, void (*head)(void),
    ctl_item_pt row)
{
    rows->cli = cli;
    rows->head = head;
    rows->row = row;
    rows->n = 0;
    rows->array = cli->json ? json_array() : NULL;
}


int
cli_rows_add(ctl_t *ctl, json_t *item, void *data)
{
    cli_rows_t  *rows;

    rows = data;

    if (rows->array) {
        json_array_append(rows->array, item);
        return CTL_OK;
    }

    if (rows->n++ == 0) {
        rows->head();
    }

    return rows->row(ctl, item, rows->cli);
}


/* an empty table has its head, too */

int
cli_rows_done(cli_rows_t *rows, int code)
{
    if (code != CTL_OK) {
        json_decref(rows->array);
        return code;
    }

    if (rows->array) {
        return cli_print_json(rows->cli, rows->array);
    }

    if (rows->n == 0) {
        rows->head();
    }

    return CTL_OK;
}


int
cli_print_item(cli_t *cli, json_t *item, size_t before)
{
    char  *text;

    text = json_dumps(item, JSON_COMPACT);

    if (text == NULL) {
        return ctl_fail(&cli->ctl, CTL_UNAVAILABLE, "no memory");
    }

    printf("%s  %s", before ? ",\n" : "[\n", text);
    free(text);

    return CTL_OK;
}


void
cli_print_end(size_t items)
{
    printf(items ? "\n]\n" : "[]\n");
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

        if (json_is_integer(value) && ctl_is_date(name)) {

            if (json_integer_value(value) == 0) {
                printf("%s\n", strcmp(name, "expires_at") == 0 ? "never"
                                                               : "-");
            } else {
                ctl_iso(json_integer_value(value), date);
                printf("%s\n", date);
            }

        } else if (json_is_true(value)) {
            printf("yes\n");

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


int
cli_flush(cli_t *cli)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return ctl_fail(&cli->ctl, CTL_UNAVAILABLE, "cannot write to standard "
                        "output");
    }

    return CTL_OK;
}


long long
cli_integer(json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}
