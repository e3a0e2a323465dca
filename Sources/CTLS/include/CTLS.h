// TLS as a client, by OpenSSL's libssl, which the process loads itself instead of being linked against it: only a
// process that speaks TLS to Redis pays for it.
//
// A session does no input or output. The bytes for the peer are taken out of it, those of the peer are put into it.
#ifndef CTLS_H
#define CTLS_H

#include <openssl/ssl.h>

// Finds the functions in a library that `dlopen` has loaded; none of the others may be called before that.
// Returns the name of the first function that is missing; NULL when all are there.
const char *ctls_find(void *library);
// Prepares the library. It frees nothing when the process ends, since other threads may still be using it.
// Returns 1 if that has succeeded. So do the other functions, unless they say otherwise.
int ctls_initialize(void);

// A client's context: TLS 1.2 or newer, or what the host's openssl.cnf demands beyond that; the peer's certificate is
// verified. NULL when it cannot be made.
SSL_CTX *ctls_context(void);
void ctls_context_free(SSL_CTX *context);
// Trusts the authorities in a PEM file and no others; with NULL those of the system.
int ctls_trust(SSL_CTX *context, const char *file);
// Sets the client's certificate, and the certificates between it and an authority, from a PEM file.
int ctls_use_certificate(SSL_CTX *context, const char *file);
// Sets the certificate's key from a PEM file without a passphrase.
int ctls_use_key(SSL_CTX *context, const char *file);

// A session that accepts a certificate of this host only, which is a name or a numeric address. NULL when it cannot be
// made. It keeps its context alive.
SSL *ctls_session(SSL_CTX *context, const char *host);
void ctls_session_free(SSL *session);

// Continue the handshake, decrypt, and encrypt. What they return is for `ctls_status`.
int ctls_handshake(SSL *session);
int ctls_read(SSL *session, void *bytes, int count);
int ctls_write(SSL *session, const void *bytes, int count);
// Adds a close_notify to the bytes for the peer.
void ctls_close(SSL *session);
// What the last of these calls has come to: one of SSL_ERROR_NONE, SSL_ERROR_WANT_READ, SSL_ERROR_ZERO_RETURN, ...
int ctls_status(SSL *session, int result);

// Puts bytes of the peer in. Returns how many were taken: all, or none for a lack of memory.
int ctls_put(SSL *session, const void *bytes, int count);
// How many bytes there are for the peer.
size_t ctls_pending(SSL *session);
// Takes bytes for the peer out. Returns how many.
int ctls_take(SSL *session, void *bytes, int count);

// The reason code (SSL_R_…) of the first error of the calling thread's last call; 0 if there is none of TLS.
int ctls_reason(void);
// The same in words; NULL if it has none.
const char *ctls_reason_text(void);
// The result of the verification of the peer's certificate (X509_V_…), and one in words.
long ctls_verdict(SSL *session);
const char *ctls_verdict_text(long verdict);

#endif
