/*
 * token rotation: the answer, once, or when it is what is waited for.
 *
 * Only what may be revoked ends with 0, so that "rotation && revoke" never
 * revokes a token that is still needed.
 */


#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <time.h>


#define CLI_ROTATION_POLL  1                     /* seconds, at first */
#define CLI_ROTATION_SLOW  10


static int cli_rotation_options(cli_t *cli, cli_args_t *args, int64_t *until);
static int cli_rotation_wait(cli_t *cli, const char *id, int64_t until,
    json_t **rotation);
static int cli_rotation_over(json_t *rotation);
static int cli_rotation_print(cli_t *cli, json_t *rotation);
static void cli_rotation_line(const char *which, json_t *half);
static void cli_rotation_end(int64_t end, char *text, size_t size);
static int64_t cli_rotation_now(void);


int
cli_token_rotation(cli_t *cli, cli_args_t *args)
{
    int          code, rc;
    int64_t      until;
    json_t      *rotation;
    const char  *old;

    rotation = NULL;

    code = cli_rotation_options(cli, args, &until);

    if (code == CTL_OK) {
        code = cli_rotation_wait(cli, args->arg[0], until, &rotation);
    }

    if (code != CTL_OK && code != CTL_FOUND) {
        return code;
    }

    old = ctl_text(json_object_get(rotation, "old"), "id");

    if (code == CTL_FOUND
        && strcmp(ctl_text(rotation, "answer"), "safe-to-revoke") == 0)
    {
        ctl_note(&cli->ctl, CTL_NOTE_NOTE, "%s is the successor and stays: the "
                 "token to revoke is %s", args->arg[0], old);
    }

    rc = cli_rotation_print(cli, rotation);

    return rc == CTL_OK ? code : rc;
}


/* until: when to give up, 0: at once, -1: never */

static int
cli_rotation_options(cli_t *cli, cli_args_t *args, int64_t *until)
{
    int          code;
    int64_t      ms;
    const char  *what, *timeout;

    *until = 0;

    what = cli_option(args, "wait-until");
    timeout = cli_option(args, "give-up-after");

    if (timeout == NULL) {
        timeout = cli_option(args, "timeout");
    }

    code = timeout ? ctl_time_left(&cli->ctl, "until", timeout, &ms)
                   : CTL_OK;

    if (what && code == CTL_OK) {
        *until = timeout ? cli_rotation_now() + (ms + 999) / 1000 : -1;
    }

    return code;
}


static int
cli_rotation_wait(cli_t *cli, const char *id, int64_t until,
    json_t **rotation)
{
    int              code;
    int64_t          begun, now;
    struct timespec  pause;

    begun = cli_rotation_now();
    pause.tv_nsec = 0;

    for ( ;; ) {
        code = ctl_token_rotation(&cli->ctl, id, rotation);
        now = cli_rotation_now();

        if (code != CTL_FOUND || until == 0 || (until > 0 && now >= until)
            || cli_rotation_over(*rotation))
        {
            return code;
        }

        json_decref(*rotation);

        pause.tv_sec = now - begun < 60 ? CLI_ROTATION_POLL
                                        : CLI_ROTATION_SLOW;

        if (until > 0 && until - now < pause.tv_sec) {
            pause.tv_sec = (time_t) (until - now);
        }

        (void) nanosleep(&pause, NULL);
    }
}


/* what waiting does not change: it is safe, or one of the two has ended */

static int
cli_rotation_over(json_t *rotation)
{
    size_t       i;
    const char  *state;

    static const char  *halves[] = { "old", "new" };

    for (i = 0; i < 2; i++) {
        state = ctl_text(json_object_get(rotation, halves[i]), "state");

        if (strcmp(state, "deleted") == 0 || strcmp(state, "revoked") == 0
            || strcmp(state, "expired") == 0)
        {
            return 1;
        }
    }

    return strcmp(ctl_text(rotation, "answer"), "safe-to-revoke") == 0;
}


static int
cli_rotation_print(cli_t *cli, json_t *rotation)
{
    if (cli->json) {
        return cli_print_json(cli, rotation);
    }

    cli_say("%s: %s\n", ctl_text(rotation, "answer"),
            ctl_text(rotation, "reason"));
    cli_rotation_line("old", json_object_get(rotation, "old"));
    cli_rotation_line("new", json_object_get(rotation, "new"));
    json_decref(rotation);

    return cli_flush(cli);
}


static void
cli_rotation_line(const char *which, json_t *half)
{
    char         used[CLI_DATE], end[CLI_DATE + 8];
    const char  *id;

    id = ctl_text(half, "id");

    if (strcmp(ctl_text(half, "state"), "deleted") == 0) {
        cli_say("%s  %-20s  deleted\n", which, id);
        return;
    }

    strcpy(used, "never used");

    if (cli_integer(half, "last_used")) {
        (void) cli_date(cli_integer(half, "last_used"), used);
    }

    cli_rotation_end(cli_integer(half, "expires_at"), end, sizeof(end));

    cli_say("%s  %-20s  %s%s, %s\n", which, id,
           cli_integer(half, "last_used") ? "last used " : "", used, end);
}


static void
cli_rotation_end(int64_t end, char *text, size_t size)
{
    char  date[CLI_DATE];

    if (end == 0) {
        snprintf(text, size, "never ends");
        return;
    }

    snprintf(text, size, "%s %s", end > (int64_t) time(NULL) ? "ends" : "ended",
             cli_date(end, date));
}


static int64_t
cli_rotation_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec;
}
