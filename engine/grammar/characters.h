// Sets of code points as nodes, and how a code point is written in the text that a model makes. One thread.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "engine/grammar/builder.h"
#include "engine/grammar/utf8_class.h"

namespace sluice::grammar {

enum class Writing : uint8_t {
    raw,          // UTF-8
    json_string,  // within quotes: \" \\ \n \t \r \b \f \u00XX (small letters) where JSON needs one, else
                  // UTF-8
};

void append_written(std::string& out, uint32_t code_point, Writing writing);

class Characters {
  public:
    Characters(Builder& builder, Writing writing) : builder_(builder), writing_(writing) {}

    Node one_of(const CodePoints& set);  // made once for equal sets
    Node any();
    Node any_text();

  private:
    Node make(const CodePoints& set);

    Builder& builder_;
    const Writing writing_;
    std::map<CodePoints, Node> made_;
};

}  // namespace sluice::grammar
