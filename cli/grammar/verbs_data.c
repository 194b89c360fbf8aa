/*
 * The table: verbs of the dataset as a whole.
 */


#include "verbs.h"


#define CLI_APPROVAL  "required none"


static const cli_opt_t  cli_init_options[] = {
    { .name = "brand", .value = "TEXT", .kind = CLI_BRAND, .fallback = "stk",
      .text = "The prefix of every token: 2 to 16 of a-z 0-9." },
    { .name = "approval", .value = "WORD", .kind = CLI_WORD,
      .words = CLI_APPROVAL, .fallback = "none",
      .text = "Whether another person must approve a new user." },
    CLI_END
};


static const cli_opt_t  cli_approval_args[] = {
    { .name = "required|none", .value = "approval", .kind = CLI_WORD,
      .words = CLI_APPROVAL,
      .text = "Whether another person must approve a new user." },
    CLI_END
};


static const cli_opt_t  cli_approval_options[] = {
    { .name = "trust", .value = "LIST", .kind = CLI_WORDS,
      .words = "os actor redis", .fallback = "as it is; os at first",
      .text = "The names that tell two people apart: the user of the "
              "operating system, --actor, the user of Redis." },
    CLI_END
};


static const cli_opt_t  cli_key_args[] = {
    { .name = "NAME", .value = "NAME", .kind = CLI_KEY_NAME,
      .text = "The name of the key: 1 to 32 of A-Z a-z 0-9 . _ -" },
    CLI_END
};


const cli_verb_t  cli_verbs_data[] = {
    { .words = "init", .also = "setup start",
      .summary = "Create a dataset in Redis",
      .text = "Run again, it changes nothing. With --key-file, the dataset's "
              "id is added to the key file.",
      .options = cli_init_options,
      .example = { "init", "init --brand acme --approval required" },
      .run = cli_init },
    { .words = "approval show", .also = "get",
      .summary = "Show whether new users need approval",
      .example = { "approval show", "approval show --json" },
      .run = cli_approval_show },
    { .words = "approval set", .also = "change",
      .summary = "Require approval of new users, or stop requiring it",
      .text = "Where approval is required, this takes two people, too: the "
              "second one runs the same command.",
      .args = cli_approval_args, .options = cli_approval_options,
      .example = { "approval set required",
                   "approval set required --trust os,redis" },
      .run = cli_approval_set },
    { .words = "key new", .also = "create add generate",
      .summary = "Print a new line for a key file",
      .args = cli_key_args, .flags = CLI_OFFLINE,
      .example = { "key new 2026 > keys",
                   "key new next" },
      .run = cli_key_new },
    { .words = NULL }
};


static const cli_opt_t  cli_seal_options[] = {
    { .name = "first",
      .text = "Seal a dataset that was never sealed: list what has no seal, "
              "and ask." },
    { .name = "yes",
      .text = "Do not ask for confirmation." },
    { .name = "user", .value = "ID", .kind = CLI_USER,
      .text = "Only this user and its tokens." },
    { .name = "token", .value = "ID|-", .kind = CLI_ID_OR_INPUT,
      .text = "Only this token." },
    { .name = "force",
      .text = "Seal the named record even if its seal is wrong. Look at it "
              "first." },
    { .name = "dry-run",
      .text = "Only say what would be sealed." },
    CLI_OPT_WAIT,
    CLI_END
};


static const cli_opt_t  cli_fsck_options[] = {
    { .name = "fix",
      .text = "Rebuild the indexes from the records." },
    { .name = "dry-run",
      .text = "With --fix: only say what would be fixed." },
    CLI_OPT_WAIT,
    CLI_END
};


static const cli_opt_t  cli_export_args[] = {
    { .name = "FILE|-", .value = "FILE", .kind = CLI_NEW_FILE,
      .text = "A new file, which gets mode 0600; or - for standard output." },
    CLI_END
};


static const cli_opt_t  cli_import_args[] = {
    { .name = "FILE|-", .value = "FILE", .kind = CLI_FILE,
      .text = "A file that export wrote; or - for standard input." },
    CLI_END
};


static const cli_opt_t  cli_import_options[] = {
    { .name = "overwrite",
      .text = "Replace records that differ." },
    { .name = "restore-access",
      .text = "Replace even a record that allows less by one that allows "
              "more." },
    { .name = "dry-run",
      .text = "Only check." },
    { .name = "yes",
      .text = "Do not ask for confirmation where --overwrite would replace "
              "records. Only a terminal is asked." },
    CLI_OPT_WAIT,
    CLI_END
};


static const cli_opt_t  cli_serve_options[] = {
    { .name = "socket", .value = "PATH", .kind = CLI_TEXT,
      .fallback = "/run/service-token/control.sock",
      .text = "The unix socket that nginx connects to." },
    { .name = "peer", .value = "USER", .kind = CLI_TEXT,
      .fallback = "www-data",
      .text = "The user of nginx' workers: nobody else may connect." },
    { .name = "workers", .value = "NUMBER", .kind = CLI_TEXT,
      .fallback = "4",
      .text = "How many requests are answered at once: 1 to 64." },
    CLI_END
};


const cli_verb_t  cli_verbs_care[] = {
    { .words = "seal", .also = "sign",
      .summary = "Seal records with the first key of the key file",
      .text = "Without --user or --token, all records. A record whose seal "
              "is wrong or missing is named and left as it is.",
      .options = cli_seal_options,
      .example = { "--key-file keys seal --dry-run",
                   "--key-file keys seal --first --dry-run" },
      .run = cli_seal, .check = cli_seal_check },
    { .words = "fsck", .also = "repair fix doctor",
      .summary = "Check that the keys of the dataset fit together",
      .text = "No record is made or deleted, and nothing becomes valid that "
              "was not. The rest is reported.",
      .options = cli_fsck_options,
      .example = { "fsck", "fsck --fix" },
      .run = cli_fsck },
    { .words = "serve", .also = "api daemon http",
      .summary = "Answer the HTTP API, behind nginx",
      .text = "Speaks SCGI on a unix socket, until SIGTERM. See "
              "conf/control.conf for nginx' side.",
      .options = cli_serve_options,
      .example = { "--key-file keys serve", "serve --workers 8" },
      .run = cli_serve },
    { .words = "export", .also = "dump backup save",
      .summary = "Write all users and tokens to a file",
      .text = "One JSON object per line. It contains the digests: keep "
              "it as safe as Redis.",
      .args = cli_export_args,
      .example = { "export backup.jsonl", "export - | gzip > backup.gz" },
      .run = cli_export },
    { .words = "import", .also = "load restore",
      .summary = "Read users and tokens from an exported file",
      .text = "Everything is checked before anything is changed. A record "
              "that exists and differs is refused, unless --overwrite is "
              "given.",
      .args = cli_import_args, .options = cli_import_options,
      .example = { "import backup.jsonl --dry-run",
                   "import backup.jsonl --overwrite --wait 5s" },
      .run = cli_import },
    { .words = NULL }
};
