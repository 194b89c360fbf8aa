/*
 * The forms of a list.
 *
 * CSV is as in RFC 4180, with line feeds.  A text that a spreadsheet would take
 * for a formula gets an apostrophe before it: names are written by others than
 * who opens the file.
 */


#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define CLI_CELL  48                             /* of a date or a number */


static int cli_rows_form(cli_t *cli, cli_args_t *args, cli_rows_e *form);
static void cli_rows_cells(cli_rows_t *rows, json_t *item);
static const char *cli_rows_text(const cli_rows_t *rows,
    const cli_field_t *field, json_t *value, char out[CLI_CELL]);
static int cli_rows_json(cli_rows_t *rows, json_t *item);
static void cli_rows_csv(cli_rows_t *rows, json_t *item);
static void cli_rows_quote(const char *text);


int
cli_rows_init(cli_rows_t *rows, cli_t *cli, cli_args_t *args,
    const cli_field_t *field, size_t n)
{
    int     code;
    size_t  i;

    memset(rows, 0, sizeof(*rows));
    rows->cli = cli;
    rows->field = field;
    rows->n = n;

    code = cli_rows_form(cli, args, &rows->form);

    for (i = 0; i < n; i++) {
        if (rows->form != CLI_ROWS_TABLE || !field[i].wide) {
            rows->column[rows->columns++] = field[i].column;
        }
    }

    cli_table_init(&rows->table, rows->column, rows->columns);

    return code;
}


static int
cli_rows_form(cli_t *cli, cli_args_t *args, cli_rows_e *form)
{
    size_t       i;
    const char  *output;

    static const char  *forms[] = { "table", "wide", "name", "json", "jsonl",
                                    "csv" };

    output = cli_option(args, "output");

    if (output == NULL) {
        *form = cli->json ? CLI_ROWS_JSON : CLI_ROWS_TABLE;
        return CTL_OK;
    }

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(output, forms[i]) == 0) {
            *form = (cli_rows_e) i;

            return cli->json && *form != CLI_ROWS_JSON
                   ? ctl_fail(&cli->ctl, CTL_INVALID, "give --json or "
                              "--output, not both")
                   : CTL_OK;
        }
    }

    return ctl_fail(&cli->ctl, CTL_INVALID, "bad --output: table, wide, name, "
                    "json, jsonl or csv");
}


int
cli_rows_add(ctl_t *ctl, json_t *item, void *data)
{
    int          code;
    cli_rows_t  *rows;

    (void) ctl;

    rows = data;
    code = CTL_OK;

    switch (rows->form) {

    case CLI_ROWS_NAME:
        cli_say("%s\n", ctl_text(item, "id"));
        break;

    case CLI_ROWS_JSON:
    case CLI_ROWS_JSONL:
        code = cli_rows_json(rows, item);
        break;

    case CLI_ROWS_CSV:
        cli_rows_csv(rows, item);
        break;

    default:
        cli_rows_cells(rows, item);
    }

    rows->shown++;

    /* a reader that is gone, or a full disk, ends the list */

    return code == CTL_OK && ferror(stdout) ? cli_flush(rows->cli) : code;
}


int
cli_rows_done(cli_rows_t *rows, int code)
{
    if (code != CTL_OK) {
        cli_table_drop(&rows->table);
        return code;
    }

    switch (rows->form) {

    case CLI_ROWS_JSON:
        cli_print_end(rows->shown);
        break;

    case CLI_ROWS_CSV:
        if (rows->shown == 0) {
            cli_rows_csv(rows, NULL);
        }

        break;

    case CLI_ROWS_TABLE:
    case CLI_ROWS_WIDE:
        cli_table_done(&rows->table);
        break;

    default:
        break;
    }

    return CTL_OK;
}


static void
cli_rows_cells(cli_rows_t *rows, json_t *item)
{
    char         text[CLI_TABLE_MAX][CLI_CELL];
    size_t       i, n;
    const char  *cell[CLI_TABLE_MAX];

    for (i = 0, n = 0; i < rows->n && n < CLI_TABLE_MAX; i++) {
        if (rows->form == CLI_ROWS_WIDE || !rows->field[i].wide) {
            cell[n] = cli_rows_text(rows, &rows->field[i],
                                    json_object_get(item,
                                                    rows->field[i].name),
                                    text[n]);
            n++;
        }
    }

    cli_table_row(&rows->table, cell);
}


static const char *
cli_rows_text(const cli_rows_t *rows, const cli_field_t *field, json_t *value,
    char out[CLI_CELL])
{
    if (json_is_string(value)) {
        return json_string_value(value);
    }

    if (!json_is_integer(value)) {
        return field->none ? field->none : "-";
    }

    if (!ctl_is_date(field->name)) {
        snprintf(out, CLI_CELL, "%lld",
                 (long long) json_integer_value(value));

    } else if (rows->form == CLI_ROWS_TABLE && rows->table.terminal) {
        ctl_when(json_integer_value(value), (int64_t) time(NULL), out);

    } else {
        ctl_iso(json_integer_value(value), out);
    }

    return out;
}


static int
cli_rows_json(cli_rows_t *rows, json_t *item)
{
    char  *text;

    if (rows->form == CLI_ROWS_JSON) {
        return cli_print_item(rows->cli, item, rows->shown);
    }

    text = json_dumps(item, JSON_COMPACT|JSON_ENSURE_ASCII);

    if (text == NULL) {
        return ctl_fail(&rows->cli->ctl, CTL_FAILED, "no memory");
    }

    cli_raw(text);
    cli_raw("\n");
    free(text);

    return CTL_OK;
}


/* item NULL: the head alone */

static void
cli_rows_csv(cli_rows_t *rows, json_t *item)
{
    char     out[CLI_CELL];
    size_t   i;
    json_t  *value;

    for (i = 0; i < rows->n && rows->shown == 0; i++) {
        cli_say("%s%s", i ? "," : "", rows->field[i].name);
    }

    cli_say(rows->shown ? "" : "\n");

    for (i = 0; i < rows->n && item; i++) {
        value = json_object_get(item, rows->field[i].name);
        cli_say(i ? "," : "");

        if (!json_is_null(value)) {
            cli_rows_quote(cli_rows_text(rows, &rows->field[i], value, out));
        }
    }

    cli_say(item ? "\n" : "");
}


static void
cli_rows_quote(const char *text)
{
    size_t  n;

    if (text[strcspn(text, "\",\r\n")] == '\0' && text[0] != ' '
        && strchr("=+-@\t\r", text[0]) == NULL)
    {
        cli_say("%s", text);
        return;
    }

    cli_say(text[0] && strchr("=+-@\t\r", text[0]) ? "\"'" : "\"");

    for ( /* void */ ; *text; text += n) {
        n = strcspn(text, "\"");
        cli_say("%.*s", (int) n, text);

        if (text[n]) {
            cli_say("\"\"");
            n++;
        }
    }

    cli_say("\"");
}
