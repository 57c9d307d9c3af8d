// A model without weights that says what a script has it say, in the tokens that the script chooses. It keeps
// the tokens in the slots of the KV cache, so it reads the whole conversation whatever of it was cached.
// Where a grammar forbids the scripted token it offers others that end a JSON or XML value soon.
#pragma once
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/model/model.h"
#include "engine/tokenizer/tokenizer.h"
#include "tests/support/script.h"

namespace sluice::test {

// 256 bytes, the control tokens, the tags, and room for pieces of several bytes, which get their tokens when
// a script first says them. Prompts are bytes and tags alone.
class ScriptedTokenizer final : public tokenizer::Tokenizer {
  public:
    static constexpr int32_t kEndOfText = 256, kImStart = 257, kImEnd = 258, kFirstTag = 259;
    static constexpr int32_t kFirstPiece = 263, kVocab = kFirstPiece + (1 << 14);

    ScriptedTokenizer();

    std::vector<int32_t> encode(std::string_view text, std::string_view from_user) const override;
    std::string_view bytes(int32_t token, bool keep_control) const override;
    int32_t vocab_size() const override { return kVocab; }
    bool is_control(int32_t token) const override { return token >= kEndOfText && token < kFirstTag; }
    std::span<const int32_t> end_tokens() const override { return ends_; }
    int32_t bos() const override { return -1; }
    bool add_bos() const override { return false; }
    int32_t find(std::string_view text) const override;

    // The token of a piece, made if there is room; else the token of its first byte. One thread at a time.
    int32_t piece(std::string_view text);

  private:
    std::vector<std::string> fixed_;
    std::vector<std::atomic<const std::string*>> pieces_;  // read by any thread while piece() adds
    std::unordered_map<std::string, int32_t> ids_;         // the map's keys are what pieces_ points to
    const std::vector<int32_t> ends_{kEndOfText, kImEnd};
};

class ScriptedModel final : public model::Model {
  public:
    ScriptedModel(std::shared_ptr<ScriptedTokenizer> tokenizer, Script script, int32_t blocks, int delay_ms);

    int32_t vocab() const override { return ScriptedTokenizer::kVocab; }
    std::span<float> forward(const model::Batch& batch) override;
    void copy_block(int32_t from, int32_t to) override;
    kernels::Backend& backend() override { return *backend_; }

  private:
    Conversation read(const model::Batch& batch, size_t row) const;
    int say(Conversation conversation, int32_t position, std::span<float> logits);

    const std::shared_ptr<ScriptedTokenizer> tokenizer_;
    const Script script_;
    const int delay_ms_;
    const std::unique_ptr<kernels::Backend> backend_ = kernels::make_reference_backend();
    std::vector<int32_t> slots_;
    std::vector<float> logits_;
};

}  // namespace sluice::test
