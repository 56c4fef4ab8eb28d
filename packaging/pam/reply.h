/* One reply of the daemon: a flat JSON object on one line, parsed strictly. */
#ifndef STREAMAUTH_REPLY_H
#define STREAMAUTH_REPLY_H

#include <stdbool.h>
#include <stddef.h>

enum {
    REPLY_LINE_MAX = 1024,   /* bytes of a line, its newline not counted */
    REPLY_MEMBERS_MAX = 12,  /* members of an object */
    REPLY_NAME_MAX = 32,     /* bytes of a member's name */
    REPLY_TEXT_MAX = 256     /* bytes of a member's text, terminating NUL included */
};

/* What the module reads of a reply. An absent text is empty, an absent flag false. */
struct reply {
    char type[REPLY_NAME_MAX];     /* "prompt", "listening", "verdict" or "refused" */
    char id[REPLY_NAME_MAX];       /* must be the one that was sent */
    char verdict[REPLY_NAME_MAX];  /* "accept", "reject" or "undecided" */
    char code[REPLY_NAME_MAX];     /* why it was refused */
    char say[REPLY_TEXT_MAX];      /* what must be said; printable */
    char message[REPLY_TEXT_MAX];  /* a sentence for the person; printable */
    bool after_phrase;             /* whether the pass phrase comes before what must be said */
};

/*
 * Parses one line without its newline.
 *
 * Takes an object of texts, whole numbers, true, false and null, nothing nested, no name twice, UTF-8 without control
 * characters. Unknown members are checked and left out, so that a newer daemon can say more. Returns false for
 * everything else; *reply then holds nothing.
 */
bool reply_parse(const char *line, size_t length, struct reply *reply);

#endif
