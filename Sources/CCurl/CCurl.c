#include "CCurl.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

#define FUNCTIONS(each) \
  each(global_init) each(version_info) each(free) \
  each(easy_init) each(easy_cleanup) each(easy_setopt) each(easy_getinfo) each(easy_pause) each(easy_nextheader) \
  each(easy_strerror) each(slist_append) each(slist_free_all) \
  each(multi_init) each(multi_cleanup) each(multi_setopt) each(multi_add_handle) each(multi_remove_handle) \
  each(multi_socket_action) each(multi_timeout) each(multi_info_read) each(multi_strerror) \
  each(url) each(url_cleanup) each(url_set) each(url_get) each(url_strerror)

static struct {
#define POINTER(name) __typeof__(curl_##name) *name;
  FUNCTIONS(POINTER)
} curl;

const char *ccurl_find(void *library) {
#define FIND(name) \
  curl.name = (__typeof__(curl.name))dlsym(library, "curl_" #name); \
  if (!curl.name) return "curl_" #name;
  FUNCTIONS(FIND)
  return NULL;
}

CURLcode ccurl_global_init(long flags) { return curl.global_init(flags); }
curl_version_info_data *ccurl_version_info(CURLversion age) { return curl.version_info(age); }
void ccurl_free(void *text) { curl.free(text); }

CURL *ccurl_easy_init(void) { return curl.easy_init(); }
void ccurl_easy_cleanup(CURL *easy) { curl.easy_cleanup(easy); }
CURLcode ccurl_easy_pause(CURL *easy, int directions) { return curl.easy_pause(easy, directions); }
struct curl_header *ccurl_easy_nextheader(CURL *easy, unsigned int origin, int request, struct curl_header *previous) {
  return curl.easy_nextheader(easy, origin, request, previous);
}
const char *ccurl_easy_strerror(CURLcode code) { return curl.easy_strerror(code); }

struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text) {
  return curl.slist_append(list, text);
}
void ccurl_slist_free_all(struct curl_slist *list) { curl.slist_free_all(list); }

CURLM *ccurl_multi_init(void) { return curl.multi_init(); }
CURLMcode ccurl_multi_cleanup(CURLM *multi) { return curl.multi_cleanup(multi); }
CURLMcode ccurl_multi_add_handle(CURLM *multi, CURL *easy) { return curl.multi_add_handle(multi, easy); }
CURLMcode ccurl_multi_remove_handle(CURLM *multi, CURL *easy) { return curl.multi_remove_handle(multi, easy); }
CURLMcode ccurl_multi_socket_action(CURLM *multi, curl_socket_t socket, int events, int *running) {
  return curl.multi_socket_action(multi, socket, events, running);
}
CURLMcode ccurl_multi_timeout(CURLM *multi, long *milliseconds) { return curl.multi_timeout(multi, milliseconds); }
CURLMsg *ccurl_multi_info_read(CURLM *multi, int *left) { return curl.multi_info_read(multi, left); }
const char *ccurl_multi_strerror(CURLMcode code) { return curl.multi_strerror(code); }

CURLU *ccurl_url(void) { return curl.url(); }
void ccurl_url_cleanup(CURLU *url) { curl.url_cleanup(url); }
CURLUcode ccurl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned int flags) {
  return curl.url_set(url, part, text, flags);
}
// 7.88 declares the handle without const, 8 with it.
CURLUcode ccurl_url_get(CURLU *url, CURLUPart part, char **text, unsigned int flags) {
  return curl.url_get(url, part, text, flags);
}
const char *ccurl_url_strerror(CURLUcode code) { return curl.url_strerror(code); }

CURLcode ccurl_easy_setopt_long(CURL *easy, CURLoption option, long value) {
  return curl.easy_setopt(easy, option, value);
}
CURLcode ccurl_easy_setopt_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return curl.easy_setopt(easy, option, value);
}
CURLcode ccurl_easy_setopt_string(CURL *easy, CURLoption option, const char *value) {
  return curl.easy_setopt(easy, option, value);
}
CURLcode ccurl_easy_setopt_pointer(CURL *easy, CURLoption option, const void *value) {
  return curl.easy_setopt(easy, option, value);
}
CURLcode ccurl_easy_setopt_callback(CURL *easy, CURLoption option, curl_write_callback value) {
  return curl.easy_setopt(easy, option, value);
}
CURLcode ccurl_easy_setopt_opensocket(CURL *easy, curl_opensocket_callback value) {
  return curl.easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, value);
}
CURLcode ccurl_easy_getinfo_long(CURL *easy, CURLINFO info, long *value) {
  return curl.easy_getinfo(easy, info, value);
}
CURLcode ccurl_easy_getinfo_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
  return curl.easy_getinfo(easy, info, value);
}
CURLMcode ccurl_multi_setopt_long(CURLM *multi, CURLMoption option, long value) {
  return curl.multi_setopt(multi, option, value);
}
CURLMcode ccurl_multi_set_callbacks(
    CURLM *multi, curl_socket_callback watch, curl_multi_timer_callback wait, void *data) {
  CURLMcode code = curl.multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
  if (code == CURLM_OK) code = curl.multi_setopt(multi, CURLMOPT_SOCKETDATA, data);
  if (code == CURLM_OK) code = curl.multi_setopt(multi, CURLMOPT_TIMERFUNCTION, wait);
  if (code == CURLM_OK) code = curl.multi_setopt(multi, CURLMOPT_TIMERDATA, data);
  return code;
}

static int prepare_socket(void *milliseconds, curl_socket_t socket, curlsocktype purpose) {
  unsigned int limit = (unsigned int)(uintptr_t)milliseconds;
  (void)fcntl(socket, F_SETFD, FD_CLOEXEC);
  if (purpose == CURLSOCKTYPE_IPCXN) (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
  return CURL_SOCKOPT_OK;
}

CURLcode ccurl_easy_set_user_timeout(CURL *easy, unsigned int milliseconds) {
  CURLcode code = curl.easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, prepare_socket);
  if (code != CURLE_OK) return code;
  return curl.easy_setopt(easy, CURLOPT_SOCKOPTDATA, (void *)(uintptr_t)milliseconds);
}
