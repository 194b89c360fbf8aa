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


int
cli_print_json(cli_t *cli, json_t *json)
{
    char  *text;

    text = json_dumps(json, JSON_INDENT(2)|JSON_ENSURE_ASCII);
    json_decref(json);

    if (text == NULL) {
        return ctl_fail(&cli->ctl, CTL_UNAVAILABLE, "no memory");
    }

    cli_raw(text);
    cli_say("\n");
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
        if (cli->ctl.dry) {
            json_object_set_new(json, "dry_run", json_true());
        }

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

    text = json_dumps(item, JSON_COMPACT|JSON_ENSURE_ASCII);

    if (text == NULL) {
        return ctl_fail(&cli->ctl, CTL_UNAVAILABLE, "no memory");
    }

    cli_raw(before ? ",\n  " : "[\n  ");
    cli_raw(text);
    free(text);

    return CTL_OK;
}


void
cli_print_end(size_t items)
{
    cli_raw(items ? "\n]\n" : "[]\n");
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
        cli_say("%-16s", name);

        if (json_is_integer(value) && ctl_is_date(name)) {

            if (json_integer_value(value) == 0) {
                cli_say("%s\n", strcmp(name, "expires_at") == 0 ? "never"
                                                               : "-");
            } else {
                ctl_iso(json_integer_value(value), date);
                cli_say("%s\n", date);
            }

        } else if (json_is_true(value)) {
            cli_say("yes\n");

        } else if (json_is_integer(value)) {
            cli_say("%lld\n", (long long) json_integer_value(value));

        } else if (json_is_string(value) && json_string_length(value)) {
            cli_safe(json_string_value(value));
            cli_say("\n");

        } else if (json_array_size(value)) {

            json_array_foreach(value, i, item) {
                cli_say(i ? ", " : "");
                cli_safe(json_is_string(item) ? json_string_value(item) : "?");
            }

            cli_say("\n");

        } else if (json_is_null(value) && strcmp(name, "last_used") == 0) {
            cli_say("never used\n");

        } else {
            cli_say("-\n");
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
    int          i, n, last, room, shown;
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
            cli_say("\n");
        }

        return;
    }

    for (p = text, n = 0; *p; p += ctl_char(p, strlen(p), &shown)) {
        n++;
    }

    for (p = text, i = 0; *p && i < (n > width ? width - 1 : n); i++) {
        len = ctl_char(p, strlen(p), &shown);
        cli_say("%.*s", (int) len, p);
        p += len;
    }

    if (n > width) {
        cli_say("\xe2\x80\xa6");
    }

    if (last) {
        cli_say("\n");

    } else {
        n = n < width ? width - n + 1 : 1;
        cli_say("%*s", room > width ? n : n - 1, "");
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


void
cli_safe(const char *text)
{
    cli_say("%s", text);
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
