// A short run of the fuzz target without a fuzzer: the examples and the broken files, mutated.
// GODWIT_SEED and GODWIT_ROUNDS repeat or lengthen it.
#include <iostream>
#include <random>

#include "tests/unit/config/test_files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace godwit::config {
namespace {

unsigned from_environment(const char* name, unsigned otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

class Mutator {
public:
    explicit Mutator(unsigned seed) : random_(seed) {}

    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

    void mutate(std::string& text, const std::string& other) {
        static const std::vector<std::string> kPieces = {
            ":",     ": ",   "\n",   "  ",           "-",        "- ",         "[",   "]",
            "{",     "}",    "&a",   "*a",           "!!str ",   "? ",         "\t",  "\"",
            "'",     "#",    "|\n",  ">\n",          "0",        "/32",        "/0",  "...",
            "---\n", "<<: ", "\x1b", "\xff",         "\xc3\xa9", "~",          "=",   ",",
            "%YAML", "null", "1e9",  "version: 1\n", "255",      "4294967296", "lo0", "lan0"};
        const std::size_t at = below(text.size() + 1);
        switch (below(6)) {
            case 0:
                text.insert(at, kPieces[below(kPieces.size())]);
                break;
            case 1:
                text.erase(at, 1 + below(8));
                break;
            case 2:
                if (at < text.size()) {
                    text[at] = static_cast<char>(below(256));
                }
                break;
            case 3:
                text.insert(at, text.substr(below(text.size() + 1), below(40)));
                break;
            case 4:
                text.insert(at, other.substr(below(other.size() + 1), below(80)));
                break;
            default:
                if (at < text.size()) {
                    text.replace(at, 1, kPieces[below(kPieces.size())]);
                }
        }
    }

private:
    std::mt19937 random_;
};

TEST(FuzzSmoke, holds_for_mutated_files) {
    const unsigned seed = from_environment("GODWIT_SEED", std::random_device()());
    const unsigned rounds = from_environment("GODWIT_ROUNDS", 4000);
    std::cout << "GODWIT_SEED=" << seed << "\n";
    std::vector<std::string> corpus;
    for (const char* folder : {"config/examples", "tests/unit/config/broken"}) {
        for (const auto& path : test::yaml_files(test::source_root() / folder)) {
            corpus.push_back(test::read_text(path));
        }
    }
    ASSERT_FALSE(corpus.empty());
    Mutator mutator(seed);
    for (unsigned round = 0; round < rounds; ++round) {
        std::string text = corpus[mutator.below(corpus.size())];
        const std::size_t mutations = mutator.below(8);
        for (std::size_t i = 0; i < mutations; ++i) {
            mutator.mutate(text, corpus[mutator.below(corpus.size())]);
        }
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    }
}

}  // namespace
}  // namespace godwit::config
