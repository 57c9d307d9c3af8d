// The escapes of a regular expression: what begins with a backslash. Pure; any thread.
#pragma once
#include <cstdint>

#include "engine/grammar/source.h"
#include "engine/grammar/utf8_class.h"
#include "engine/result.h"

namespace sluice::grammar {

enum class Within : uint8_t { text, plain_class, negated_class };

// Takes an escape; the source is at its backslash. Errors: invalid_request, without the place.
Result<CodePoints> take_regex_escape(Source& source, Within within);

}  // namespace sluice::grammar
