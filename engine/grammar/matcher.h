// Where an answer stands in its grammar, and which tokens may come next. Masks are cached per grammar state
// and shared by all requests with the same grammar.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/grammar/grammar.h"
#include "engine/tokenizer/tokenizer.h"

namespace sluice::grammar {

// The tokens of one vocabulary, sorted for walking by common prefixes. Made once a model; immutable.
class TokenTree;
std::shared_ptr<const TokenTree> make_token_tree(const tokenizer::Tokenizer& tokenizer);

// One answer's way through a grammar. Value type (cheap to copy); one thread at a time.
class Matcher {
  public:
    Matcher(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTree> tokens);

    // Bit t of word t / 64: token t may come next. End tokens are allowed exactly where the text may end;
    // control tokens never else. All bits 0: the answer cannot go on. Valid until the next call.
    std::span<const uint64_t> allowed();
    // Goes on with a token. false: it is not allowed, and nothing changed.
    bool accept(int32_t token);
    bool can_end() const;       // the text so far is a whole answer
    bool must_end() const;      // and no token but an end token is allowed

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::grammar
