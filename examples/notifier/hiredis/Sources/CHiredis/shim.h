/* What Swift needs of hiredis' headers: the event hooks live in an anonymous struct, and a command
 * is built from words by the variant without a format string. */
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

typedef void (*hiredis_hook)(void *);

static inline void hiredis_set_hooks(
    redisAsyncContext *context, void *data, hiredis_hook add_read, hiredis_hook del_read,
    hiredis_hook add_write, hiredis_hook del_write, hiredis_hook cleanup) {
    context->ev.data = data;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    context->ev.cleanup = cleanup;
}
