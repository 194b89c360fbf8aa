/*
 * The table: verbs that watch over tokens, and help.
 */


#include "verbs.h"


#define CLI_OPT_EXPECT                                                        \
    { .name = "expect", .value = "SEQ:HASH", .kind = CLI_ENTRY,               \
      .text = "An entry of the audit that was noted elsewhere: warn if it "   \
              "is no longer there." }


static const cli_opt_t  cli_status_options[] = {
    { .name = "format", .value = "FORMAT", .kind = CLI_WORD,
      .words = "prometheus", .not_with = "json",
      .text = "Print metrics for the textfile collector of the node "
              "exporter." },
    CLI_OPT_EXPECT,
    CLI_END
};


static const cli_opt_t  cli_audit_options[] = {
    { .name = "token", .value = "ID|-", .kind = CLI_ID_OR_INPUT,
      .not_with = "user",
      .text = "Only entries of this token. With -, the token is read from "
              "standard input." },
    { .name = "user", .value = "ID", .kind = CLI_USER,
      .text = "Only entries of this user." },
    { .name = "since", .value = "TIME", .kind = CLI_TIME,
      .fallback = "all entries",
      .text = "Only entries since then: a time ago such as 24h or 7d, a "
              "date, or a date and a time." },
    { .name = "follow", .letter = 'f',
      .text = "Print new entries as they come, until interrupted." },
    CLI_END
};


static const cli_opt_t  cli_verify_options[] = { CLI_OPT_EXPECT, CLI_END };


static const cli_opt_t  cli_review_options[] = {
    { .name = "fail-on", .value = "RULE,...", .kind = CLI_RULES,
      .fallback = "every rule",
      .text = "The rules whose findings make the exit code 1." },
    CLI_END
};


static const cli_opt_t  cli_arg_token[] = { CLI_ARG_TOKEN, CLI_END };
static const cli_opt_t  cli_arg_user[] = { CLI_ARG_USER, CLI_END };


static const cli_opt_t  cli_opt_change[] = {
    CLI_OPT_DRY,
    CLI_OPT_WAIT,
    CLI_END
};


static const cli_opt_t  cli_incident_options[] = {
    CLI_OPT_DRY,
    CLI_OPT_YES,
    CLI_OPT_WAIT,
    CLI_END
};


const cli_verb_t  cli_verbs_watch[] = {
    { .words = "status", .also = "health info",
      .summary = "Show on one screen what needs attention",
      .text = "Shows what expires next, rotations, approvals, refusals of the "
              "last day, nodes, and the state of Redis. The exit code is 1 "
              "if there is a warning.",
      .options = cli_status_options,
      .example = { "status", "status --format prometheus" },
      .run = cli_status },
    { .words = "audit", .also = "log history events",
      .summary = "Show who changed what, and refused requests",
      .options = cli_audit_options,
      .example = { "audit --since 7d --user pipeline_automation@service",
                   "audit --follow" },
      .run = cli_audit },
    { .words = "audit verify", .also = "check",
      .summary = "Check that nobody changed the audit",
      .text = "Prints the number and the hash of the last entry. Note it "
              "outside Redis, and give it to --expect later.",
      .options = cli_verify_options,
      .example = { "audit verify",
                   "audit verify --expect \"$(cat noted)\"" },
      .run = cli_audit_verify },
    { .words = "review", .also = "lint",
      .summary = "Review users and tokens by all rules",
      .text = "The exit code is 1 if there is a finding.",
      .options = cli_review_options,
      .example = { "review", "review --fail-on unused,orphaned" },
      .run = cli_review_all },
    { .words = "review monthly", .also = "",
      .summary = "Find unused tokens, unexpected use and failed attempts",
      .options = cli_review_options,
      .example = { "review monthly", "review monthly --fail-on unused" },
      .run = cli_review_monthly, .check = cli_review_monthly_check },
    { .words = "review quarterly", .also = "",
      .summary = "Check purposes, names, expiry and least privilege",
      .options = cli_review_options,
      .example = { "review quarterly",
                   "review quarterly --fail-on orphaned" },
      .run = cli_review_quarterly, .check = cli_review_quarterly_check },
    { .words = "incident token", .also = "leak compromise",
      .summary = "Revoke a leaked token at once, and report on it",
      .text = "The report shows all that is known of its use, and what "
              "remains to be done.",
      .args = cli_arg_token, .options = cli_opt_change, .flags = CLI_INPUT,
      .example = { "incident token tok_2bsYV9S9kRkdzKPF",
                   "incident token - --wait 5s < leaked.txt" },
      .run = cli_incident_token },
    { .words = "incident user", .also = "compromise",
      .summary = "Disable a user, revoke all its tokens, and report",
      .args = cli_arg_user, .options = cli_incident_options,
      .example = { "incident user pipeline_automation@service",
                   "incident user pipeline_automation@service --wait 5s" },
      .run = cli_incident_user },
    { .words = NULL }
};


static const cli_opt_t  cli_help_args[] = {
    { .name = "VERB", .value = "VERB", .kind = CLI_VERB,
      .flags = CLI_MAYBE|CLI_MANY,
      .text = "A verb or a group of verbs." },
    CLI_END
};


/* the words are taken as they are: they stand behind "--" */

static const cli_opt_t  cli_complete_args[] = {
    { .name = "WORD", .value = "WORD", .kind = CLI_TEXT, .flags = CLI_MANY,
      .text = "The words behind service-token, up to the one to complete." },
    CLI_END
};


const cli_verb_t  cli_verbs_help[] = {
    { .words = "help", .also = "usage",
      .summary = "Show help: of everything, of a group, or of a verb",
      .args = cli_help_args, .flags = CLI_OFFLINE,
      .example = { "help token", "help token create" } },
    { .words = "complete", .also = "",
      .summary = "Complete a command line, for the completion of shells",
      .args = cli_complete_args, .flags = CLI_OFFLINE|CLI_HIDDEN,
      .example = { "complete -- token cr", "complete -- token create --" },
      .run = cli_complete },
    { .words = "man", .also = "",
      .summary = "Print the verbs and options as a part of a manual page",
      .flags = CLI_OFFLINE|CLI_HIDDEN,
      .example = { "man > middle.1", "man | man -l -" },
      .run = cli_man },
    { .words = NULL }
};
