/*
 * A line of an import: whatever is taken is a record that the edge can read,
 * with every field as it stood in the line; whatever is not has one line that
 * says why, without bytes of the input that a terminal would act on.
 *
 * Input: "k" for a command with a key file, anything else without; the line.
 */


#include "dump.h"
#include "fuzz.h"


static ctl_t  line_ctl;


static void line_plain(const char *text, size_t len);
static void line_good(const ctl_line_t *line);
static void line_field(const ctl_line_t *line, stok_str_t name,
    stok_str_t value);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int          rc;
    size_t       i;
    ctl_line_t   line;

    static const uint8_t  secret[STOK_KEY_LEN] = "a key for fuzzing";

    if (size == 0) {
        return 0;
    }

    fuzz_check(stok_key_init(&line_ctl.keys.key[0], "k1", 2, secret)
               == STOK_OK);
    line_ctl.keys.n = data[0] == 'k';

    line_plain((const char *) data + 1, size - 1);

    rc = ctl_line_parse(&line_ctl, &line, (const char *) data + 1, size - 1);

    if (rc == CTL_OK) {
        line_good(&line);

    } else {
        fuzz_check(rc == CTL_REJECTED);
        fuzz_check(line.why[0] != '\0');

        for (i = 0; line.why[i]; i++) {
            fuzz_check(line.why[i] >= ' ' && line.why[i] <= '~');
        }
    }

    ctl_line_free(&line);
    fuzz_check(line.json == NULL);

    return 0;
}


/* what is read without jansson, jansson reads, too, and the same */

static void
line_plain(const char *text, size_t len)
{
    size_t               i;
    ctl_line_t           plain, json;
    const ctl_member_t  *p, *j;

    ctl_line_init(&plain);

    if (ctl_line_plain(&plain, text, len) != CTL_OK) {
        return;
    }

    ctl_line_init(&json);

    fuzz_check(ctl_line_json(&json, text, len) == CTL_OK);
    fuzz_check(plain.json == NULL);
    fuzz_check(plain.kind == json.kind);
    fuzz_check(plain.members == json.members && plain.usages == json.usages);

    for (i = 0; i < plain.members; i++) {
        p = &plain.member[i];
        j = &json.member[i];

        fuzz_check(p->type == j->type && ctl_str_same(p->name, j->name));
        fuzz_check(p->type == CTL_MEMBER_USAGE
                   || ctl_str_same(p->text, j->text));
    }

    for (i = 0; i < plain.usages; i++) {
        fuzz_check(ctl_str_same(plain.usage[i], json.usage[i]));
    }

    ctl_line_free(&json);
}


static void
line_good(const ctl_line_t *line)
{
    size_t                i;
    int64_t               date;
    uint8_t               buf[STOK_PACK_MAX];
    const char           *why;
    stok_user_record_t    user;
    stok_token_record_t   token;

    fuzz_check(line->n <= CTL_FIELDS && line->n % 2 == 0);
    fuzz_check(line->members <= CTL_MEMBERS);
    fuzz_check(line->usages <= 2 * CTL_USAGE_MAX && line->usages % 2 == 0);

    for (i = 0; i < line->n; i += 2) {
        line_field(line, line->field[i], line->field[i + 1]);
    }

    switch (line->kind) {

    case CTL_LINE_USER:
        fuzz_check(stok_user_id_check(line->id) == STOK_OK);
        fuzz_check(stok_user_record_decode(&user, line->field, line->n, &why)
                   == STOK_OK);
        fuzz_check(stok_user_record_pack(&user, buf, sizeof(buf)) != 0);
        fuzz_check(!line->user.tampered);
        break;

    case CTL_LINE_TOKEN:
        fuzz_check(stok_record_id_check(line->id) == STOK_OK);
        fuzz_check(stok_token_record_decode(&token, line->field, line->n,
                                            &why)
                   == STOK_OK);
        fuzz_check(stok_token_record_pack(&token, buf, sizeof(buf)) != 0);
        fuzz_check(!line->token.tampered);
        fuzz_check(strlen(line->hex) == STOK_DIGEST_HEX);
        fuzz_check(line->last_used.len == 0
                   || stok_date_parse(line->last_used, &date) == STOK_OK);
        break;

    default:
        fuzz_check(line->n == 0);
    }
}


/* a field's text is a member's: not cut at a zero, a number not rounded */

static void
line_field(const ctl_line_t *line, stok_str_t name, stok_str_t value)
{
    size_t               i;
    char                 text[32];
    json_t              *json;
    const ctl_member_t  *m;

    for (i = 0; i < line->members; i++) {
        if (ctl_str_same(line->member[i].name, name)) {
            break;
        }
    }

    fuzz_check(i < line->members);

    m = &line->member[i];

    fuzz_check(ctl_str_same(m->text, value));

    if (line->json == NULL) {
        return;
    }

    json = json_object_get(line->object, name.data);
    fuzz_check(json != NULL);

    if (json_is_string(json)) {
        fuzz_check(m->type == CTL_MEMBER_TEXT);
        fuzz_check(value.len == json_string_length(json));
        fuzz_check(memcmp(value.data, json_string_value(json), value.len)
                   == 0);
        return;
    }

    fuzz_check(m->type == CTL_MEMBER_NUMBER && json_is_integer(json));
    snprintf(text, sizeof(text), "%lld",
             (long long) json_integer_value(json));
    fuzz_check(ctl_str_is(value, text));
}
