#include "tests/support/scripted_model.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace sluice::test {
namespace {

constexpr float kSaid = 100, kInstead = 60;  // so far apart that no temperature draws another
constexpr std::string_view kValueEnd = "\n</parameter>\n";

size_t slot(const model::Batch& batch, size_t token, int32_t position) {
    const auto table = static_cast<size_t>(batch.where.table_begin[token] + position / kernels::kBlockTokens);
    return static_cast<size_t>(batch.where.block_ids[table] * kernels::kBlockTokens +
                               position % kernels::kBlockTokens);
}

// The byte that brings an XML value nearer to its end.
char towards_end(std::string_view said) {
    for (size_t n = kValueEnd.size() - 1; n > 0; --n) {
        if (said.ends_with(kValueEnd.substr(0, n))) return kValueEnd[n];
    }
    return kValueEnd[0];
}

// What is likely when the script is forbidden: closing before opening, so that values end soon.
void offer_others(std::string_view said, std::span<float> logits) {
    constexpr std::pair<char, float> kLikely[] = {{'}', 8}, {']', 8}, {'"', 6}, {':', 5}, {'{', 4},
                                                  {'<', 4}, {'[', 3}, {',', 3}, {' ', -5}};
    for (int c = '0'; c <= '9'; ++c) logits[static_cast<size_t>(c)] = 2;
    for (int c = 'a'; c <= 'z'; ++c) logits[static_cast<size_t>(c)] = 1;
    for (const auto& [c, likely] : kLikely) logits[static_cast<size_t>(c)] = likely;
    logits[ScriptedTokenizer::kImEnd] = 12;
    if (said.rfind("<parameter=") == std::string_view::npos) return;
    logits[static_cast<unsigned char>(towards_end(said))] = 20;
}

}  // namespace

ScriptedTokenizer::ScriptedTokenizer() : pieces_(kVocab - kFirstPiece) {
    for (int i = 0; i < 256; ++i) fixed_.emplace_back(1, static_cast<char>(i));
    for (const char* name : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) fixed_.emplace_back(name);
    for (const std::string_view tag : kTags) fixed_.emplace_back(tag);
}

std::vector<int32_t> ScriptedTokenizer::encode(std::string_view text, std::string_view from_user) const {
    std::vector<int32_t> out;
    for (size_t at = 0; at < text.size();) {
        int32_t token = static_cast<unsigned char>(text[at]);
        for (int32_t id = kEndOfText; text[at] == '<' && id < kFirstPiece; ++id) {
            const std::string& name = fixed_[static_cast<size_t>(id)];
            const bool trusted =
                from_user.empty() || from_user.substr(at, name.size()).find('\1') == std::string_view::npos;
            if (text.substr(at).starts_with(name) && (trusted || !is_control(id))) token = id;
        }
        out.push_back(token);
        at += fixed_[static_cast<size_t>(token)].size();
    }
    return out;
}

std::string_view ScriptedTokenizer::bytes(int32_t token, bool keep_control) const {
    if (token < 0 || token >= kVocab || (is_control(token) && !keep_control)) return {};
    if (token < kFirstPiece) return fixed_[static_cast<size_t>(token)];
    const std::string* text = pieces_[static_cast<size_t>(token - kFirstPiece)].load();
    return text ? std::string_view(*text) : std::string_view();
}

int32_t ScriptedTokenizer::find(std::string_view text) const {
    const auto it = std::find(fixed_.begin(), fixed_.end(), text);
    return it == fixed_.end() ? -1 : static_cast<int32_t>(it - fixed_.begin());
}

int32_t ScriptedTokenizer::piece(std::string_view text) {
    if (const int32_t token = find(text); token >= 0 && !is_control(token)) return token;
    if (const auto it = ids_.find(std::string(text)); it != ids_.end()) return it->second;
    if (ids_.size() == pieces_.size()) return static_cast<unsigned char>(text[0]);
    const size_t index = ids_.size();
    const auto it = ids_.emplace(text, kFirstPiece + static_cast<int32_t>(index)).first;
    pieces_[index].store(&it->first);
    return it->second;
}

ScriptedModel::ScriptedModel(std::shared_ptr<ScriptedTokenizer> tokenizer, Script script, int32_t blocks,
                             int delay_ms)
    : tokenizer_(std::move(tokenizer)),
      script_(std::move(script)),
      delay_ms_(delay_ms),
      slots_(static_cast<size_t>(blocks) * kernels::kBlockTokens) {
    for (const std::string& piece : script_.pieces()) tokenizer_->piece(piece);
}

void ScriptedModel::copy_block(int32_t from, int32_t to) {
    const auto at = [this](int32_t block) { return slots_.begin() + block * kernels::kBlockTokens; };
    std::copy_n(at(from), kernels::kBlockTokens, at(to));
}

std::span<float> ScriptedModel::forward(const model::Batch& batch) {
    for (size_t t = 0; t < batch.tokens.size(); ++t)
        slots_[slot(batch, t, batch.where.positions[t])] = batch.tokens[t];
    logits_.assign(batch.logit_rows.size() * ScriptedTokenizer::kVocab, 0.0f);
    int delay = 0;
    for (size_t r = 0; r < batch.logit_rows.size(); ++r) {
        const auto row = static_cast<size_t>(batch.logit_rows[r]);
        const std::span<float> own(logits_.data() + r * ScriptedTokenizer::kVocab, ScriptedTokenizer::kVocab);
        delay = std::max(delay, say(read(batch, row), batch.where.positions[row], own));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    return logits_;
}

Conversation ScriptedModel::read(const model::Batch& batch, size_t row) const {
    Conversation out;
    std::string* text = &out.said;
    bool open = false;
    const auto close = [&] {
        if (!open) return;
        Turn& turn = out.turns.back();
        const size_t line = std::min(turn.text.find('\n'), turn.text.size());
        turn.role = turn.text.substr(0, line);
        turn.text.erase(0, line + 1);
        open = false;
    };
    for (int32_t p = 0; p <= batch.where.positions[row]; ++p) {
        const int32_t token = slots_[slot(batch, row, p)];
        if (token == ScriptedTokenizer::kImStart) {
            close();
            text = &out.turns.emplace_back().text;
            open = true;
        } else if (token == ScriptedTokenizer::kImEnd) {
            close();
            text = &out.said;
        } else {
            *text += tokenizer_->bytes(token, true);
        }
    }
    if (!open) return out;
    close();
    out.said = std::move(out.turns.back().text);  // the turn that is being written
    out.turns.pop_back();
    if (out.turns.empty()) out.turns.push_back({"user", ""});
    return out;
}

// Returns how long the token takes.
int ScriptedModel::say(Conversation conversation, int32_t position, std::span<float> logits) {
    const ScriptedAnswer answer = script_.answer(conversation);
    const std::string& said = conversation.said;
    const int delay = std::max(delay_ms_, answer.delay_ms);
    if (conversation.turns.empty() && answer.ends.empty()) {  // raw text: letters without end
        logits[static_cast<size_t>('a' + (position + (said.empty() ? 0 : said.back() & 31)) % 26)] = kSaid;
        return delay;
    }
    offer_others(said, logits);
    if (!answer.text.starts_with(said)) return delay;
    const std::string_view next = answer.next(said.size());
    if (next.empty()) {
        logits[ScriptedTokenizer::kImEnd] = kSaid;
        return delay;
    }
    logits[static_cast<unsigned char>(next[0])] = kInstead;
    logits[static_cast<size_t>(tokenizer_->piece(next))] = kSaid;
    return delay;
}

}  // namespace sluice::test
