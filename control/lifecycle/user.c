/*
 * user: service users and people, their roles and states.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


static const char  *ctl_use_cases[][2] = {
    { "catalog-sync", "manager" }, { "pipeline", "manager" },
    { "cli", "manager" }, { "read-only-api", "member" }, { "bi", "member" },
    { "platform", "admin" }
};


static int ctl_user_role(ctl_t *ctl, const ctl_user_new_t *new,
    const char **role);
static int ctl_user_identity(ctl_t *ctl, ctl_user_new_t *new);
static int ctl_user_taken(ctl_t *ctl, const ctl_user_new_t *new);
static int ctl_user_person(ctl_t *ctl, ctl_user_new_t *new);
static int ctl_user_service(ctl_t *ctl, ctl_user_new_t *new);
static int ctl_user_address(const char *name);
static int ctl_user_text(ctl_t *ctl, const char *name, const char *text,
    int needed);
static int ctl_user_write(ctl_t *ctl, const ctl_user_new_t *new,
    const char *role);


int
ctl_user_create(ctl_t *ctl, ctl_user_new_t *new, json_t **user)
{
    int          code, tries;
    const char  *role, *why;

    code = ctl_user_role(ctl, new, &role);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_user_identity(ctl, new);

    if (code == CTL_OK && new->human) {
        code = ctl_user_taken(ctl, new);
    }

    if (code != CTL_OK) {
        return code;
    }

    code = CTL_CHANGED;

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_user_write(ctl, new, role);
    }

    if (code != CTL_OK) {
        return code;
    }

    if (!new->human) {
        ctl_name_lost(ctl, new->name, new->id);
    }

    ctl_done(ctl, "created", "create", "%s, role %s", new->id, role);

    why = new->human ? NULL : ctl_name_lint(new->name);

    if (why) {
        ctl_note(ctl, CTL_NOTE_WARNING, "the name is %s: say what it does, "
                 "as in pipeline_automation", why);
    }

    return ctl_user_again(ctl, new->id, user);
}


int
ctl_user_create_check(ctl_t *ctl, ctl_user_new_t *new)
{
    int          code;
    const char  *role;

    code = ctl_user_role(ctl, new, &role);

    return code == CTL_OK ? ctl_user_identity(ctl, new) : code;
}


int
ctl_user_again(ctl_t *ctl, const char *id, json_t **user)
{
    int           code;
    ctl_record_t  rec;

    if (user == NULL) {
        return CTL_OK;
    }

    code = ctl_read_user(ctl, id, &rec);

    if (code == CTL_OK) {
        *user = ctl_json(&rec, id);
        ctl_free(&rec);
    }

    return code;
}


const char *
ctl_use_case(size_t i, const char **role)
{
    if (i >= sizeof(ctl_use_cases) / sizeof(ctl_use_cases[0])) {
        return NULL;
    }

    *role = ctl_use_cases[i][1];

    return ctl_use_cases[i][0];
}


static int
ctl_user_role(ctl_t *ctl, const ctl_user_new_t *new, const char **role)
{
    size_t       i;
    stok_str_t   name;
    const char  *use, *known, *needs;

    static char  lowest[STOK_ROLE_MAX + 1];

    *role = new->role;
    use = new->use_case;

    if (*role && use) {
        return ctl_fail(ctl, CTL_INVALID, "give --role or --use-case, not "
                        "both");
    }

    if (use) {
        for (i = 0; (known = ctl_use_case(i, &needs)) != NULL; i++) {
            if (strcmp(use, known) == 0) {
                *role = needs;
            }
        }

        if (*role == NULL) {
            return ctl_fail(ctl, CTL_INVALID, "bad --use-case: catalog-sync, "
                            "pipeline, cli, read-only-api, bi or platform");
        }
    }

    if (*role == NULL) {
        *role = ctl->role_names;
    }

    name.data = *role;
    name.len = *role == ctl->role_names ? ctl->roles.name[0].len
                                        : strlen(*role);

    if (*role == ctl->role_names) {
        name = ctl->roles.name[0];
        snprintf(lowest, sizeof(lowest), "%.*s", (int) name.len, name.data);
        *role = lowest;
    }

    if (stok_role_rank(&ctl->roles, name) < 0) {
        return ctl_fail(ctl, CTL_INVALID, "no role \"%s\": the roles are %s",
                        *role, ctl->role_names);
    }

    return CTL_OK;
}


static int
ctl_user_identity(ctl_t *ctl, ctl_user_new_t *new)
{
    int  code;

    code = ctl_name_new(ctl, "name", new->name);

    if (code == CTL_OK) {
        code = new->human ? ctl_user_person(ctl, new)
                          : ctl_user_service(ctl, new);
    }

    if (code != CTL_OK) {
        return code;
    }

    return ctl_user_text(ctl, "purpose", new->purpose, !new->human) != CTL_OK
           || ctl_user_text(ctl, "owner", new->owner, !new->human) != CTL_OK
           ? CTL_INVALID : CTL_OK;
}


static int
ctl_user_person(ctl_t *ctl, ctl_user_new_t *new)
{
    size_t  i;

    if (!ctl_user_address(new->name)) {
        return ctl_fail(ctl, CTL_INVALID, "the name of a human is an "
                        "e-mail address");
    }

    for (i = 0; new->name[i]; i++) {
        new->id[i] = ctl_lower(new->name[i]);
    }

    new->id[i] = '\0';

    return CTL_OK;
}


/* an address is one whatever its case, also beside records of elsewhere */

static int
ctl_user_taken(ctl_t *ctl, const ctl_user_new_t *new)
{
    int   code;
    char  found[STOK_USER_ID_MAX + 1];

    code = ctl_user_find(ctl, new->id, found);

    if (code == CTL_OK) {
        return ctl_fail(ctl, CTL_CONFLICT, "user %s exists already", found);
    }

    return code == CTL_NOTFOUND ? CTL_OK : code;
}


static int
ctl_user_service(ctl_t *ctl, ctl_user_new_t *new)
{
    size_t  len;

    len = strlen(new->name);

    if (len > 8 && strcmp(new->name + len - 8, "@service") == 0) {
        return ctl_fail(ctl, CTL_INVALID, "\"%s\" is an id, which is made from "
                        "a name: did you mean \"%.*s\"?", new->name,
                        (int) len - 8, new->name);
    }

    if (ctl_user_address(new->name)) {
        return ctl_fail(ctl, CTL_INVALID, "\"%s\" is an e-mail address, and a "
                        "service user is not a person: did you mean --human?",
                        new->name);
    }

    return ctl_user_id(ctl, new->name, new->id);
}


static int
ctl_user_address(const char *name)
{
    const char  *at;

    at = strchr(name, '@');

    return stok_user_id_check(ctl_str(name)) == STOK_OK && at && at != name
           && at[1] && strchr(at + 1, '@') == NULL
           && strcasecmp(at, "@service") != 0;
}


/* purpose or owner: a service user has to have both */

static int
ctl_user_text(ctl_t *ctl, const char *name, const char *text, int needed)
{
    const char  *why;

    why = text ? ctl_text_wrong(ctl_str(text), CTL_TEXT_FREE) : NULL;

    if (why) {
        return ctl_fail(ctl, CTL_INVALID, "--%s %s", name, why);
    }

    if (needed && (text == NULL || text[strspn(text, " ")] == '\0')) {
        return ctl_fail(ctl, CTL_INVALID, "a service user needs --purpose and "
                        "--owner");
    }

    return CTL_OK;
}


static int
ctl_user_write(ctl_t *ctl, const ctl_user_new_t *new, const char *role)
{
    int                  code, human;
    char                 seal[STOK_SEAL_MAX + 1], *approval, *word;
    size_t               len;
    stok_str_t           text;
    const char          *arg[10];
    stok_user_record_t   user;

    code = ctl_meta(ctl, "approval", &approval);
    if (code != CTL_OK) {
        return code;
    }

    human = new->human;

    memset(&user, 0, sizeof(user));
    user.kind = human ? STOK_USER_HUMAN : STOK_USER_SERVICE;
    user.name.data = new->name;
    user.name.len = strlen(new->name);
    user.role.data = role;
    user.role.len = strlen(role);
    user.use_case = ctl_str(new->use_case ? new->use_case : "");

    /* a person of the lowest role needs nobody */

    user.status = strcmp(approval, "required") == 0
                  && (!human || stok_role_rank(&ctl->roles, user.role) > 0)
                  ? STOK_USER_PENDING : STOK_USER_ACTIVE;

    seal[0] = '\0';

    if (ctl->keys.n) {
        text.data = new->id;
        text.len = strlen(new->id);
        len = stok_seal_user(seal, &ctl->keys, text, &user);
        seal[len] = '\0';
    }

    arg[0] = new->id;
    arg[1] = stok_user_kind_name(user.kind).data;
    arg[2] = new->name;
    arg[3] = role;
    arg[4] = stok_user_status_name(user.status).data;
    arg[5] = new->purpose ? new->purpose : "";
    arg[6] = new->owner ? new->owner : "";
    arg[7] = seal;
    arg[8] = approval;
    arg[9] = user.use_case.data;

    code = ctl_script_texts(ctl, stok_script_user_create, 10, arg, &word);

    if (code == CTL_OK && user.status == STOK_USER_PENDING) {
        ctl_note(ctl, CTL_NOTE_NOTE, "the user is pending: another admin has "
                 "to run service-token user approve %s", new->id);
    }

    free(word);
    free(approval);

    return code;
}


int
ctl_user_describe_check(ctl_t *ctl, const char *purpose, const char *owner)
{
    if (ctl_user_text(ctl, "purpose", purpose, 0) != CTL_OK
        || ctl_user_text(ctl, "owner", owner, 0) != CTL_OK)
    {
        return CTL_INVALID;
    }

    if ((purpose && purpose[0] == '\0') || (owner && owner[0] == '\0')) {
        return ctl_fail(ctl, CTL_INVALID, "--purpose and --owner have 1 "
                        "to %d bytes", STOK_TEXT_MAX);
    }

    if (purpose == NULL && owner == NULL) {
        return ctl_fail(ctl, CTL_INVALID, "give --purpose, --owner or both");
    }

    return CTL_OK;
}


/* purpose and owner decide nothing: no seal is over them */

int
ctl_user_describe(ctl_t *ctl, const char *id, const char *purpose,
    const char *owner, json_t **user)
{
    int           i, n, code, tries;
    char          before[2 * STOK_TEXT_MAX + 4];
    char          after[2 * STOK_TEXT_MAX + 4];
    const char   *field[4], *text[2];
    ctl_record_t  rec;

    static const char  *names[] = { "purpose", "owner" };

    text[0] = purpose;
    text[1] = owner;

    for (i = 0, n = 0; i < 2; i++) {

        if (text[i]) {
            field[n++] = names[i];
            field[n++] = text[i];
        }
    }

    code = ctl_user_describe_check(ctl, purpose, owner);
    if (code != CTL_OK) {
        return code;
    }

    code = CTL_CHANGED;

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_read_user(ctl, id, &rec);
        if (code != CTL_OK) {
            return code;
        }

        snprintf(before, sizeof(before), "%.*s%s%.*s",
                 text[0] ? STOK_TEXT_MAX : 0, ctl_get(&rec, "purpose"),
                 text[0] && text[1] ? ", " : "",
                 text[1] ? STOK_TEXT_MAX : 0, ctl_get(&rec, "owner"));
        snprintf(after, sizeof(after), "%s%s%s", text[0] ? text[0] : "",
                 text[0] && text[1] ? ", " : "", text[1] ? text[1] : "");

        code = ctl_change(ctl, &rec, "", id, "user.describe",
                          before, after, "", n, field);
        ctl_free(&rec);
    }

    if (code == CTL_OK && strcmp(before, after) == 0) {
        ctl_note(ctl, CTL_NOTE_DONE, "%s already has this description", id);

    } else if (code == CTL_OK) {
        ctl_done(ctl, "described", "describe", "%s", id);
    }

    return code == CTL_OK ? ctl_user_again(ctl, id, user) : code;
}
