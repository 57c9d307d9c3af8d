#include <cstdio>

#include "net/commands/commands.h"

namespace sluice::net {

int report(const Error& error) {
    const std::string at = error.param.empty() || error.message.find(error.param) != std::string::npos
                               ? ""
                               : " (" + error.param + ")";
    std::fprintf(stderr, "sluice: %s%s\n", error.message.c_str(), at.c_str());
    return 1;
}

}  // namespace sluice::net
