#ifndef CFASTCGI_SHIM_H
#define CFASTCGI_SHIM_H

/* libfcgi, and the Linux calls that Swift's Glibc module leaves out. No logic. */
#include <stdarg.h>
#include <sys/types.h>
#include <fcgiapp.h>

#include <sys/epoll.h>

/* glibc declares this only under _GNU_SOURCE, which Swift's importer does not set. */
#ifndef _GNU_SOURCE
struct sockaddr;
extern int accept4(int descriptor, struct sockaddr *address, unsigned int *length, int flags);
#endif

#endif
