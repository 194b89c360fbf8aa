/*
 * The decision, over the full product of its inputs.  The reference is a
 * list of rules, each a verdict and the inputs that call for it: the first
 * rule that matches a case says what is right.  An input is one of a few
 * named values, a rule a set of them for each input; nothing of the function
 * is repeated here.
 */


#include "guard.h"

#include "stok_decide.h"


#define NOW  1800000000


/* the inputs, and the values each goes through */

enum { SEAL_GOOD, SEAL_BAD, SEALS };
enum { TOKEN_NONE, TOKEN_0, TOKEN_GOOD, TOKEN_REVOKED, TOKEN_3, TOKEN_255,
       TOKENS };
enum { NEVER, LONG_AGO, JUST_PAST, THIS_SECOND, NEXT_SECOND, FAR, DATES };
enum { USER_NONE, USER_0, USER_WAITS, USER_GOOD, USER_OFF, USER_GONE, USER_5,
       USER_255, USERS };
enum { TYPE_0, TYPE_SERVICE, TYPE_PERSONAL, TYPE_3, TYPE_4, TYPES };
enum { TAKES_NONE, TAKES_SERVICE, TAKES_PERSONAL, TAKES_BOTH, TAKES_ODD,
       TAKES };
enum { PLAIN, PLAIN_AT_SCIM, SCIM_AT_SCIM, SCIM_AT_PLAIN, SCIM_AT_OTHER,
       SCIM_AT_LONGER, SCIM_AT_SHORTER, SCOPES };
enum { ANYWHERE, INSIDE, OUTSIDE, NETWORKS };
enum { ENV_ANY, ENV_TAKEN, ENV_OTHER, ENVS };
enum { HAS_NONE, HAS_UNKNOWN, HAS_MEMBER, HAS_MANAGER, HAS_ADMIN, ROLES };
enum { NEEDS_BELOW, NEEDS_MEMBER, NEEDS_MANAGER, NEEDS_ADMIN, NEEDS_ABOVE,
       NEEDS };

enum { TOKEN, TOKEN_SEAL, USER_SEAL, DATE, USER, NETWORK, TYPE, TAKE, SCOPE,
       ENV, ROLE, NEED, INPUTS };

static const int decide_values[INPUTS] = {
    TOKENS, SEALS, SEALS, DATES, USERS, NETWORKS, TYPES, TAKES, SCOPES, ENVS,
    ROLES, NEEDS
};


/* a set of values of an input; 0 in a rule: any */

#define IS(v)    (1u << (v))
#define NOT(v)   (~(1u << (v)))

typedef struct {
    stok_verdict_e  verdict;
    unsigned        when[INPUTS];
} decide_rule_t;

static const decide_rule_t decide_rules[] = {

    { STOK_UNKNOWN,  { [TOKEN] = IS(TOKEN_NONE) } },

    { STOK_TAMPERED, { [TOKEN_SEAL] = IS(SEAL_BAD) } },
    { STOK_TAMPERED, { [USER_SEAL] = IS(SEAL_BAD), [USER] = NOT(USER_NONE) } },

    { STOK_REVOKED,  { [TOKEN] = NOT(TOKEN_GOOD) } },

    { STOK_EXPIRED,  { [DATE] = IS(LONG_AGO) | IS(JUST_PAST)
                                | IS(THIS_SECOND) } },

    { STOK_ORPHANED, { [USER] = IS(USER_NONE) | IS(USER_GONE) } },

    { STOK_USER_OFF, { [USER] = NOT(USER_GOOD) } },

    { STOK_NETWORK,  { [NETWORK] = IS(OUTSIDE) } },

    { STOK_TYPE,     { [TYPE] = IS(TYPE_0) | IS(TYPE_3) | IS(TYPE_4) } },
    { STOK_TYPE,     { [TAKE] = IS(TAKES_NONE) | IS(TAKES_ODD) } },
    { STOK_TYPE,     { [TYPE] = IS(TYPE_SERVICE),
                       [TAKE] = IS(TAKES_PERSONAL) } },
    { STOK_TYPE,     { [TYPE] = IS(TYPE_PERSONAL),
                       [TAKE] = IS(TAKES_SERVICE) } },

    { STOK_SCOPE,    { [SCOPE] = IS(SCIM_AT_PLAIN) | IS(SCIM_AT_OTHER)
                                 | IS(SCIM_AT_LONGER)
                                 | IS(SCIM_AT_SHORTER) } },

    { STOK_ENV,      { [ENV] = IS(ENV_OTHER) } },

    { STOK_UNAVAILABLE, { [ROLE] = IS(HAS_NONE) | IS(HAS_UNKNOWN) } },
    { STOK_UNAVAILABLE, { [NEED] = IS(NEEDS_BELOW) | IS(NEEDS_ABOVE) } },

    { STOK_ALLOWED,  { [ROLE] = IS(HAS_ADMIN) } },
    { STOK_ALLOWED,  { [ROLE] = IS(HAS_MANAGER),
                       [NEED] = IS(NEEDS_MANAGER) | IS(NEEDS_MEMBER) } },
    { STOK_ALLOWED,  { [ROLE] = IS(HAS_MEMBER), [NEED] = IS(NEEDS_MEMBER) } },

    { STOK_ROLE,     { 0 } }
};

#define DECIDE_RULES  (sizeof(decide_rules) / sizeof(decide_rules[0]))


typedef struct {
    stok_token_record_t         token;
    stok_user_record_t          user;
    stok_require_t              require;
    stok_addr_t                 addr;
    const stok_token_record_t  *has_token;
    const stok_user_record_t   *has_user;
} decide_case_t;


/* which rule a case falls under */

static size_t
decide_rule(const int in[INPUTS])
{
    int     i;
    size_t  k;

    for (k = 0; k < DECIDE_RULES; k++) {

        for (i = 0; i < INPUTS; i++) {
            if (decide_rules[k].when[i] != 0
                && !(decide_rules[k].when[i] & IS(in[i])))
            {
                break;
            }
        }

        if (i == INPUTS) {
            return k;
        }
    }

    abort();
}


static void
decide_fill(decide_case_t *c, const int in[INPUTS])
{
    static const uint8_t     token_status[] = { 0, 0, 1, 2, 3, 255 };
    static const uint8_t     user_status[] = { 0, 0, 1, 2, 3, 4, 5, 255 };
    static const uint8_t     type[] = { 0, 1, 2, 3, 4 };
    static const unsigned    takes[] = { 0, 1, 2, 3, ~3u };
    static const int         need[] = { -1, 0, 1, 2, 3 };
    static const int64_t     date[] = { 0, 1, NOW - 1, NOW, NOW + 1,
                                        STOK_DATE_MAX };
    static const stok_str_t  role[] = {
        stok_string(""), stok_string("owner"), stok_string("member"),
        stok_string("manager"), stok_string("admin")
    };
    static const stok_str_t  scope[] = {
        stok_string(""), stok_string(""), stok_string("scim"),
        stok_string("scim"), stok_string("scim"), stok_string("scim"),
        stok_string("scim")
    };
    static const stok_str_t  named[] = {
        stok_string(""), stok_string("scim"), stok_string("scim"),
        stok_string(""), stok_string("scin"), stok_string("scim2"),
        stok_string("sci")
    };
    static const stok_str_t  networks[] = {
        stok_string(""), stok_string("192.0.2.0/24"),
        stok_string("192.0.3.0/24,192.0.1.0/24")
    };
    static const stok_str_t  env[] = {
        stok_string("testing"), stok_string("staging"), stok_string("testing")
    };
    static const stok_str_t  taken[] = {
        stok_string("development"), stok_string("staging")
    };
    static const size_t      envs[] = { 0, 2, 2 };

    c->token.status = token_status[in[TOKEN]];
    c->token.tampered = (in[TOKEN_SEAL] == SEAL_BAD);
    c->token.expires_at = date[in[DATE]];
    c->token.type = type[in[TYPE]];
    c->token.scope = scope[in[SCOPE]];
    c->token.networks = networks[in[NETWORK]];
    c->token.env = env[in[ENV]];

    c->user.status = user_status[in[USER]];
    c->user.tampered = (in[USER_SEAL] == SEAL_BAD);
    c->user.role = role[in[ROLE]];

    c->require.types = takes[in[TAKE]];
    c->require.scope = named[in[SCOPE]];
    c->require.role = need[in[NEED]];

    c->require.env = taken;
    c->require.envs = envs[in[ENV]];

    stok_addr_set(&c->addr, (uint8_t []) { 192, 0, 2, 1 }, 4);

    c->has_token = in[TOKEN] == TOKEN_NONE ? NULL : &c->token;
    c->has_user = in[USER] == USER_NONE ? NULL : &c->user;
}


/* the next case, 0 after the last one */

static int
decide_next(int in[INPUTS])
{
    int  i;

    for (i = INPUTS - 1; i >= 0; i--) {
        if (++in[i] < decide_values[i]) {
            return 1;
        }

        in[i] = 0;
    }

    return 0;
}


static void
decide_product(void **state)
{
    int             i, in[INPUTS] = { 0 };
    size_t          k, hits[DECIDE_RULES] = { 0 };
    stok_roles_t    roles;
    decide_case_t   c;
    stok_verdict_e  verdict;

    (void) state;

    memset(&c, 0, sizeof(c));

    stok_roles_default(&roles);
    c.require.roles = &roles;

    do {
        decide_fill(&c, in);
        k = decide_rule(in);
        hits[k]++;

        verdict = stok_decide(c.has_token, c.has_user, &c.require, &c.addr,
                              NOW);

        if (verdict != decide_rules[k].verdict) {
            for (i = 0; i < INPUTS; i++) {
                print_error("%d ", in[i]);
            }

            fail_msg("%d instead of %d", verdict, decide_rules[k].verdict);
        }

    } while (decide_next(in));

    for (k = 0; k < DECIDE_RULES; k++) {
        if (hits[k] == 0) {
            fail_msg("no case for rule %d", (int) k);
        }
    }
}


/* dates at the ends of what a number holds, and a clock that is far off */

static void
decide_dates(void **state)
{
    size_t               i;
    stok_roles_t         roles;
    stok_require_t       require;
    stok_user_record_t   user;
    stok_token_record_t  token;

    static const struct {
        int64_t         expires_at;
        int64_t         now;
        stok_verdict_e  verdict;
    } cases[] = {
        { 0, 0, STOK_ALLOWED },
        { 0, INT64_MAX, STOK_ALLOWED },
        { 0, INT64_MIN, STOK_ALLOWED },
        { 1, 0, STOK_ALLOWED },
        { 1, -1, STOK_ALLOWED },
        { 1, 1, STOK_EXPIRED },
        { INT64_MAX, INT64_MAX, STOK_EXPIRED },
        { INT64_MAX, INT64_MAX - 1, STOK_ALLOWED },
        { INT64_MIN, 0, STOK_EXPIRED },
        { -1, 0, STOK_EXPIRED },
        { (int64_t) 1 << 32, 1, STOK_ALLOWED },
        { ((int64_t) 1 << 32) + 1, (int64_t) 1 << 32, STOK_ALLOWED }
    };

    (void) state;

    memset(&token, 0, sizeof(token));
    memset(&user, 0, sizeof(user));

    stok_roles_default(&roles);

    token.type = STOK_TYPE_SERVICE;
    token.status = STOK_TOKEN_ACTIVE;
    user.status = STOK_USER_ACTIVE;
    user.role = roles.name[0];

    require.roles = &roles;
    require.role = 0;
    require.types = STOK_TYPE_ANY;
    require.scope.data = NULL;
    require.scope.len = 0;
    require.envs = 0;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        token.expires_at = cases[i].expires_at;

        assert_int_equal(stok_decide(&token, &user, &require, NULL,
                                     cases[i].now),
                         cases[i].verdict);
    }
}


static const struct {
    stok_str_t      networks;
    uint8_t         bytes[16];
    size_t          len;                     /* 1: no address at all */
    stok_str_t      env;
    size_t          envs;
    stok_verdict_e  verdict;
} decide_places_cases[] = {

#define NET(networks, len, verdict, ...)                                      \
    { stok_string(networks), { __VA_ARGS__ }, len, stok_string(""), 0,    \
      verdict }

    NET("", 1, STOK_ALLOWED, 0),
    NET("", 0, STOK_ALLOWED, 0),
    NET("0.0.0.0/0,::/0", 1, STOK_NETWORK, 0),
    NET("0.0.0.0/0,::/0", 0, STOK_NETWORK, 0),
    NET("0.0.0.0/0", 4, STOK_ALLOWED, 1, 2, 3, 4),
    NET("::/0", 4, STOK_NETWORK, 1, 2, 3, 4),
    NET("0.0.0.0/0", 16, STOK_NETWORK, 32, 1),
    NET("192.0.2.7/32,2001::/16", 16, STOK_ALLOWED, 32, 1),
    NET("192.0.2.7/32,2001::/16", 4, STOK_ALLOWED, 192, 0, 2, 7),
    NET("192.0.2.7/32", 4, STOK_NETWORK, 192, 0, 2, 6),
    NET("192.0.2.7/32", 16, STOK_ALLOWED, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        255, 255, 192, 0, 2, 7),
    NET("not a network", 4, STOK_NETWORK, 192, 0, 2, 7),

#define ENVIRONMENT(env, envs, verdict)                                       \
    { stok_string(""), { 0 }, 4, stok_string(env), envs, verdict }

    ENVIRONMENT("", 0, STOK_ALLOWED),
    ENVIRONMENT("production", 0, STOK_ALLOWED),
    ENVIRONMENT("", 1, STOK_ENV),
    ENVIRONMENT("staging", 1, STOK_ALLOWED),
    ENVIRONMENT("testing", 1, STOK_ENV),
    ENVIRONMENT("testing", 2, STOK_ALLOWED),
    ENVIRONMENT("testin", 2, STOK_ENV),
    ENVIRONMENT("testing2", 2, STOK_ENV),
    ENVIRONMENT("Testing", 2, STOK_ENV)
};


/* lists of one and more, and what is in none of them */

#define DECIDE_PLACES                                                        \
    (sizeof(decide_places_cases) / sizeof(decide_places_cases[0]))


static void
decide_places(void **state)
{
    size_t               i;
    stok_addr_t          addr;
    stok_roles_t         roles;
    stok_require_t       require;
    stok_user_record_t   user;
    stok_token_record_t  token;

    static const stok_str_t  taken[] = {
        stok_string("staging"), stok_string("testing")
    };

    (void) state;

    memset(&token, 0, sizeof(token));
    memset(&user, 0, sizeof(user));
    memset(&require, 0, sizeof(require));

    stok_roles_default(&roles);

    token.type = STOK_TYPE_SERVICE;
    token.status = STOK_TOKEN_ACTIVE;
    user.status = STOK_USER_ACTIVE;
    user.role = roles.name[0];

    require.roles = &roles;
    require.types = STOK_TYPE_ANY;
    require.env = taken;

    for (i = 0; i < DECIDE_PLACES; i++) {
        token.networks = decide_places_cases[i].networks;
        token.env = decide_places_cases[i].env;
        require.envs = decide_places_cases[i].envs;
        stok_addr_set(&addr, decide_places_cases[i].bytes,
                      decide_places_cases[i].len);

        if (stok_decide(&token, &user, &require,
                        decide_places_cases[i].len == 1 ? NULL : &addr, NOW)
            != decide_places_cases[i].verdict)
        {
            fail_msg("case %d", (int) i);
        }
    }
}


static void
decide_words(void **state)
{
    size_t       len;
    stok_str_t   word;
    int          i;
    const char  *p, *words;

    (void) state;

    words = "ALLOWED MISSING MALFORMED UNKNOWN TAMPERED REVOKED EXPIRED "
            "ORPHANED USER_DISABLED NETWORK TYPE SCOPE ENV ROLE UNAVAILABLE "
            "THROTTLED ";

    for (i = 0, p = words; *p != '\0'; i++, p += len + 1) {
        len = (size_t) (strchr(p, ' ') - p);
        word = stok_verdict_word((stok_verdict_e) i);

        assert_int_equal(word.len, len);
        assert_memory_equal(word.data, p, len);
    }

    assert_int_equal(i, STOK_VERDICTS);

    /* never a word that lets in */

    word = stok_verdict_word((stok_verdict_e) STOK_VERDICTS);
    assert_int_equal(word.len, strlen("UNAVAILABLE"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(decide_product),
        cmocka_unit_test(decide_dates),
        cmocka_unit_test(decide_places),
        cmocka_unit_test(decide_words)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
