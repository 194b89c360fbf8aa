/*
 * The table's sections, the options for every verb, the exit codes; and how a
 * row is found.
 */


#include "verbs.h"

#include <string.h>


const cli_section_t  cli_sections[] = {
    { "Dataset", cli_verbs_data },
    { "Users", cli_verbs_user },
    { "Tokens", cli_verbs_token },
    { "Watching", cli_verbs_watch },
    { "Keeping the dataset", cli_verbs_care },
    { "Help", cli_verbs_help },
    { NULL, NULL }
};


const char  *cli_groups[] = {
    "approval", "key", "user", "token", "audit", "review", "incident", NULL
};


const cli_opt_t  cli_globals[] = {
    { .name = "profile", .value = "NAME", .kind = CLI_TEXT,
      .env = "SERVICE_TOKEN_PROFILE",
      .text = "A section of ~/.config/service-token/config with values for "
              "the options below. Options and the environment override it." },
    { .name = "redis", .value = "URI", .kind = CLI_TEXT,
      .env = "SERVICE_TOKEN_REDIS", .fallback = "redis://127.0.0.1:6379",
      .text = "Where Redis is: redis://[user:password@]host[:port][/db], "
              "unix:///path[?db=N], or rediss:// for TLS. Put a password in "
              "the environment, not on the command line." },
    { .name = "key-file", .value = "FILE", .kind = CLI_FILE,
      .env = "SERVICE_TOKEN_KEY_FILE",
      .text = "Keys for digests and seals, a file of mode 0600 or stricter. "
              "The first key is the current one." },
    { .name = "prefix", .value = "TEXT", .kind = CLI_TEXT,
      .env = "SERVICE_TOKEN_PREFIX", .fallback = "{st}:",
      .text = "Prefix of every key in Redis." },
    { .name = "roles", .value = "LIST", .kind = CLI_TEXT,
      .env = "SERVICE_TOKEN_ROLES", .fallback = "member manager admin",
      .text = "Names of the roles, lowest first, separated by blanks." },
    { .name = "actor", .value = "NAME", .kind = CLI_TEXT,
      .env = "SERVICE_TOKEN_ACTOR",
      .text = "The person who makes the change, for the audit. Without it, "
              "the user of the operating system." },
    { .name = "timeout", .value = "TIME", .kind = CLI_TIME,
      .env = "SERVICE_TOKEN_TIMEOUT", .fallback = "5s",
      .text = "How long Redis may take to connect, and for each answer: "
              "500ms, 5s, 1m." },
    { .name = "quiet", .letter = 'q',
      .text = "Do not say on standard error what was done. Errors, warnings "
              "and notes are still shown." },
    { .name = "json",
      .text = "Print one JSON object or array. Dates are seconds since "
              "1970." },
    { .name = "help", .letter = 'h',
      .text = "Show help: of everything, of a group, or of a verb." },
    { .name = "version",
      .text = "Show the version." },
    CLI_END
};


const cli_exit_t  cli_exits[] = {
    { 0, "Done." },
    { 1, "A check, review, scan, status or fsck found something, a token is "
         "not safe to revoke, an export left records out, or a node did not "
         "answer." },
    { 2, "The command line is wrong: an unknown verb or option, a missing or "
         "a bad value. Nothing was done." },
    { 3, "Not found, or refused; or a problem with a file, the disk or "
         "memory." },
    { 4, "Redis is not available." },
    { 0, NULL }
};


const cli_verb_t *
cli_verb(size_t i)
{
    const cli_verb_t     *verb;
    const cli_section_t  *section;

    for (section = cli_sections; section->title; section++) {
        for (verb = section->verbs; verb->words; verb++) {
            if (i-- == 0) {
                return verb;
            }
        }
    }

    return NULL;
}


const char *
cli_group(const char *word)
{
    size_t  i;

    for (i = 0; cli_groups[i] && strcmp(cli_groups[i], word) != 0; i++) {
        /* void */
    }

    return cli_groups[i];
}


const cli_opt_t *
cli_opt(const cli_opt_t *list, const char *name, size_t len)
{
    for ( /* void */ ; list && list->name; list++) {
        if (strncmp(list->name, name, len) == 0 && list->name[len] == '\0') {
            return list;
        }
    }

    return NULL;
}


const cli_opt_t *
cli_opt_of(const cli_verb_t *verb, const char *name, size_t len)
{
    size_t            i;
    const cli_opt_t  *opt;

    opt = cli_opt(cli_globals, name, len);

    if (opt == NULL && verb) {
        return cli_opt(verb->options, name, len);
    }

    for (i = 0; opt == NULL && (verb = cli_verb(i)) != NULL; i++) {
        opt = cli_opt(verb->options, name, len);
    }

    return opt;
}
