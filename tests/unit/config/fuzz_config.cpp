// The loader's fuzz target: no text may crash it, hang it or make it show a control character; what
// it accepts must load again from its canonical form, and be the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/diff/diff.hpp"
#include "config/diff/yaml_text.hpp"
#include "config/load/load.hpp"

namespace {

// A broken promise ends the process, which is what a fuzzer looks for.
void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void require_showable(const std::string& text) {
    for (const char c : text) {
        require(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace godwit::config;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const LoadResult loaded = load_text(text, "fuzz.yaml");
    if (!loaded) {
        require(!loaded.error().empty());
        require_showable(render(loaded.error()));
        return 0;
    }
    require_showable(render(loaded->warnings));
    const LoadResult again = load_text(to_yaml(loaded->model), "again.yaml");
    require(again.has_value());
    require(again->model == loaded->model);
    require(diff(loaded->model, again->model).empty());
    require(to_yaml(again->model) == to_yaml(loaded->model));
    return 0;
}
