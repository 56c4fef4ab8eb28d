/* `whereabouts PROC SESSIONS`, `whereabouts host NAME`, `whereabouts terminal NAME`: prints "remote" or "here". */
#include <stdio.h>
#include <string.h>

#include "remote.h"

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    bool remote;
    if (strcmp(argv[1], "host") == 0)
        remote = remote_host(argv[2]);
    else if (strcmp(argv[1], "terminal") == 0)
        remote = remote_terminal(argv[2]);
    else
        remote = remote_process(argv[1], argv[2]);
    puts(remote ? "remote" : "here");
    return 0;
}
