/* Reads lines and prints what the strict parser makes of each: for comparison with another parser. */
#include <stdio.h>
#include <string.h>

#include "reply.h"

int main(void)
{
    static char line[65536];
    struct reply reply;
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t length = strcspn(line, "\n");
        if (reply_parse(line, length, &reply))
            printf("ok\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s\x1f%d\n", reply.type, reply.id, reply.verdict, reply.code,
                   reply.say, reply.message, (int)reply.after_phrase);
        else
            puts("bad");
    }
    return 0;
}
