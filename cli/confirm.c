/*
 * A change that cannot be undone is confirmed on a terminal by typing the id.
 *
 * Only where somebody can read the question and answer it: standard input and
 * standard error are terminals.  A script is never kept waiting.
 */


#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>


int
cli_confirm(cli_t *cli, cli_args_t *args, const char *word,
    const char *format, ...)
{
    char     answer[STOK_USER_ID_MAX + 3];
    va_list  ap;

    if (!cli_confirm_asks(cli, args)) {
        return CTL_OK;
    }

    va_start(ap, format);
    cli_vsay(stderr, format, ap);
    va_end(ap);

    cli_say_to(stderr, "\nType %s to go on: ", word);

    if (fgets(answer, sizeof(answer), stdin) == NULL) {
        cli_say_to(stderr, "\n");
        answer[0] = '\0';
    }

    answer[strcspn(answer, "\r\n")] = '\0';

    return strcmp(answer, word) == 0
           ? CTL_OK
           : ctl_fail(&cli->ctl, CTL_STATE, "nothing was changed: that is not "
                      "%s", word);
}


int
cli_confirm_asks(cli_t *cli, cli_args_t *args)
{
    return cli_option(args, "yes") == NULL && !cli->ctl.dry
           && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}


int
cli_confirm_user(cli_t *cli, cli_args_t *args, const char *verb,
    const char *rest)
{
    int            code;
    char           felt[128];
    json_t        *user;
    const char    *id;
    ctl_effect_t   effect;

    if (!cli_confirm_asks(cli, args)) {
        return CTL_OK;
    }

    id = args->arg[0];

    code = ctl_user_get(&cli->ctl, id, &user);

    if (code == CTL_OK) {
        json_decref(user);
        code = ctl_user_effect(&cli->ctl, id, &effect);
    }

    if (code != CTL_OK) {
        return code;
    }

    ctl_effect_text(&effect, felt, sizeof(felt));

    return cli_confirm(cli, args, id, "This %s %s%s: %s.", verb, id, rest,
                       felt);
}
