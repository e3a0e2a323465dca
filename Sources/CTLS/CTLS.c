#include "CTLS.h"

#include <dlfcn.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#define FUNCTIONS(each) \
  each(OPENSSL_init_ssl) each(TLS_client_method) \
  each(SSL_CTX_new) each(SSL_CTX_free) each(SSL_CTX_ctrl) each(SSL_CTX_set_options) each(SSL_CTX_set_verify) \
  each(SSL_CTX_set_default_passwd_cb) each(SSL_CTX_set_default_verify_paths) each(SSL_CTX_load_verify_file) \
  each(SSL_CTX_use_certificate_chain_file) each(SSL_CTX_use_PrivateKey_file) \
  each(SSL_new) each(SSL_free) each(SSL_ctrl) each(SSL_get0_param) each(SSL_set_hostflags) each(SSL_set1_host) \
  each(SSL_set_bio) each(SSL_get_rbio) each(SSL_get_wbio) each(SSL_set_connect_state) \
  each(SSL_do_handshake) each(SSL_read) each(SSL_write) each(SSL_shutdown) each(SSL_get_error) \
  each(SSL_get_verify_result) \
  each(BIO_new) each(BIO_s_mem) each(BIO_free) each(BIO_read) each(BIO_write) each(BIO_ctrl_pending) \
  each(ERR_clear_error) each(ERR_peek_error) each(ERR_reason_error_string) \
  each(X509_VERIFY_PARAM_set1_ip_asc) each(X509_verify_cert_error_string)

static struct {
#define POINTER(name) __typeof__(name) *name;
  FUNCTIONS(POINTER)
} tls;

const char *ctls_find(void *library) {
  // Those of libcrypto, on which libssl depends, are found as well.
#define FIND(name) \
  tls.name = (__typeof__(tls.name))dlsym(library, #name); \
  if (!tls.name) return #name;
  FUNCTIONS(FIND)
  return NULL;
}

int ctls_initialize(void) { return tls.OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL); }

// Without it OpenSSL asks for the passphrase of a key at the terminal.
static int no_passphrase(char *buffer, int size, int is_writing, void *data) {
  (void)buffer, (void)size, (void)is_writing, (void)data;
  return -1;
}

SSL_CTX *ctls_context(void) {
  tls.ERR_clear_error();
  SSL_CTX *context = tls.SSL_CTX_new(tls.TLS_client_method());
  if (!context) return NULL;
  long oldest = tls.SSL_CTX_ctrl(context, SSL_CTRL_GET_MIN_PROTO_VERSION, 0, NULL);
  if (oldest < TLS1_2_VERSION && !tls.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL)) {
    tls.SSL_CTX_free(context);
    return NULL;
  }
  tls.SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  tls.SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  tls.SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  return context;
}

void ctls_context_free(SSL_CTX *context) { tls.SSL_CTX_free(context); }

int ctls_trust(SSL_CTX *context, const char *file) {
  tls.ERR_clear_error();
  return file ? tls.SSL_CTX_load_verify_file(context, file) : tls.SSL_CTX_set_default_verify_paths(context);
}

int ctls_use_certificate(SSL_CTX *context, const char *file) {
  tls.ERR_clear_error();
  return tls.SSL_CTX_use_certificate_chain_file(context, file);
}

int ctls_use_key(SSL_CTX *context, const char *file) {
  tls.ERR_clear_error();
  return tls.SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM);
}

static int set_host(SSL *session, const char *host) {
  X509_VERIFY_PARAM *rules = tls.SSL_get0_param(session);
  // It is no numeric address if this fails.
  if (tls.X509_VERIFY_PARAM_set1_ip_asc(rules, host)) return 1;
  tls.SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return tls.SSL_set1_host(session, host)
    && tls.SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)host) == 1;
}

SSL *ctls_session(SSL_CTX *context, const char *host) {
  tls.ERR_clear_error();
  SSL *session = tls.SSL_new(context);
  if (!session) return NULL;
  BIO *received = tls.BIO_new(tls.BIO_s_mem());
  BIO *pending = tls.BIO_new(tls.BIO_s_mem());
  if (!received || !pending) {
    tls.BIO_free(received);
    tls.BIO_free(pending);
    tls.SSL_free(session);
    return NULL;
  }
  tls.SSL_set_bio(session, received, pending);
  tls.SSL_set_connect_state(session);
  if (set_host(session, host)) return session;
  tls.SSL_free(session);
  return NULL;
}

void ctls_session_free(SSL *session) { tls.SSL_free(session); }

int ctls_handshake(SSL *session) {
  tls.ERR_clear_error();
  return tls.SSL_do_handshake(session);
}

int ctls_read(SSL *session, void *bytes, int count) {
  tls.ERR_clear_error();
  return tls.SSL_read(session, bytes, count);
}

int ctls_write(SSL *session, const void *bytes, int count) {
  tls.ERR_clear_error();
  return tls.SSL_write(session, bytes, count);
}

void ctls_close(SSL *session) {
  tls.ERR_clear_error();
  (void)tls.SSL_shutdown(session);
}

int ctls_status(SSL *session, int result) { return tls.SSL_get_error(session, result); }

int ctls_put(SSL *session, const void *bytes, int count) {
  return tls.BIO_write(tls.SSL_get_rbio(session), bytes, count);
}

size_t ctls_pending(SSL *session) { return tls.BIO_ctrl_pending(tls.SSL_get_wbio(session)); }

int ctls_take(SSL *session, void *bytes, int count) {
  int taken = tls.BIO_read(tls.SSL_get_wbio(session), bytes, count);
  return taken > 0 ? taken : 0;
}

int ctls_reason(void) {
  unsigned long error = tls.ERR_peek_error();
  return ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
}

const char *ctls_reason_text(void) {
  unsigned long error = tls.ERR_peek_error();
  if (!error) return NULL;
  // A system call has failed, such as the one that opens a file.
  return ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) : tls.ERR_reason_error_string(error);
}

long ctls_verdict(SSL *session) { return tls.SSL_get_verify_result(session); }
const char *ctls_verdict_text(long verdict) { return tls.X509_verify_cert_error_string(verdict); }
