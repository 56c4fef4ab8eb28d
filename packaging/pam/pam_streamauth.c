/*
 * pam_streamauth: log in by voice, or by the password.
 *
 * Asks streamauthd over its socket, and does nothing else: no device, no file of voices, no interpreter in the process
 * that logs in. It writes to no standard stream, keeps no state and sets no signal handler.
 *
 * Return values (only a voice that was judged is an authentication failure):
 *   PAM_SUCCESS            the voice is the right one and said the words
 *   PAM_AUTH_ERR           the voice was judged and is not
 *   PAM_MAXTRIES           too many failed attempts; locked or to be waited for
 *   PAM_IGNORE             a password was typed instead; it is in PAM_AUTHTOK for `pam_unix try_first_pass`
 *   PAM_AUTHINFO_UNAVAIL   everything else: silence, no microphone, no daemon, not enrolled, far away, bad argument
 *
 * Arguments: see pam_streamauth(8).
 */
#define _GNU_SOURCE
#define PAM_SM_AUTH

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "remote.h"
#include "talk.h"

#define EXPORT __attribute__((visibility("default"))) /* all other names are hidden */

#ifndef STREAMAUTH_SOCKET
#define STREAMAUTH_SOCKET "/run/streamauth/login.sock"
#endif
#ifndef STREAMAUTH_PROC
#define STREAMAUTH_PROC "/proc"
#endif
#ifndef STREAMAUTH_SESSIONS
#define STREAMAUTH_SESSIONS "/run/systemd/sessions"
#endif

enum {
    ASK_WAIT_MS = 1000,      /* for the first answer */
    LISTEN_WAIT_S = 15,      /* for the verdict; more than the daemon takes */
    LISTEN_WAIT_MAX_S = 120
};

struct options {
    const char *socket;
    int listen_ms;
    bool fixed;     /* the pass phrase alone, where a random prompt cannot reach the person */
    bool immediate; /* listen without waiting for Enter, for stacks that hold nothing but this module */
};

static bool read_options(int argc, const char **argv, struct options *options)
{
    *options = (struct options){STREAMAUTH_SOCKET, LISTEN_WAIT_S * 1000, false, false};
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "socket=/", 8) == 0) {
            options->socket = argv[i] + 7;
        } else if (strncmp(argv[i], "timeout=", 8) == 0) {
            char *end;
            long seconds = strtol(argv[i] + 8, &end, 10);
            if (end == argv[i] + 8 || *end != '\0' || seconds < 1 || seconds > LISTEN_WAIT_MAX_S)
                return false;
            options->listen_ms = (int)seconds * 1000;
        } else if (strcmp(argv[i], "fixed") == 0) {
            options->fixed = true;
        } else if (strcmp(argv[i], "immediate") == 0) {
            options->immediate = true;
        } else {
            return false;
        }
    }
    return true;
}

/* Nobody but root and the process's own user could have put the socket there. */
static bool trustworthy(const char *path)
{
    char copy[sizeof((struct sockaddr_un *)NULL)->sun_path];
    struct stat it;
    if (strlen(path) >= sizeof copy || lstat(path, &it) != 0 || !S_ISSOCK(it.st_mode))
        return false;
    strcpy(copy, path);
    if (lstat(dirname(copy), &it) != 0 || !S_ISDIR(it.st_mode))
        return false;
    return (it.st_uid == 0 || it.st_uid == geteuid()) && (it.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* A connected socket, -1 without one. A daemon with a full backlog counts as none: nothing is waited for. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int connection;
    if (!trustworthy(path))
        return -1;
    strcpy(address.sun_path, path); /* its length is checked above */
    connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection < 0)
        return -1;
    if (connect(connection, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(connection);
        return -1;
    }
    return connection;
}

static bool is_remote(pam_handle_t *pamh)
{
    const void *host = NULL, *terminal = NULL;
    if (pam_get_item(pamh, PAM_RHOST, &host) != PAM_SUCCESS || remote_host(host))
        return true;
    if (pam_get_item(pamh, PAM_TTY, &terminal) != PAM_SUCCESS || remote_terminal(terminal))
        return true;
    return remote_process(STREAMAUTH_PROC, STREAMAUTH_SESSIONS);
}

/*
 * Tells the person a sentence, where the application shows any. Not less so with PAM_SILENT, which sudo always sets:
 * without a reason nobody knows what to do better. An application that wants silence drops it.
 */
static void tell(pam_handle_t *pamh, int style, const char *text)
{
    if (text[0] != '\0')
        (void)pam_prompt(pamh, style, NULL, "%s", text);
}

static void say_what(const struct reply *reply, char *text, size_t size)
{
    const char *phrase = reply->after_phrase ? "your pass phrase" : "";
    const char *between = reply->after_phrase && reply->say[0] != '\0' ? ", then " : "";
    (void)snprintf(text, size, "%s%s%s", phrase, between, reply->say);
}

/*
 * Asks for the password or Enter. PAM_SUCCESS: Enter, so listen. PAM_IGNORE: the password was typed and is kept.
 * PAM_AUTHINFO_UNAVAIL: the application shows no prompts.
 */
static int ask_person(pam_handle_t *pamh, const char *what)
{
    char *typed = NULL;
    int result = PAM_SUCCESS;
    if (pam_prompt(pamh, PAM_PROMPT_ECHO_OFF, &typed, "Password, or press Enter and say: %s ", what) != PAM_SUCCESS ||
        typed == NULL)
        result = PAM_AUTHINFO_UNAVAIL;
    else if (typed[0] != '\0')
        result = pam_set_item(pamh, PAM_AUTHTOK, typed) == PAM_SUCCESS ? PAM_IGNORE : PAM_AUTHINFO_UNAVAIL;
    if (typed != NULL) {
        explicit_bzero(typed, strlen(typed));
        free(typed);
    }
    return result;
}

static int result_of(pam_handle_t *pamh, enum talk_outcome outcome, const struct reply *reply)
{
    switch (outcome) {
    case TALK_ACCEPTED:
        return PAM_SUCCESS;
    case TALK_REJECTED:
        tell(pamh, PAM_ERROR_MSG, reply->message);
        return PAM_AUTH_ERR;
    case TALK_LOCKED:
        tell(pamh, PAM_TEXT_INFO, reply->message);
        return PAM_MAXTRIES;
    case TALK_UNDECIDED:
        tell(pamh, PAM_TEXT_INFO, reply->message);
        return PAM_AUTHINFO_UNAVAIL;
    case TALK_PROMPT:
    case TALK_FAILED:
        break;
    }
    return PAM_AUTHINFO_UNAVAIL;
}

static int authenticate(pam_handle_t *pamh, const struct options *options, const char *user, const char *service,
                        int connection)
{
    struct talk talk;
    struct reply reply;
    char what[REPLY_TEXT_MAX + 64];
    enum talk_outcome outcome;

    if (!talk_begin(&talk, connection))
        return PAM_AUTHINFO_UNAVAIL;
    outcome = talk_ask(&talk, user, service, !options->fixed, ASK_WAIT_MS, options->listen_ms, &reply);
    if (outcome != TALK_PROMPT)
        return result_of(pamh, outcome, &reply);
    say_what(&reply, what, sizeof what);
    if (options->immediate) {
        char text[sizeof what + 8];
        (void)snprintf(text, sizeof text, "Say: %s", what);
        tell(pamh, PAM_TEXT_INFO, text);
    } else {
        int answer = ask_person(pamh, what);
        if (answer != PAM_SUCCESS)
            return answer;
    }
    outcome = talk_listen(&talk, options->listen_ms, &reply);
    if (outcome == TALK_FAILED)
        pam_syslog(pamh, LOG_WARNING, "streamauthd gave no verdict");
    return result_of(pamh, outcome, &reply);
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct options options;
    const char *user = NULL;
    const void *service = NULL;
    int connection, result;

    (void)flags;
    if (!read_options(argc, argv, &options)) {
        pam_syslog(pamh, LOG_ERR, "an argument of the module is wrong");
        return PAM_AUTHINFO_UNAVAIL;
    }
    if (pam_get_user(pamh, &user, NULL) != PAM_SUCCESS || user == NULL || user[0] == '\0' ||
        pam_get_item(pamh, PAM_SERVICE, &service) != PAM_SUCCESS || service == NULL)
        return PAM_AUTHINFO_UNAVAIL;
    if (is_remote(pamh))
        return PAM_AUTHINFO_UNAVAIL;
    connection = connect_to(options.socket);
    if (connection < 0)
        return PAM_AUTHINFO_UNAVAIL;
    result = authenticate(pamh, &options, user, service, connection);
    (void)close(connection);
    return result;
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS; /* there are none to set; anything else would undo the jump over the password */
}
