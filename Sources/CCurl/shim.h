#include <curl/curl.h>

// libcurl's setters and getters are variadic, which Swift cannot call: one function for each kind of argument.

typedef size_t (*mesh_curl_data_function)(char *data, size_t size, size_t count, void *context);
typedef curl_socket_t (*mesh_curl_socket_function)(void *context, curlsocktype purpose, struct curl_sockaddr *address);

static inline CURLcode mesh_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode mesh_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode mesh_curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode mesh_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode mesh_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode mesh_curl_set_data_function(CURL *handle, CURLoption option, mesh_curl_data_function value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode mesh_curl_set_socket_function(CURL *handle, CURLoption option, mesh_curl_socket_function value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode mesh_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode mesh_curl_get_size(CURL *handle, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode mesh_curl_get_string(CURL *handle, CURLINFO info, char **value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLMcode mesh_curl_multi_set_long(CURLM *handle, CURLMoption option, long value) {
    return curl_multi_setopt(handle, option, value);
}
static inline const struct sockaddr *mesh_curl_address(const struct curl_sockaddr *address) {
    return &address->addr;
}
// The result code of a finished transfer: the union in CURLMsg is awkward to read from Swift.
static inline CURLcode mesh_curl_message_result(const CURLMsg *message) {
    return message->data.result;
}
