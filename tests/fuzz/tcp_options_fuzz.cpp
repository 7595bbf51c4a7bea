// The options of a TCP header as values, and where signatures stand in a segment: any bytes are
// read without harm, and what was read is written and read again as it was.
#include <vector>

#include "controlplane/host/tcp/peer_security.hpp"
#include "tests/fuzz/net_fuzz.hpp"

using namespace godwit;
namespace tcp = godwit::control::tcp;

namespace {

void check_codec(fuzz::Bytes bytes) {
    const auto options = net::TcpOptions::parse(bytes);
    const auto encoded = options.encode();
    if (!encoded) {
        return;  // SACK and signatures together may need more than 40 bytes
    }
    const auto again = net::TcpOptions::parse(encoded->bytes());
    fuzz::check(again.maximum_segment_size == options.maximum_segment_size, "segment size");
    fuzz::check(again.window_scale == options.window_scale, "window scale");
    fuzz::check(again.sack_permitted == options.sack_permitted, "SACK permitted");
    fuzz::check(again.timestamps == options.timestamps, "timestamps");
    fuzz::check(again.user_timeout == options.user_timeout, "user timeout");
    fuzz::check(again.sack().size() <= options.sack().size(), "SACK as far as it fits");
    for (std::size_t i = 0; i < again.sack().size(); ++i) {
        fuzz::check(again.sack()[i] == options.sack()[i], "SACK blocks");
    }
    fuzz::check(again.md5_signature.size() == options.md5_signature.size(), "MD5");
    fuzz::check(again.authentication.size() == options.authentication.size(), "TCP-AO");
}

void check_guard(fuzz::Bytes bytes) {
    const auto view = net::wire::TcpView::parse(bytes);
    if (!view) {
        return;
    }
    const tcp::FlowSecrets secrets(net::SipKey{1, 2});
    tcp::PeerGuard guard(secrets);
    const tcp::Flow flow{net::Ipv4Address(192, 0, 2, 1), net::Ipv4Address(192, 0, 2, 2),
                         view->destination_port(), view->source_port()};
    const tcp::SecurityScope scope{net::Ipv4Prefix::covering(flow.remote, 32), 0};
    const tcp::Segment segment = tcp::Segment::from(*view, {255, 0, tcp::Ecn::NotCapable});
    for (int kind = 0; kind < 3; ++kind) {
        tcp::PeerSecurity security;
        if (kind == 1) {
            security.md5 = {1, 2, 3};
        } else if (kind == 2) {
            security.ao.push_back({view->payload().empty() ? std::uint8_t{0} : view->payload()[0],
                                   bytes[0],
                                   tcp::AoAlgorithm::AesCmac128_96,
                                   {1},
                                   true});
        }
        fuzz::check(guard.set(scope, security).has_value(), "the rule stands");
        const auto reason = guard.judge(flow, segment);
        fuzz::check(kind == 0 || reason.has_value(), "no guess is a signature");
        fuzz::check(guard.sessions() == 0, "a stranger leaves nothing behind");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Bytes bytes(data, size);
    check_codec(bytes.first(std::min(size, net::kMaxOptionBytes)));
    check_guard(bytes);
    return 0;
}
