// hiredis, and what the event loop around it needs that Swift's Glibc module leaves out.
#pragma once

#include <hiredis/hiredis.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

// Asks how many bytes written to a socket its peer has not taken. ioctl is variadic, which Swift cannot call.
static inline int get_unsent(int descriptor, int *bytes) {
  return ioctl(descriptor, SIOCOUTQ, bytes);
}
