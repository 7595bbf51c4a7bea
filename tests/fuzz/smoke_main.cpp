// Runs a fuzz target without a fuzzer: every file of its corpus, then a fixed number of inputs that
// are corpus files or noise, mutated by a seeded generator. The same seed gives the same inputs, so
// a failure under any compiler is repeated by its line of output.
//
//     TARGET [--seed N] [--runs N] [CORPUS FOLDER ...]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t kMaxInputBytes = 2048;

class Mutator {
public:
    Mutator(std::uint64_t seed, std::vector<Input> corpus)
        : random_(seed), corpus_(std::move(corpus)) {}

    Input next() {
        Input input = corpus_.empty() || below(8) == 0 ? noise() : corpus_[below(corpus_.size())];
        for (std::size_t changes = below(5); changes > 0; --changes) {
            change(input);
        }
        input.resize(std::min(input.size(), kMaxInputBytes));
        return input;
    }

private:
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
    std::uint8_t byte() { return static_cast<std::uint8_t>(random_()); }

    Input noise() {
        Input input(below(200));
        std::generate(input.begin(), input.end(), [this] { return byte(); });
        return input;
    }

    void change(Input& input) {
        if (input.empty()) {
            input.push_back(byte());
            return;
        }
        const std::size_t at = below(input.size());
        const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
        switch (below(7)) {
            case 0:
                input[at] = byte();
                break;
            case 1:
                input[at] ^= static_cast<std::uint8_t>(1U << below(8));
                break;
            case 2: {  // the values that lengths go wrong at
                constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
                input[at] = kEdges[below(std::size(kEdges))];
                break;
            }
            case 3:
                input.resize(at);
                break;
            case 4:
                input.erase(place);
                break;
            case 5:
                input.insert(place, byte());
                break;
            default: {  // the end of another one behind the beginning of this
                if (!corpus_.empty()) {
                    const Input& other = corpus_[below(corpus_.size())];
                    const std::size_t from = std::min(at, other.size());
                    input.resize(at);
                    input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(from),
                                 other.end());
                }
                break;
            }
        }
    }

    std::mt19937_64 random_;
    std::vector<Input> corpus_;
};

// A buffer of exactly the input's size, so that a sanitizer sees the first byte beyond it.
void run(const Input& input) {
    const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[input.size()]);
    std::copy(input.begin(), input.end(), exact.get());
    LLVMFuzzerTestOneInput(exact.get(), input.size());
}

std::vector<Input> read_folder(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.is_regular_file()) {
            paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    std::vector<Input> inputs;
    for (const auto& path : paths) {
        std::ifstream file(path, std::ios::binary);
        inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return inputs;
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t seed = 1;
    std::uint64_t runs = 20'000;
    std::vector<Input> corpus;
    for (int at = 1; at < argc; ++at) {
        const std::string argument = argv[at];
        if ((argument == "--seed" || argument == "--runs") && at + 1 < argc) {
            (argument == "--seed" ? seed : runs) = std::strtoull(argv[++at], nullptr, 0);
        } else if (std::filesystem::is_directory(argument)) {
            const std::vector<Input> inputs = read_folder(argument);
            corpus.insert(corpus.end(), inputs.begin(), inputs.end());
        } else {
            std::fprintf(stderr, "%s is no folder\n", argument.c_str());
            return 2;
        }
    }
    std::printf("%zu corpus inputs, %llu mutated ones, --seed %llu\n", corpus.size(),
                static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    run({});
    for (const Input& input : corpus) {
        run(input);
    }
    Mutator mutator(seed, corpus);
    for (std::uint64_t count = 0; count < runs; ++count) {
        run(mutator.next());
    }
    return 0;
}
