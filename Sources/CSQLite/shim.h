/* SQLite for Swift: its marker for "make a copy" is a cast, and its settings of a connection take any
   arguments; Swift imports neither. Nothing else. */
#ifndef SIGNALBOX_CSQLITE_SHIM_H
#define SIGNALBOX_CSQLITE_SHIM_H

#include <sqlite3.h>

/* Binds a copy of bytes; a null pointer with no bytes is an empty blob, not NULL. */
static inline int csqlite_bind_blob(sqlite3_stmt *statement, int place, const void *bytes, int count) {
    return sqlite3_bind_blob(statement, place, count == 0 ? "" : bytes, count, SQLITE_TRANSIENT);
}

/* Binds a copy of UTF-8 text. */
static inline int csqlite_bind_text(sqlite3_stmt *statement, int place, const char *text, int count) {
    return sqlite3_bind_text(statement, place, text, count, SQLITE_TRANSIENT);
}

/* Says whether the write-ahead log is left as it is when the connection is closed. */
static inline void csqlite_keep_log_on_close(sqlite3 *database, int keep) {
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep, (int *)0);
}

#endif
