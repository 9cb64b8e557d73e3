#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A reusable parser: keeps its buffers from one document to the next. One thread at a time.
typedef struct csj_parser csj_parser;

/// What the last parse of a parser found. Every pointer is valid until the next parse of the same parser, or its end.
typedef struct {
    /// simdjson's tape (its doc/tape.md describes the words); element 1 is the root value.
    const uint64_t *tape;
    /// The strings of the tape: a 32-bit length in native order, the unescaped UTF-8 bytes, a zero byte. Readable for 8 bytes from every start.
    const uint8_t *strings;
    /// Offsets into the input of every bracket, colon, comma and start of a scalar, ascending.
    const uint32_t *structurals;
    uint32_t structural_count;
} csj_document;

typedef enum {
    CSJ_OK = 0,
    CSJ_NOT_JSON = 1,
    CSJ_INVALID_UTF8 = 2,
    CSJ_TOO_DEEP = 3,
    CSJ_EMPTY = 4,
    CSJ_BAD_NUMBER = 5,
    CSJ_BAD_STRING = 6,
    CSJ_TOO_LARGE = 7,
} csj_status;

/// A parser that refuses documents whose arrays and objects are nested more than `maximum_depth` deep. NULL when there is no memory.
csj_parser *csj_parser_new(size_t maximum_depth);
void csj_parser_free(csj_parser *parser);

/// Parses `length` bytes. The input needs no padding and is not kept. `document` is written only on CSJ_OK. Never throws.
csj_status csj_parse(csj_parser *parser, const uint8_t *bytes, size_t length, csj_document *document);

/// The size of the largest document that the parser's buffers hold without growing, in bytes.
size_t csj_parser_capacity(const csj_parser *parser);

#ifdef __cplusplus
}
#endif
