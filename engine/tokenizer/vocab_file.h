// The vocabulary that a model file carries in its tokenizer.ggml.* metadata. A copy: the file may go away.
// Any thread.
#pragma once
#include "engine/gguf/file.h"
#include "engine/result.h"
#include "engine/tokenizer/tokenizer.h"

namespace sluice::tokenizer {

// Errors name file and key. What the lists contain is checked by Tokenizer::make.
Result<VocabData> read_vocab(const gguf::File& file);

}  // namespace sluice::tokenizer
