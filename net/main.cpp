// sluice: parses the command line and hands over to a command.
#include <cstdio>
#include <exception>
#include <variant>

#include "net/commands/commands.h"

namespace {

struct Dispatch {
    int operator()(const sluice::net::ServeCommand& c) const { return sluice::net::run_serve(c); }
    int operator()(const sluice::net::RunCommand& c) const { return sluice::net::run_once(c); }
    int operator()(const sluice::net::ChatCommand& c) const { return sluice::net::run_chat(c); }
    int operator()(const sluice::net::InspectCommand& c) const { return sluice::net::run_inspect(c); }
    int operator()(const sluice::net::VersionCommand&) const {
        std::puts(sluice::net::version().c_str());
        return sluice::net::printed(0);
    }
    int operator()(const sluice::net::PrintCommand& c) const {
        std::fputs(c.text.c_str(), c.exit_code == 0 ? stdout : stderr);
        return sluice::net::printed(c.exit_code == 0 ? 0 : 2);
    }
};

}  // namespace

int main(int argc, char** argv) {
    try {
        return std::visit(Dispatch{}, sluice::net::parse_command_line(argc, argv));
    } catch (const std::exception& e) {
        return sluice::net::report({sluice::ErrorKind::internal, e.what()});
    }
}
