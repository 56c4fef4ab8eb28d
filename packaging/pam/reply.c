/* The strict parser of the daemon's replies. It allocates nothing and never reads past the given length. */
#include "reply.h"

#include <stdint.h>
#include <string.h>

struct input {
    const unsigned char *at;
    const unsigned char *end;
};

static void skip_space(struct input *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t'))
        in->at++;
}

static bool take(struct input *in, char wanted)
{
    if (in->at >= in->end || *in->at != (unsigned char)wanted)
        return false;
    in->at++;
    return true;
}

static bool take_word(struct input *in, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(in->end - in->at) < length || memcmp(in->at, word, length) != 0)
        return false;
    in->at += length;
    return true;
}

/* Whether a person may be shown this character: no control, no direction override, no private or unassigned plane. */
static bool presentable(uint32_t point)
{
    if (point < 0x20 || (point >= 0x7f && point < 0xa0))
        return false;
    if ((point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
        (point >= 0x2060 && point <= 0x206f) || point == 0x061c || point == 0xfeff)
        return false;
    if ((point >= 0xd800 && point <= 0xf8ff) || (point & 0xfffe) == 0xfffe)
        return false;
    return point < 0x20000;
}

static bool hex4(struct input *in, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        if (in->at >= in->end)
            return false;
        unsigned char c = *in->at++;
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10U;
        else if (c >= 'A' && c <= 'F')
            digit = c - 'A' + 10U;
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

static bool take_escape(struct input *in, uint32_t *point)
{
    if (in->at >= in->end)
        return false;
    unsigned char c = *in->at++;
    uint32_t low;
    switch (c) {
    case '"':
    case '\\':
    case '/':
        *point = c;
        return true;
    case 'u':
        if (!hex4(in, point))
            return false;
        if (*point < 0xd800 || *point > 0xdbff)
            return true; /* a lone low surrogate is not presentable */
        if (!take(in, '\\') || !take(in, 'u') || !hex4(in, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
        return true;
    default: /* \b \f \n \r \t are control characters, and the rest is no JSON */
        return false;
    }
}

/* RFC 3629: shortest form only. */
static bool take_utf8(struct input *in, uint32_t *point)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    unsigned char c = *in->at++;
    int more;
    if (c < 0x80) {
        *point = c;
        return true;
    }
    if (c >= 0xc2 && c < 0xe0) {
        more = 1;
        *point = c & 0x1fU;
    } else if (c >= 0xe0 && c < 0xf0) {
        more = 2;
        *point = c & 0x0fU;
    } else if (c >= 0xf0 && c < 0xf5) {
        more = 3;
        *point = c & 0x07U;
    } else {
        return false;
    }
    for (int i = 0; i < more; i++) {
        if (in->at >= in->end || (*in->at & 0xc0) != 0x80)
            return false;
        *point = *point << 6 | (*in->at++ & 0x3fU);
    }
    return *point >= least[more];
}

static size_t encode(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* A text of at most size - 1 bytes; always terminated. */
static bool take_text(struct input *in, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    if (!take(in, '"'))
        return false;
    while (in->at < in->end && *in->at != '"') {
        uint32_t point;
        char bytes[4];
        if (*in->at == '\\') {
            in->at++;
            if (!take_escape(in, &point))
                return false;
        } else if (!take_utf8(in, &point)) {
            return false;
        }
        if (!presentable(point))
            return false;
        size_t length = encode(point, bytes);
        if (length >= size - used)
            return false;
        memcpy(text + used, bytes, length);
        used += length;
        text[used] = '\0';
    }
    return take(in, '"');
}

/* A whole number of up to nine digits; the module needs none, so its value is not kept. */
static bool take_number(struct input *in)
{
    int digits = 0;
    bool zero;
    (void)take(in, '-');
    zero = in->at < in->end && *in->at == '0';
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') {
        in->at++;
        digits++;
    }
    return digits > 0 && digits < 10 && !(zero && digits > 1);
}

static char *text_member(struct reply *reply, const char *name, size_t *size)
{
    struct {
        const char *name;
        char *text;
        size_t size;
    } const members[] = {
        {"type", reply->type, sizeof reply->type},
        {"id", reply->id, sizeof reply->id},
        {"verdict", reply->verdict, sizeof reply->verdict},
        {"code", reply->code, sizeof reply->code},
        {"say", reply->say, sizeof reply->say},
        {"message", reply->message, sizeof reply->message},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].name, name) == 0) {
            *size = members[i].size;
            return members[i].text;
        }
    return NULL;
}

static bool take_member(struct input *in, struct reply *reply, const char *name)
{
    char unused[REPLY_TEXT_MAX];
    size_t size = sizeof unused;
    char *text = text_member(reply, name, &size);
    bool flag = strcmp(name, "after_phrase") == 0;

    if (text != NULL)
        return take_text(in, text, size); /* another type than a text is an error */
    if (take_word(in, "true")) {
        if (flag)
            reply->after_phrase = true;
        return true;
    }
    if (take_word(in, "false"))
        return true;
    if (flag)
        return false;
    if (take_word(in, "null"))
        return true;
    if (in->at < in->end && *in->at == '"')
        return take_text(in, unused, size);
    return take_number(in);
}

static bool parse(struct input *in, struct reply *reply)
{
    char names[REPLY_MEMBERS_MAX][REPLY_NAME_MAX];
    size_t count = 0;

    skip_space(in);
    if (!take(in, '{'))
        return false;
    do {
        if (count == REPLY_MEMBERS_MAX)
            return false;
        skip_space(in);
        if (!take_text(in, names[count], sizeof names[count]))
            return false;
        for (size_t i = 0; i < count; i++)
            if (strcmp(names[i], names[count]) == 0)
                return false;
        skip_space(in);
        if (!take(in, ':'))
            return false;
        skip_space(in);
        if (!take_member(in, reply, names[count]))
            return false;
        count++;
        skip_space(in);
    } while (take(in, ','));
    if (!take(in, '}'))
        return false;
    skip_space(in);
    return in->at == in->end;
}

bool reply_parse(const char *line, size_t length, struct reply *reply)
{
    struct input in = {(const unsigned char *)line, (const unsigned char *)line + length};
    memset(reply, 0, sizeof *reply);
    if (length > REPLY_LINE_MAX || !parse(&in, reply)) {
        memset(reply, 0, sizeof *reply);
        return false;
    }
    return true;
}
