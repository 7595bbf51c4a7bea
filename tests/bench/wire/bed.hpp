// Where one comparison takes place: a folder, two links between forwarder and generator, and what
// each of the two calls its ends.
//
//     generator ─── in ──▶ forwarder ─── out ──▶ generator
//
// memif: two shared memories; the forwarder has the servers, the generator is a zero-copy client of
// both. af_packet: two veth pairs between two network namespaces, a packet socket on each end. tap:
// the forwarder makes two taps in a namespace, and the generator has packet sockets on their kernel
// ends. What is made here is taken away by the destructor; what an earlier bench left behind when
// it was killed is removed at the start, told by the process number in the names.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/ipv4_address.hpp"
#include "net/mac_address.hpp"
#include "net/result.hpp"
#include "tests/bench/wire/process.hpp"

namespace godwit::bench::wire {

enum class Link : std::uint8_t { Memif, Tap, AfPacket };

struct DeviceSpec {
    std::string driver;  // "net_memif"
    std::map<std::string, std::string> arguments;
};

// "net_memif1,id=1,role=server", as EAL's --vdev takes it.
std::string vdev_of(const DeviceSpec& device, unsigned number);

// Both links, in RFC 2544's networks: the forwarder is .1 of each, what lies behind it .2 and up.
constexpr net::MacAddress kForwarderIn({0x02, 0x00, 0x00, 0x00, 0x01, 0x01});
constexpr net::MacAddress kForwarderOut({0x02, 0x00, 0x00, 0x00, 0x01, 0x02});
constexpr net::MacAddress kGeneratorIn({0x02, 0x00, 0x00, 0x00, 0x02, 0x01});
constexpr net::MacAddress kGeneratorOut({0x02, 0x00, 0x00, 0x00, 0x02, 0x02});
constexpr net::Ipv4Address kNetworkIn(0xc6120000);   // 198.18.0.0/24
constexpr net::Ipv4Address kNetworkOut(0xc6120100);  // 198.18.1.0/24

class Bed {
public:
    static net::Result<std::unique_ptr<Bed>, std::string> make(Link link);
    ~Bed();
    Bed(const Bed&) = delete;
    Bed& operator=(const Bed&) = delete;

    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
    [[nodiscard]] DeviceSpec forwarder_device(unsigned number) const;  // 0 in, 1 out
    [[nodiscard]] DeviceSpec generator_device(unsigned number) const;
    // The command, run where the ends of that side are.
    [[nodiscard]] Command for_forwarder(Command command) const;
    [[nodiscard]] Command for_generator(Command command) const;
    // What the last forwarder left: a memif server would take its socket for a living one.
    void sweep() const;

private:
    Bed(Link link, std::filesystem::path folder) : link_(link), folder_(std::move(folder)) {}
    net::Result<void, std::string> make_namespaces();
    net::Result<void, std::string> run(const Command& command) const;
    [[nodiscard]] std::string memif_socket() const { return folder_ / "memif.sock"; }

    Link link_;
    std::filesystem::path folder_;
    std::string forwarder_namespace_;  // empty: the bench's own
    std::string generator_namespace_;
};

}  // namespace godwit::bench::wire
