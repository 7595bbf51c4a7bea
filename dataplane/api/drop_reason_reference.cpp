// drop-reason-reference: prints docs/drop-reasons.md from the one list of drop reasons, and that of
// the reasons why an ICMP error is not sent.
#include <cstdio>

#include "dataplane/api/drop_reason.hpp"
#include "dataplane/api/icmp_silence.hpp"

int main() {
    std::puts(
        "# Drop reasons\n"
        "\n"
        "<!-- Written from dataplane/api/drop_reason.hpp and icmp_silence.hpp by the program\n"
        "drop-reason-reference; do not edit by hand. -->\n"
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
    std::puts(
        "\n"
        "## ICMP errors that are not sent\n"
        "\n"
        "A drop may call for an ICMP error to the source. Where none is sent, the reason is one "
        "of\n"
        "these, counted by worker and shown by `godwitctl show status`.\n"
        "\n"
        "| reason | what |\n"
        "| --- | --- |");
    for (const godwit::api::IcmpSilenceText& text : godwit::api::kIcmpSilences) {
        std::printf("| `%.*s` | %.*s |\n", static_cast<int>(text.name.size()), text.name.data(),
                    static_cast<int>(text.what.size()), text.what.data());
    }
    return std::ferror(stdout) == 0 ? 0 : 1;
}
