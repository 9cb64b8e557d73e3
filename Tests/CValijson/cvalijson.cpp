#include "cvalijson.h"

#if __has_include(<valijson/validator.hpp>)

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

struct cvj_schema {
    nlohmann::json document;
    valijson::Schema schema;
};

extern "C" {

int cvj_is_available(void) { return 1; }

cvj_schema *cvj_schema_new(const char *text, size_t length) {
    cvj_schema *made = new cvj_schema;
    try {
        made->document = nlohmann::json::parse(text, text + length);
        valijson::SchemaParser parser;
        parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(made->document), made->schema);
        return made;
    } catch (...) {
    }
    delete made;
    return nullptr;
}

void cvj_schema_free(cvj_schema *schema) { delete schema; }

int cvj_validate(const cvj_schema *schema, const char *text, size_t length) {
    try {
        nlohmann::json document = nlohmann::json::parse(text, text + length);
        valijson::Validator validator(valijson::Validator::kStrongTypes);
        return validator.validate(schema->schema, valijson::adapters::NlohmannJsonAdapter(document), nullptr) ? 1 : 0;
    } catch (...) {
        return -1;
    }
}
}

#else

extern "C" {
int cvj_is_available(void) { return 0; }
cvj_schema *cvj_schema_new(const char *, size_t) { return nullptr; }
void cvj_schema_free(cvj_schema *) {}
int cvj_validate(const cvj_schema *, const char *, size_t) { return -1; }
}

#endif
