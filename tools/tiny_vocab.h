// A small byte-level BPE vocabulary that tokenises any text: 256 bytes, some English pieces, ChatML's tokens.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::tools {

struct TinyVocab {
    std::vector<std::string> tokens;  // in GPT-2's byte alphabet
    std::vector<int32_t> types;       // 1 normal, 3 control, 5 unused
    std::vector<std::string> merges;
    int32_t end_of_text, im_start, im_end;
};

// size: padded with unused tokens to so many; less than there are pieces: as many as there are.
TinyVocab tiny_vocab(int32_t size = 0);

// ChatML with tools, tool calls and tool results.
const char* tiny_chat_template();

}  // namespace sluice::tools
