/*
 * The table: verbs of users, and of approval.
 */


#include "verbs.h"


static const cli_opt_t  cli_list[] = {
    { .name = "role", .value = "ROLE", .kind = CLI_ROLE,
      .text = "Only users of this role." },
    { .name = "type", .value = "TYPE", .kind = CLI_WORD,
      .words = "service human",
      .text = "Only service users, or only people." },
    { .name = "state", .value = "STATE,...", .kind = CLI_WORDS,
      .words = "active pending disabled deleted tampered unsealed "
               "unreadable",
      .text = "Only users in these states." },
    { .name = "sort", .value = "ORDER", .kind = CLI_WORD,
      .words = "created -created", .fallback = "created",
      .text = "The oldest first, or the newest." },
    CLI_OPT_LIMIT,
    CLI_OPT_OUTPUT,
    CLI_END
};


static const cli_opt_t  cli_arg_user[] = { CLI_ARG_USER, CLI_END };
static const cli_opt_t  cli_opt_wait[] = { CLI_OPT_WAIT, CLI_END };


static const cli_opt_t  cli_arg_name[] = {
    { .name = "NAME", .value = "NAME", .kind = CLI_TEXT,
      .text = "The name of the user. Its id is made from the name: "
              "\"Pipeline Automation\" is pipeline_automation@service." },
    CLI_END
};


static const cli_opt_t  cli_create[] = {
    { .name = "purpose", .value = "TEXT", .kind = CLI_TEXT,
      .text = "The user's purpose. A service user must have one." },
    { .name = "owner", .value = "TEXT", .kind = CLI_TEXT,
      .text = "The team or person to ask about it. A service user must have "
              "one." },
    { .name = "role", .value = "ROLE", .kind = CLI_ROLE,
      .fallback = "the lowest role", .not_with = "use-case",
      .text = "The role of its tokens." },
    { .name = "use-case", .value = "NAME", .kind = CLI_USE_CASE,
      .text = "The lowest role that this use needs, instead of --role." },
    { .name = "human",
      .text = "The user is a person: the name is an e-mail address, and its "
              "tokens are personal." },
    CLI_END
};


static const cli_opt_t  cli_describe[] = {
    { .name = "purpose", .value = "TEXT", .kind = CLI_TEXT,
      .text = "The user's purpose." },
    { .name = "owner", .value = "TEXT", .kind = CLI_TEXT,
      .text = "The team or person to ask about it." },
    CLI_OPT_WAIT,
    CLI_END
};


static const cli_opt_t  cli_arg_role[] = {
    CLI_ARG_USER,
    { .name = "ROLE", .value = "ROLE", .kind = CLI_ROLE,
      .text = "The new role." },
    CLI_END
};


static const cli_opt_t  cli_opt_change[] = {
    CLI_OPT_DRY,
    CLI_OPT_WAIT,
    CLI_END
};


static const cli_opt_t  cli_opt_asked[] = {
    CLI_OPT_DRY,
    CLI_OPT_YES,
    CLI_OPT_WAIT,
    CLI_END
};


const cli_verb_t  cli_verbs_user[] = {
    { .words = "user create", .also = "add new make",
      .summary = "Create a user and print its id",
      .text = "Create a service user, or with --human a person. Where "
              "approval is required, the user is pending until another "
              "person approves it.",
      .args = cli_arg_name, .options = cli_create,
      .example = { "user create \"Pipeline Automation\" --use-case pipeline "
                   "--purpose \"loads the warehouse\" --owner data-team",
                   "user create eva@example.org --human" },
      .run = cli_user_create, .check = cli_user_create_check },
    { .words = "user list", .also = "ls all get",
      .summary = "List users with their state",
      .options = cli_list,
      .example = { "user list --state pending",
                   "user list --sort -created --limit 10 -o wide" },
      .run = cli_user_list },
    { .words = "user show", .also = "get info view",
      .summary = "Show a user and the use of its tokens",
      .args = cli_arg_user,
      .example = { "user show pipeline_automation@service",
                   "user show pipeline_automation@service --json" },
      .run = cli_user_show },
    { .words = "user approve", .also = "accept confirm",
      .summary = "Approve a pending user, or a requested role",
      .text = "The person who created the user, or who requested the role, "
              "cannot approve it.",
      .args = cli_arg_user, .options = cli_opt_wait,
      .example = { "user approve pipeline_automation@service",
                   "user approve pipeline_automation@service --wait 5s" },
      .run = cli_user_approve },
    { .words = "user set-role", .also = "role promote demote grant",
      .summary = "Change the role of a user, for all its tokens at once",
      .text = "Where approval is required, a higher role is only requested, "
              "and another person must approve it.",
      .args = cli_arg_role, .options = cli_opt_change,
      .example = { "user set-role pipeline_automation@service manager",
                   "user set-role pipeline_automation@service member "
                   "--wait 5s" },
      .run = cli_user_set_role },
    { .words = "user describe", .also = "update edit set",
      .summary = "Change the purpose or the owner of a user",
      .args = cli_arg_user, .options = cli_describe,
      .example = { "user describe pipeline_automation@service --owner etl",
                   "user describe pipeline_automation@service "
                   "--purpose \"loads the data warehouse\"" },
      .run = cli_user_describe, .check = cli_user_describe_check },
    { .words = "user disable", .also = "lock suspend block deactivate",
      .summary = "Refuse all tokens of a user until it is enabled",
      .args = cli_arg_user, .options = cli_opt_change,
      .example = { "user disable pipeline_automation@service",
                   "user disable pipeline_automation@service --wait 5s" },
      .run = cli_user_disable },
    { .words = "user enable", .also = "unlock activate",
      .summary = "Accept the tokens of a disabled user again",
      .args = cli_arg_user, .options = cli_opt_change,
      .example = { "user enable pipeline_automation@service",
                   "user enable pipeline_automation@service --wait 5s" },
      .run = cli_user_enable },
    { .words = "user delete", .also = "rm remove destroy",
      .summary = "Delete a user; its tokens are refused",
      .text = "The tokens of a deleted user are orphaned: nginx refuses "
              "them, and the quarterly review finds them.",
      .args = cli_arg_user, .options = cli_opt_asked,
      .example = { "user delete pipeline_automation@service",
                   "user delete pipeline_automation@service --dry-run" },
      .run = cli_user_delete },
    { .words = "user revoke-all", .also = "revoke",
      .summary = "Revoke all tokens of a user",
      .args = cli_arg_user, .options = cli_opt_asked,
      .example = { "user revoke-all pipeline_automation@service",
                   "user revoke-all pipeline_automation@service --wait 5s" },
      .run = cli_user_revoke_all },
    { .words = NULL }
};
