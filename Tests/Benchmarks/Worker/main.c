/* The bench's worker: a module that costs next to nothing, so that what is measured is the gateway.
 *
 * Reads JSON-RPC requests from stdin, one per line, and answers each with the same JSON; all answers
 * to what one read brought leave with one write. It finds the id by the gateway's own framing
 * ({"jsonrpc":"2.0","id":N,...) and is no example of a module. */
#include <string.h>
#include <unistd.h>

static const char *const before = "{\"jsonrpc\":\"2.0\",\"id\":";
static const char *const after =
    ",\"result\":{\"id\":42,\"name\":\"signalbox\",\"ok\":true,\"values\":[1,2,3,4,5,6,7,8],"
    "\"text\":\"hello from the gateway\"}}\n";

static char input[1 << 20], output[1 << 21];

int main(void) {
    const size_t head = strlen(before), tail = strlen(after);
    size_t held = 0;
    for (;;) {
        ssize_t count = read(0, input + held, sizeof input - held);
        if (count <= 0) return 0;
        held += (size_t)count;
        size_t start = 0, made = 0;
        for (char *end; (end = memchr(input + start, '\n', held - start)) != NULL;) {
            size_t length = (size_t)(end - (input + start));
            const char *id = input + start + head;
            size_t digits = 0;
            if (length > head && memcmp(input + start, before, head) == 0)
                while (id[digits] >= '0' && id[digits] <= '9') digits++;
            if (digits > 0) {
                memcpy(output + made, before, head);
                memcpy(output + made + head, id, digits);
                memcpy(output + made + head + digits, after, tail);
                made += head + digits + tail;
            }
            start += length + 1;
            if (made > sizeof output / 2) break;
        }
        for (size_t sent = 0; sent < made;) {
            ssize_t wrote = write(1, output + sent, made - sent);
            if (wrote <= 0) return 1;
            sent += (size_t)wrote;
        }
        memmove(input, input + start, held - start);
        held -= start;
        if (held == sizeof input) return 1;
    }
}
