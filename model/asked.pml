/*
 * Queries whose answers decide at once, whether the cache is used or not.  Such
 * an answer has no stream behind it, so it needs a proof that the server at the
 * address is the primary: a tick script that it accepted, dated when it was
 * sent.  See README.md.
 *
 * One server at a time accepts changes and scripts: a fixed address cannot
 * know of another one.  With TWO_PRIMARIES that is left out.
 *
 * The clock: at some moment somebody looks what the primary has executed, and
 * a lease later all of that must be in force.  A proof from before that moment
 * does not hold any more then.
 */


#define X  1

#define tell(p, message, number)  skip

#ifdef TWO_PRIMARIES
#define MAY_REIGN(p)  1
#else
#define MAY_REIGN(p)  (s[3 - (p)].above)
#endif

/* what a new primary does not have, or no server, is lost: no one is owed it */

#if SERVERS > 2
#define HAD_BY_ANY  (s[1].has | s[2].has | s[3].has)
#else
#define HAD_BY_ANY  (s[1].has | s[2].has)
#endif

#define promoted(p)   executed = executed & s[p].has; owed = owed & executed
#define taken_over()  executed = executed & HAD_BY_ANY; owed = owed & executed
#define changed()     executed = executed | (1 << (changes - 1))

byte executed;                  /* by the primary; a set */
byte owed;                      /* what it was at that moment */

#define FENCES

#include "servers.pml"


mtype = { before, running, over };               /* a lease, from a moment on */
mtype = { none, sent, accepted };                /* a script */
mtype = { asked, answered };                     /* a question */

mtype clock = before;

mtype t = none;
bit   t_late;                   /* sent after the moment */
bit   t_first;                  /* executed before the question was */

bit   proof;                    /* a script was accepted, and its answer read */
bit   proof_late;               /* and it was sent after the moment */

mtype q = none;
bit   q_late;                   /* its request began when all was owed */
bit   q_proven;
byte  q_has;


/* ---- rules; each has a mutant without it */

#ifdef NO_PRIMARY_PROOF
#define BELIEVED  1
#else
#define BELIEVED  q_proven
#endif

/* only a script that was executed before the question proves its answer */

#ifdef PROOF_AFTERWARDS
#define FIRST  1
#else
#define FIRST  t_first
#endif

/* a proof is dated when its script is sent */

#ifdef DATED_WHEN_ANSWERED
#define LATE  (clock != before)
#else
#define LATE  t_late
#endif


inline clear_script() {
    t = none;
    t_late = 0;
    t_first = 0
}


proctype Node()
{
    do
    :: d_step { clock == before && executed ->
           owed = executed;
           clock = running
       }

    :: d_step { clock == running -> clock = over }

    /* the tick script; it may be refused, or lost */

    :: d_step { t == none ->
           t = sent;
           t_late = (clock != before)
       }

    :: d_step { t == sent && s[X].above == 0 ->
           t = accepted;
           t_first = (q == asked)
       }

    :: d_step { t == accepted ->
           if
           :: q != none && FIRST && (LATE || !q_late) -> q_proven = 1
           :: else
           fi;
           if
           :: !proof || LATE -> proof = 1; proof_late = LATE
           :: else
           fi;
           clear_script()
       }

    :: d_step { t != none -> clear_script() }

    /* a request asks; less than a lease after a script that was accepted? */

    :: d_step { q == none ->
           q = asked;
           q_late = (clock == over);
           q_proven = (proof && (proof_late || !q_late));
           t_first = (t == accepted)
       }

    :: d_step { q == asked -> q = answered; q_has = s[X].has }

    /* the answer decides */

    :: atomic { q == answered ->
           assert(!BELIEVED || !q_late || (q_has & owed) == owed);
           q = none;
           q_late = 0;
           q_proven = 0;
           q_has = 0;
           t_first = 0
       }
    od
}


init {
    atomic {
        servers_begin();
        run Node()
    }
}
