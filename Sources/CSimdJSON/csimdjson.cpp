#include "csimdjson.h"
#include <new>
#include <simdjson.h>

struct csj_parser {
    simdjson::dom::parser parser;
    size_t maximum_depth;
};

static csj_status status_of(simdjson::error_code error) {
    switch (error) {
    case simdjson::SUCCESS: return CSJ_OK;
    case simdjson::UTF8_ERROR: return CSJ_INVALID_UTF8;
    case simdjson::DEPTH_ERROR: return CSJ_TOO_DEEP;
    case simdjson::EMPTY: return CSJ_EMPTY;
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE: return CSJ_BAD_NUMBER;
    case simdjson::STRING_ERROR:
    case simdjson::UNESCAPED_CHARS: return CSJ_BAD_STRING;
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC: return CSJ_TOO_LARGE;
    default: return CSJ_NOT_JSON;
    }
}

extern "C" {

csj_parser *csj_parser_new(size_t maximum_depth) {
    csj_parser *made = new (std::nothrow) csj_parser;
    if (made == nullptr) return nullptr;
    // simdjson refuses a document whose depth reaches its limit, so ours is one less.
    made->maximum_depth = maximum_depth + 1;
    if (made->parser.allocate(4096, made->maximum_depth) != simdjson::SUCCESS) {
        delete made;
        return nullptr;
    }
    return made;
}

void csj_parser_free(csj_parser *parser) { delete parser; }

csj_status csj_parse(csj_parser *self, const uint8_t *bytes, size_t length, csj_document *document) {
    if (length == 0) return CSJ_EMPTY;
    simdjson::dom::element root;
    simdjson::error_code error = self->parser.parse(bytes, length, true).get(root);
    if (error != simdjson::SUCCESS) return status_of(error);
    document->tape = self->parser.doc.tape.get();
    document->strings = self->parser.doc.string_buf.get();
    document->structurals = self->parser.implementation->structural_indexes.get();
    document->structural_count = self->parser.implementation->n_structural_indexes;
    return CSJ_OK;
}

size_t csj_parser_capacity(const csj_parser *self) { return self->parser.capacity(); }
}
