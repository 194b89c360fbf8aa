/*
 * The table: verbs of tokens.
 */


#include "verbs.h"


#define CLI_OPT_OUT                                                           \
    { .name = "out", .value = "FILE", .kind = CLI_NEW_FILE,                   \
      .text = "Write the token to this new file of mode 0600, and print its " \
              "id." }

#define CLI_OPT_FORMAT                                                        \
    { .name = "format", .value = "FORMAT", .kind = CLI_WORD,                  \
      .words = "plain raw env json k8s-secret vault-json docker-config",      \
      .text = "How the token is written: without a line break, a line for "   \
              "an environment file, JSON, the manifest of a Kubernetes "      \
              "Secret, JSON for Vault, or a config.json of docker." }

#define CLI_OPT_SECRET                                                        \
    { .name = "secret-name", .value = "NAME", .kind = CLI_TEXT,               \
      .text = "The name of the Kubernetes Secret, instead of one that is "    \
              "made from the name of the token." },                           \
    { .name = "namespace", .value = "NAME", .kind = CLI_TEXT,                 \
      .text = "The namespace of the Kubernetes Secret." },                    \
    { .name = "server", .value = "HOST", .kind = CLI_TEXT,                    \
      .text = "The registry that docker-config is for." }


static const cli_opt_t  cli_arg_token[] = { CLI_ARG_TOKEN, CLI_END };


static const cli_opt_t  cli_create[] = {
    { .name = "user", .value = "ID", .kind = CLI_USER, .flags = CLI_NEEDED,
      .text = "The user whose token it is." },
    { .name = "name", .value = "TEXT", .kind = CLI_NAME, .flags = CLI_NEEDED,
      .text = "The job that uses it, such as production-etl-2026. Each "
              "user has a name only once." },
    { .name = "env", .value = "NAME", .kind = CLI_ENV, .flags = CLI_NEEDED,
      .text = "Where the token is used." },
    { .name = "expires-in", .value = "TIME", .kind = CLI_LIFETIME,
      .fallback = "by --env, see below",
      .text = "How long the token lives: 1d to 1y, a date, or never." },
    { .name = "scim-only",
      .text = "Limit the token to locations of the scope scim." },
    CLI_OPT_OUT,
    CLI_OPT_FORMAT,
    CLI_OPT_SECRET,
    CLI_END
};


static const cli_opt_t  cli_adopt[] = {
    { .name = "user", .value = "ID", .kind = CLI_USER,
      .text = "The user whose token it is." },
    { .name = "name", .value = "TEXT", .kind = CLI_NAME,
      .text = "The job that uses the token." },
    { .name = "env", .value = "NAME", .kind = CLI_ENV,
      .text = "Where the token is used." },
    { .name = "expires-in", .value = "TIME", .kind = CLI_LIFETIME,
      .fallback = "by --env, see below",
      .text = "How long the token lives: 1d to 1y, a date, or never." },
    { .name = "scim-only",
      .text = "Limit the token to locations of the scope scim." },
    { .name = "allow-weak",
      .text = "Accept a token even if it is too easy to guess." },
    CLI_END
};


#define CLI_TOKEN_STATES                                                      \
    "active rotating revoked expired disabled pending orphaned tampered "     \
    "unsealed unreadable"


static const cli_opt_t  cli_list[] = {
    { .name = "user", .value = "ID", .kind = CLI_USER,
      .text = "Only tokens of this user." },
    { .name = "env", .value = "ENV,...", .kind = CLI_WORDS,
      .words = "production staging development testing",
      .text = "Only tokens of these environments." },
    { .name = "type", .value = "TYPE,...", .kind = CLI_WORDS,
      .words = "service personal scim",
      .text = "Only tokens of these types; scim are those for SCIM only." },
    { .name = "state", .value = "STATE,...", .kind = CLI_WORDS,
      .words = CLI_TOKEN_STATES,
      .text = "Only tokens in these states. The state is what nginx says of a "
              "token: active and rotating ones are accepted. Without a key "
              "file, none is tampered." },
    { .name = "status", .value = "STATE,...", .kind = CLI_WORDS,
      .words = CLI_TOKEN_STATES,
      .text = "The same as --state." },
    { .name = "expiring", .value = "TIME", .kind = CLI_TIME,
      .text = "Only tokens that end within this time: 12h, 30d, 2w, or before "
              "a date. Revoked ones are not among them, unless --state says "
              "so." },
    { .name = "unused", .value = "TIME", .kind = CLI_TIME,
      .text = "Only tokens that were not used for this long, or since a date; "
              "those that were never used count from their creation. Revoked "
              "and expired ones are not among them, unless --state says so." },
    { .name = "sort", .value = "ORDER", .kind = CLI_WORD,
      .words = "created expires last-used -created -expires -last-used",
      .fallback = "created; with --expiring expires, with --unused last-used",
      .text = "The order. These have an index, so that a long list needs no "
              "memory; for others, sort what -o csv prints." },
    CLI_OPT_LIMIT,
    CLI_OPT_OUTPUT,
    CLI_END
};


static const cli_opt_t  cli_rotate[] = {
    { .name = "overlap", .value = "TIME", .kind = CLI_TIME,
      .fallback = "the old token keeps its own end",
      .text = "End the old token this long from now, never later than it "
              "would have ended: 30m, 12h, 7d." },
    { .name = "name", .value = "TEXT", .kind = CLI_NAME,
      .fallback = "the old name with this year",
      .text = "The name of the new token." },
    { .name = "expires-in", .value = "TIME", .kind = CLI_LIFETIME,
      .fallback = "the lifetime of the old token",
      .text = "How long the new token lives: 1d to 1y, a date, or never." },
    CLI_OPT_OUT,
    CLI_OPT_FORMAT,
    CLI_OPT_SECRET,
    CLI_OPT_DRY,
    CLI_OPT_WAIT,
    CLI_END
};


static const cli_opt_t  cli_rotation[] = {
    { .name = "wait-until", .value = "WORD", .kind = CLI_WORD,
      .words = "safe",
      .text = "Ask again until the old token is safe to revoke, or one of "
              "the two has ended." },
    { .name = "give-up-after", .value = "TIME", .kind = CLI_UNTIL,
      .only_with = "wait-until",
      .fallback = "no limit",
      .text = "Do not wait longer than this: 30m, 12h, 7d." },
    { .name = "timeout", .value = "TIME", .kind = CLI_UNTIL,
      .only_with = "wait-until",
      .text = "The old name of --give-up-after. With this verb, only "
              "SERVICE_TOKEN_TIMEOUT sets the time-out of Redis." },
    CLI_END
};


static const cli_opt_t  cli_extend[] = {
    { .name = "expires-in", .value = "TIME", .kind = CLI_EXTENSION,
      .flags = CLI_NEEDED,
      .text = "When the token ends: 1d to 1y from now, or a date." },
    CLI_OPT_WAIT,
    CLI_END
};


static const cli_opt_t  cli_opt_change[] = {
    CLI_OPT_DRY,
    CLI_OPT_WAIT,
    CLI_END
};


static const cli_opt_t  cli_delete[] = {
    { .name = "force",
      .text = "Do not wait for the 7 days after the token was revoked or "
              "last tried." },
    CLI_OPT_DRY,
    CLI_OPT_YES,
    CLI_OPT_WAIT,
    CLI_END
};


static const cli_opt_t  cli_check_options[] = {
    { .name = "role", .value = "ROLE", .kind = CLI_ROLE,
      .text = "The role that the location needs." },
    { .name = "scope", .value = "TEXT", .kind = CLI_SCOPE,
      .text = "The scope of the location." },
    { .name = "type", .value = "TYPE", .kind = CLI_WORD,
      .words = "service personal",
      .text = "The type of token that the location takes." },
    CLI_END
};


static const cli_opt_t  cli_scan_args[] = {
    { .name = "PATH", .value = "PATH", .kind = CLI_FILE, .flags = CLI_MANY,
      .text = "A file, a folder, or - for standard input." },
    CLI_END
};


static const cli_opt_t  cli_scan_options[] = {
    { .name = "revoke",
      .text = "Revoke the tokens that the dataset knows." },
    { .name = "all",
      .text = "Read what git ignores, too." },
    { .name = "history",
      .text = "Read what was ever committed instead, with stashes and "
              "reflogs." },
    { .name = "label", .value = "FILE", .kind = CLI_TEXT,
      .text = "The file name to print for standard input." },
    CLI_OPT_WAIT,
    CLI_END
};


const cli_verb_t  cli_verbs_token[] = {
    { .words = "token create", .also = "add new make issue generate",
      .summary = "Create a token and print it, only this once",
      .text = "The token is printed alone on standard output; notes go to "
              "standard error. It is printed first and saved afterwards: if "
              "saving fails (exit 3 or 4), the token that was shown is not "
              "valid.",
      .options = cli_create,
      .example = { "token create --user pipeline_automation@service "
                   "--name production-etl-2026 --env production",
                   "token create --user pipeline_automation@service "
                   "--name nightly --env testing --expires-in 7d "
                   "--format env --out nightly.env" },
      .run = cli_token_create, .check = cli_token_new_check },
    { .words = "token adopt", .also = "migrate take import",
      .summary = "Take over tokens that another system issued",
      .text = "The token is read from standard input, or many as a CSV whose "
              "first line names its columns: token and name, and user, env "
              "and expires_in. Only digests are stored.",
      .options = cli_adopt,
      .example = { "token adopt --user pipeline_automation@service "
                   "--name old-key --env production < old.key",
                   "token adopt --env production < tokens.csv" },
      .run = cli_token_adopt, .check = cli_token_adopt_check },
    { .words = "token list", .also = "ls all get",
      .summary = "List tokens with their state",
      .options = cli_list,
      .example = { "token list --user pipeline_automation@service",
                   "token list --expiring 30d --env production",
                   "token list --unused 90d -o csv" },
      .run = cli_token_list },
    { .words = "token show", .also = "get info view describe",
      .summary = "Show a token, its use and refused attempts",
      .args = cli_arg_token, .flags = CLI_INPUT,
      .example = { "token show tok_2bsYV9S9kRkdzKPF",
                   "token show - < leaked.txt" },
      .run = cli_token_show },
    { .words = "token rotate", .also = "renew replace roll regenerate",
      .summary = "Create a successor of a token and print it, only this once",
      .text = "The new token has the user, type, scope, environment and "
              "lifetime of the old one. The old token stays valid; if "
              "anything fails, it stays as it was. Rotate at least 30 days "
              "before the end.",
      .args = cli_arg_token, .options = cli_rotate, .flags = CLI_INPUT,
      .example = { "token rotate tok_2bsYV9S9kRkdzKPF --out new.token",
                   "token rotate tok_2bsYV9S9kRkdzKPF --overlap 12h "
                   "--format k8s-secret" },
      .run = cli_token_rotate, .check = cli_token_new_check },
    { .words = "token rotation", .also = "",
      .summary = "Show whether the old token of a rotation may be revoked",
      .text = "The first word answers: wait, old-still-used or "
              "safe-to-revoke. The exit code is 0 only if the token of this "
              "id is safe to revoke, and 1 otherwise.",
      .args = cli_arg_token, .options = cli_rotation, .flags = CLI_INPUT,
      .example = { "token rotation tok_2bsYV9S9kRkdzKPF",
                   "token rotation tok_2bsYV9S9kRkdzKPF --wait-until safe "
                   "--give-up-after 12h" },
      .run = cli_token_rotation },
    { .words = "token extend", .also = "prolong renew",
      .summary = "Let a token expire later",
      .text = "Only an active token that has not expired can be extended.",
      .args = cli_arg_token, .options = cli_extend, .flags = CLI_INPUT,
      .example = { "token extend tok_2bsYV9S9kRkdzKPF --expires-in 30d",
                   "token extend tok_2bsYV9S9kRkdzKPF --expires-in 365d "
                   "--wait 5s" },
      .run = cli_token_extend },
    { .words = "token revoke", .also = "disable stop block cancel",
      .summary = "Refuse a token from now on",
      .args = cli_arg_token, .options = cli_opt_change, .flags = CLI_INPUT,
      .example = { "token revoke tok_2bsYV9S9kRkdzKPF --wait 5s",
                   "token revoke - < leaked.txt" },
      .run = cli_token_revoke },
    { .words = "token restore", .also = "enable unrevoke undo reactivate",
      .summary = "Accept a revoked token again, unless it has expired",
      .args = cli_arg_token, .options = cli_opt_change, .flags = CLI_INPUT,
      .example = { "token restore tok_2bsYV9S9kRkdzKPF",
                   "token restore tok_2bsYV9S9kRkdzKPF --wait 5s" },
      .run = cli_token_restore },
    { .words = "token delete", .also = "rm remove destroy",
      .summary = "Delete a token that was revoked 7 days ago",
      .args = cli_arg_token, .options = cli_delete, .flags = CLI_INPUT,
      .example = { "token delete tok_2bsYV9S9kRkdzKPF",
                   "token delete tok_2bsYV9S9kRkdzKPF --force" },
      .run = cli_token_delete },
    { .words = "check", .also = "verify test introspect validate",
      .summary = "Check the token on standard input as nginx would",
      .text = "The first word is the verdict. The exit code is 0 if nginx "
              "would accept the token at a location with these requirements, "
              "and 1 otherwise.",
      .options = cli_check_options,
      .example = { "check < new.token",
                   "check --role manager --type service < new.token" },
      .run = cli_check },
    { .words = "scan", .also = "find search grep leak",
      .summary = "Find tokens in files, by their checksum",
      .text = "Redis is not used without --revoke. A repository cannot make "
              "the scan run anything. A token in an archive or a compressed "
              "file is not seen, nor what is staged and no longer in the work "
              "tree. --history does not see "
              "commits that nothing leads to, messages, submodules, files in "
              "Git LFS, and what a shallow clone lacks.",
      .args = cli_scan_args, .options = cli_scan_options,
      .flags = CLI_OFFLINE,
      .example = { "scan . --revoke", "scan - < build.log" },
      .run = cli_scan },
    { .words = NULL }
};
