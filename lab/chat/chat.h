/* Chat servers, the people who chat, and the ledger of what was acknowledged.
 *
 * (Being written now, beside the world: lab.c only calls these three.)
 *
 * A chat server acts on its own stored replica of pool state and active list.
 * While its services run and its replica says that it is active it takes
 * clients on DIR/chat/NAME.sock; clients that it has, it keeps until its services
 * stop (pool sheet, trap P10).  A message goes from a client to a server to the
 * store that this server's replica names, over TDS with TLS (FreeTDS), and is
 * acknowledged only when the INSERT is done.  DIR/ledger.jsonl holds a line for
 * each acknowledged message: {id, server, instance, client, sent_ms, acked_ms}.
 *
 * What is where is read from DIR/topology.ini: databases with `fail over` not
 * "no" hold messages, the others compliance events.  The login is `chatsvc`, its
 * password lies in DIR/secrets/chatsvc.secret, the CA in DIR/tls/ca.pem. */
#ifndef SB_LAB_CHAT_CHAT_H
#define SB_LAB_CHAT_CHAT_H

#include <stddef.h>
#include <stdint.h>

/* Starts the chat servers of one site, each in a thread of its own; they end with the process.
 * 0, or -1 with a line on stderr. */
int lab_chat_start (const char *dir, const char *site);

/* A line of the ledger, with its newline, however long the names are; the caller frees it. */
char *lab_ledger_line (const char *id, const char *server, const char *instance, size_t client, int64_t sent_ms,
                       int64_t acked_ms);

/* Starts the people, in a thread; they chat while DIR/traffic.json exists, at its {"rate": messages a second,
 * "clients": N}.  For the process that belongs to no site. */
int lab_traffic_start (const char *dir);

/* `switchback lab traffic start|stop|report --dir DIR [--rate N] [--clients N] [--json] [--point DB:LSN] [--before MS]`,
 * argv[0] is "traffic".  Returns the exit code. */
int lab_traffic_main (int argc, char **argv);

#endif
