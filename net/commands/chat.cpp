// `sluice chat`: a conversation in the terminal, with the engine in this process or with a server.
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "net/commands/answer.h"
#include "net/commands/commands.h"
#include "net/commands/engine_answerer.h"
#include "net/repl/conversation.h"

namespace sluice::net {
namespace {

using namespace repl;

// The engine is loaded, or the server found, before anything is asked. Errors with the status to end with.
std::unique_ptr<Answerer> find_answerer(const ChatCommand& command, int& status) {
    if (!command.url.empty()) {
        auto found = make_server_answerer({command.url, command.api_key, command.engine.model_name});
        if (found) return std::move(*found);
        const bool usage = found.error().kind == ErrorKind::invalid_request;
        status = report(found.error(), usage ? exit_status::usage : exit_status::failed);
        return nullptr;
    }
    auto engine =
        engine::Engine::load(command.engine, isatty(STDERR_FILENO) ? progress_bar() : engine::LoadProgress{});
    if (engine) return make_engine_answerer(std::move(*engine));
    status = report(engine.error(), load_status(engine.error()));
    return nullptr;
}

}  // namespace

int run_chat(const ChatCommand& command) {
    Settings settings;
    for (const auto& [name, value] : command.settings) {
        if (auto ok = settings.set(name, value); !ok) return report(ok.error(), exit_status::usage);
    }
    int status = exit_status::failed;
    const std::unique_ptr<Answerer> answerer = find_answerer(command, status);
    if (!answerer) return status;
    Place place;
    place.interactive = isatty(STDIN_FILENO) && (isatty(STDERR_FILENO) || isatty(STDOUT_FILENO));
    if (place.interactive && !isatty(STDERR_FILENO)) place.screen = stdout;
    place.colour = command.colour && !command.dumb_terminal;
    Signals quiet;  // a script's signals do as usual
    Signals& signals = place.interactive ? catch_signals() : quiet;
    const std::unique_ptr<LineReader> reader =
        place.interactive ? make_editor({place.screen, command.dumb_terminal, command.history_file}, signals)
                          : make_plain_reader(stdin);
    if (place.interactive) {
        std::fprintf(place.screen, "%s. /help lists commands, Ctrl-C stops an answer, Ctrl-D leaves.\n",
                     printable(answerer->name()).c_str());
    }
    Conversation conversation(*answerer, std::move(settings), signals, place);
    conversation.set_system(command.answer.system);
    const bool well = conversation.run(*reader);
    if (std::ferror(stdout)) return report({ErrorKind::io, "standard output takes no more"});
    return well ? exit_status::done : exit_status::failed;
}

}  // namespace sluice::net
