// Token ids of texts, for tools/compare_tokenizer.py.
//   tokenize VOCAB.gguf < texts > ids
// Each text is its length in bytes, a newline, the bytes; each answer a line of ids. All text is untrusted.
#include <cstdio>
#include <iostream>
#include <string>

#include "engine/gguf/file.h"
#include "engine/tokenizer/vocab_file.h"

using namespace sluice;

namespace {

int fail(const Error& error) {
    std::fprintf(stderr, "tokenize: %s\n", error.message.c_str());
    return 1;
}

int answer_all(const tokenizer::Tokenizer& tokenizer) {
    std::string text, untrusted;
    for (size_t length = 0; std::cin >> length;) {
        text.resize(length);
        std::cin.get();
        if (!std::cin.read(text.data(), static_cast<std::streamsize>(length)))
            return fail({ErrorKind::io, "a text ends early"});
        untrusted.assign(length, 1);
        const char* gap = "";
        for (const int32_t token : tokenizer.encode(text, untrusted)) {
            std::cout << gap << token;
            gap = " ";
        }
        std::cout << '\n';
    }
    return std::cout.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return fail({ErrorKind::invalid_request, "usage: tokenize VOCAB.gguf < texts"});
    std::ios::sync_with_stdio(false);
    const auto file = gguf::File::open(argv[1]);
    if (!file) return fail(file.error());
    auto data = tokenizer::read_vocab(**file);
    if (!data) return fail(data.error());
    const auto made = tokenizer::Tokenizer::make(std::move(*data));
    return made ? answer_all(**made) : fail(made.error());
}
