// Cuts a template into tokens, with the white-space rules of trim_blocks and lstrip_blocks.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sluice::chat::jinja {

enum class TokenKind {
    data,
    print_begin,
    print_end,
    block_begin,
    block_end,
    name,
    string,
    integer,
    real,
    op,
    end
};

struct Token {
    TokenKind kind;
    std::string text;  // strings are decoded, numbers without underscores
    int line;
};

// A source that cannot be read as a template.
struct SyntaxError {
    std::string message;
    int line;
};

std::vector<Token> tokenize(std::string_view source);  // throws SyntaxError

}  // namespace sluice::chat::jinja
