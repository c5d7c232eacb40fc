/* Tells the service manager how we are (the sd_notify protocol: datagrams to the socket that $NOTIFY_SOCKET names;
 * https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html). */
#ifndef PL_APP_NOTIFY_H
#define PL_APP_NOTIFY_H

/* Sends `state`, e.g. "READY=1"; does nothing when no service manager asked for it. */
void pl_notify(const char *state);

#endif
