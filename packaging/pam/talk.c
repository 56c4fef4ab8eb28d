/* The talk with the daemon. Whatever is not exactly the protocol ends it as failed. */
#define _GNU_SOURCE
#include "talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

static long long now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return -1;
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the socket is ready for the events; false at the deadline. */
static bool ready(const struct talk *talk, short events)
{
    for (;;) {
        struct pollfd one = {.fd = talk->socket, .events = events, .revents = 0};
        long long left = talk->deadline_ms - now_ms();
        if (left <= 0)
            return false;
        int count = poll(&one, 1, left > 60000 ? 60000 : (int)left);
        if (count > 0)
            return (one.revents & (events | POLLHUP | POLLERR)) != 0;
        if (count < 0 && errno != EINTR)
            return false;
    }
}

static bool send_all(struct talk *talk, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(talk->socket, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!ready(talk, POLLOUT))
                return false;
        } else if (sent == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* Reads the next reply of this talk. */
static bool receive(struct talk *talk, struct reply *reply)
{
    char *newline;
    while ((newline = memchr(talk->buffer, '\n', talk->used)) == NULL) {
        if (talk->used == sizeof talk->buffer || !ready(talk, POLLIN))
            return false;
        ssize_t got = recv(talk->socket, talk->buffer + talk->used, sizeof talk->buffer - talk->used, MSG_DONTWAIT);
        if (got > 0)
            talk->used += (size_t)got;
        else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            return false;
    }
    size_t length = (size_t)(newline - talk->buffer);
    bool good = ++talk->replies <= TALK_REPLIES_MAX && reply_parse(talk->buffer, length, reply) &&
                strcmp(reply->id, talk->id) == 0;
    if (!good)
        memset(reply, 0, sizeof *reply);
    talk->used -= length + 1;
    memmove(talk->buffer, newline + 1, talk->used);
    return good;
}

/* Writes text as a JSON string with its quotes; false if it does not fit or is no plain text. */
static bool quote(char *out, size_t size, const char *text)
{
    size_t used = 0;
    out[used++] = '"';
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (used + 4 > size || c < 0x20 || c >= 0x7f)
            return false; /* such names of users and services are not known here */
        if (c == '"' || c == '\\')
            out[used++] = '\\';
        out[used++] = (char)c;
    }
    out[used++] = '"';
    out[used] = '\0';
    return true;
}

static enum talk_outcome refused(const struct reply *reply)
{
    if (strcmp(reply->code, "profile_locked") == 0 || strcmp(reply->code, "attempt_delayed") == 0)
        return TALK_LOCKED;
    return TALK_UNDECIDED;
}

static enum talk_outcome failed(struct reply *reply)
{
    memset(reply, 0, sizeof *reply);
    return TALK_FAILED;
}

bool talk_begin(struct talk *talk, int socket)
{
    unsigned char bytes[TALK_ID_LENGTH / 2];
    memset(talk, 0, sizeof *talk);
    talk->socket = socket;
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++) {
        static const char digits[] = "0123456789abcdef";
        talk->id[2 * i] = digits[bytes[i] >> 4];
        talk->id[2 * i + 1] = digits[bytes[i] & 15];
    }
    return true;
}

enum talk_outcome talk_ask(struct talk *talk, const char *user, const char *service, bool with_digits, int wait_ms,
                           int listen_ms, struct reply *reply)
{
    char quoted_user[300], quoted_service[300], line[900];
    memset(reply, 0, sizeof *reply);
    talk->deadline_ms = now_ms() + wait_ms;
    if (!quote(quoted_user, sizeof quoted_user, user) || !quote(quoted_service, sizeof quoted_service, service))
        return TALK_UNDECIDED;
    int length = snprintf(line, sizeof line,
                          "{\"op\":\"ask\",\"v\":1,\"id\":\"%s\",\"user\":%s,\"service\":%s,\"prompt\":\"%s\","
                          "\"wait_ms\":%d}\n",
                          talk->id, quoted_user, quoted_service, with_digits ? "digits" : "none", listen_ms);
    if (length < 0 || (size_t)length >= sizeof line || !send_all(talk, line, (size_t)length) || !receive(talk, reply))
        return failed(reply);
    if (talk->used > 0) /* the daemon says nothing more before it is told to listen */
        return failed(reply);
    /* where digits are asked for, the administrator may have told the daemon that this service shows none */
    if (strcmp(reply->type, "prompt") == 0 && (reply->after_phrase || (with_digits && reply->say[0] != '\0')))
        return TALK_PROMPT;
    if (strcmp(reply->type, "refused") == 0)
        return refused(reply);
    return failed(reply);
}

enum talk_outcome talk_listen(struct talk *talk, int wait_ms, struct reply *reply)
{
    char line[96];
    bool listening = false;
    memset(reply, 0, sizeof *reply);
    talk->deadline_ms = now_ms() + wait_ms;
    int length = snprintf(line, sizeof line, "{\"op\":\"listen\",\"id\":\"%s\"}\n", talk->id);
    if (length < 0 || (size_t)length >= sizeof line || talk->used > 0 || !send_all(talk, line, (size_t)length))
        return failed(reply);
    while (receive(talk, reply)) {
        if (strcmp(reply->type, "refused") == 0)
            return refused(reply);
        if (strcmp(reply->type, "listening") == 0 && !listening) {
            listening = true;
        } else if (strcmp(reply->type, "verdict") == 0 && listening) {
            if (strcmp(reply->verdict, "accept") == 0)
                return talk->used == 0 ? TALK_ACCEPTED : failed(reply);
            if (strcmp(reply->verdict, "reject") == 0)
                return TALK_REJECTED;
            if (strcmp(reply->verdict, "undecided") == 0)
                return TALK_UNDECIDED;
            return failed(reply);
        } else {
            return failed(reply);
        }
    }
    return failed(reply);
}
