// hiredis, and what the event loop around it needs that Swift's Glibc module leaves out.
#pragma once

#include <hiredis/hiredis.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

// Asks how many bytes written to a socket its peer has not taken. ioctl is variadic, which Swift cannot call.
static inline int get_unsent(int descriptor, int *bytes) {
  return ioctl(descriptor, SIOCOUTQ, bytes);
}

// Names the calling thread; the kernel keeps 15 bytes. prctl is variadic, which Swift cannot call.
static inline int set_thread_name(const char *name) {
  return prctl(PR_SET_NAME, name);
}
