// The escapes of a regular expression: what begins with a backslash. Pure; any thread.
#pragma once
#include "engine/grammar/source.h"
#include "engine/grammar/utf8_class.h"
#include "engine/result.h"

namespace sluice::grammar {

// Takes an escape; `widest`: \d and the like are all that they are to any dialect, not what they are to every
// one; the source is at its backslash. Errors: invalid_request, without the place.
Result<CodePoints> take_regex_escape(Source& source, bool in_class, bool widest);

}  // namespace sluice::grammar
