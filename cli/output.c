/*
 * Standard output: one JSON value, or lines of fields.
 */


#include "table.h"

#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


int
cli_print_json(cli_t *cli, json_t *json)
{
    char  *text;

    text = json_dumps(json, JSON_INDENT(2)|JSON_ENSURE_ASCII
                            |JSON_REAL_PRECISION(15));
    json_decref(json);

    if (text == NULL) {
        return ctl_fail(&cli->ctl, CTL_FAILED, "no memory");
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


int
cli_print_item(cli_t *cli, json_t *item, size_t before)
{
    char  *text;

    text = json_dumps(item, JSON_COMPACT|JSON_ENSURE_ASCII);

    if (text == NULL) {
        return ctl_fail(&cli->ctl, CTL_FAILED, "no memory");
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
    char         date[CLI_DATE];
    size_t       i;
    json_t      *value, *item;
    const char  *name;

    json_object_foreach(json, name, value) {
        cli_say("%-16s", name);

        if (json_is_integer(value) && ctl_is_date(name)) {
            cli_say("%s\n", cli_date(json_integer_value(value), date));

        } else if (json_is_true(value)) {
            cli_say("yes\n");

        } else if (json_is_integer(value)) {
            cli_say("%lld\n", (long long) json_integer_value(value));

        } else if (json_is_string(value)) {
            cli_say("%s\n", json_string_value(value));

        } else if (json_array_size(value)) {

            json_array_foreach(value, i, item) {
                cli_say("%s%s", i ? ", " : "", json_is_string(item)
                                               ? json_string_value(item)
                                               : "?");
            }

            cli_say("\n");

        } else if (json_is_null(value) && strcmp(name, "expires_at") == 0) {
            cli_say("never\n");

        } else if (json_is_null(value) && strcmp(name, "last_used") == 0) {
            cli_say("never used\n");

        } else {
            cli_say("-\n");
        }
    }

    json_decref(json);
}


/* on a terminal with how far away it is */

const char *
cli_date(int64_t date, char out[CLI_DATE])
{
    char  iso[24], when[CTL_WHEN];

    ctl_iso(date, iso);
    ctl_when(date, (int64_t) time(NULL), when);

    snprintf(out, CLI_DATE, cli_terminal() ? "%s (%s)" : "%s", iso, when);

    return out;
}


void
cli_safe(const char *text)
{
    cli_say("%s", text);
}


int
cli_flush(cli_t *cli)
{
    errno = 0;

    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return CTL_OK;
    }

    return ctl_fail(&cli->ctl, CTL_FAILED, "cannot write to standard output%s"
                    "%s", errno ? ": " : "", errno ? strerror(errno) : "");
}


int
cli_printed(cli_t *cli, int code)
{
    int  rc;

    rc = cli_flush(cli);

    return rc == CTL_OK ? code : rc;
}


long long
cli_integer(json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}
