/*
 * token delete, and user revoke-all.
 */


#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int cli_delete(cli_t *cli, const char *id, int force, char **word);
static int cli_delete_tried(const char *told, char tried[256]);


int
cli_token_delete(cli_t *cli, cli_args_t *args)
{
    int    code;
    char  *word, date[24], tried[256];

    code = cli_delete(cli, args->arg[0], cli_option(args, "force") != NULL,
                      &word);

    if (code == CLI_FOUND) {
        cli_iso(cli_number(word), date);
        (void) cli_delete_tried(word, tried);
        code = cli_fail(CLI_REFUSED, "token \"%s\" is watched until %s, "
                        "7 days after it was revoked, and was %s: "
                        "--force deletes it now", args->arg[0], date, tried);

    } else if (code == CLI_OK && cli_delete_tried(word, tried)) {
        cli_note("note: it was %s", tried);
    }

    free(word);

    if (code == CLI_OK && cli->json) {
        cli_answer(cli, json_pack("{s:s, s:b}", "id", args->arg[0],
                                  "deleted", 1));
    }

    return code;
}


static int
cli_delete(cli_t *cli, const char *id, int force, char **word)
{
    int            code;
    const char    *arg[3];
    cli_record_t   rec;

    *word = NULL;

    code = cli_stop_token(cli, id, &rec);
    if (code != CLI_OK) {
        return code;
    }

    arg[0] = id;
    arg[1] = force ? "-9999999999" : "604800";
    arg[2] = rec.key + sizeof("token:") - 1;

    code = cli_script(cli, stok_script_token_delete, 3, arg, word);
    cli_free(&rec);

    return code == CLI_CHANGED ? cli_fail(CLI_REFUSED, "no token \"%s\"", id)
                              : code;
}


/* whether somebody went on with a revoked token, as the script tells */

static int
cli_delete_tried(const char *told, char tried[256])
{
    char       date[24], from[64], verdict[32];
    long long  at;

    if (sscanf(told, "%*d %lld %63s %31s", &at, from, verdict) != 3) {
        strcpy(tried, "not tried since");
        return 0;
    }

    cli_iso(at, date);
    snprintf(tried, 256, "still tried %s from %s (%s)", date, from, verdict);

    return 1;
}


int
cli_user_revoke_all(cli_t *cli, cli_args_t *args)
{
    int      code;
    int64_t  n;

    code = cli_user_stop(cli, args->arg[0], &n);
    if (code != CLI_OK) {
        return code;
    }

    if (cli->json) {
        cli_answer(cli, json_pack("{s:s, s:I}", "user", args->arg[0],
                                  "revoked", (json_int_t) n));
    } else {
        printf("%lld revoked\n", (long long) n);
    }

    return CLI_OK;
}
