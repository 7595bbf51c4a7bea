// What two hosts of a World saw, as a file that Wireshark reads: one interface for each host, with
// the segments that it sent and those that reached it (https://www.ietf.org/archive/id/
// draft-ietf-opsawg-pcapng-03.html). Virtual time counts from the epoch.
//
//     section header · interface description x 2 · enhanced packet ...
#pragma once

#include <filesystem>
#include <fstream>

#include "tests/sim/tcp/world.hpp"

namespace godwit::sim {

class Pcapng {
public:
    // Everything that `world` does from now on; it must not outlive this.
    Pcapng(const std::filesystem::path& file, World& world);
    Pcapng(const Pcapng&) = delete;
    Pcapng& operator=(const Pcapng&) = delete;

    [[nodiscard]] bool written() { return file_.flush().good(); }

private:
    void packet(const World::Sighting& seen);
    void block(std::uint32_t type, std::vector<std::uint8_t> body);

    std::ofstream file_;
};

}  // namespace godwit::sim
