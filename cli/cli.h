/*
 * Shared by the files of the command: arguments in, text or JSON out.
 *
 * A verb does its work by an operation of control/.  A verb answers with a
 * kind, from which main.c makes the exit code; an error is set by ctl_fail(),
 * goes up untouched, and is printed by main.c.
 */


#ifndef CLI_H
#define CLI_H


#include "ctl.h"
#include "sink.h"
#include "stok_bearer.h"


#define CLI_OPTIONS  32


typedef struct {
    ctl_t          ctl;

    const char    *redis;
    const char    *key_file;
    const char    *timeout;                      /* NULL: the default */
    int            json;
    int            quiet;                        /* of what was done */
    int            wait;                         /* ms; 0: do not */
    json_t        *answer;                       /* held back meanwhile */
} cli_t;


/* what follows the verb */
typedef struct {
    int            n;
    char         **arg;                          /* without options */
    int            options;
    const char    *option[CLI_OPTIONS];
    const char    *value[CLI_OPTIONS];           /* "" for a flag */
} cli_args_t;


/* descriptors.c: the first thing that is done */
int cli_descriptors(cli_t *cli);

/*
 * plaintext.c.  refuse: no argument holds a token.  input: the one line of
 * standard input, whatever it is, which a terminal does not show; read: it is
 * a token by its checksum; id: finds its id.
 */
typedef struct {
    size_t         len;                          /* 0: none */
    char           text[STOK_BEARER_MAX + 3];
    char           id[STOK_RECORD_ID_MAX + 1];
} cli_plaintext_t;

int cli_plaintext_refuse(cli_t *cli, const cli_args_t *args);
int cli_plaintext_input(cli_t *cli, cli_plaintext_t *plaintext);
int cli_plaintext_read(cli_t *cli, cli_plaintext_t *plaintext);
int cli_plaintext_id(cli_t *cli, cli_plaintext_t *plaintext);

/*
 * line/args.c.  NULL: it is not given; setting: one for every verb, which may
 * come from the environment or be its default.
 */
const char *cli_option(cli_args_t *args, const char *name);
const char *cli_setting(cli_args_t *args, const char *name);

/*
 * line/main.c.  Reads the key file, connects, and looks whether they belong
 * together.  making: there may be no dataset yet, and none that the file names.
 */
int cli_open(cli_t *cli, int making);

/*
 * confirm.c: on a terminal the word has to be typed before what the format says
 * is done, unless --yes is given.  Off a terminal, and in a dry run, nothing is
 * asked.  asks: whether it would.  user: names what the tokens of a user feel.
 */
int cli_confirm(cli_t *cli, cli_args_t *args, const char *word,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
int cli_confirm_asks(cli_t *cli, cli_args_t *args);
int cli_confirm_user(cli_t *cli, cli_args_t *args, const char *verb,
    const char *rest);

/*
 * progress.c: around an operation that may take long.  It may end with
 * CTL_STOPPED, and then the command ends by the signal that stopped it.
 */
void cli_progress_begin(cli_t *cli);
void cli_progress_end(cli_t *cli);
void cli_progress_raise(int number);

/* output.c */
int cli_print_json(cli_t *cli, json_t *json);

/* of a verb that changes: printed at the end, with what --wait adds */
void cli_answer(cli_t *cli, json_t *json);

/* the same of a change that may have failed; json may be NULL */
int cli_changed(cli_t *cli, int code, json_t *json);

/* an array as it grows: an item, and the end */
int cli_print_item(cli_t *cli, json_t *item, size_t before);
void cli_print_end(size_t items);

/* a record: JSON or fields; releases it */
int cli_print_record(cli_t *cli, json_t *record);

void cli_print_fields(json_t *json);

/* ISO 8601, and on a terminal "in 26 days", too */
#define CLI_DATE  80
const char *cli_date(int64_t date, char out[CLI_DATE]);


/* whether all of it was written; printed: then code */
int cli_flush(cli_t *cli);
int cli_printed(cli_t *cli, int code);

void cli_safe(const char *text);
long long cli_integer(json_t *json, const char *name);

/* verbs; check: of what is given together, without Redis */
int cli_init(cli_t *cli, cli_args_t *args);
int cli_approval_show(cli_t *cli, cli_args_t *args);
int cli_approval_set(cli_t *cli, cli_args_t *args);
int cli_key_new(cli_t *cli, cli_args_t *args);
int cli_check(cli_t *cli, cli_args_t *args);
int cli_seal(cli_t *cli, cli_args_t *args);
int cli_seal_check(cli_t *cli, cli_args_t *args);
int cli_scan(cli_t *cli, cli_args_t *args);
int cli_fsck(cli_t *cli, cli_args_t *args);
int cli_export(cli_t *cli, cli_args_t *args);
int cli_import(cli_t *cli, cli_args_t *args);

int cli_user_create(cli_t *cli, cli_args_t *args);
int cli_user_create_check(cli_t *cli, cli_args_t *args);
int cli_user_list(cli_t *cli, cli_args_t *args);
int cli_user_show(cli_t *cli, cli_args_t *args);
int cli_user_approve(cli_t *cli, cli_args_t *args);
int cli_user_set_role(cli_t *cli, cli_args_t *args);
int cli_user_disable(cli_t *cli, cli_args_t *args);
int cli_user_enable(cli_t *cli, cli_args_t *args);
int cli_user_delete(cli_t *cli, cli_args_t *args);
int cli_user_describe(cli_t *cli, cli_args_t *args);
int cli_user_describe_check(cli_t *cli, cli_args_t *args);
int cli_user_revoke_all(cli_t *cli, cli_args_t *args);

int cli_token_create(cli_t *cli, cli_args_t *args);
int cli_token_new_check(cli_t *cli, cli_args_t *args);
int cli_token_adopt(cli_t *cli, cli_args_t *args);
int cli_token_adopt_check(cli_t *cli, cli_args_t *args);
int cli_token_list(cli_t *cli, cli_args_t *args);
int cli_token_show(cli_t *cli, cli_args_t *args);
int cli_token_rotate(cli_t *cli, cli_args_t *args);
int cli_token_rotation(cli_t *cli, cli_args_t *args);
int cli_token_extend(cli_t *cli, cli_args_t *args);
int cli_token_revoke(cli_t *cli, cli_args_t *args);
int cli_token_restore(cli_t *cli, cli_args_t *args);
int cli_token_delete(cli_t *cli, cli_args_t *args);

int cli_serve(cli_t *cli, cli_args_t *args);

int cli_status(cli_t *cli, cli_args_t *args);
int cli_audit(cli_t *cli, cli_args_t *args);
int cli_audit_verify(cli_t *cli, cli_args_t *args);

int cli_review_all(cli_t *cli, cli_args_t *args);
int cli_review_monthly(cli_t *cli, cli_args_t *args);
int cli_review_monthly_check(cli_t *cli, cli_args_t *args);
int cli_review_quarterly(cli_t *cli, cli_args_t *args);
int cli_review_quarterly_check(cli_t *cli, cli_args_t *args);

int cli_incident_token(cli_t *cli, cli_args_t *args);
int cli_incident_user(cli_t *cli, cli_args_t *args);


#endif /* CLI_H */
