#include "deploy/supervisor/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "config/load/load.hpp"

namespace godwit::supervisor {

std::string findings_text(const std::vector<drivers::Finding>& findings) {
    std::size_t width = 0;
    for (const drivers::Finding& finding : findings) {
        width = std::max(width, finding.id.size());
    }
    std::string text;
    for (const drivers::Finding& finding : findings) {
        text += fmt::format("{:<8} {:<{}}  {}\n", drivers::to_string(finding.severity), finding.id,
                            width, finding.what);
        if (!finding.mend.empty()) {
            text += fmt::format("{:<8} {:<{}}  mend: {}\n", "", "", width, finding.mend);
        }
    }
    return text;
}

std::string findings_json(const std::vector<drivers::Finding>& findings) {
    boost::json::array array;
    for (const drivers::Finding& finding : findings) {
        array.push_back({{"id", finding.id},
                         {"severity", drivers::to_string(finding.severity)},
                         {"what", finding.what},
                         {"mend", finding.mend}});
    }
    return boost::json::serialize(array) + "\n";
}

Finished doctor(const std::string& file, bool json) {
    std::vector<drivers::Finding> findings;
    std::string warnings;
    if (file.empty()) {
        findings = drivers::inspect_host("/", nullptr);
    } else {
        const config::LoadResult loaded = config::load_file(file);
        if (!loaded) {
            return {1, "", config::render(loaded.error())};
        }
        warnings = config::render(loaded->warnings);
        findings = drivers::inspect_host("/", &loaded->model);
    }
    const bool bad = std::any_of(findings.begin(), findings.end(), [](const auto& finding) {
        return finding.severity == drivers::Severity::Bad;
    });
    return {bad ? 1 : 0, json ? findings_json(findings) : findings_text(findings),
            std::move(warnings)};
}

}  // namespace godwit::supervisor
