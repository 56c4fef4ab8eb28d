/* Whether the person is far away: a voice must only open what stands in the same room as the microphone. */
#ifndef STREAMAUTH_REMOTE_H
#define STREAMAUTH_REMOTE_H

#include <stdbool.h>

/*
 * True if this process, or any of its ancestors, was started over a network, by what /proc and logind's files tell.
 * What cannot be found out counts as remote.
 *
 * proc: where proc is mounted. sessions: logind's folder of sessions; where it is absent only ancestors are looked at.
 */
bool remote_process(const char *proc, const char *sessions);

/* True if a host named by the application (PAM_RHOST) is another machine. NULL and "" are none. */
bool remote_host(const char *host);

/* True if a terminal named by the application (PAM_TTY) is not on this machine. NULL and "" are none. */
bool remote_terminal(const char *terminal);

#endif
