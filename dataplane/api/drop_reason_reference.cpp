// drop-reason-reference: prints docs/drop-reasons.md from the one list of drop reasons.
#include <cstdio>

#include "dataplane/api/drop_reason.hpp"

int main() {
    std::puts(
        "# Drop reasons\n"
        "\n"
        "<!-- Written from dataplane/api/drop_reason.hpp by the program drop-reason-reference; do\n"
        "not edit by hand. -->\n"
        "\n"
        "Every packet that is neither sent nor punted ends with exactly one of these, counted by\n"
        "worker and shown by `godwitctl show drops`. *Stage* is where in its way it ended.\n"
        "\n"
        "| reason | stage | what |\n"
        "| --- | --- | --- |");
    for (const godwit::api::DropReasonText& text : godwit::api::kDropReasons) {
        std::printf("| `%.*s` | %.*s | %.*s |\n", static_cast<int>(text.name.size()),
                    text.name.data(), static_cast<int>(text.stage.size()), text.stage.data(),
                    static_cast<int>(text.what.size()), text.what.data());
    }
    return std::ferror(stdout) == 0 ? 0 : 1;
}
