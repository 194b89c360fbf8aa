/*
 * seal: gives every record a seal by the first key of the file.
 *
 * Who seals a record vouches for it.  So a seal by an older key is checked
 * before it is replaced, a wrong one is left, and a record that has none is
 * sealed only while no record has one (the keys are new here), or if it was
 * asked for: else whoever can write to Redis would only have to wait for the
 * next rotation to have a record of his sealed.
 *
 * Each record is changed by the change script, if it still is what was
 * judged; so seal may be broken off and run again at any time.
 */


#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef enum {
    CLI_SEAL_NONE = 0,
    CLI_SEAL_WRONG,
    CLI_SEAL_OLDER,
    CLI_SEAL_RIGHT
} cli_seal_e;


typedef struct {
    const char  *id;                             /* of a user or a token */
    const char  *user;                           /* that is named in audit */
    int          is_user;

    cli_seal_e   found;
    char         by[STOK_KEY_NAME_MAX + 1];      /* the key that it names */
    char         seal[STOK_SEAL_MAX + 1];        /* the new one */
} cli_sealing_t;


typedef struct {
    char         key[STOK_KEY_NAME_MAX + 1];     /* the first */
    const char  *named;                          /* --user or --token */
    int          dry;
    int          force;
    int          unsealed;                       /* --unsealed, or the first */
    size_t       sealed;
    size_t       again;
    size_t       right;
    size_t       refused;
    json_t      *json;                           /* NULL: lines */
} cli_seal_t;


static int cli_seal_first(cli_t *cli, cli_seal_t *seal);
static int cli_seal_seen(cli_t *cli, const char *id, cli_record_t *rec,
    void *data);
static int cli_seal_one(cli_t *cli, const char *id, cli_seal_t *seal,
    int is_user);
static int cli_seal_user(cli_t *cli, const char *id, cli_record_t *rec,
    void *data);
static int cli_seal_token(cli_t *cli, const char *id, cli_record_t *rec,
    void *data);
static int cli_seal_record(cli_t *cli, cli_record_t *rec, cli_seal_t *seal,
    cli_sealing_t *s);
static int cli_seal_judge(cli_t *cli, cli_record_t *rec, cli_sealing_t *s);
static void cli_seal_name(stok_str_t seal, char by[STOK_KEY_NAME_MAX + 1]);
static int cli_seal_refuse(cli_t *cli, cli_seal_t *seal, cli_sealing_t *s);
static int cli_seal_done(cli_seal_t *seal, cli_sealing_t *s);
static int cli_seal_print(cli_seal_t *seal);


int
cli_seal(cli_t *cli, cli_args_t *args)
{
    int          code;
    char        *brand;
    cli_seal_t   seal;
    const char  *user, *token;

    memset(&seal, 0, sizeof(seal));

    user = cli_option(args, "user");
    token = cli_option(args, "token");

    seal.named = user ? user : token;
    seal.dry = cli_option(args, "dry-run") != NULL;
    seal.force = cli_option(args, "force") != NULL;
    seal.unsealed = cli_option(args, "unsealed") != NULL;

    if (cli->keys.n == 0) {
        return cli_fail(CLI_USAGE, "seal needs --key-file");
    }

    if (user && token) {
        return cli_fail(CLI_USAGE, "give --user or --token, not both");
    }

    if (seal.force && seal.named == NULL) {
        return cli_fail(CLI_USAGE, "--force needs --user or --token: look "
                        "at a record before you vouch for it");
    }

    memcpy(seal.key, cli->keys.key[0].name, cli->keys.key[0].name_len);

    code = cli_meta(cli, "brand", &brand);
    if (code != CLI_OK) {
        return code;
    }

    free(brand);
    seal.json = cli->json ? json_array() : NULL;

    if (user) {
        code = cli_seal_one(cli, user, &seal, 1);

        if (code == CLI_OK) {
            code = cli_walk_tokens(cli, user, cli_seal_token, &seal);
        }

    } else if (token) {
        code = cli_seal_one(cli, token, &seal, 0);

    } else {
        code = cli_seal_first(cli, &seal);

        if (code == CLI_OK) {
            code = cli_walk_users(cli, cli_seal_user, &seal);
        }

        if (code == CLI_OK) {
            code = cli_walk_tokens(cli, NULL, cli_seal_token, &seal);
        }
    }

    if (code != CLI_OK) {
        json_decref(seal.json);
        return code;
    }

    return cli_seal_print(&seal);
}


/* while no record has a seal, the keys are being introduced */

static int
cli_seal_first(cli_t *cli, cli_seal_t *seal)
{
    int  code;

    if (seal->unsealed) {
        return CLI_OK;
    }

    code = cli_walk_users(cli, cli_seal_seen, NULL);

    if (code == CLI_OK) {
        code = cli_walk_tokens(cli, NULL, cli_seal_seen, NULL);
    }

    seal->unsealed = code == CLI_OK;

    return code == CLI_FOUND ? CLI_OK : code;
}


static int
cli_seal_seen(cli_t *cli, const char *id, cli_record_t *rec, void *data)
{
    (void) cli;
    (void) id;
    (void) data;

    return cli_get(rec, "seal")[0] ? CLI_FOUND : CLI_OK;
}


static int
cli_seal_one(cli_t *cli, const char *id, cli_seal_t *seal, int is_user)
{
    int           code;
    cli_record_t  rec;

    code = is_user ? cli_read_user(cli, id, &rec)
                   : cli_read_token(cli, id, &rec);
    if (code != CLI_OK) {
        return code;
    }

    code = is_user ? cli_seal_user(cli, id, &rec, seal)
                   : cli_seal_token(cli, id, &rec, seal);
    cli_free(&rec);

    return code;
}


static int
cli_seal_user(cli_t *cli, const char *id, cli_record_t *rec, void *data)
{
    cli_sealing_t  s;

    memset(&s, 0, sizeof(s));
    s.id = id;
    s.user = id;
    s.is_user = 1;

    return cli_seal_record(cli, rec, data, &s);
}


static int
cli_seal_token(cli_t *cli, const char *id, cli_record_t *rec, void *data)
{
    cli_sealing_t  s;

    memset(&s, 0, sizeof(s));
    s.id = id;
    s.user = cli_get(rec, "user");

    return cli_seal_record(cli, rec, data, &s);
}


/* what is refused is counted, and the others go on */

static int
cli_seal_record(cli_t *cli, cli_record_t *rec, cli_seal_t *seal,
    cli_sealing_t *s)
{
    int          code;
    const char  *field[2];

    code = cli_seal_judge(cli, rec, s);

    if (code == CLI_OK) {
        code = cli_seal_refuse(cli, seal, s);
    }

    if (code != CLI_OK) {
        seal->refused++;
        return CLI_OK;
    }

    if (s->found == CLI_SEAL_RIGHT) {
        seal->right++;
        return CLI_OK;
    }

    if (!seal->dry) {
        field[0] = "seal";
        field[1] = s->seal;

        code = cli_change(cli, rec, s->is_user ? "" : s->id, s->user,
                          s->is_user ? "user.seal" : "token.seal", s->by,
                          seal->key, 2, field);

        /* whoever changed it has sealed it, or is going to be asked */

        if (code == CLI_CHANGED) {
            seal->refused++;
            (void) cli_fail(CLI_REFUSED, "%s \"%s\" was changed meanwhile: "
                            "run seal again", s->is_user ? "user" : "token",
                            s->id);
            return CLI_OK;
        }

        if (code != CLI_OK) {
            return code;
        }
    }

    return cli_seal_done(seal, s);
}


/* what seal it has, and what seal it should have */

static int
cli_seal_judge(cli_t *cli, cli_record_t *rec, cli_sealing_t *s)
{
    int                   tampered;
    size_t                len;
    stok_str_t            id, old;
    const char           *why;
    const stok_key_t     *first;
    stok_user_record_t    user;
    stok_token_record_t   token;

    first = &cli->keys.key[0];
    id.data = s->id;
    id.len = strlen(s->id);

    if (s->is_user
        ? stok_user_record_decode(&user, rec->field, rec->n, &why) != STOK_OK
        : stok_token_record_decode(&token, rec->field, rec->n, &why)
          != STOK_OK)
    {
        return cli_fail(CLI_REFUSED, "%s \"%s\" is unreadable: %s",
                        s->is_user ? "user" : "token", s->id, why);
    }

    if (s->is_user) {
        stok_seal_check_user(&cli->keys, id, &user);
        len = stok_seal_user(s->seal, &cli->keys, id, &user);
        old = user.seal;
        tampered = user.tampered;

    } else {
        if (token.id.len != id.len
            || memcmp(token.id.data, id.data, id.len) != 0)
        {
            return cli_fail(CLI_REFUSED, "token \"%s\" has a record of "
                            "another id", s->id);
        }

        stok_seal_check_token(&cli->keys, rec->digest, &token);
        len = stok_seal_token(s->seal, &cli->keys, rec->digest, &token);
        old = token.seal;
        tampered = token.tampered;
    }

    s->seal[len] = '\0';
    cli_seal_name(old, s->by);

    if (old.len == 0) {
        s->found = CLI_SEAL_NONE;

    } else if (tampered) {
        s->found = CLI_SEAL_WRONG;

    } else {
        s->found = strlen(s->by) == first->name_len
                   && memcmp(s->by, first->name, first->name_len) == 0
                   ? CLI_SEAL_RIGHT : CLI_SEAL_OLDER;
    }

    return CLI_OK;
}


/* for the audit and for who reads: nothing that is no name */

static void
cli_seal_name(stok_str_t seal, char by[STOK_KEY_NAME_MAX + 1])
{
    size_t  i;

    for (i = 0; i < seal.len && i < STOK_KEY_NAME_MAX; i++) {
        if (seal.data[i] <= ' ' || seal.data[i] > '~' || seal.data[i] == ':') {
            break;
        }

        by[i] = seal.data[i];
    }

    by[i] = '\0';
}


static int
cli_seal_refuse(cli_t *cli, cli_seal_t *seal, cli_sealing_t *s)
{
    int          named;
    const char  *what;

    what = s->is_user ? "user" : "token";
    named = seal->named && strcmp(seal->named, s->id) == 0;

    if (s->found == CLI_SEAL_NONE && !seal->unsealed && !named) {
        return cli_fail(CLI_REFUSED, "%s \"%s\" has no seal, and others "
                        "have: if it is right, seal it with --%s or with "
                        "--unsealed", what, s->id, what);
    }

    if (s->found == CLI_SEAL_WRONG && !(seal->force && named)) {

        if (stok_keys_find(&cli->keys, s->by, strlen(s->by)) == NULL) {
            return cli_fail(CLI_REFUSED, "%s \"%s\" is sealed by key \"%s\", "
                            "which the key file has not", what, s->id, s->by);
        }

        return cli_fail(CLI_REFUSED, "%s \"%s\" has a wrong seal: somebody "
                        "else wrote it; look at it, then seal it with --%s "
                        "and --force, or revoke it", what, s->id, what);
    }

    return CLI_OK;
}


static int
cli_seal_done(cli_seal_t *seal, cli_sealing_t *s)
{
    const char  *was;

    was = s->found == CLI_SEAL_NONE ? "no seal"
          : s->found == CLI_SEAL_WRONG ? "a wrong seal" : s->by;

    if (s->found == CLI_SEAL_OLDER) {
        seal->again++;

    } else {
        seal->sealed++;
    }

    if (seal->json) {
        return json_array_append_new(seal->json,
                                     json_pack("{s:s, s:s, s:s}",
                                               s->is_user ? "user" : "id",
                                               s->id, "was", was, "key",
                                               seal->key)) == 0
               ? CLI_OK : cli_fail(CLI_UNAVAILABLE, "no memory");
    }

    printf("%s %s: sealed by %s, had %s%s\n", s->is_user ? "user" : "token",
           s->id, seal->key,
           s->found == CLI_SEAL_OLDER ? "one by " : "", was);

    return CLI_OK;
}


static int
cli_seal_print(cli_seal_t *seal)
{
    int  code;

    code = CLI_OK;

    if (seal->json) {
        code = cli_print_json(json_pack("{s:o, s:I, s:I, s:I, s:b}",
                                        "sealed", seal->json,
                                        "again", (json_int_t) seal->again,
                                        "right", (json_int_t) seal->right,
                                        "refused",
                                        (json_int_t) seal->refused,
                                        "dry_run", seal->dry));

    } else {
        printf("%zu sealed, %zu sealed again, %zu right already, "
               "%zu refused%s\n", seal->sealed, seal->again, seal->right,
               seal->refused, seal->dry ? ": nothing was changed" : "");
    }

    if (code == CLI_OK) {
        code = cli_flush();
    }

    return code == CLI_OK && seal->refused ? CLI_REFUSED : code;
}
