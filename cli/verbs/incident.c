/*
 * The verbs of incident: the report as text.
 */


#include "cli.h"

#include <stdio.h>


#define CLI_TIMELINE  1000                       /* more are not in it */


static void cli_incident_print(json_t *incident);
static void cli_suspect_print(json_t *incident, const char *id);
static void cli_suspect_token(json_t *token);
static void cli_timeline_print(json_t *timeline);
static void cli_remains_print(json_t *remaining);


int
cli_incident_token(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *incident;

    code = ctl_incident_token(&cli->ctl, args->arg[0], &incident);

    if (code != CTL_OK) {
        return code;
    }

    if (!cli->json) {
        if (!cli->ctl.dry) {
            cli_incident_print(incident);
        }

        json_decref(incident);
        incident = NULL;
    }

    return cli_changed(cli, CTL_OK, incident);
}


int
cli_incident_user(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *incident;

    incident = NULL;
    code = cli_confirm_user(cli, args, "disables",
                            " and revokes all its tokens");

    if (code == CTL_OK) {
        cli_progress_begin(cli);
        code = ctl_incident_user(&cli->ctl, args->arg[0], &incident);
        cli_progress_end(cli);
    }

    if (code == CTL_OK && !cli->json) {
        if (!cli->ctl.dry) {
            cli_suspect_print(incident, args->arg[0]);
        }

        json_decref(incident);
        incident = NULL;
    }

    return cli_changed(cli, code, code == CTL_OK ? incident : NULL);
}


static void
cli_incident_print(json_t *incident)
{
    json_t  *token;

    token = json_object_get(incident, "token");

    cli_say("Token ");
    cli_safe(json_string_value(json_object_get(token, "id")));
    cli_say(json_is_true(json_object_get(incident, "revoked_now"))
           ? " is revoked now\n\n" : " was revoked already\n\n");

    cli_print_fields(json_incref(token));
    cli_timeline_print(json_object_get(incident, "timeline"));
    cli_remains_print(json_object_get(incident, "remaining"));
}


static void
cli_suspect_print(json_t *incident, const char *id)
{
    char         words[1024];
    size_t       i;
    json_t      *item, *tokens;
    json_int_t   n;

    n = json_integer_value(json_object_get(incident, "revoked"));

    cli_say("User ");
    cli_safe(id);
    cli_say(n == 1 ? ": %lld token is revoked now%s\n\n"
                  : ": %lld tokens are revoked now%s\n\n", (long long) n,
           json_is_true(json_object_get(incident, "disabled_now"))
           ? ", and it is disabled" : "");

    cli_print_fields(json_incref(json_object_get(incident, "user")));

    tokens = json_object_get(incident, "tokens");
    cli_say("\nTokens\n");

    json_array_foreach(tokens, i, item) {
        cli_suspect_token(item);
    }

    cli_say("\nRotate downstream\n");

    json_array_foreach(json_object_get(incident, "downstream"), i, item) {
        ctl_words(json_object_get(item, "tokens"), words, sizeof(words));
        cli_say("  ");
        cli_safe(json_string_value(json_object_get(item, "location")));
        cli_say("  by ");
        cli_safe(words);
        cli_say("\n");
    }

    if (i == 0) {
        cli_say("  no location is known\n");
    }

    cli_timeline_print(json_object_get(incident, "timeline"));
    cli_remains_print(json_object_get(incident, "remaining"));
}


static void
cli_suspect_token(json_t *token)
{
    char         words[512], date[CLI_DATE];
    json_t      *used;
    const char  *name;

    name = json_string_value(json_object_get(token, "name"));

    cli_say("  ");
    cli_safe(json_string_value(json_object_get(token, "id")));
    cli_say("  ");
    cli_safe(name ? name : "?");
    cli_say("\n");

    used = json_object_get(token, "last_used");

    if (json_is_integer(used)) {
        used = json_object_get(token, "first_used");
        (void) cli_date(json_integer_value(used), date);
        cli_say("    used     first %s", json_is_integer(used) ? date : "?");

        (void) cli_date(cli_integer(token, "last_used"), date);
        cli_say(", last %s, %lld time%s\n", date,
               cli_integer(token, "uses"), ctl_s(cli_integer(token, "uses")));

    } else {
        cli_say("    used     never\n");
    }

    ctl_words(json_object_get(token, "addrs"), words, sizeof(words));

    if (words[0]) {
        cli_say("    from     ");
        cli_safe(words);
        cli_say("\n");
    }

    ctl_words(json_object_get(token, "locations"), words, sizeof(words));

    if (words[0]) {
        cli_say("    at       ");
        cli_safe(words);
        cli_say("\n");
    }

    if (json_integer_value(json_object_get(token, "refused"))) {
        used = json_object_get(token, "refused_at");
        (void) cli_date(json_integer_value(used), date);
        cli_say("    refused  %lld time%s, last %s\n",
               cli_integer(token, "refused"),
               ctl_s(cli_integer(token, "refused")),
               json_is_integer(used) ? date : "?");
    }
}


static void
cli_timeline_print(json_t *timeline)
{
    char     date[24];
    size_t   i;
    json_t  *item;

    cli_say("\nTimeline\n");

    json_array_foreach(timeline, i, item) {
        ctl_iso(json_integer_value(json_object_get(item, "at")), date);
        cli_say("  %s  ", date);
        cli_safe(ctl_text(item, "what"));

        if (ctl_text(item, "who")[0]) {
            cli_say(" by ");
            cli_safe(ctl_text(item, "who"));
        }

        if (ctl_text(item, "detail")[0]) {
            cli_say("  ");
            cli_safe(ctl_text(item, "detail"));
        }

        cli_say("\n");
    }

    if (json_array_size(timeline) >= CLI_TIMELINE) {
        cli_say("  older entries: service-token audit\n");
    }
}


static void
cli_remains_print(json_t *remaining)
{
    size_t   i;
    json_t  *item;

    cli_say("\nWhat remains to do\n");

    json_array_foreach(remaining, i, item) {
        cli_say("  %zu. ", i + 1);
        cli_safe(ctl_text(item, "why"));
        cli_say("\n");

        if (ctl_text(item, "command")[0]) {
            cli_say("     service-token ");
            cli_safe(ctl_text(item, "command"));
            cli_say("\n");
        }
    }
}
