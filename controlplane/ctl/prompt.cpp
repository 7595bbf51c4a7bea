#include "controlplane/ctl/prompt.hpp"

#include <fmt/format.h>
#include <histedit.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <ostream>
#include <system_error>

namespace godwit::ctl {
namespace {

// Files and folders that begin with `partial`, folders with a slash at their end.
std::vector<std::string> files_like(const std::string& partial) {
    namespace fs = std::filesystem;
    const std::size_t slash = partial.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : partial.substr(0, slash + 1);
    const std::string start = partial.substr(folder.size());
    std::vector<std::string> found;
    std::error_code error;
    for (fs::directory_iterator entry(folder.empty() ? "." : folder, error), end;
         !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        const bool hidden = name.starts_with(".") && !start.starts_with(".");
        if (name.starts_with(start) && !hidden) {
            std::error_code ignored;
            found.push_back(folder + name + (entry->is_directory(ignored) ? "/" : ""));
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

struct Session {
    CommandLine& command_line;
    const Console& console;
};

const char* prompt_text(EditLine*) {
    return "godwit> ";
}

unsigned char on_tab(EditLine* editor, int) {
    void* data = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &data);
    const auto& session = *static_cast<Session*>(data);
    const LineInfo* info = ::el_line(editor);
    const std::string line(info->buffer, static_cast<std::size_t>(info->cursor - info->buffer));

    const TabOutcome outcome = complete_line(session.command_line, line);
    if (!outcome.insert.empty() && ::el_insertstr(editor, outcome.insert.c_str()) == 0) {
        return CC_REFRESH;
    }
    if (outcome.listing.empty()) {
        return CC_REFRESH_BEEP;
    }
    session.console.out << "\n" << fmt::format("{}", fmt::join(outcome.listing, "  ")) << "\n";
    session.console.out.flush();
    return CC_REDISPLAY;
}

}  // namespace

TabOutcome complete_line(const CommandLine& command_line, const std::string& line) {
    auto words = split_words(line);
    if (!words) {
        return {};  // inside quotes
    }
    std::string partial;
    if (!line.empty() && line.back() != ' ' && line.back() != '\t' && !words->empty()) {
        partial = words->back();
        words->pop_back();
    }
    const CommandLine::Candidates candidates = command_line.complete(*words, partial);
    std::vector<std::string> found = candidates.words;
    if (candidates.wants_file) {
        const std::vector<std::string> files = files_like(partial);
        found.insert(found.end(), files.begin(), files.end());
    }
    if (found.empty()) {
        return {};
    }
    std::string shared = found.front();
    for (const std::string& word : found) {
        const auto [end, unused] =
            std::mismatch(shared.begin(), shared.end(), word.begin(), word.end());
        shared.erase(end, shared.end());
    }
    TabOutcome outcome;
    outcome.insert = shared.substr(std::min(partial.size(), shared.size()));
    if (found.size() == 1) {
        outcome.insert += shared.ends_with('/') ? "" : " ";
    } else {
        outcome.listing = std::move(found);
    }
    return outcome;
}

int run_prompt(CommandLine& command_line, Runner& runner, const Console& console,
               const Invocation& defaults) {
    const std::unique_ptr<EditLine, decltype(&::el_end)> editor(
        ::el_init("godwitctl", stdin, stdout, stderr), &::el_end);
    const std::unique_ptr<History, decltype(&::history_end)> history(::history_init(),
                                                                     &::history_end);
    if (editor == nullptr || history == nullptr) {
        console.err << "godwitctl: error: this terminal cannot carry a prompt; name a verb\n";
        return kExitRefused;
    }
    HistEvent event{};
    ::history(history.get(), &event, H_SETSIZE, 500);
    Session session{command_line, console};
    ::el_set(editor.get(), EL_CLIENTDATA, &session);
    ::el_set(editor.get(), EL_PROMPT, &prompt_text);
    ::el_set(editor.get(), EL_EDITOR, "emacs");
    ::el_set(editor.get(), EL_SIGNAL, 1);
    ::el_set(editor.get(), EL_HIST, &::history, history.get());
    ::el_set(editor.get(), EL_ADDFN, "godwit-complete", "complete the word", &on_tab);
    ::el_set(editor.get(), EL_BIND, "^I", "godwit-complete", nullptr);

    console.out << "godwitctl: TAB completes, --help explains, exit ends\n";
    console.out.flush();
    int last_code = kExitDone;
    for (;;) {
        int length = 0;
        errno = 0;
        const char* text = ::el_gets(editor.get(), &length);
        if (text == nullptr && errno == EINTR) {
            // Ctrl-C gives up the line, not the prompt.
            ::el_reset(editor.get());
            console.out << "\n";
            console.out.flush();
            continue;
        }
        if (text == nullptr || length <= 0) {
            console.out << "\n";
            return last_code;
        }
        const std::string line(text, static_cast<std::size_t>(length));
        const auto words = split_words(line);
        if (!words) {
            console.err << "a quote is left open\n";
            continue;
        }
        if (words->empty()) {
            continue;
        }
        ::history(history.get(), &event, H_ENTER, line.c_str());
        if (words->front() == "exit" || words->front() == "quit") {
            return last_code;
        }
        const auto asked = command_line.parse(*words, defaults);
        if (!asked) {
            (asked.error().exit_code == kExitDone ? console.out : console.err)
                << asked.error().text;
            last_code = asked.error().exit_code;
        } else if (asked->verb == Verb::Completion) {
            console.out << command_line.bash_completion();
        } else if (asked->verb != Verb::Prompt) {
            last_code = runner.run(*asked);
        }
        console.out.flush();
    }
}

}  // namespace godwit::ctl
