// Options of an IPv4 header, judged and filled in: whatever they are, what is found lies in the
// header, what is filled in changes nothing but entries, pointers and the overflow, and a header
// that was filled in is still well formed. The input is a header, its first 20 bytes included.
#include <algorithm>
#include <vector>

#include "net/ipv4.hpp"
#include "net/ipv4_options.hpp"
#include "tests/fuzz/net_fuzz.hpp"

using namespace godwit;

namespace {

using Fault = net::Ipv4Options::Fault;

constexpr net::Ipv4Address kOwn{0x0a000001U};

bool is_filled(const std::vector<std::uint8_t>& header, std::size_t option) {
    return header[option + 2] > header[option + 1];
}

void check_places(const net::Ipv4Options& options, std::size_t header_bytes) {
    for (const std::uint8_t place :
         {options.record_route, options.timestamp, options.source_route, options.router_alert}) {
        fuzz::check(place == 0 || (place >= net::kIpv4MinHeaderBytes && place < header_bytes),
                    "an option lies in the header, behind its fixed part");
    }
    fuzz::check(options.fault == Fault::None || (options.fault_at >= net::kIpv4MinHeaderBytes &&
                                                 options.fault_at < header_bytes),
                "a fault lies in the options");
}

void fill_in(std::vector<std::uint8_t>& header, const net::Ipv4Options& options) {
    if (options.record_route != 0) {
        const bool was_full = is_filled(header, options.record_route);
        const auto before = header;
        net::record_route(header, options.record_route, kOwn);
        fuzz::check((header == before) == was_full, "a record is entered while there is room");
    }
    if (options.source_route != 0) {
        unsigned hops = 0;
        while (net::is_unexpired_source_route(header, options.source_route)) {
            net::take_source_route_hop(header, options.source_route, kOwn);
            ++hops;
        }
        fuzz::check(hops <= 9, "40 bytes hold nine stops");
        net::record_source_route(header, options.source_route, hops, kOwn);
    }
    if (options.timestamp != 0) {
        const auto asked = net::timestamp_asks(header, options.timestamp);
        const std::uint8_t pointer = header[options.timestamp + 2];
        net::add_timestamp(header, options.timestamp, asked.value_or(kOwn), 0x01020304U);
        fuzz::check(!asked || header[options.timestamp + 2] > pointer, "who is asked answers");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::size_t header_bytes = std::min(size, net::kIpv4MaxHeaderBytes) / 4 * 4;
    if (header_bytes < net::kIpv4MinHeaderBytes) {
        return 0;
    }
    // Of its own length, so that the sanitizers see every byte beyond it.
    std::vector<std::uint8_t> header(data, data + header_bytes);
    const net::Ipv4Options options = net::read_ipv4_options(header);
    check_places(options, header_bytes);
    if (options.fault != Fault::None) {
        return 0;
    }
    const auto before = header;
    fill_in(header, options);
    fuzz::check(std::equal(before.begin(), before.begin() + 20, header.begin()),
                "only options change");
    const net::Ipv4Options again = net::read_ipv4_options(header);
    // The next router may find too little room, or an overflow that it cannot count any more.
    fuzz::check(again.fault != Fault::Malformed, "what was filled in is still well formed");
    fuzz::check(again.fault != Fault::None || (again.record_route == options.record_route &&
                                               again.source_route == options.source_route &&
                                               again.timestamp == options.timestamp),
                "and stands where it stood");
    return 0;
}
