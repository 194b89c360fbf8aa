/*
 * Proof across changes of role.  A node keeps its stream, its scripts and its
 * questions at one address, X.  The server there is demoted, resynchronised
 * and promoted in place, and every connection stays.  Meanwhile others take
 * the writes.  README.md says what is left out, and why that does no harm.
 *
 * A fixed address is server 1.  With REPLICA, stream and questions are at
 * server 3, and scripts go to any primary.
 *
 * The node is one step at a time here: what its processes may do to each other
 * is in cache.pml.
 */


#ifdef REPLICA
#define X  3
#else
#define X  1
#endif

#define QUEUE  ((CHANGES + TICKS + 1) * (ROLES + 1))

#define tell(p, message, number)                                            \
    if                                                                      \
    :: p == X -> stream!message, number                                     \
    :: else                                                                 \
    fi

#define MAY_REIGN(p)  1         /* also two at a time */
#define promoted(p)   skip
#define changed()     skip
#define taken_over()  skip

chan stream = [QUEUE] of { mtype, byte };

#include "servers.pml"


mtype = { none, answered, known };               /* a script */

byte losses;                    /* of the stream */


/* ---- the node */

byte  heard;
byte  since;                    /* birth of the counter; 0: not known yet */
byte  dropped;                  /* what was heard when the key was dropped */

mtype t = none;                 /* a tick script that was accepted */
byte  t_n;
byte  t_needs;

bit   lease;
byte  lease_needs;              /* what its script's server had executed */

bit   q;                        /* a question, executed */
bit   q_broken;                 /* its guard does not hold any more */
byte  q_has;
byte  q_n;                      /* the counter, read with it */

bit   e;                        /* the entry */
byte  e_has;

hidden mtype what;


/*
 * The invariant: what may be served includes every change that the script's
 * server had executed when it ran.
 */

#define check()  assert(!e || !lease || (e_has & lease_needs) == lease_needs)


/* ---- rules; each has a mutant without it */

#ifdef NO_TICK_WINDOW
#define NEAR(x, n)  1
#else
#define NEAR(x, n)  ((x) - (n) <= WINDOW)
#endif

#ifdef NO_DROP_TICK
#define AFTER_DROP  1
#else
#define AFTER_DROP  (q_n > dropped)
#endif

#ifdef NO_ANSWER_TICK
#define KEEP  1
#else
#define KEEP  (heard && q_n >= heard && NEAR(q_n, heard) && SAME_COUNTER    \
               && AFTER_DROP)
#endif

#ifdef NO_ANSWER_BIRTH
#define SAME_COUNTER  1
#else
#define SAME_COUNTER  (since && BIRTH(q_n) == since)
#endif

inline clear_script() {
    t = none;
    t_n = 0;
    t_needs = 0
}

inline end_lease() {
    lease = 0;
    lease_needs = 0
}

/* the epoch is raised */

inline raise() {
    e = 0;
    e_has = 0;
    q_broken = q
}

inline forget() {
    heard = 0;
    since = 0;
    dropped = 0;
    clear_script()
}

/* a new stream, joined: what the old one had to say may be lost */

inline begin_anew() {
    do
    :: stream?what, k
    :: empty(stream) -> break
    od;
    raise();
    forget();
#ifndef NO_SESSION_LEASE
    end_lease();
#endif
    k = 0
}


/* ---- the node's script, if it can prove something, or tells the birth */

#define THE_SCRIPT(p)                                                       \
    :: atomic { t == none && ACCEPTS(p) && (s[p].has || !since) ->          \
           script(p);                                                       \
           t = answered;                                                    \
           t_needs = s[p].has;                                              \
           t_n = s[p].n;                                                    \
           if                                                               \
           :: begins -> begins = 0; make_tick(p)                            \
           :: !begins && ticks < TICKS -> make_tick(p)                      \
           :: !begins                  /* there was one a moment ago */     \
           fi                                                               \
       }


proctype Node()
{
    do
    THE_SCRIPT(1)
#ifdef REPLICA
    THE_SCRIPT(2)
#endif

    /* its answer: another counter than before, so the stream begins anew */

    :: d_step { t == answered ->
           if
           :: since && since != BIRTH(t_n) ->
                  begin_anew()
           :: else ->
                  since = BIRTH(t_n);
                  t = known
           fi
       }

    /* the link of the script was lost */

    :: d_step { t != none -> clear_script() }

    /* the stream's was, and a new one has joined */

    :: d_step { losses < LOSSES ->
           losses++;
           begin_anew()
       }

    :: d_step { stream?what, k ->
           if
           :: what == change ->
                  raise();
                  dropped = heard

           :: what == tick && k > heard -> heard = k

           :: what == nil ->
                  raise();
#ifndef NO_NIL_RESET
                  forget();
#endif
#ifndef NO_NIL_LEASE
                  end_lease();
#endif
                  skip

           :: else
           fi;
           k = 0
       }

    :: atomic { t == known && t_n < heard && NEAR(heard, t_n) ->
           lease = 1;
           lease_needs = t_needs;
           clear_script();
           check()
       }

    /* a question that can matter; its answer */

    :: d_step { !q && changes ->
           q = 1;
           q_has = s[X].has;
           q_n = s[X].n
       }

    :: atomic { q ->
           if
           :: !q_broken && KEEP -> e = 1; e_has = q_has
           :: else
           fi;
           q = 0;
           q_broken = 0;
           q_has = 0;
           q_n = 0;
           check()
       }
    od
}


init {
    atomic {
        servers_begin();
        run Node()
    }
}
