/*
 * incident token: revokes at once, then shows all that is known.
 *
 * The revocation comes first and is one script; what is read afterwards may
 * fail, and then it is said that the token is revoked.  A token that is
 * revoked already is still shown.
 */


#include "incident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int ctl_incident_stop(ctl_t *ctl, const char *id, int *revoked);
static int ctl_incident_revoke(ctl_t *ctl, const char *id,
    ctl_record_t *rec);
static int ctl_incident_gather(ctl_t *ctl, const char *id, json_t *incident);
static json_t *ctl_incident_remaining(json_t *token);


int
ctl_incident_token(ctl_t *ctl, const char *id, json_t **incident)
{
    int  code, tries, revoked;

    code = ctl_ready(ctl);
    if (code != CTL_OK) {
        return code;
    }

    code = CTL_CHANGED;
    revoked = 0;

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_incident_stop(ctl, id, &revoked);
    }

    if (code != CTL_OK) {
        return code;
    }

    *incident = json_object();
    json_object_set_new(*incident, "revoked_now", json_boolean(revoked));

    code = ctl->dry ? CTL_OK : ctl_incident_gather(ctl, id, *incident);

    if (code != CTL_OK) {
        ctl_note(ctl, CTL_NOTE_NOTE, "the token is revoked; not all could "
                 "be shown");
        json_decref(*incident);
    }

    return code;
}


static int
ctl_incident_stop(ctl_t *ctl, const char *id, int *revoked)
{
    int           code;
    char          used[CTL_USED];
    ctl_record_t  rec;

    code = ctl_stop_token(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    used[0] = '\0';

    if (strcmp(ctl_get(&rec, "status"), "revoked") != 0) {
        code = ctl_incident_revoke(ctl, id, &rec);
        *revoked = code == CTL_OK;

    } else {
        ctl_note(ctl, CTL_NOTE_DONE, "%s (%s) of %s was revoked already", id,
                 ctl_get(&rec, "name"), ctl_get(&rec, "user"));
    }

    if (code == CTL_OK && *revoked && ctl->dry) {
        code = ctl_effect_used(ctl, id, used);
    }

    if (code == CTL_OK && *revoked) {
        ctl_done(ctl, "revoked", "revoke", "%s (%s) of %s%s", id,
                 ctl_get(&rec, "name"), ctl_get(&rec, "user"), used);
    }

    ctl_free(&rec);

    return code;
}


/* a broken record must not keep the token valid */

static int
ctl_incident_revoke(ctl_t *ctl, const char *id, ctl_record_t *rec)
{
    int                   n, code;
    char                  seal[STOK_SEAL_MAX + 1];
    const char           *field[6];
    stok_token_record_t   token;

    code = ctl_decode_token(ctl, id, rec, &token);

    if (code != CTL_OK && ctl_needs_key(ctl, rec)) {
        return code;
    }

    if (code != CTL_OK) {
        ctl_note_error(ctl);
    }

    n = 0;
    field[n++] = "status";
    field[n++] = "revoked";

    if (code == CTL_OK) {
        token.status = STOK_TOKEN_REVOKED;

        if (ctl_token_seal(ctl, rec, &token, seal)) {
            field[n++] = "seal";
            field[n++] = seal;
        }
    }

    return ctl_change(ctl, rec, id, ctl_get(rec, "user"), "token.revoke",
                      ctl_get(rec, "status"), "revoked", "revoked_at", n,
                      field);
}


static int
ctl_incident_gather(ctl_t *ctl, const char *id, json_t *incident)
{
    int            code;
    json_t        *token, *timeline;
    int64_t        now;
    ctl_record_t   rec;

    code = ctl_now(ctl, &now);

    if (code == CTL_OK) {
        code = ctl_stop_token(ctl, id, &rec);
    }

    if (code != CTL_OK) {
        return code;
    }

    code = ctl_token_json(ctl, &rec, &token);
    ctl_free(&rec);

    if (code != CTL_OK) {
        return code;
    }

    /* what is asked by is what was named */

    json_object_set_new(token, "id", json_string(id));
    json_object_set_new(incident, "token", token);

    code = ctl_usage_read(ctl, id, token);

    if (code == CTL_OK) {
        code = ctl_timeline(ctl, id, NULL, &timeline);
    }

    if (code == CTL_OK) {
        ctl_timeline_usage(timeline, token, now);
        json_object_set_new(incident, "timeline", timeline);
        json_object_set_new(incident, "remaining",
                            ctl_incident_remaining(token));
    }

    return code;
}


static json_t *
ctl_incident_remaining(json_t *token)
{
    char     text[1024], addrs[512], locations[512], date[24];
    char     id[CTL_QUOTED], user[CTL_QUOTED], env[CTL_QUOTED];
    json_t  *remaining, *where;

    remaining = json_array();
    where = json_object_get(token, "env");

    ctl_quote(json_string_value(json_object_get(token, "id")), id);
    ctl_quote(json_string_value(json_object_get(token, "user")), user);
    ctl_quote(json_string_length(where) ? json_string_value(where) : "ENV",
              env);
    ctl_words(json_object_get(token, "addrs"), addrs, sizeof(addrs));
    ctl_words(json_object_get(token, "locations"), locations,
              sizeof(locations));
    ctl_iso(json_integer_value(json_object_get(token, "revoked_at"))
            + CTL_WATCH, date);

    if (strcmp(ctl_text(token, "type"), "personal") == 0
        && strcmp(env, "production") == 0)
    {
        ctl_remains(remaining, "replace", "Replace it by a token of a new "
                    "service user: automation does not belong to a person",
                    "user "
                    "create NEW-NAME --purpose TEXT --owner %s", user);

    } else {
        ctl_remains(remaining, "replace", "Replace it by a new token",
                    "token create --user %s --name NEW-NAME --env %s", user,
                    env);
    }

    snprintf(text, sizeof(text), "Update the integrations that used it: %s%s",
             addrs[0] ? "they came from " : "no address is known", addrs);
    ctl_remains(remaining, "update", text, NULL);

    snprintf(text, sizeof(text), "Find out what was reached with it, and "
             "rotate what was read there: %s",
             locations[0] ? locations : "no location is known");
    ctl_remains(remaining, "downstream", text, NULL);

    ctl_remains(remaining, "watch", "Watch for attempts with it",
                "audit --token %s --follow", id);

    snprintf(text, sizeof(text), "Delete it after the watch, from %s on",
             date);
    ctl_remains(remaining, "delete", text, "token delete %s", id);

    ctl_remains(remaining, "document", "Document the incident: keep this "
                "report", "--json incident token %s", id);

    return remaining;
}
