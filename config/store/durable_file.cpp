#include "config/store/durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace godwit::config {

namespace {

class FileHandle {
public:
    explicit FileHandle(int number) : number_(number) {}
    ~FileHandle() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }
    FileHandle(const FileHandle&) = delete;
    FileHandle& operator=(const FileHandle&) = delete;
    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
};

auto failure(std::string_view doing, const std::string& path) {
    const int reason = errno;
    return net::unexpected(fmt::format("cannot {} {}: {}", doing, path, std::strerror(reason)));
}

bool write_all(int number, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(number, text.data(), text.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace

net::Result<void, std::string> write_durably(const std::string& path, std::string_view text) {
    const std::string fresh = path + ".new";
    {
        // A configuration may name what only its router should know: not for everybody to read.
        const FileHandle file(
            ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
        if (file.number() < 0) {
            return failure("create", fresh);
        }
        if (!write_all(file.number(), text) || ::fsync(file.number()) != 0) {
            const auto result = failure("write", fresh);
            ::unlink(fresh.c_str());
            return result;
        }
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) {
        const auto result = failure("rename a new file to", path);
        ::unlink(fresh.c_str());
        return result;
    }
    const std::string folder = std::filesystem::path(path).parent_path();
    const FileHandle directory(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.number() < 0 || ::fsync(directory.number()) != 0) {
        return failure("sync the folder", folder);
    }
    return {};
}

net::Result<std::string, std::string> read_bounded(const std::string& path, std::size_t most) {
    const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.number() < 0) {
        return failure("open", path);
    }
    struct stat status {};
    if (::fstat(file.number(), &status) != 0) {
        return failure("look at", path);
    }
    if (!S_ISREG(status.st_mode)) {
        return net::unexpected(fmt::format("{} is no regular file", path));
    }
    if (static_cast<std::uint64_t>(status.st_size) > most) {
        return net::unexpected(fmt::format("{} has more than {} bytes", path, most));
    }
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t filled = 0;
    while (filled < text.size()) {
        const ssize_t count = ::read(file.number(), text.data() + filled, text.size() - filled);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return failure("read", path);
        }
        if (count == 0) {
            break;
        }
        filled += static_cast<std::size_t>(count);
    }
    text.resize(filled);
    return text;
}

}  // namespace godwit::config
