/*
 * incident user: revokes all tokens of a user in one step, then lists them,
 * their use, and what has to be changed behind the locations they reached.
 */


#include "incident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static void ctl_suspect_done(ctl_t *ctl, const char *id, int halted,
    const ctl_effect_t *done);
static int ctl_suspect_gather(ctl_t *ctl, const char *id, json_t *incident);
static int ctl_suspect_tokens(ctl_t *ctl, const char *id, json_t *tokens);
static json_t *ctl_suspect_downstream(json_t *tokens);
static void ctl_suspect_reached(json_t *downstream, const char *location,
    json_t *id);
static json_t *ctl_suspect_remaining(const char *id, json_t *incident);


int
ctl_incident_user(ctl_t *ctl, const char *id, json_t **incident)
{
    int           code, halted;
    ctl_effect_t  done;

    halted = 0;
    memset(&done, 0, sizeof(done));
    code = ctl_ready(ctl);

    /* the first step refuses all of its tokens at once */

    if (code == CTL_OK) {
        code = ctl_user_halt(ctl, id, &halted);
    }

    if (code == CTL_OK) {
        code = ctl_user_stop(ctl, id, &done);
    }

    /* what was done is said, even if it is not all */

    if (code == CTL_OK || (!ctl->dry && (halted || done.active))) {
        ctl_suspect_done(ctl, id, halted, &done);
    }

    if (code != CTL_OK) {
        return code;
    }

    *incident = json_object();
    json_object_set_new(*incident, "disabled_now", json_boolean(halted));
    json_object_set_new(*incident, "revoked",
                        json_integer((json_int_t) done.active));

    code = ctl->dry ? CTL_OK : ctl_suspect_gather(ctl, id, *incident);

    if (code != CTL_OK) {
        ctl_note(ctl, CTL_NOTE_NOTE, "the user's tokens are revoked; not "
                 "all could be shown");
        json_decref(*incident);
    }

    return code;
}


static void
ctl_suspect_done(ctl_t *ctl, const char *id, int halted,
    const ctl_effect_t *done)
{
    char  felt[128];

    ctl_effect_text(done, felt, sizeof(felt));

    if (ctl->dry) {
        ctl_note(ctl, CTL_NOTE_DONE, "would %srevoke the tokens of %s: %s",
                 halted ? "disable and " : "", id, felt);

    } else {
        ctl_note(ctl, CTL_NOTE_DONE, "revoked %lld token%s of %s%s",
                 (long long) done->active, ctl_s(done->active), id,
                 halted ? ", and disabled it" : "");
    }
}


static int
ctl_suspect_gather(ctl_t *ctl, const char *id, json_t *incident)
{
    int            code;
    json_t        *user, *tokens, *timeline;
    int64_t        now;
    ctl_record_t   rec;

    code = ctl_now(ctl, &now);

    if (code == CTL_OK) {
        code = ctl_read_user(ctl, id, &rec);
    }

    if (code != CTL_OK) {
        return code;
    }

    user = ctl_json(&rec, id);
    ctl_free(&rec);
    json_object_set_new(incident, "user", user);

    tokens = json_array();
    json_object_set_new(incident, "tokens", tokens);

    code = ctl_usage_user(ctl, id, user);

    if (code == CTL_OK) {
        code = ctl_suspect_tokens(ctl, id, tokens);
    }

    if (code == CTL_OK) {
        code = ctl_timeline(ctl, NULL, id, &timeline);
    }

    if (code == CTL_OK) {
        ctl_timeline_usage(timeline, user, now);
        json_object_set_new(incident, "timeline", timeline);
        json_object_set_new(incident, "downstream",
                            ctl_suspect_downstream(tokens));
        json_object_set_new(incident, "remaining",
                            ctl_suspect_remaining(id, incident));
    }

    return code;
}


static int
ctl_suspect_tokens(ctl_t *ctl, const char *id, json_t *tokens)
{
    int            code;
    size_t         i;
    json_t        *token;
    redisReply    *ids;
    ctl_record_t   rec;

    code = ctl_user_tokens(ctl, id, &ids);
    if (code != CTL_OK) {
        return code;
    }

    for (i = 0; i < ids->elements && code == CTL_OK; i++) {
        code = ctl_read_token(ctl, ids->element[i]->str, &rec);

        if (code == CTL_NOTFOUND || code == CTL_BROKEN) {
            ctl_note_error(ctl);
            code = CTL_OK;
            continue;
        }

        if (code != CTL_OK) {
            break;
        }

        code = ctl_token_json(ctl, &rec, &token);
        ctl_free(&rec);

        if (code == CTL_OK) {
            json_object_set_new(token, "id",
                                json_string(ids->element[i]->str));
            json_array_append_new(tokens, token);

            code = ctl_usage_read(ctl, ids->element[i]->str, token);
        }
    }

    freeReplyObject(ids);

    return code;
}


/* which location was reached by which tokens */

static json_t *
ctl_suspect_downstream(json_t *tokens)
{
    size_t   i, k;
    json_t  *downstream, *token, *name, *id;

    downstream = json_array();

    json_array_foreach(tokens, i, token) {
        id = json_object_get(token, "id");

        json_array_foreach(json_object_get(token, "locations"), k, name) {
            if (json_is_string(name)) {
                ctl_suspect_reached(downstream, json_string_value(name), id);
            }
        }

        name = json_object_get(token, "last_location");

        if (json_is_string(name)) {
            ctl_suspect_reached(downstream, json_string_value(name), id);
        }
    }

    return downstream;
}


static void
ctl_suspect_reached(json_t *downstream, const char *location, json_t *id)
{
    size_t   i;
    json_t  *item, *ids;

    json_array_foreach(downstream, i, item) {
        if (strcmp(json_string_value(json_object_get(item, "location")),
                   location) == 0)
        {
            ids = json_object_get(item, "tokens");

            if (!json_equal(json_array_get(ids, json_array_size(ids) - 1),
                            id))
            {
                json_array_append(ids, id);
            }

            return;
        }
    }

    json_array_append_new(downstream, json_pack("{s:s, s:[O]}", "location",
                                                location, "tokens", id));
}


static json_t *
ctl_suspect_remaining(const char *id, json_t *incident)
{
    char     text[1024], words[512], user[CTL_QUOTED], date[24];
    json_t  *remaining, *who;
    int64_t  at, last;
    size_t   i;

    remaining = json_array();
    who = json_object_get(incident, "user");
    ctl_quote(id, user);

    ctl_remains(remaining, "disabled", "Leave it disabled: a new service user "
                "takes its place", NULL);

    ctl_words(json_object_get(who, "locations"), words, sizeof(words));
    snprintf(text, sizeof(text), "Rotate what could be read or changed behind "
             "these locations: %s", words[0] ? words : "none is known");
    ctl_remains(remaining, "downstream", text, NULL);

    ctl_remains(remaining, "successor", "Make a new service user for what "
                "it did", "user create NEW-NAME --purpose TEXT --owner TEXT");

    ctl_remains(remaining, "replace", "Replace the tokens that were in use, "
                "one by one, by tokens of the new user",
                "token create --user NEW-ID --name NEW-NAME --env ENV");

    ctl_words(json_object_get(who, "addrs"), words, sizeof(words));
    snprintf(text, sizeof(text), "Update the integrations that used them: "
             "%s%s", words[0] ? "they came from " : "no address is known",
             words);
    ctl_remains(remaining, "update", text, NULL);

    ctl_remains(remaining, "watch", "Watch for attempts with them",
                "audit --user %s --follow", user);

    for (i = 0, last = 0; i < json_array_size(json_object_get(incident,
                                                              "tokens")); i++)
    {
        at = json_integer_value(
                 json_object_get(json_array_get(json_object_get(incident,
                                                                "tokens"), i),
                                 "revoked_at"));
        last = at > last ? at : last;
    }

    ctl_iso(last + CTL_WATCH, date);
    snprintf(text, sizeof(text), "Delete the old tokens after the watch, from "
             "%s on", last ? date : "now");
    ctl_remains(remaining, "delete", text, "token list --user %s", user);

    ctl_remains(remaining, "document", "Document the incident: keep this "
                "report", "--json incident user %s", user);

    return remaining;
}
