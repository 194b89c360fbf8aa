/*
 * Servers that change their roles in place: for reign.pml and asked.pml, which
 * define X, the server at the node's address, and what its stream receives.
 *
 * Servers 1 and 2 can be primaries; a server 3 only follows, and may lag
 * behind.  A server is the list of commands that it has executed: changes of
 * the one key, and ticks.  A replica whose list is the beginning of its
 * primary's goes on from there: a link that was cut, and a partial
 * resynchronisation, are a replica that takes its time.  If its list is
 * another one, or the primary has forgotten where it stood, it takes over the
 * primary's, and its stream receives nil: a full resynchronisation.
 */


#define LIST  (CHANGES + TICKS)

/* counters of two reigns are further from each other than the window */

#define WINDOW  TICKS
#define BLOCK   (3 * TICKS)


mtype = { change, tick, nil };                   /* what a stream receives */


typedef server_t {
    byte above;                 /* its primary; 0: it is one; itself: fenced */
    byte reign;                 /* of a primary */
    byte has;                   /* changes executed: a set */
    byte n;                     /* the counter */
    byte length;
    byte list[LIST];            /* a change's number, from 1 on, or a tick */
};

server_t s[SERVERS + 1];

byte changes, ticks, roles, reigns;

hidden byte i, k, v, begins;    /* scratch, inside one step */


inline append(p, command) {
    s[p].list[s[p].length] = command;
    s[p].length++
}

inline make_tick(p) {
    ticks++;
    s[p].n++;
    append(p, s[p].n);
    tell(p, tick, s[p].n)
}


/* the tick script: its server's reign begins a counter of its own */

#ifdef NO_REIGN
#define OTHER_REIGN(p)  0
#define BIRTH(n)        1
#else
#define OTHER_REIGN(p)  (s[p].n / BLOCK != s[p].reign)
#define BIRTH(n)        ((n) / BLOCK)
#endif

#define ACCEPTS(p)  (s[p].above == 0 && (!OTHER_REIGN(p) || ticks < TICKS))

inline script(p) {
    if
    :: OTHER_REIGN(p) -> s[p].n = s[p].reign * BLOCK; begins = 1
    :: else
    fi
}


/* does r's list begin p's? */

inline compare(r, p) {
    begins = (s[r].length <= s[p].length);
    i = 0;
    do
    :: begins && i < s[r].length ->
           begins = (s[r].list[i] == s[p].list[i]);
           i++
    :: else -> break
    od
}

inline execute(r, command) {
    if
    :: command <= CHANGES ->
           s[r].has = s[r].has | (1 << (command - 1));
           tell(r, change, 0)
    :: else ->
           s[r].n = command;
           tell(r, tick, command)
    fi;
    append(r, command)
}

inline take_over(r, p) {
    s[r].has = s[p].has;
    s[r].n = s[p].n;
    s[r].length = s[p].length;
    i = 0;
    do
    :: i < LIST -> s[r].list[i] = s[p].list[i]; i++
    :: else -> break
    od;
    tell(r, nil, 0);
    taken_over()
}


#define A_CHANGE(p)                                                         \
    :: d_step { changes < CHANGES && s[p].above == 0 ->                     \
           changes++;                                                       \
           s[p].has = s[p].has | (1 << (changes - 1));                      \
           append(p, changes);                                              \
           tell(p, change, 0);                                              \
           changed()                                                        \
       }

#define ANOTHER_NODES_SCRIPT(p)                                             \
    :: d_step { ticks < TICKS && s[p].above == 0 ->                         \
           script(p);                                                       \
           make_tick(p);                                                    \
           begins = 0                                                       \
       }

/* the version before knows no reign */

#define AN_OLD_SCRIPT(p)                                                    \
    :: d_step { ticks < TICKS && s[p].above == 0 -> make_tick(p) }

#define PROMOTED(p)                                                         \
    :: d_step { roles < ROLES && s[p].above && MAY_REIGN(p) ->              \
           roles++;                                                         \
           reigns++;                                                        \
           s[p].above = 0;                                                  \
           s[p].reign = reigns;                                             \
           promoted(p)                                                      \
       }

#define POINTED(r, p)                                                       \
    :: d_step { roles < ROLES && s[r].above != p && s[p].above != r         \
                && s[s[p].above].above != r ->                              \
           roles++;                                                         \
           s[r].above = p;                                                  \
           s[r].reign = 0                                                   \
       }

/* refuses writes: NOREPLICAS, or demoted, and without a link to its primary */

#define FENCED(p)                                                           \
    :: d_step { roles < ROLES && s[p].above == 0 ->                         \
           roles++;                                                         \
           s[p].above = p;                                                  \
           s[p].reign = 0                                                   \
       }

#define REPLICATED(r)                                                       \
    :: d_step { s[r].above ->                                               \
           k = s[r].above;                                                  \
           compare(r, k);                                                   \
           if                                                               \
           :: !begins -> take_over(r, k)                                    \
           :: begins && s[r].length < s[k].length ->                        \
                  v = s[k].list[s[r].length];                               \
                  execute(r, v)                                             \
           :: else                                                          \
           fi;                                                              \
           begins = 0;                                                      \
           k = 0;                                                           \
           v = 0;                                                           \
           i = 0                                                            \
       }

/* what its primary has forgotten counts as a change of role */

#define FORGOTTEN(r)                                                        \
    :: d_step { s[r].above && roles < ROLES                                 \
                && s[r].length < s[s[r].above].length ->                    \
           roles++;                                                         \
           k = s[r].above;                                                  \
           take_over(r, k);                                                 \
           k = 0;                                                           \
           i = 0                                                            \
       }


proctype Servers()
{
    do
    A_CHANGE(1)
    A_CHANGE(2)

    ANOTHER_NODES_SCRIPT(1)
    ANOTHER_NODES_SCRIPT(2)

#ifdef MIXED
    AN_OLD_SCRIPT(1)
    AN_OLD_SCRIPT(2)
#endif

    PROMOTED(1)
    PROMOTED(2)
    POINTED(1, 2)
    POINTED(2, 1)

    REPLICATED(1)
    REPLICATED(2)
    FORGOTTEN(X)

#if SERVERS > 2
    POINTED(1, 3)
    POINTED(2, 3)
    POINTED(3, 1)
    POINTED(3, 2)

    REPLICATED(3)
#endif

#ifdef FENCES
    FENCED(1)
    FENCED(2)
#endif
    od
}


inline servers_begin() {
    reigns = 1;
    s[1].reign = 1;
    s[1].n = BLOCK;
    s[2].n = BLOCK;
    s[2].above = 1;
#if SERVERS > 2
    s[3].n = BLOCK;
    s[3].above = 1;
#endif
    run Servers()
}
