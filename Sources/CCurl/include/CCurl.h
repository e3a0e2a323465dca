// libcurl, which the process loads itself instead of being linked against it: the library and those that it needs take
// 3.5 MB of memory, also in a process that sends no request. `ccurl_x` calls `curl_x` of the loaded library.
#ifndef CCURL_H
#define CCURL_H

#include <curl/curl.h>
// What the client's thread waits with; Swift's Glibc module leaves it out.
#include <sys/epoll.h>

// Finds the functions in a library that `dlopen` has loaded; none of the others may be called before that.
// Returns the name of the first function that is missing; NULL when all are there.
const char *ccurl_find(void *library);

CURLcode ccurl_global_init(long flags);
curl_version_info_data *ccurl_version_info(CURLversion age);
void ccurl_free(void *text);

CURL *ccurl_easy_init(void);
void ccurl_easy_cleanup(CURL *easy);
CURLcode ccurl_easy_pause(CURL *easy, int directions);
struct curl_header *ccurl_easy_nextheader(CURL *easy, unsigned int origin, int request, struct curl_header *previous);
const char *ccurl_easy_strerror(CURLcode code);

struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text);
void ccurl_slist_free_all(struct curl_slist *list);

CURLM *ccurl_multi_init(void);
CURLMcode ccurl_multi_cleanup(CURLM *multi);
CURLMcode ccurl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode ccurl_multi_remove_handle(CURLM *multi, CURL *easy);
CURLMcode ccurl_multi_socket_action(CURLM *multi, curl_socket_t socket, int events, int *running);
CURLMcode ccurl_multi_timeout(CURLM *multi, long *milliseconds);
CURLMsg *ccurl_multi_info_read(CURLM *multi, int *left);
const char *ccurl_multi_strerror(CURLMcode code);

CURLU *ccurl_url(void);
void ccurl_url_cleanup(CURLU *url);
CURLUcode ccurl_url_set(CURLU *url, CURLUPart part, const char *text, unsigned int flags);
CURLUcode ccurl_url_get(CURLU *url, CURLUPart part, char **text, unsigned int flags);
const char *ccurl_url_strerror(CURLUcode code);

// Swift cannot call variadic C functions. One typed function for each type of argument that is used, and nothing else.
CURLcode ccurl_easy_setopt_long(CURL *easy, CURLoption option, long value);
CURLcode ccurl_easy_setopt_offset(CURL *easy, CURLoption option, curl_off_t value);
CURLcode ccurl_easy_setopt_string(CURL *easy, CURLoption option, const char *value);
CURLcode ccurl_easy_setopt_pointer(CURL *easy, CURLoption option, const void *value);
CURLcode ccurl_easy_setopt_callback(CURL *easy, CURLoption option, curl_write_callback value);
CURLcode ccurl_easy_setopt_opensocket(CURL *easy, curl_opensocket_callback value);
CURLcode ccurl_easy_getinfo_long(CURL *easy, CURLINFO info, long *value);
CURLcode ccurl_easy_getinfo_offset(CURL *easy, CURLINFO info, curl_off_t *value);
CURLMcode ccurl_multi_setopt_long(CURLM *multi, CURLMoption option, long value);
// Sets what libcurl calls when it wants a socket watched, and when its next timeout changes. Both get the data.
CURLMcode ccurl_multi_set_callbacks(
    CURLM *multi, curl_socket_callback watch, curl_multi_timer_callback wait, void *data);

// Prepares the sockets that libcurl makes: no child process inherits them, which would keep a connection open, and
// TCP_USER_TIMEOUT is set. Where that fails, the system's own timeouts hold.
CURLcode ccurl_easy_set_user_timeout(CURL *easy, unsigned int milliseconds);

#endif
