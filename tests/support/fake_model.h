// A model of 261 tokens (256 bytes and 5 control tokens) whose next token is a function of the last two:
// fast, without weights, and steerable by tests. A Gate lets a test count and hold its steps.
#pragma once
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/model/model.h"

namespace sluice::test {

inline constexpr int32_t kImStart = 256, kImEnd = 257, kBos = 258;
inline constexpr int32_t kFakeVocab = 261;

// Holds each forward pass until the test lets it go.
class Gate {
  public:
    void hold() { set(true); }
    void open() { set(false); }
    void allow(int steps) {
        const std::lock_guard lock(mutex_);
        allowed_ += steps;
        changed_.notify_all();
    }
    void pass() {  // engine thread
        std::unique_lock lock(mutex_);
        ++arrived_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !held_ || allowed_ > 0; });
        if (held_) --allowed_;
        ++passed_;
        changed_.notify_all();
    }
    // True when that many passes have been asked for.
    bool wait_arrived(int n, std::chrono::seconds patience = std::chrono::seconds(20)) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, [&] { return arrived_ >= n; });
    }
    int passed() const {
        const std::lock_guard lock(mutex_);
        return passed_;
    }

  private:
    void set(bool held) {
        const std::lock_guard lock(mutex_);
        held_ = held;
        changed_.notify_all();
    }
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false;
    int allowed_ = 0, arrived_ = 0, passed_ = 0;
};

class FakeModel : public model::Model {
  public:
    explicit FakeModel(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}

    int32_t vocab() const override { return kFakeVocab; }
    void copy_block(int32_t, int32_t) override {}
    kernels::Backend& backend() override { return *backend_; }

    // After token t at position p the likeliest by far is the letter (t + p) mod 26; the text never ends by
    // itself.
    std::span<float> forward(const model::Batch& batch) override {
        gate_->pass();
        logits_.assign(batch.logit_rows.size() * kFakeVocab, 0.0f);
        for (size_t r = 0; r < batch.logit_rows.size(); ++r) {
            const auto row = static_cast<size_t>(batch.logit_rows[r]);
            logits_[r * kFakeVocab +
                    static_cast<size_t>(next(batch.tokens[row], batch.where.positions[row]))] = 30;
        }
        return logits_;
    }

    static int32_t next(int32_t token, int32_t position) { return 'a' + (token + position) % 26; }

  private:
    const std::shared_ptr<Gate> gate_;
    const std::unique_ptr<kernels::Backend> backend_ = kernels::make_reference_backend();
    std::vector<float> logits_;
};

class ByteTokenizer : public tokenizer::Tokenizer {
  public:
    ByteTokenizer() {
        for (int i = 0; i < 256; ++i) bytes_.push_back(std::string(1, static_cast<char>(i)));
        for (const char* name : {"<|im_start|>", "<|im_end|>", "<bos>", "<a>", "<b>"})
            bytes_.emplace_back(name);
    }
    std::vector<int32_t> encode(std::string_view text, std::string_view from_user) const override {
        std::vector<int32_t> out;
        for (size_t i = 0; i < text.size();) {
            const int32_t control = control_at(text, from_user, i);
            out.push_back(control >= 0 ? control : static_cast<unsigned char>(text[i]));
            i += control >= 0 ? bytes_[static_cast<size_t>(control)].size() : 1;
        }
        return out;
    }
    std::string_view bytes(int32_t token, bool keep_control) const override {
        if (token < 0 || token >= kFakeVocab || (is_control(token) && !keep_control)) return {};
        return bytes_[static_cast<size_t>(token)];
    }
    int32_t vocab_size() const override { return kFakeVocab; }
    bool is_control(int32_t token) const override { return token >= 256; }
    std::span<const int32_t> end_tokens() const override { return ends_; }
    int32_t bos() const override { return kBos; }
    bool add_bos() const override { return false; }
    int32_t find(std::string_view text) const override {
        const auto it = std::find(bytes_.begin(), bytes_.end(), text);
        return it == bytes_.end() ? -1 : static_cast<int32_t>(it - bytes_.begin());
    }

  private:
    int32_t control_at(std::string_view text, std::string_view from_user, size_t i) const {
        for (int32_t id = 256; id < kFakeVocab; ++id) {
            const std::string& name = bytes_[static_cast<size_t>(id)];
            const bool trusted =
                from_user.empty() || from_user.substr(i, name.size()).find('\1') == std::string_view::npos;
            if (trusted && text.substr(i, name.size()) == name) return id;
        }
        return -1;
    }
    std::vector<std::string> bytes_;
    const std::vector<int32_t> ends_{kImEnd};
};

// ChatML in C++; says after the messages which tools and kwargs it was given.
class ChatMl : public chat::ChatTemplate {
  public:
    Result<chat::RenderedPrompt> render(const chat::TemplateInput& in, const chat::Budget&) const override {
        chat::RenderedPrompt out;
        const auto add = [&](std::string_view text, bool user) {
            out.text += text;
            out.from_user.append(text.size(), user ? '\1' : '\0');
        };
        for (const auto& value : in.messages) {
            const auto& message = value.as_object();
            add("<|im_start|>", false);
            add(std::string(message.at("role").as_string()) + "\n", false);
            add(std::string(message.at("content").as_string()), true);
            if (message.contains("tool_calls")) add(boost::json::serialize(message.at("tool_calls")), true);
            add("<|im_end|>\n", false);
        }
        if (!in.tools.empty()) add(boost::json::serialize(in.tools), true);
        if (!in.kwargs.empty()) add(boost::json::serialize(in.kwargs), true);
        if (in.add_generation_prompt) add("<|im_start|>assistant\n", false);
        return out;
    }
    std::string_view source() const override { return "ChatML"; }
};

inline engine::Frontend fake_frontend() {
    return {std::make_shared<ByteTokenizer>(), std::make_shared<ChatMl>()};
}

inline engine::ModelInfo fake_info(int32_t blocks = 64, int32_t context = 1024) {
    engine::ModelInfo info;
    info.name = "org/fake-1.0";
    info.architecture = "qwen3moe";
    info.vocab = kFakeVocab;
    info.context = info.context_trained = context;
    info.kv_blocks = blocks;
    info.created = 1'700'000'000;
    return info;
}

inline std::shared_ptr<engine::Engine> fake_engine(std::shared_ptr<Gate> gate,
                                                   const engine::Options& options = {},
                                                   const engine::ModelInfo& info = fake_info()) {
    auto made =
        engine::Engine::create(std::make_unique<FakeModel>(std::move(gate)), fake_frontend(), info, options);
    return std::shared_ptr<engine::Engine>(std::move(*made));
}

}  // namespace sluice::test
