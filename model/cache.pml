/*
 * The cache protocol of one node, as the module's code has it: cache.c,
 * stream.c, proof.c, keeper.c, and the guard of lookup.c.  README.md says
 * what is left out, and why that does no harm.
 *
 * Servers and workers take turns in any order.  A worker that is slow, frozen
 * or dead is one whose turn does not come; a link that is lost is one whose
 * messages are not taken any more; a worker that opens a stream is a new
 * keeper, or the old one come back.  One atomic{} touches shared memory once,
 * or is under the lock.
 *
 * There is one key.  Its content is the number of changes that its server has
 * executed.  A date is what both servers had executed by then, in one byte.
 *
 * The sizes and the mutants are macros, given by model/run.
 */


#define WORKERS  2
#define QUEUE    (1 + TICKS + 1 + 2 * RESETS)

#ifdef RESYNC
#define NOW          (ver[1] + (resets << 4))      /* ver may go back */
#else
#define NOW          (ver[1] + (ver[2] << 4))
#endif
#define AT(date, s)  ((date >> ((s - 1) << 2)) & 15)


mtype = { none, answered, known };               /* a question, a script */
mtype = { unsent, storing, overtaken };          /* a question */
mtype = { off, opening, joining, joined };       /* a stream */
mtype = { ack, drop, named, nil };               /* what it says */


/* ---- servers: 1, and 2, which is behind and takes over */

byte ver[3];                    /* changes executed */
byte tick[3];                   /* the counter; 0: there is no dataset */
byte birth[3];                  /* of the counter */
byte ticks[3];
byte resets;
bit  refuses;                   /* a replica: no scripts */


/* ---- shared memory */

byte server;                    /* in one word with the epoch */
byte heard;
byte heard_of;                  /* in one word with heard: its server */
#if RESETS
byte heard_birth;               /* and its counter's birth */
#endif
byte lease_by;                  /* the server that proved it; 0: none */
byte lease_sent;                /* a date */
bit  lease_first;               /* before the question was asked */


/* ---- a question about the key, by any worker; known: it is the entry */

mtype q;
byte  q_of;                     /* the server that answered */
byte  q_ver;
#ifdef RESYNC
byte  q_n;                      /* the counter, read with it, and its birth */
byte  q_birth;
#endif

bit   waits;                    /* a request has joined the question */
byte  needs;                    /* what the lease promised it */


/* ---- workers */

typedef worker_t {
    mtype state;                /* of its stream */
    byte  to;                   /* the stream's server */
    bit   told;                 /* which tells it all */
    byte  heard;
    byte  since;
    byte  join;

    mtype t;                    /* a tick script; known: it may prove */
    byte  t_of;                 /* the server that answered */
    byte  t_sent;               /* a date */
    bit   t_first;              /* before the question was asked */
    byte  t_n;
    byte  t_birth;
#ifdef RESYNC
    bit   t_ended;              /* sent before the lease was ended */
#endif
};

worker_t w[WORKERS];
chan stream[WORKERS] = [QUEUE] of { mtype, byte };

byte opens;


/*
 * The invariant.  An entry of the current epoch includes every change that its
 * server had executed when the script behind the lease was sent.  If another
 * server proved the lease, the entry was asked for after that.
 */

inline check() {
    assert(lease_by == 0 || q != known
           || (lease_by == q_of && q_ver >= AT(lease_sent, q_of))
           || (lease_by != q_of && (lease_first
                                    || AT(lease_sent, lease_by) == 0)))
}


inline clear_question() {
    q = none;
    q_of = 0;
    q_ver = 0;
#ifdef RESYNC
    q_n = 0;
    q_birth = 0;
#endif
    waits = 0;
    needs = 0;
    lease_first = 0;
    w[0].t_first = 0;
    w[1].t_first = 0
}


/*
 * One question is enough: entries and questions change nothing else.  Once all
 * changes were executed and it is gone, there is nothing left to go wrong.
 */

#define CHANGES_OF(s)  (s == 1 -> CHANGES : CHANGES2)
#define live           (SERVERS > 1 || q != none || ver[1] < CHANGES)


/* ---- rules; each has a mutant without it */

#ifdef NO_GUARD_EPOCH
#define GUARD_EPOCH  1
#else
#define GUARD_EPOCH  0
#endif

#ifdef NO_GUARD_GENERATION
#define GUARD_GENERATION  1
#else
#define GUARD_GENERATION  0
#endif

#ifdef NO_OVERTAKEN
#define JOINABLE  (q == answered || q == overtaken)
#else
#define JOINABLE  (q == answered)
#endif

#ifdef NO_UNSENT_JOIN
#define VOUCHED  1
#else
#define VOUCHED  (lease_by == q_of)
#endif

#ifdef NO_STORE_SERVER
#define STORE_SERVER  1
#else
#define STORE_SERVER  (q_of == server)
#endif

#ifdef NO_PROVE_SERVER
#define PROVE_SERVER  1
#else
#define PROVE_SERVER  (server == W.to)
#endif

/* an answer that is not older than what was heard */

#if defined(RESYNC) && !defined(NO_ANSWER_TICK)
#define RECENT  (heard && heard_birth == q_birth && q_n >= heard)
#else
#define RECENT  1
#endif

/* a lease that was ended is not brought back by an older script */

#if defined(RESYNC) && !defined(NO_LEASE_ENDS)
#define NOT_ENDED  (!W.t_ended)
#else
#define NOT_ENDED  1
#endif

#if RESETS && !defined(NO_HEARD_COUNTER)
#define HEARD_COUNTER  (heard_birth == W.since)
#else
#define HEARD_COUNTER  1
#endif

#if defined(NO_HEARD_SERVER)
#define CONTINUES  (W.join && heard > W.join)
#elif defined(JOIN_UNHEARD)
#define CONTINUES  (W.join && heard && heard_of == W.to)
#else
#define CONTINUES  (W.join && heard > W.join && heard_of == W.to             \
                    && HEARD_COUNTER)
#endif

#ifdef NO_DATASET
#define DATASET  0
#else
#define DATASET  1
#endif

#ifdef NO_SINCE
#define SINCE  0
#else
#define SINCE  W.since
#endif

#ifdef NO_DATA_SERVER
#define DATA_SERVER  1
#else
#define DATA_SERVER  (W.t_of == W.to)
#endif

#ifdef JOIN_BEFORE_ACK
#define SUBSCRIBED(i)  (w[i].state != off)
#else
#define SUBSCRIBED(i)  (w[i].state == joining || w[i].state == joined)
#endif

#if defined(NO_JOIN_BUMP) || defined(BUMP_BEFORE_ACK)
#define JOIN_RAISE  skip
#else
#define JOIN_RAISE  raise()
#endif

/* what the stream before had to say may be lost; the script is this one's */

#if defined(RESYNC) && !defined(NO_JOIN_LEASE)
#define JOIN_ENDS  ok = W.t_ended; end_lease(); W.t_ended = ok; ok = 0
#else
#define JOIN_ENDS  skip
#endif

#ifdef NO_FOLLOW_BUMP
#define FOLLOW_RAISE  skip
#else
#define FOLLOW_RAISE  raise()
#endif

#ifdef TICK_UNANSWERED
#define PROVEN  (W.t != none)
#elif defined NO_WINDOW
#define PROVEN  (W.t == known && W.t_n < W.heard)
#else
#define PROVEN  (W.t == known && W.t_n < W.heard && W.heard - W.t_n <= WINDOW)
#endif

/* ticks of one counter are nearer to each other than those of two */

#define WINDOW  10

#ifndef FIRST_COUNTER
#define FIRST_COUNTER  1
#endif

#ifdef JOIN_UNKNOWN
#define MAY_JOIN  1
#else
#define MAY_JOIN  (W.join)
#endif


/*
 * A raised epoch, and a drop that raises the generation: the entry is gone,
 * and the guard of what was asked before does not hold any more, so it will
 * not be stored: it is forgotten, unless it is of interest who waits for it.
 */

inline guard_breaks(without) {
    if
    :: q == answered && !without ->
#ifdef QUESTION
           q = overtaken
#else
           clear_question()
#endif
    :: q == storing && !without -> clear_question()
    :: q == known -> clear_question()
    :: else
    fi
}

inline raise() {
    guard_breaks(GUARD_EPOCH)
}

inline end_lease() {
#ifdef RESYNC
    w[0].t_ended = (w[0].t != none);
    w[1].t_ended = (w[1].t != none);
#endif
    lease_by = 0;
    lease_sent = 0;
    lease_first = 0
}

inline apply_drop() {
    guard_breaks(GUARD_GENERATION)
}


/* ---- what the servers do */

inline tell(s, message, number) {
    if
    :: w[0].told && w[0].to == s -> stream[0]!message, number
    :: else
    fi;
    if
    :: w[1].told && w[1].to == s -> stream[1]!message, number
    :: else
    fi
}


/*
 * A script that runs when it is sent, or a question that is asked when it
 * runs, is the worst case: a later run gives a higher n, and an earlier guard
 * may be broken sooner.  A script sent before any change can prove nothing
 * wrong, and serves for joining only; it may replace one that waits for its
 * tick.  An answer that no change can make old is not followed up.
 */

#define MATTERS  (ver[s] < CHANGES_OF(s) || (SERVERS > 1 && CHANGES_OF(3 - s)))

#define EXPECTS                                                             \
    (W.t != answered && (NOW || (W.state != joined && W.join == 0)          \
                         || (RESETS && W.since == 0)))

/* who opens the next stream, and to which server */

#ifdef PLAN_1
#define PLAN      (opens == 0 -> PLAN_1 : (opens == 1 -> PLAN_2 : PLAN_3))
#define MAY_OPEN  (PLAN / 10 == me + 1)
#define OPEN_TO   (PLAN % 10)
#else
#define MAY_OPEN  (opens || me == 0)
#define OPEN_TO   1
#endif

#ifdef RESYNC
#define MAY_CHANGE  (resets == 0)
#else
#define MAY_CHANGE  1
#endif

#ifdef QUESTION
#define ASKS  (q == unsent)
#else
#define ASKS  (q == none)
#endif

#define subscribe(i)                                                        \
    atomic { w[i].state == opening && w[i].to == s && !w[i].told ->         \
        w[i].told = 1;                                                      \
        stream[i]!ack, 0                                                    \
    }

proctype Server(byte s) provided (live)
{
    do
    :: atomic { ver[s] < CHANGES_OF(s) && MAY_CHANGE ->
           ver[s]++;
           tell(s, drop, 0)
       }

    /* by a script of this node or of another */

    :: atomic { ticks[s] < TICKS && tick[s] && !refuses ->
           ticks[s]++;
           tick[s]++;
           tell(s, named, tick[s])
       }

#ifdef QUESTION
    :: atomic { q == none && MATTERS -> q = unsent; q_of = s }
#endif

    :: atomic { ASKS && MATTERS ->
           q_of = s;
           q_ver = ver[s];
           q = answered;
#ifdef RESYNC
           q_n = tick[s];
           q_birth = birth[s];
#endif
#if SERVERS > 1
           lease_first = (lease_by != 0);
           w[0].t_first = (w[0].t != none);
           w[1].t_first = (w[1].t != none)
#endif
       }

    :: subscribe(0)
    :: subscribe(1)

#if RESETS
#ifdef RESYNC
    /* demoted, and resynchronised to an older dataset; later promoted */

    :: atomic { resets < RESETS ->
           resets++;
           ver[s] = 0;
           tick[s] = FIRST_COUNTER;
           refuses = 1;
           tell(s, nil, 0)
       }

    :: atomic { refuses ->
           refuses = 0;
           birth[s]++;
           tick[s] = NEW_COUNTER
       }
#elif defined SWAP
    /* SWAPDB, to another dataset: without a word */

    :: atomic { resets < RESETS ->
           resets++;
           ver[s]++;
           birth[s]++;
           tick[s] = NEW_COUNTER
       }
#else
    /* FLUSHALL; later a new dataset */

    :: atomic { resets < RESETS && tick[s] ->
           resets++;
           tick[s] = 0;
           ver[s]++;
           tell(s, nil, 0)
       }
#endif

    :: atomic { tick[s] == 0 ->
           birth[s]++;
           tick[s] = NEW_COUNTER
       }
#endif
    od
}


/* ---- questions: lookup.c, cache_store */

proctype Lookup() provided (live)
{
    do
    /*
     * lookup_join: a question that is not written yet, or one that was not
     * overtaken while the stream vouches for it
     */

#ifdef QUESTION
    :: atomic { q == unsent && waits == 0 ->
           waits = 1;
           needs = ver[1]
       }

    :: atomic { JOINABLE && waits == 0 && VOUCHED ->
           waits = 1;
           needs = (lease_by == q_of -> AT(lease_sent, q_of) : ver[1])
       }

    :: atomic { q == overtaken ->
           assert(!waits || q_ver >= needs);
           clear_question()
       }
#endif

    /* lookup_done; cache_store: the server, then the guard */

    :: atomic { q == answered ->
           assert(!waits || q_ver >= needs);
           if
           :: STORE_SERVER -> q = storing
           :: else -> clear_question()
           fi
       }

#ifdef RESYNC
    :: atomic { q == storing && !RECENT -> clear_question() }
#endif

    :: atomic { q == storing && RECENT ->
           q = known;
           check()
       }
    od
}


/* ---- a worker's stream */

#define W  w[me]

inline clear_script() {
    W.t = none;
    W.t_of = 0;
    W.t_sent = 0;
    W.t_first = 0;
    W.t_n = 0;
#ifdef RESYNC
    W.t_ended = 0;
#endif
    W.t_birth = 0
}


proctype Worker(byte me) provided (live)
{
    bit   ok, share;
    byte  n, s;
    mtype what;

event:

    do

    /* proof_tick, and its execution */

    :: atomic { SUBSCRIBED(me) && EXPECTS && !refuses ->
           if
           :: s = W.to
#ifdef NO_DATA_SERVER
           :: s = 3 - W.to
#endif
           fi;
           W.t = answered;
           W.t_of = s;
           W.t_sent = NOW;
           W.t_first = 0;
           W.t_n = tick[s];
           W.t_birth = birth[s];
           s = 0
       }

    /* proof_ticked */

    :: atomic { W.t == answered ->
           if
           :: DATA_SERVER && SUBSCRIBED(me) -> goto ticked
           :: else -> clear_script()
           fi
       }

    /* stream_message */

    :: atomic { stream[me]?what, n ->
           if
           :: what == ack -> W.state = joining
           :: what == drop -> apply_drop()
           :: what == nil -> goto reset
           :: what == named && n > W.heard ->
                  W.heard = n;
                  if
                  :: W.state == joined ->
                         share = 1;
                         goto prove
                  :: else
                  fi
           :: else
           fi;
           what = 0;
           n = 0
       }

    /* keeper_join */

    :: atomic { W.state == joining && server != W.to -> goto follow }

    :: atomic { W.state == joining && server == W.to && MAY_JOIN -> goto join }

    /* stream_open: a new session */

    :: atomic { opens < OPENS && MAY_OPEN ->
           W.to = OPEN_TO;
           opens++;
           do
           :: stream[me]?_, _
           :: empty(stream[me]) -> break
           od;
           W.state = opening;
           W.told = 0;
           W.heard = 0;
           W.since = 0;
           W.join = 0;
#ifndef NO_SESSION
           clear_script();
#endif
#ifdef BUMP_BEFORE_ACK
           raise();
#endif
           skip
       }

    od;

ticked:

    atomic {
        if
        :: W.t_n == 0 && DATASET ->
               raise();
               clear_script();
               goto event

#if RESETS
        :: W.t_n && SINCE && W.since != W.t_birth ->
               W.state = off;
               W.told = 0;
               goto reset
#endif

        :: else
        fi;

#if RESETS
        W.since = W.t_birth;
#endif

        if
        :: W.state != joined && W.join == 0 -> W.join = W.t_n
        :: else
        fi;

        if
        :: W.t_sent == 0 -> clear_script(); goto event
        :: else -> W.t = known
        fi;

        if
        :: W.state == joined -> goto prove
        :: else -> goto event
        fi
    };

    /* cache_reset, then stream_restart: the data is another */

reset:

#if RESETS
    atomic {
        what = 0;
        n = 0;
        end_lease()
    };
    atomic {
        heard = 0;
        heard_of = 0;
        heard_birth = 0
    };
    atomic {
        raise();
        clear_script();
        W.heard = 0;
        W.since = 0;
        W.join = 0;
        if
        :: W.state == joined -> W.state = joining
        :: else
        fi;
        goto event
    };
#endif

    /* keeper_join, cache_follow: another server than the one followed */

follow:

#ifdef TWO_WORDS
    atomic { lease_by = 0; lease_sent = 0; lease_first = 0 };
    atomic { server = W.to };
    atomic { FOLLOW_RAISE };
#else
    atomic {
        if
        :: server == W.to
        :: else -> server = W.to; FOLLOW_RAISE
        fi
    };
#endif

    goto event;

    /* keeper_join: the server that is followed */

join:

    atomic {
        if
        :: CONTINUES
#ifdef RESYNC
        :: !(CONTINUES) -> JOIN_ENDS; goto raises
#else
        :: !(CONTINUES) -> JOIN_RAISE
#endif
        :: goto event
        fi;
        W.state = joined;
        W.join = 0;
        goto prove
    };

#ifdef RESYNC
raises:

    atomic {
        JOIN_RAISE;
        W.state = joined;
        W.join = 0
    };
#endif

    /* proof_prove, cache_prove */

prove:

    atomic {
        what = 0;
        n = 0;
        if
        :: PROVEN -> ok = PROVE_SERVER
        :: else -> goto shared
        fi
    };
    atomic {
        if
        :: ok && (lease_by == 0 || W.t_sent >= lease_sent) && NOT_ENDED ->
               lease_by = W.to;
               lease_sent = W.t_sent;
               lease_first = W.t_first;
               check()
        :: else
        fi;
        clear_script();
        ok = 0
    };

    /* proof_heard: for a stream that is joining */

shared:

    atomic {
        if
        :: !share -> goto event
        :: else -> share = 0
        fi;
        if
        :: W.heard > heard || heard_of != W.to || !HEARD_COUNTER ->
               heard = W.heard;
               heard_of = W.to;
#if RESETS
               heard_birth = W.since
#endif
        :: else
        fi;
        goto event
    }
}


init {
    atomic {
        tick[1] = FIRST_COUNTER;
        birth[1] = 1;
        q = none;
        w[0].t = none;
        w[1].t = none;
        w[0].state = off;
        w[1].state = off;

        run Server(1);
        run Lookup();
        run Worker(0);
        run Worker(1);

#if SERVERS > 1
        tick[1] = 1 + BEHIND;
        tick[2] = 1;
        birth[2] = 1;
        run Server(2)
#endif
    }
}
