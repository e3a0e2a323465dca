#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

#include <sys/prctl.h>

// prctl(2) is variadic, which Swift cannot call, and its header is not in Swift's Glibc module.

// Makes this process the parent of every orphan among its descendants; -1 and errno when that fails.
static inline int clinux_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

#endif
