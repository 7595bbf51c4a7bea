#include "config/load/load.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "config/check/check.hpp"
#include "config/load/findings.hpp"
#include "config/load/source_text.hpp"
#include "config/load/walk.hpp"
#include "config/load/yaml_tree.hpp"
#include "config/model/binding.hpp"

namespace godwit::config {

namespace {

void report(const YamlNode& document, const std::vector<Finding>& found, Findings& findings) {
    for (const Finding& finding : found) {
        const Place place = locate(document, finding.path);
        const Problem problem = {finding.id, finding.what, finding.help, finding.suggestion};
        if (finding.warning) {
            findings.warning(place.mark, place.path, problem);
        } else {
            findings.error(place.mark, place.path, problem);
        }
    }
}

LoadResult unreadable(const std::string& path, const std::string& why) {
    const SourceText nothing("");
    Findings findings(nothing, path);
    findings.error({}, "", {"file-unreadable", why, "Look at the path and at its permissions."});
    return net::unexpected(findings.take_errors());
}

}  // namespace

LoadResult load_text(std::string_view yaml, std::string_view file_name) {
    const SourceText source(yaml);
    Findings findings(source, file_name);
    const std::optional<YamlNode> document = parse_yaml(source, findings);
    if (!document) {
        return net::unexpected(findings.take_errors());
    }
    const Walked walked = walk(*document, findings);
    Model model = from_value(walked.tree);
    if (walked.within_limits) {
        report(*document, check(model), findings);
    }
    if (findings.has_errors()) {
        return net::unexpected(findings.take_errors());
    }
    return Loaded{std::move(model), findings.take_warnings()};
}

LoadResult load_file(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return unreadable(path, fmt::format("cannot open the file: {}", std::strerror(errno)));
    }
    // One byte more than the limit, so that the limit is noticed; a device never ends.
    std::string text(kMostFileBytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (file.bad() || (file.fail() && !file.eof())) {
        return unreadable(path, fmt::format("cannot read the file: {}", std::strerror(errno)));
    }
    return load_text(text, path);
}

}  // namespace godwit::config
