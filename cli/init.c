/*
 * init: makes a dataset; again, it changes nothing.
 */


#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


int
cli_init(cli_t *cli, cli_args_t *args)
{
    int          code;
    char        *word, dataset[STOK_DATASET_LEN + 1];
    json_t      *json;
    const char  *arg[4], *brand, *approval;

    brand = cli_option(args, "brand");
    approval = cli_option(args, "approval");

    arg[0] = brand ? brand : "stk";
    arg[1] = approval ? approval : "none";

    if (stok_brand_check(arg[0], strlen(arg[0])) != STOK_OK) {
        return cli_fail(CLI_USAGE, "bad --brand: %d to %d of a-z 0-9",
                        STOK_BRAND_MIN, STOK_BRAND_MAX);
    }

    if (strcmp(arg[1], "none") != 0 && strcmp(arg[1], "required") != 0) {
        return cli_fail(CLI_USAGE, "bad --approval: required or none");
    }

    code = cli_key_dataset(cli, dataset);
    if (code != CLI_OK) {
        return code;
    }

    arg[2] = dataset;
    arg[3] = cli->keys.n ? "1" : "";

    code = cli_script(cli, stok_script_init, 4, arg, &word);

    if (code != CLI_OK && code != CLI_FOUND) {
        return code;
    }

    if (code == CLI_FOUND) {
        cli_note("a dataset is there already: nothing was changed");

        if ((brand && strcmp(brand, word) != 0) || approval) {
            cli_note("note: --brand and --approval were passed over; "
                     "its brand is %s", word);
        }
    }

    if (cli->json) {
        json = json_pack("{s:s, s:s, s:b}", "schema", STOK_SCHEMA, "brand",
                         code == CLI_FOUND ? word : arg[0], "created",
                         code == CLI_OK);
        code = cli_print_json(json);

    } else {
        if (code == CLI_OK) {
            printf("dataset made at \"%s\"\n", cli->prefix);
        }

        code = CLI_OK;
    }

    free(word);

    return code;
}
