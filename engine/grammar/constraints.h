// The constraints of one model, kept for requests that ask for the same again. Any thread; grammars are
// compiled on the caller's.
#pragma once
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "engine/grammar/builder.h"
#include "engine/grammar/constraint.h"
#include "engine/result.h"

namespace sluice::grammar {

class Constraints {
  public:
    static constexpr size_t kKept = 64;
    static constexpr size_t kBytes = size_t{128} << 20;  // of those kept, about

    explicit Constraints(std::shared_ptr<const tokenizer::Tokenizer> tokenizer)
        : tokenizer_(std::move(tokenizer)) {}

    // `key` says all that `add` depends on. Errors: those of `add` and of Builder::finish.
    Result<std::shared_ptr<Constraint>> get(const std::string& key,
                                            const std::function<Result<Node>(Builder&)>& add);

    size_t kept() const;

  private:
    struct Entry {
        std::string key;
        std::shared_ptr<Constraint> constraint;
    };
    std::shared_ptr<Constraint> find(const std::string& key);
    std::shared_ptr<const TokenTree> tokens();

    const std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
    mutable std::mutex mutex_;                 // of all below
    std::shared_ptr<const TokenTree> tokens_;  // made when first needed
    std::list<Entry> entries_;                 // the last used first
};

}  // namespace sluice::grammar
