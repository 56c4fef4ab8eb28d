/*
 * A hostile daemon against the module's side of the talk: `fuzz COUNT [SEED]`.
 *
 * Each round gives both steps of one talk some bytes over a socket pair: well-formed replies of other talks, replies of
 * this one with damage, noise, too much, too little, hang-ups. No round may succeed, read outside of its memory or
 * wait longer than its deadline; the sanitizers and the return value tell. Replies of this talk are never given an
 * accept, so that each success is a fault.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "talk.h"

static uint64_t state;

static uint32_t below(uint32_t bound) /* xorshift64*: the same rounds on every machine */
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717ULL) >> 33) % bound;
}

static const char *const replies[] = {
    "{\"type\":\"prompt\",\"id\":\"%s\",\"say\":\"4 7 1 9\",\"after_phrase\":false}\n",
    "{\"type\":\"listening\",\"id\":\"%s\"}\n",
    "{\"type\":\"verdict\",\"id\":\"%s\",\"verdict\":\"reject\",\"message\":\"The voice is not the enrolled one.\"}\n",
    "{\"type\":\"verdict\",\"id\":\"%s\",\"verdict\":\"undecided\",\"speech_ms\":120,\"message\":null}\n",
    "{\"type\":\"refused\",\"id\":\"%s\",\"code\":\"profile_locked\",\"message\":\"\\u00e4\\ud83d\\ude00\"}\n",
    "{\"type\":\"verdict\",\"id\":\"%s\",\"verdict\":\"\",\"verdict\":\"reject\"}\n",
    "{\"type\":\"verdict\",\"id\":\"%s\",\"verdict\":[\"accept\"]}\n",
    "{\"type\":\"verdict\",\"id\":\"%s\",\"verdict\":{\"verdict\":true}}\n",
    "{\"id\":\"%s\",\"type\":\"verdict\",\"verdict\":\"acce\\u0070t \"}\n",
    "[[[[[[[[\"%s\"]]]]]]]]\n",
};
static const char accepted[] = "{\"type\":\"verdict\",\"id\":\"%s\",\"verdict\":\"accept\"}\n";

static size_t write_reply(char *out, size_t size, const char *id)
{
    char other[TALK_ID_LENGTH + 1];
    const char *shape = replies[below(sizeof replies / sizeof *replies)];
    if (below(3) == 0) { /* of another talk: there anything goes */
        for (int i = 0; i < TALK_ID_LENGTH; i++)
            other[i] = "0123456789abcdefg"[below(17)];
        other[TALK_ID_LENGTH] = '\0';
        if (strcmp(other, id) != 0) {
            id = other;
            if (below(2) == 0)
                shape = accepted;
        }
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int length = snprintf(out, size, shape, id);
#pragma GCC diagnostic pop
    return length < 0 || (size_t)length >= size ? 0 : (size_t)length;
}

static size_t damage(char *bytes, size_t length, size_t size)
{
    for (uint32_t times = below(4); times > 0 && length > 0; times--) {
        size_t at = below((uint32_t)length);
        switch (below(6)) {
        case 0:
            bytes[at] = (char)below(256);
            break;
        case 1:
            bytes[at] = "{}[]\":,\\u0eE-+.\n\t "[below(19)];
            break;
        case 2: /* cut out */
            memmove(bytes + at, bytes + at + 1, length - at - 1);
            length--;
            break;
        case 3: /* double */
            if (length < size) {
                memmove(bytes + at + 1, bytes + at, length - at);
                length++;
            }
            break;
        case 4: /* break off */
            length = at;
            break;
        default: /* swell */
            while (length < size && below(200) != 0)
                bytes[length++] = (char)(below(8) == 0 ? below(256) : 'a');
        }
    }
    return length;
}

static void give(int peer, const char *id)
{
    char bytes[4096];
    size_t length = 0;
    for (uint32_t count = below(5); count > 0; count--)
        length += write_reply(bytes + length, sizeof bytes - length, id);
    length = damage(bytes, length, sizeof bytes);
    if (length > 0 && send(peer, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0, prompts = 0, judged = 0;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 20261129;
    if (count < 1 || state == 0) {
        fputs("usage: fuzz COUNT [SEED]\n", stderr);
        return 2;
    }
    for (long round = 0; round < count; round++) {
        int pair[2];
        struct talk talk;
        struct reply reply;
        enum talk_outcome outcome;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0 ||
            !talk_begin(&talk, pair[0]))
            return 2;
        bool orderly = below(2) == 0;
        if (orderly) { /* a good first step, or else hardly any round would reach the second */
            char line[256];
            int length = snprintf(line, sizeof line, "{\"type\":\"prompt\",\"id\":\"%s\",\"say\":\"1\"}\n", talk.id);
            if (send(pair[1], line, (size_t)length, MSG_NOSIGNAL) != length)
                return 2;
        } else {
            give(pair[1], talk.id);
        }
        /* whoever says nothing is waited for; here he hangs up, but for a few */
        if (!orderly && below(1000) != 0)
            (void)shutdown(pair[1], SHUT_WR);
        outcome = talk_ask(&talk, "ada", "sudo", below(2) == 0, 2, 15000, &reply);
        if (outcome == TALK_ACCEPTED || outcome == TALK_REJECTED || (orderly && outcome == TALK_LOCKED))
            return 1;
        if (outcome == TALK_PROMPT) {
            prompts++;
            if (orderly) {
                if (below(2) == 0) {
                    char line[256];
                    int length = snprintf(line, sizeof line, "{\"type\":\"listening\",\"id\":\"%s\"}\n", talk.id);
                    if (send(pair[1], line, (size_t)length, MSG_NOSIGNAL) != length)
                        return 2;
                }
                give(pair[1], talk.id);
                if (below(1000) != 0)
                    (void)shutdown(pair[1], SHUT_WR);
            }
            outcome = talk_listen(&talk, 2, &reply);
            if (outcome == TALK_ACCEPTED || outcome == TALK_PROMPT)
                return 1;
            judged += outcome != TALK_FAILED;
        }
        if (memchr(reply.message, '\0', sizeof reply.message) == NULL ||
            memchr(reply.say, '\0', sizeof reply.say) == NULL)
            return 1;
        (void)close(pair[0]);
        (void)close(pair[1]);
    }
    printf("%ld talks, %ld with a prompt, %ld with a verdict or refusal, none accepted\n", count, prompts, judged);
    return prompts == 0 || judged == 0 ? 2 : 0;
}
