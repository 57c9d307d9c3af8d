// The --config file: TOML, one line a flag: its name without the dashes, and its value.
#pragma once
#include <string>
#include <vector>

#include "engine/result.h"

namespace sluice::net {

struct Setting {
    std::string key;
    std::string value;  // as it would stand on the command line
    std::string place;  // FILE:LINE, for messages
};

// Errors name the file and, where there is one, the line and the key.
Result<std::vector<Setting>> read_config_file(const std::string& path);

}  // namespace sluice::net
