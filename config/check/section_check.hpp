// What the checks of the sections have in common: the model that is checked, and how a finding is
// said.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/check/check.hpp"

namespace godwit::config {

class SectionCheck {
protected:
    SectionCheck(const Model& model, std::vector<Finding>& findings)
        : model_(model), findings_(findings) {}

    void error(std::string id, Path path, std::string what, std::string help,
               std::string suggestion = {}) {
        findings_.push_back({.id = std::move(id),
                             .path = std::move(path),
                             .what = std::move(what),
                             .suggestion = std::move(suggestion),
                             .help = std::move(help)});
    }
    void warning(std::string id, Path path, std::string what, std::string help) {
        findings_.push_back({.warning = true,
                             .id = std::move(id),
                             .path = std::move(path),
                             .what = std::move(what),
                             .help = std::move(help)});
    }

    const Model& model_;
    std::vector<Finding>& findings_;
};

}  // namespace godwit::config
