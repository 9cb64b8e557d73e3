#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A JSON Schema as valijson reads it: the oracle that our own schemas are compared with. Only tests link it.
typedef struct cvj_schema cvj_schema;

/// Whether libvalijson-dev was there when this was compiled.
int cvj_is_available(void);
/// NULL when the text is no schema that valijson reads.
cvj_schema *cvj_schema_new(const char *text, size_t length);
void cvj_schema_free(cvj_schema *schema);
/// 1: the document fits, 0: it does not, -1: it is not JSON.
int cvj_validate(const cvj_schema *schema, const char *text, size_t length);

#ifdef __cplusplus
}
#endif
