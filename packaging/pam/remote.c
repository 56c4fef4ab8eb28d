/* Whether the person is far away. Environment variables are never asked: sudo drops them and people can set them. */
#define _GNU_SOURCE
#include "remote.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANCESTORS_MAX = 128, FILE_MAX = 8192, SESSIONS_MAX = 4096 };

/* Programs behind which a person is far away. */
static const char *const servers[] = {
    "sshd",      "sshd-session", "sshd-auth", "dropbear", "in.telnetd", "telnetd",   "in.rlogind", "in.rshd",
    "rshd",      "mosh-server",  "tailscaled", "ttyd",    "xrdp",       "xrdp-sesman", "Xvnc",     "x11vnc",
};

static bool is_server(const char *name)
{
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        /* the kernel cuts names at 15 bytes; none of these is longer */
        if (strcmp(name, servers[i]) == 0)
            return true;
    }
    return strncmp(name, "sshd:", 5) == 0;
}

/* Reads a small file whole; NULL if it cannot be read or is too large. To be freed. */
static char *read_file(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return NULL;
    char *text = malloc(FILE_MAX + 1);
    size_t used = 0;
    while (text != NULL && used <= FILE_MAX) {
        ssize_t got = read(file, text + used, FILE_MAX + 1 - used);
        if (got > 0) {
            used += (size_t)got;
        } else if (got == 0) {
            break;
        } else if (errno != EINTR) {
            used = FILE_MAX + 1;
        }
    }
    (void)close(file);
    if (text == NULL || used > FILE_MAX) {
        free(text);
        return NULL;
    }
    text[used] = '\0';
    return text;
}

/* The value of NAME= in a file of logind, NULL without one; cuts the file's text there. */
static char *value_of(char *text, const char *name)
{
    size_t length = strlen(name);
    for (char *line = text; line != NULL && *line != '\0';) {
        char *next = strchr(line, '\n');
        if (strncmp(line, name, length) == 0 && line[length] == '=') {
            if (next != NULL)
                *next = '\0';
            return line + length + 1;
        }
        line = next == NULL ? NULL : next + 1;
    }
    return NULL;
}

static bool has_value(const char *path, const char *name, const char *wanted)
{
    char *text = read_file(path);
    char *value = text == NULL ? NULL : value_of(text, name);
    bool same = value != NULL && strcmp(value, wanted) == 0;
    free(text);
    return same;
}

static bool is_plain(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    return length > 0 && length < 32 && name[length] == '\0';
}

/* A session of this id is known to be on this machine. */
static bool session_is_local(const char *sessions, const char *id)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", sessions, id);
    return length > 0 && (size_t)length < sizeof path && has_value(path, "REMOTE", "0");
}

/* Some active session of this user is on this machine: for programs started by the user's own service manager. */
static bool user_is_here(const char *sessions, const char *uid)
{
    DIR *folder = opendir(sessions);
    struct dirent *entry;
    bool here = false;
    if (folder == NULL)
        return false;
    for (int count = 0; !here && count < SESSIONS_MAX && (entry = readdir(folder)) != NULL; count++) {
        char path[PATH_MAX];
        if (!is_plain(entry->d_name))
            continue;
        int length = snprintf(path, sizeof path, "%s/%s", sessions, entry->d_name);
        here = length > 0 && (size_t)length < sizeof path && has_value(path, "UID", uid) &&
               has_value(path, "ACTIVE", "1") && has_value(path, "REMOTE", "0");
    }
    (void)closedir(folder);
    return here;
}

/* The part of a cgroup path between a prefix and a suffix, as "5" of ".../session-5.scope"; false without one. */
static bool unit_part(const char *cgroup, const char *prefix, const char *suffix, char *part, size_t size)
{
    const char *found = cgroup;
    while ((found = strstr(found, prefix)) != NULL) {
        const char *begin = found + strlen(prefix);
        size_t length = strcspn(begin, "/.\n");
        if (length > 0 && length < size && strncmp(begin + length, suffix, strlen(suffix)) == 0) {
            memcpy(part, begin, length);
            part[length] = '\0';
            return is_plain(part);
        }
        found = begin;
    }
    return false;
}

static bool remote_session(const char *proc, const char *sessions)
{
    char path[PATH_MAX], id[32];
    bool remote = false;
    if (access(sessions, F_OK) != 0)
        return errno != ENOENT; /* no logind here */
    int length = snprintf(path, sizeof path, "%s/self/cgroup", proc);
    char *cgroup = length > 0 && (size_t)length < sizeof path ? read_file(path) : NULL;
    if (cgroup == NULL)
        return true;
    if (unit_part(cgroup, "/session-", ".scope", id, sizeof id))
        remote = !session_is_local(sessions, id);
    else if (unit_part(cgroup, "/user@", ".service", id, sizeof id))
        remote = !user_is_here(sessions, id);
    free(cgroup);
    return remote;
}

/* The parent of a process and whether it is such a server; false if that cannot be read. */
static bool look_at(const char *proc, const char *pid, long *parent, bool *server)
{
    char path[PATH_MAX], target[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s/stat", proc, pid);
    char *stat = length > 0 && (size_t)length < sizeof path ? read_file(path) : NULL;
    char *open_bracket = stat == NULL ? NULL : strchr(stat, '(');
    char *close_bracket = stat == NULL ? NULL : strrchr(stat, ')');
    bool good = false;
    if (open_bracket != NULL && close_bracket != NULL && open_bracket < close_bracket) {
        char state;
        good = sscanf(close_bracket + 1, " %c %ld", &state, parent) == 2;
        *close_bracket = '\0';
        *server = is_server(open_bracket + 1);
    }
    free(stat);
    if (!good)
        return false;
    /* a process may rename itself but not its program; only root may look at those of others */
    length = snprintf(path, sizeof path, "%s/%s/exe", proc, pid);
    ssize_t count = length > 0 && (size_t)length < sizeof path ? readlink(path, target, sizeof target - 1) : -1;
    if (count > 0) {
        target[count] = '\0';
        char *deleted = strstr(target, " (deleted)"); /* replaced by an upgrade while it runs */
        if (deleted != NULL)
            *deleted = '\0';
        const char *slash = strrchr(target, '/');
        *server = *server || is_server(slash == NULL ? target : slash + 1);
    }
    return true;
}

static bool remote_ancestor(const char *proc)
{
    char pid[24] = "self";
    for (int count = 0; count < ANCESTORS_MAX; count++) {
        long parent = 0;
        bool server = false;
        if (!look_at(proc, pid, &parent, &server) || server)
            return true;
        if (parent <= 0) /* the first process, of the machine or of a container */
            return false;
        (void)snprintf(pid, sizeof pid, "%ld", parent);
    }
    return true;
}

bool remote_process(const char *proc, const char *sessions)
{
    return remote_ancestor(proc) || remote_session(proc, sessions);
}

bool remote_host(const char *host)
{
    static const char *const here[] = {"", "localhost", "localhost.localdomain", "127.0.0.1", "::1"};
    if (host == NULL)
        return false;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        if (strcmp(host, here[i]) == 0)
            return false;
    return true;
}

bool remote_terminal(const char *terminal)
{
    if (terminal == NULL)
        return false;
    if (strcmp(terminal, "ssh") == 0)
        return true;
    /* X displays name their host: "other:0", not ":0" or "unix:0" */
    const char *colon = strchr(terminal, ':');
    return colon != NULL && colon != terminal && strncmp(terminal, "unix:", 5) != 0 && strchr(terminal, '/') == NULL;
}
