/* What the doors of one process share, and what one door is; see door.c. */
#ifndef SB_TDS_HOUSE_H
#define SB_TDS_HOUSE_H

#include "lab/tds/applock.h"
#include "lab/tds/login.h"
#include "lab/tds/session.h"

#include <openssl/ssl.h>
#include <pthread.h>

#define TDS_LOGINS_MAX 256

struct tds_made_login {
    char name[W_NAME], password[W_NAME];
};

struct tds_door {
    const struct lab_door_cfg *cfg;
    SSL_CTX *ssl;
    enum sb_tds_policy policy;
    w_id instance;
    atomic_int listener; /* -1: closed */
    atomic_uint connections;
    pthread_mutex_t lock; /* guards what follows */
    struct tds_session **sessions;
    size_t nsessions, cap;
    struct tds_made_login logins[TDS_LOGINS_MAX]; /* by CREATE LOGIN */
    size_t nlogins;
    struct tds_applocks applocks;
};

/* session.c: serves one client until it is over; owns the descriptor. */
void tds_serve (struct tds_door *door, int fd);

#endif
