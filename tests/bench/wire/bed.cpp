#include "tests/bench/wire/bed.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace godwit::bench::wire {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "gwbench";

Command in_namespace(const std::string& name, Command command) {
    if (!name.empty()) {
        // It becomes the command, so the process number is that one's.
        const Command enter{"ip", "netns", "exec", name};
        command.insert(command.begin(), enter.begin(), enter.end());
    }
    return command;
}

// "gwbench-4711-forwarder": 4711.
pid_t owner_of(const std::string& name) {
    const std::string prefix = std::string(kPrefix) + "-";
    return name.starts_with(prefix) ? std::atoi(name.c_str() + prefix.size()) : 0;
}

void remove_leftovers(const fs::path& log) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator("/run/netns", none)) {
        const std::string name = entry.path().filename();
        const pid_t owner = owner_of(name);
        if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) {
            (void)run_command({"ip", "netns", "delete", name}, log);
        }
    }
    for (const auto& entry : fs::directory_iterator(fs::temp_directory_path(), none)) {
        const pid_t owner = owner_of(entry.path().filename());
        if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) {
            fs::remove_all(entry.path(), none);
        }
    }
}

}  // namespace

std::string vdev_of(const DeviceSpec& device, unsigned number) {
    std::string text = fmt::format("{}{}", device.driver, number);
    for (const auto& [key, value] : device.arguments) {
        text += fmt::format(",{}={}", key, value);
    }
    return text;
}

net::Result<std::unique_ptr<Bed>, std::string> Bed::make(Link link) {
    std::string folder = fs::temp_directory_path() / fmt::format("{}-{}-XXXXXX", kPrefix, getpid());
    if (::mkdtemp(folder.data()) == nullptr) {
        return net::unexpected(fmt::format("cannot make a folder {}: {}; see the free space",
                                           folder, std::strerror(errno)));
    }
    // The control plane runs without privileges, and finds its sockets and its state in here.
    fs::permissions(folder, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                                fs::perms::others_read | fs::perms::others_exec);
    std::unique_ptr<Bed> bed(new Bed(link, folder));
    remove_leftovers(bed->folder_ / "ip.log");
    if (link != Link::Memif) {
        if (auto made = bed->make_namespaces(); !made) {
            return net::unexpected(made.error());
        }
    }
    return bed;
}

Bed::~Bed() {
    for (const std::string& name : {forwarder_namespace_, generator_namespace_}) {
        if (!name.empty()) {
            (void)run({"ip", "netns", "delete", name});  // and its links with it
        }
    }
    std::error_code none;
    fs::remove_all(folder_, none);
}

net::Result<void, std::string> Bed::run(const Command& command) const {
    return run_command(command, folder_ / "ip.log");
}

net::Result<void, std::string> Bed::make_namespaces() {
    const auto make = [this](const char* role,
                             std::string& place) -> net::Result<void, std::string> {
        const std::string name = fmt::format("{}-{}-{}", kPrefix, getpid(), role);
        if (auto added = run({"ip", "netns", "add", name}); !added) {
            return added;
        }
        place = name;
        // Only what the generator sends shall cross: no words of the kernel's own.
        return run(in_namespace(name, {"sysctl", "-q", "net.ipv6.conf.all.disable_ipv6=1",
                                       "net.ipv6.conf.default.disable_ipv6=1"}));
    };
    if (auto made = make("forwarder", forwarder_namespace_); !made) {
        return made;
    }
    if (link_ == Link::Tap) {
        return {};  // the generator stands at the kernel ends of the forwarder's own taps
    }
    if (auto made = make("generator", generator_namespace_); !made) {
        return made;
    }
    for (const char* name : {"in", "out"}) {
        if (auto added = run({"ip", "link", "add", name, "netns", forwarder_namespace_, "type",
                              "veth", "peer", "name", name, "netns", generator_namespace_});
            !added) {
            return added;
        }
        for (const std::string& end : {forwarder_namespace_, generator_namespace_}) {
            if (auto up = run({"ip", "-n", end, "link", "set", name, "up"}); !up) {
                return up;
            }
        }
    }
    return {};
}

DeviceSpec Bed::forwarder_device(unsigned number) const {
    const std::string name = number == 0 ? "in" : "out";
    switch (link_) {
        case Link::Memif:
            return {"net_memif",
                    {{"role", "server"},
                     {"id", std::to_string(number)},
                     {"socket-abstract", "no"},
                     {"socket", memif_socket()}}};
        case Link::Tap:
            return {"net_tap", {{"iface", name}}};
        case Link::AfPacket:
            return {"net_af_packet", {{"iface", name}}};
    }
    return {};
}

DeviceSpec Bed::generator_device(unsigned number) const {
    if (link_ == Link::Memif) {
        return {"net_memif",
                {{"role", "client"},
                 {"id", std::to_string(number)},
                 {"zero-copy", "yes"},
                 {"socket-abstract", "no"},
                 {"socket", memif_socket()}}};
    }
    return {"net_af_packet", {{"iface", number == 0 ? "in" : "out"}}};
}

Command Bed::for_forwarder(Command command) const {
    return in_namespace(forwarder_namespace_, std::move(command));
}

Command Bed::for_generator(Command command) const {
    return in_namespace(link_ == Link::Tap ? forwarder_namespace_ : generator_namespace_,
                        std::move(command));
}

void Bed::sweep() const {
    std::error_code none;
    fs::remove(memif_socket(), none);
    fs::remove_all(folder_ / "state", none);
    fs::remove_all(folder_ / "run", none);
}

}  // namespace godwit::bench::wire
