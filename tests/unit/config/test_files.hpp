// Where the tests of config find their files, and how they read them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "config/load/load.hpp"

namespace godwit::config::test {

// SOURCE_ROOT comes from meson.build: the tests read the examples and the documentation.
inline std::filesystem::path source_root() {
    return SOURCE_ROOT;
}

inline std::string read_text(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

inline std::vector<std::filesystem::path> yaml_files(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".yaml") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

// The model of a text that must be good; a failure shows what is wrong with it.
inline Model model_of(const std::string& yaml) {
    const LoadResult loaded = load_text(yaml, "test.yaml");
    if (!loaded) {
        ADD_FAILURE() << render(loaded.error());
        return {};
    }
    return loaded->model;
}

// The ids of all errors, in their order.
inline std::vector<std::string> error_ids(const std::string& yaml) {
    std::vector<std::string> ids;
    const LoadResult loaded = load_text(yaml, "test.yaml");
    if (!loaded) {
        for (const Diagnostic& diagnostic : loaded.error()) {
            ids.push_back(diagnostic.id);
        }
    }
    return ids;
}

inline std::vector<std::string> warning_ids(const std::string& yaml) {
    std::vector<std::string> ids;
    const LoadResult loaded = load_text(yaml, "test.yaml");
    if (!loaded) {
        ADD_FAILURE() << render(loaded.error());
        return ids;
    }
    for (const Diagnostic& diagnostic : loaded->warnings) {
        ids.push_back(diagnostic.id);
    }
    return ids;
}

}  // namespace godwit::config::test
