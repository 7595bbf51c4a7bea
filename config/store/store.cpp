// A revision is there when its description is: the text is written first, then the description,
// then running.yaml. What a crash leaves between those is mended when the store is opened.
#include "config/store/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <filesystem>
#include <set>
#include <utility>

#include "config/load/source_text.hpp"
#include "config/store/durable_file.hpp"

namespace godwit::config {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostDescriptionBytes = 64U << 10U;
constexpr std::size_t kMostMessageCharacters = 1000;
constexpr std::size_t kMostNumberDigits = 15;  // what is longer was not written by us

// "12.yaml" → 12; nothing for any other file.
std::optional<std::uint64_t> number_of(const fs::path& file) {
    const std::string stem = file.stem().string();
    const std::string ending = file.extension().string();
    if ((ending != ".yaml" && ending != ".json") || stem.size() > kMostNumberDigits) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
    if (error != std::errc() || end != stem.data() + stem.size() || number == 0) {
        return std::nullopt;
    }
    return number;
}

std::optional<std::string> string_member(const boost::json::object& object, const char* name) {
    const boost::json::value* member = object.if_contains(name);
    if (member == nullptr || !member->is_string()) {
        return std::nullopt;
    }
    return std::string(member->get_string().c_str(), member->get_string().size());
}

std::string description_text(const Revision& revision) {
    boost::json::object object;
    object["revision"] = revision.number;
    object["time"] = revision.unix_seconds;
    object["message"] = revision.message;
    object["sha256"] = revision.sha256;
    object["source-sha256"] = revision.source_hash;
    return boost::json::serialize(object) + "\n";
}

std::optional<Revision> parse_description(std::uint64_t number, const std::string& text) {
    boost::system::error_code error;
    const boost::json::value json = boost::json::parse(text, error);
    const boost::json::object* object = error ? nullptr : json.if_object();
    if (object == nullptr) {
        return std::nullopt;
    }
    const boost::json::value* time = object->if_contains("time");
    const auto message = string_member(*object, "message");
    const auto sha256 = string_member(*object, "sha256");
    const auto source_hash = string_member(*object, "source-sha256");
    if (time == nullptr || !time->is_int64() || !message || !sha256 || !source_hash) {
        return std::nullopt;
    }
    return Revision{number, time->get_int64(), *message, *sha256, *source_hash};
}

}  // namespace

RevisionStore::RevisionStore(std::string directory, unsigned keep)
    : directory_(std::move(directory)), keep_(std::max(keep, 1U)) {}

net::Result<RevisionStore, std::string> RevisionStore::open(const std::string& state_directory,
                                                            unsigned keep) {
    RevisionStore store(state_directory, keep);
    const fs::path revisions = fs::path(state_directory) / "revisions";
    std::error_code error;
    fs::create_directories(revisions, error);
    if (error) {
        return net::unexpected(
            fmt::format("cannot make the folder {} for revisions: {}; make it, or "
                        "name another with --state-dir",
                        revisions.string(), error.message()));
    }
    // A listing that fails now would look like a router without history.
    const fs::directory_iterator listing(revisions, error);
    if (error) {
        return net::unexpected(
            fmt::format("cannot read the folder {} of revisions: {}; look at its "
                        "permissions",
                        revisions.string(), error.message()));
    }
    if (auto mended = store.mend_running(); !mended) {
        return net::unexpected(mended.error());
    }
    return store;
}

std::string RevisionStore::running_path() const {
    return (fs::path(directory_) / "running.yaml").string();
}

std::string RevisionStore::path_of(std::uint64_t number, const char* ending) const {
    return (fs::path(directory_) / "revisions" / (std::to_string(number) + ending)).string();
}

std::vector<std::uint64_t> RevisionStore::numbers() const {
    std::set<std::uint64_t> found;
    std::error_code error;
    fs::directory_iterator file(fs::path(directory_) / "revisions", error);
    for (; !error && file != fs::directory_iterator(); file.increment(error)) {
        if (const auto number = number_of(file->path())) {
            found.insert(*number);
        }
    }
    return {found.begin(), found.end()};
}

net::Result<Revision, std::string> RevisionStore::describe(std::uint64_t number) const {
    const std::string path = path_of(number, ".json");
    const auto text = read_bounded(path, kMostDescriptionBytes);
    if (!text) {
        return net::unexpected(
            fmt::format("revision {} has no readable description: {}", number, text.error()));
    }
    const auto revision = parse_description(number, *text);
    if (!revision) {
        return net::unexpected(fmt::format(
            "the description of revision {} is damaged: {}; its text may still be good, "
            "apply it as a file",
            number, path));
    }
    return *revision;
}

net::Result<std::string, std::string> RevisionStore::text_of(const Revision& revision) const {
    const std::string path = path_of(revision.number, ".yaml");
    auto text = read_bounded(path, kMostFileBytes);
    if (!text) {
        return net::unexpected(
            fmt::format("the text of revision {} is lost: {}", revision.number, text.error()));
    }
    if (sha256_hex(*text) != revision.sha256) {
        return net::unexpected(fmt::format(
            "the text of revision {} was changed after it was stored: {}; apply it as a "
            "file if the change is meant",
            revision.number, path));
    }
    return std::move(*text);
}

net::Result<std::string, std::string> RevisionStore::text_of(std::uint64_t number) const {
    const std::vector<std::uint64_t> stored = numbers();
    if (!std::binary_search(stored.begin(), stored.end(), number)) {
        return net::unexpected(
            stored.empty() ? fmt::format("there is no revision {}: none is stored yet", number)
                           : fmt::format("there is no revision {}; stored are {} to {}", number,
                                         stored.front(), stored.back()));
    }
    const auto revision = describe(number);
    if (!revision) {
        return net::unexpected(revision.error());
    }
    return text_of(*revision);
}

std::vector<Revision> RevisionStore::history() const {
    std::vector<Revision> revisions;
    for (const std::uint64_t number : numbers()) {
        if (auto revision = describe(number)) {
            revisions.push_back(std::move(*revision));
        }
    }
    return revisions;
}

std::optional<Revision> RevisionStore::newest() const {
    const std::vector<std::uint64_t> stored = numbers();
    for (auto number = stored.rbegin(); number != stored.rend(); ++number) {
        auto revision = describe(*number);
        if (revision && text_of(*revision)) {
            return std::move(*revision);
        }
    }
    return std::nullopt;
}

std::vector<std::string> RevisionStore::problems() const {
    std::vector<std::string> sentences;
    for (const std::uint64_t number : numbers()) {
        const auto revision = describe(number);
        if (!revision) {
            sentences.push_back(revision.error());
        } else if (const auto text = text_of(*revision); !text) {
            sentences.push_back(text.error());
        }
    }
    return sentences;
}

net::Result<Revision, std::string> RevisionStore::append(const std::string& yaml,
                                                         const std::string& message,
                                                         const std::string& source_hash,
                                                         std::int64_t unix_seconds) {
    if (yaml.size() > kMostFileBytes) {
        return net::unexpected(fmt::format("a revision has at most {} MiB", kMostFileBytes >> 20U));
    }
    // Numbers of damaged revisions are not used again: history would lie about them.
    const std::vector<std::uint64_t> stored = numbers();
    const Revision revision = {stored.empty() ? 1 : stored.back() + 1, unix_seconds,
                               printable(message, kMostMessageCharacters), sha256_hex(yaml),
                               printable(source_hash, kMostMessageCharacters)};
    for (const auto& [path, text] :
         {std::pair(path_of(revision.number, ".yaml"), yaml),
          std::pair(path_of(revision.number, ".json"), description_text(revision)),
          std::pair(running_path(), yaml)}) {
        if (auto written = write_durably(path, text); !written) {
            return net::unexpected(
                fmt::format("cannot store revision {}: {}; look at the free space and the "
                            "permissions there",
                            revision.number, written.error()));
        }
    }
    drop_oldest();
    return revision;
}

// After a crash between the description and running.yaml, or when a person removed the latter.
net::Result<void, std::string> RevisionStore::mend_running() const {
    const auto revision = newest();
    if (!revision) {
        return {};
    }
    const auto running = read_bounded(running_path(), kMostFileBytes);
    if (running && sha256_hex(*running) == revision->sha256) {
        return {};
    }
    const auto text = text_of(*revision);
    return text ? write_durably(running_path(), *text) : net::Result<void, std::string>();
}

// The description first: what is left after a crash is a text without one, not the reverse. A file
// that cannot be removed is tried again with the next revision.
void RevisionStore::drop_oldest() const {
    const std::vector<std::uint64_t> stored = numbers();
    for (std::size_t i = 0; i + keep_ < stored.size(); ++i) {
        std::error_code ignored;
        fs::remove(path_of(stored[i], ".json"), ignored);
        fs::remove(path_of(stored[i], ".yaml"), ignored);
    }
}

BootSource resolve_boot_source(const std::string& file_text,
                               const std::optional<Revision>& newest) {
    const bool file_is_newer = !newest || sha256_hex(file_text) != newest->source_hash;
    return file_is_newer ? BootSource::File : BootSource::Revision;
}

}  // namespace godwit::config
