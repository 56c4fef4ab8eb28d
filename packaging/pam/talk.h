/* The talk with the daemon, on a socket that is connected: bounded in bytes, replies and time. */
#ifndef STREAMAUTH_TALK_H
#define STREAMAUTH_TALK_H

#include <stdbool.h>
#include <stddef.h>

#include "reply.h"

enum { TALK_ID_LENGTH = 16, TALK_REPLIES_MAX = 64 };

/* How a step ended. All but TALK_PROMPT, TALK_ACCEPTED and TALK_REJECTED are reasons to ask for the password only. */
enum talk_outcome {
    TALK_PROMPT,     /* after talk_ask: tell the person what to say */
    TALK_ACCEPTED,   /* after talk_listen: the voice was judged and is the right one */
    TALK_REJECTED,   /* after talk_listen: the voice was judged and is not */
    TALK_LOCKED,     /* too many failed attempts; locked, or to be waited for */
    TALK_UNDECIDED,  /* nothing was judged: silence, microphone busy, not enrolled, not enabled */
    TALK_FAILED      /* no daemon, no answer in time, or one that is not the protocol */
};

struct talk {
    int socket;
    char id[TALK_ID_LENGTH + 1]; /* of this talk; each reply must carry it */
    long long deadline_ms;       /* by CLOCK_MONOTONIC, of the step under way */
    size_t replies;              /* so far */
    size_t used;                 /* bytes in the buffer */
    char buffer[REPLY_LINE_MAX + 1];
};

/* Begins a talk on a connected, non-blocking socket. False if no random id can be had. */
bool talk_begin(struct talk *talk, int socket);

/*
 * Asks whether this person may log in by voice and what to say.
 *
 * with_digits: ask for random digits, which the daemon leaves out where the service shows no texts; false: the fixed
 * pass phrase.
 * wait_ms: for the answer. listen_ms: how long talk_listen is going to wait, so that the daemon ends before.
 * On TALK_PROMPT the reply says what must be said; in all other cases it may hold a sentence for the person.
 */
enum talk_outcome talk_ask(struct talk *talk, const char *user, const char *service, bool with_digits, int wait_ms,
                           int listen_ms, struct reply *reply);

/* Has the daemon listen, and waits for the verdict. The reply may hold a sentence for the person. */
enum talk_outcome talk_listen(struct talk *talk, int wait_ms, struct reply *reply);

#endif
