// memfd regions: see shared_memory.hpp, memfd_create(2), fcntl(2) "File Sealing".
#include "dataplane/api/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace godwit::api {

namespace {

constexpr int kFixedLength = F_SEAL_SHRINK | F_SEAL_GROW;
constexpr int kNeverChanges = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;

net::unexpected<std::string> failed(const std::string& what) {
    return net::unexpected(what + ": " + std::strerror(errno));
}

// Length of what is behind `descriptor`, once it is known to be a memfd with `seals`.
net::Result<std::size_t, std::string> sealed_length(int descriptor, int seals) {
    const int present = fcntl(descriptor, F_GET_SEALS);
    if (present < 0 || (present & seals) != seals) {
        return net::unexpected<std::string>("the descriptor is no memfd with the seals it needs");
    }
    struct stat status {};
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0) {
        return net::unexpected<std::string>("the descriptor has no length");
    }
    return static_cast<std::size_t>(status.st_size);
}

}  // namespace

Mapping::~Mapping() {
    if (address_ != nullptr) {
        munmap(address_, bytes_);
    }
}

Mapping::Mapping(Mapping&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    if (this != &other) {
        Mapping old(std::exchange(address_, std::exchange(other.address_, nullptr)),
                    std::exchange(bytes_, std::exchange(other.bytes_, 0)));
    }
    return *this;
}

net::Result<SharedMemory, std::string> make_shared_memory(const char* name, std::size_t bytes,
                                                          PeerAccess access) {
    Descriptor descriptor(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!descriptor) {
        return failed("cannot make shared memory");
    }
    // Reserves the pages too: running out of memory is an error here, not a SIGBUS at first touch.
    if (fallocate(descriptor.get(), 0, 0, static_cast<off_t>(bytes)) != 0) {
        return failed("cannot reserve " + std::to_string(bytes) + " bytes of shared memory");
    }
    void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                         descriptor.get(), 0);
    if (address == MAP_FAILED) {
        return failed("cannot map shared memory");
    }
    Mapping mapping(address, bytes);
    const int read_only = access == PeerAccess::ReadOnly ? F_SEAL_FUTURE_WRITE : 0;
    if (fcntl(descriptor.get(), F_ADD_SEALS, kFixedLength | read_only | F_SEAL_SEAL) != 0) {
        return failed("cannot seal shared memory");
    }
    return SharedMemory{std::move(descriptor), std::move(mapping)};
}

net::Result<Mapping, std::string> map_received(int descriptor, std::size_t bytes,
                                               PeerAccess access) {
    const auto length = sealed_length(descriptor, kFixedLength);
    if (!length) {
        return net::unexpected(length.error());
    }
    if (*length != bytes || bytes == 0) {
        return net::unexpected("shared memory is " + std::to_string(*length) +
                               " bytes long and should be " + std::to_string(bytes));
    }
    const int protection = access == PeerAccess::ReadOnly ? PROT_READ : (PROT_READ | PROT_WRITE);
    void* address = mmap(nullptr, bytes, protection, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED) {
        return failed("cannot map shared memory");
    }
    return Mapping(address, bytes);
}

net::Result<Descriptor, std::string> make_sealed_text(const char* name, std::string_view text) {
    if (text.size() > kMaxSealedTextBytes) {
        return net::unexpected("the text is " + std::to_string(text.size()) +
                               " bytes long, the limit is " + std::to_string(kMaxSealedTextBytes));
    }
    Descriptor descriptor(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!descriptor) {
        return failed("cannot make shared memory");
    }
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t count = write(descriptor.get(), text.data() + written, text.size() - written);
        if (count <= 0) {
            return failed("cannot write shared memory");
        }
        written += static_cast<std::size_t>(count);
    }
    if (fcntl(descriptor.get(), F_ADD_SEALS, kNeverChanges | F_SEAL_SEAL) != 0) {
        return failed("cannot seal shared memory");
    }
    return descriptor;
}

net::Result<std::string, std::string> read_sealed_text(int descriptor) {
    const auto length = sealed_length(descriptor, kNeverChanges);
    if (!length) {
        return net::unexpected(length.error());
    }
    if (*length > kMaxSealedTextBytes) {
        return net::unexpected("the text is " + std::to_string(*length) +
                               " bytes long, the limit is " + std::to_string(kMaxSealedTextBytes));
    }
    std::string text(*length, '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t count =
            pread(descriptor, text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (count <= 0) {
            return failed("cannot read the text");
        }
        done += static_cast<std::size_t>(count);
    }
    return text;
}

}  // namespace godwit::api
