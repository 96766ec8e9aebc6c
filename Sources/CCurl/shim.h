#pragma once
#include <curl/curl.h>

// `curl_easy_setopt` and `curl_easy_getinfo` are variadic, which Swift cannot call: one shim per argument type.
// The caller pairs option and type; curl copies strings, but not lists, MIME trees or pointers.

static inline CURLcode em_curl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode em_curl_set_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode em_curl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode em_curl_set_mime(CURL *easy, curl_mime *mime) {
    return curl_easy_setopt(easy, CURLOPT_MIMEPOST, mime);
}
static inline CURLcode em_curl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

/// Called with every line the server answers.
typedef size_t (*em_curl_line_callback)(char *bytes, size_t size, size_t count, void *context);
static inline CURLcode em_curl_set_line_callback(CURL *easy, em_curl_line_callback callback, void *context) {
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, context);
    return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, callback);
}

/// Called about once a second and whenever bytes move; anything but 0 ends the transfer.
static inline CURLcode em_curl_set_progress_callback(CURL *easy, curl_xferinfo_callback callback, void *context) {
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, context);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    return curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, callback);
}

/// Called with everything that is sent and received, whatever `data` says of it.
static inline CURLcode em_curl_set_debug_callback(CURL *easy, curl_debug_callback callback, void *context) {
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, context);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    return curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, callback);
}

static inline long em_curl_get_long(CURL *easy, CURLINFO info) {
    long value = 0;
    curl_easy_getinfo(easy, info, &value);
    return value;
}

/// Called with the answer's body, piece by piece; anything but `size * count` ends the transfer.
static inline CURLcode em_curl_set_write_callback(CURL *easy, curl_write_callback callback, void *context) {
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
    return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, callback);
}

/// Called with the address of every connection to be made, names looked up; opens the socket, or refuses with -1.
static inline CURLcode em_curl_set_socket_callback(CURL *easy, curl_opensocket_callback callback, void *context) {
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, context);
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, callback);
}
/// The whole address of any family: `curl_sockaddr.addr` is only as long as the shortest.
static inline const void *em_curl_address(const struct curl_sockaddr *address) { return &address->addr; }

/// A POST with these bytes, which are copied.
static inline CURLcode em_curl_set_body(CURL *easy, const void *bytes, curl_off_t count) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, count);
    return curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, bytes);
}

/// Seconds that a Retry-After asks for, as a number or a date; 0 without one.
static inline long long em_curl_get_retry_after(CURL *easy) {
    curl_off_t value = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &value);
    return (long long)value;
}

static inline CURLMcode em_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}
