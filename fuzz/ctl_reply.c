/*
 * Operations against a server that answers anything: none crashes, reads
 * beyond a reply or loses memory; an error has its line; a connection that is
 * kept has no reply left over.
 *
 * Input: a letter for the operation; the bytes that the server sends.
 */


#include "ctl.h"
#include "fuzz.h"

#include <sys/socket.h>
#include <unistd.h>


#define REPLY_OPERATIONS  18
#define REPLY_USER        "pipeline@service"
#define REPLY_TOKEN       "tok_0123456789abcdef"


static ctl_t  reply_ctl;


static int reply_claims(const uint8_t *data, size_t size);
static void reply_connect(const uint8_t *data, size_t size, int *server);
static int reply_operation(unsigned n);
static int reply_checked(int kind, json_t *json);
static int reply_review(void);
static int reply_audit(void);
static int reply_item(ctl_t *ctl, json_t *item, void *data);
static int reply_found(ctl_t *ctl, const ctl_found_t *found, void *data);
static void reply_note(void *data, ctl_note_e note, const char *text);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int     kind, server;
    size_t  i;

    static const char     *roles[] = { "member", "manager", "admin" };
    static const uint8_t   secret[STOK_KEY_LEN] = "a key for fuzzing";

    if (size == 0 || reply_claims(data, size)) {
        return 0;
    }

    memset(&reply_ctl, 0, sizeof(reply_ctl));
    reply_ctl.prefix = "{st}:";
    reply_ctl.actor = "fuzz";
    reply_ctl.os = "fuzz";
    reply_ctl.role_names = "member manager admin";
    reply_ctl.note = reply_note;

    for (i = 0; i < 3; i++) {
        stok_str_t  role = { roles[i], strlen(roles[i]) };

        fuzz_check(stok_roles_add(&reply_ctl.roles, role) == STOK_OK);
    }

    fuzz_check(stok_key_init(&reply_ctl.keys.key[0], "k1", 2, secret)
               == STOK_OK);
    reply_ctl.keys.n = data[0] >= 'a';

    reply_connect(data + 1, size - 1, &server);

    kind = reply_operation(data[0] % REPLY_OPERATIONS);

    fuzz_check(kind >= CTL_OK && kind <= CTL_UNAVAILABLE);
    fuzz_check(reply_ctl.ctx == NULL || reply_ctl.pending == 0);

    ctl_close(&reply_ctl);
    close(server);

    return 0;
}


/* hiredis makes room for what an array claims to hold: that is not ours */

static int
reply_claims(const uint8_t *data, size_t size)
{
    size_t  i, digits;

    for (i = 0, digits = 0; i < size; i++) {
        digits = data[i] >= '0' && data[i] <= '9' ? digits + 1 : 0;

        if (digits > 5 && i > digits && data[i - digits] == '*') {
            return 1;
        }
    }

    return 0;
}


/* all answers are there before the first question */

static void
reply_connect(const uint8_t *data, size_t size, int *server)
{
    int  fd[2], room;

    room = 1 << 20;

    fuzz_check(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    (void) setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    (void) setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));

    fuzz_check(send(fd[1], data, size, MSG_NOSIGNAL) == (ssize_t) size);
    fuzz_check(shutdown(fd[1], SHUT_WR) == 0);

    reply_ctl.ctx = redisConnectFd(fd[0]);
    fuzz_check(reply_ctl.ctx != NULL && reply_ctl.ctx->err == 0);

    *server = fd[1];
}


static int
reply_operation(unsigned n)
{
    int               kind;
    json_t           *json;
    ctl_list_want_t   want;

    json = NULL;
    memset(&want, 0, sizeof(want));

    switch (n) {

    case 0:
        kind = ctl_user_get(&reply_ctl, REPLY_USER, &json);
        break;

    case 1:
        return ctl_user_list(&reply_ctl, &want, reply_item, NULL);

    case 2:
        kind = ctl_user_set_role(&reply_ctl, REPLY_USER, "admin", &json);
        break;

    case 3:
        kind = ctl_user_disable(&reply_ctl, REPLY_USER, &json);
        break;

    case 4:
        kind = ctl_token_get(&reply_ctl, REPLY_TOKEN, &json);
        break;

    case 5:
        return ctl_token_list(&reply_ctl, &want, reply_item, NULL);

    case 6:
        want.user = REPLY_USER;
        return ctl_token_list(&reply_ctl, &want, reply_item, NULL);

    case 7:
        kind = ctl_token_revoke(&reply_ctl, REPLY_TOKEN, &json);
        break;

    case 8:
        return ctl_token_delete(&reply_ctl, REPLY_TOKEN, 1);

    case 9:
        kind = ctl_token_rotation(&reply_ctl, REPLY_TOKEN, &json);
        break;

    case 10:
        kind = ctl_incident_token(&reply_ctl, REPLY_TOKEN, &json);
        break;

    case 11:
        kind = ctl_incident_user(&reply_ctl, REPLY_USER, &json);
        break;

    case 12:
        return reply_review();

    case 13:
        return reply_audit();

    case 14:
        kind = ctl_audit_verify(&reply_ctl, NULL, &json);
        break;

    case 15:
        kind = ctl_fsck(&reply_ctl, 1, reply_item, NULL, &json);
        break;

    case 16:
        kind = ctl_export(&reply_ctl, reply_item, NULL, &json);
        break;

    default:
        kind = ctl_wait(&reply_ctl, 1, &json);
    }

    return reply_checked(kind, json);
}


/* an answer is there if it was said so; and an error has its line */

static int
reply_checked(int kind, json_t *json)
{
    if (kind == CTL_OK || kind == CTL_FOUND) {
        json_decref(json);

    } else if (kind == CTL_UNAVAILABLE || kind == CTL_NOTFOUND) {
        fuzz_check(reply_ctl.error.text[0]);
    }

    return kind;
}


static int
reply_review(void)
{
    ctl_review_t  review;

    memset(&review, 0, sizeof(review));
    review.period = CTL_MONTHLY|CTL_QUARTERLY;
    review.each = reply_found;

    return ctl_review(&reply_ctl, &review);
}


static int
reply_audit(void)
{
    int          kind;
    ctl_audit_t  audit;

    memset(&audit, 0, sizeof(audit));

    kind = ctl_audit_begin(&reply_ctl, &audit);

    if (kind == CTL_OK) {
        kind = ctl_audit_query(&reply_ctl, &audit, reply_item, NULL);
    }

    return kind == CTL_OK ? ctl_audit_wait(&reply_ctl, &audit, reply_item,
                                           NULL)
                          : kind;
}


static int
reply_item(ctl_t *ctl, json_t *item, void *data)
{
    (void) ctl;
    (void) data;

    fuzz_check(json_is_object(item));

    return CTL_OK;
}


static int
reply_found(ctl_t *ctl, const ctl_found_t *found, void *data)
{
    (void) ctl;
    (void) data;

    fuzz_check(found->rule && found->seen && found->fix);
    fuzz_check(found->token || found->user);

    return CTL_OK;
}


static void
reply_note(void *data, ctl_note_e note, const char *text)
{
    (void) data;

    fuzz_check(note <= CTL_NOTE_ERROR && text);
}
