#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

#include <sys/eventfd.h>
#include <sys/prctl.h>

// Linux calls that Swift's Glibc module leaves out. prctl(2) is variadic, which Swift cannot call.

// From sys/timerfd.h, which would take timespec out of Glibc. O_CLOEXEC and O_NONBLOCK are its flags too.
struct itimerspec;
int timerfd_create(int clock, int flags);
int timerfd_settime(int descriptor, int flags, const struct itimerspec *time, struct itimerspec *before);

// Makes this process the parent of every orphan among its descendants; -1 and errno when that fails.
static inline int clinux_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

// Names the calling thread; the kernel keeps 15 bytes.
static inline int clinux_set_thread_name(const char *name) { return prctl(PR_SET_NAME, name); }

#endif
