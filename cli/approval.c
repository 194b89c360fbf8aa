/*
 * approval: users that wait for a second person, roles that are asked for, and
 * whether and by what a dataset tells the two apart.
 *
 * The scripts compare.  What they compare is what this command says of itself:
 * somebody who has the key file and may write to Redis can say anything.  It
 * stops a mistake and a person who stays within the command; the audit has all
 * three names of each step.
 */


#include "cli.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static int cli_approval_trust(const char *text, char out[32]);
static int cli_approval_answer(cli_t *cli, const char *id);
static int cli_raise_try(cli_t *cli, const char *id, const char *role);
static int cli_approve_try(cli_t *cli, const char *id);
static int cli_approve_role(cli_t *cli, const char *id, char **role);
static int cli_approve_write(cli_t *cli, const char *id, cli_record_t *rec,
    const char *role);


void
cli_identity(cli_t *cli)
{
    char           *p;
    const char     *name;
    struct passwd  *pw;

    pw = getpwuid(getuid());
    name = getuid() == 0 ? getenv("SUDO_USER") : NULL;

    if (name == NULL || *name == '\0') {
        name = pw ? pw->pw_name : "unknown";
    }

    snprintf(cli->os, sizeof(cli->os), "%s", name);

    for (p = cli->os; *p; p++) {
        if (*p <= ' ' || *p > '~') {
            *p = '?';
        }
    }
}


/* sets it, or asks for it */

int
cli_approval_set(cli_t *cli, cli_args_t *args)
{
    int          code;
    char        *word, *has, trust[32];
    const char  *arg[4], *given;

    given = cli_option(args, "trust");

    if (strcmp(args->arg[0], "required") != 0
        && strcmp(args->arg[0], "none") != 0)
    {
        return cli_fail(CLI_USAGE, "bad approval: required or none");
    }

    if (given && cli_approval_trust(given, trust) != CLI_OK) {
        return cli_fail(CLI_USAGE, "bad --trust: one or more of os, actor and "
                        "redis, with commas between");
    }

    has = NULL;
    code = given ? CLI_OK : cli_meta(cli, "trust", &has);

    if (code != CLI_OK) {
        return code;
    }

    arg[0] = args->arg[0];
    arg[1] = given ? trust : has[0] ? has : "os";
    arg[2] = cli->os;
    arg[3] = cli->acl;

    code = cli_script(cli, stok_script_approval, 4, arg, &word);

    if (code == CLI_FOUND) {
        cli_note("note: nothing is changed yet: another admin has to run the "
                 "same, since approval is required here");
        code = CLI_OK;
    }

    free(has);
    free(word);

    return code == CLI_OK ? cli_approval_show(cli, args) : code;
}


int
cli_approval_show(cli_t *cli, cli_args_t *args)
{
    int     code;
    char   *approval, *trust;

    (void) args;

    code = cli_meta(cli, "approval", &approval);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_meta(cli, "trust", &trust);

    if (code == CLI_OK && cli->json) {
        code = cli_print_json(json_pack("{s:s, s:s}", "approval",
                                        approval[0] ? approval : "none",
                                        "trust", trust[0] ? trust : "os"));

    } else if (code == CLI_OK) {
        printf("approval ");
        cli_safe(approval[0] ? approval : "none");
        printf(", people are told apart by: ");
        cli_safe(trust[0] ? trust : "os");
        printf("\n");
    }

    if (code == CLI_OK) {
        free(trust);
    }

    free(approval);

    return code;
}


/* in one order, so that the same is the same text */

static int
cli_approval_trust(const char *text, char out[32])
{
    size_t       i, len;
    unsigned     seen;

    static const char  *words[] = { "os", "actor", "redis" };

    for (seen = 0; *text; text += len + (text[len] == ',')) {
        len = strcspn(text, ",");

        for (i = 0; i < 3 && (strlen(words[i]) != len
                              || memcmp(words[i], text, len) != 0); i++)
        {
            /* void */
        }

        if (i == 3) {
            return CLI_USAGE;
        }

        seen |= 1u << i;
    }

    for (i = 0, out[0] = '\0'; i < 3; i++) {
        if (seen & 1u << i) {
            strcat(out, out[0] ? " " : "");
            strcat(out, words[i]);
        }
    }

    return seen ? CLI_OK : CLI_USAGE;
}


int
cli_approval_raise(cli_t *cli, const char *id, const char *role)
{
    int    code, tries;
    char  *approval;

    code = cli_meta(cli, "approval", &approval);
    if (code != CLI_OK) {
        return code;
    }

    tries = strcmp(approval, "required") == 0 ? 0 : CLI_TRIES;
    code = tries ? CLI_FOUND : CLI_CHANGED;
    free(approval);

    for ( /* void */ ; code == CLI_CHANGED && tries < CLI_TRIES; tries++) {
        code = cli_raise_try(cli, id, role);
    }

    return code;
}


static int
cli_raise_try(cli_t *cli, const char *id, const char *role)
{
    int                  code;
    char                 has[STOK_ROLE_MAX + 1], *word;
    stok_str_t           name;
    const char          *arg[5];
    cli_record_t         rec;
    stok_user_record_t   user;

    code = cli_read_user(cli, id, &rec);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_decode_user(cli, id, &rec, &user);

    name.data = role;
    name.len = strlen(role);

    if (code == CLI_OK && stok_role_rank(&cli->roles, name)
                          <= stok_role_rank(&cli->roles, user.role))
    {
        code = CLI_FOUND;
    }

    snprintf(has, sizeof(has), "%s", cli_get(&rec, "role"));
    cli_free(&rec);

    if (code != CLI_OK) {
        return code;
    }

    arg[0] = id;
    arg[1] = has;
    arg[2] = role;
    arg[3] = cli->os;
    arg[4] = cli->acl;

    code = cli_script(cli, stok_script_user_raise, 5, arg, &word);
    free(word);

    if (code == CLI_OK) {
        cli_note("note: the role is asked for: another admin has to run "
                 "service-token user approve %s", id);
        code = cli_approval_answer(cli, id);
    }

    return code;
}


static int
cli_approval_answer(cli_t *cli, const char *id)
{
    int           code;
    cli_record_t  rec;

    if (!cli->json) {
        return CLI_OK;
    }

    code = cli_read_user(cli, id, &rec);

    if (code == CLI_OK) {
        cli_answer(cli, cli_json(&rec, id));
        cli_free(&rec);
    }

    return code;
}


int
cli_user_approve(cli_t *cli, cli_args_t *args)
{
    int    code, tries;
    char  *brand;

    code = cli_meta(cli, "brand", &brand);
    if (code != CLI_OK) {
        return code;
    }

    free(brand);
    code = CLI_CHANGED;

    for (tries = 0; code == CLI_CHANGED && tries < CLI_TRIES; tries++) {
        code = cli_approve_try(cli, args->arg[0]);
    }

    return code == CLI_OK ? cli_approval_answer(cli, args->arg[0]) : code;
}


static int
cli_approve_try(cli_t *cli, const char *id)
{
    int                  code;
    char                *role;
    stok_str_t           name;
    cli_record_t         rec;
    stok_user_record_t   user;

    code = cli_read_user(cli, id, &rec);
    if (code != CLI_OK) {
        return code;
    }

    role = NULL;
    code = cli_decode_user(cli, id, &rec, &user);

    if (code == CLI_OK && user.status != STOK_USER_PENDING) {
        code = cli_approve_role(cli, id, &role);

        if (code == CLI_OK && (role == NULL
                               || user.status == STOK_USER_DELETED))
        {
            code = cli_fail(CLI_REFUSED, "user \"%s\" is %s, and no role is "
                            "asked for: nothing was changed", id,
                            stok_user_status_name(user.status).data);
        }
    }

    if (code == CLI_OK && role) {
        name.data = role;
        name.len = strlen(role);

        if (stok_role_rank(&cli->roles, name) < 0) {
            code = cli_fail(CLI_REFUSED, "the role that is asked for is none: "
                            "the roles are %s", cli->role_names);
        }
    }

    if (code == CLI_OK) {
        code = cli_approve_write(cli, id, &rec, role);
    }

    free(role);
    cli_free(&rec);

    return code;
}


/* NULL: none is asked for */

static int
cli_approve_role(cli_t *cli, const char *id, char **role)
{
    int          code;
    redisReply  *reply;

    code = cli_try(cli, &reply, "HGET %srequest:%s role", cli->prefix, id);
    if (code != CLI_OK) {
        return code;
    }

    if (reply->type == REDIS_REPLY_STRING && reply->len == strlen(reply->str)) {
        *role = strdup(reply->str);
    }

    freeReplyObject(reply);

    return CLI_OK;
}


static int
cli_approve_write(cli_t *cli, const char *id, cli_record_t *rec,
    const char *role)
{
    int                  argc, code;
    char                 count[24], seal[STOK_SEAL_MAX + 1], *word;
    char                 before[STOK_TEXT_MAX + 64];
    size_t               i;
    stok_str_t           text;
    const char          *arg[7 + CLI_FIELDS + 4], *why;
    stok_user_record_t   user;

    (void) stok_user_record_decode(&user, rec->field, rec->n, &why);

    if (role) {
        user.role.data = role;
        user.role.len = strlen(role);
        snprintf(before, sizeof(before), "%s", cli_get(rec, "role"));

    } else {
        user.status = STOK_USER_ACTIVE;
        snprintf(before, sizeof(before), "pending, created_by %s",
                 cli_get(rec, "created_by"));
    }

    snprintf(count, sizeof(count), "%zu", rec->n / 2);

    argc = 0;
    arg[argc++] = id;
    arg[argc++] = cli->os;
    arg[argc++] = cli->acl;
    arg[argc++] = role ? role : "";
    arg[argc++] = before;
    arg[argc++] = role ? role : "active";
    arg[argc++] = count;

    for (i = 0; i < rec->n; i++) {
        arg[argc++] = rec->field[i].data;
    }

    arg[argc++] = role ? "role" : "status";
    arg[argc++] = role ? role : "active";

    if (cli->keys.n) {
        text.data = id;
        text.len = strlen(id);
        seal[stok_seal_user(seal, &cli->keys.key[0], text, &user)] = '\0';
        arg[argc++] = "seal";
        arg[argc++] = seal;
    }

    code = cli_script(cli, stok_script_user_approve, argc, arg, &word);
    free(word);

    return code;
}
