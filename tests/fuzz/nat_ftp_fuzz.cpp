// Bytes of a control connection as they come: a line that names an endpoint says the same when it
// is written again, and segments in any order, of any length and with any acknowledgment between
// them neither leave the room that they have nor make one that does not fit its way.
//
// Input: a byte that says who speaks, then segments: how far behind or ahead of the last one it
// begins, what is acknowledged meanwhile, its flags and its length, then that many bytes.
#include <algorithm>
#include <string>
#include <string_view>

#include "dataplane/nat/ftp_stream.hpp"
#include "tests/fuzz/fuzz_check.hpp"

using namespace godwit;

namespace {

using dataplane::nat::Endpoint;
using dataplane::nat::FtpSpeaker;
using dataplane::nat::FtpStream;
using dataplane::nat::FtpText;
using Fate = FtpStream::Fate;

constexpr Endpoint kOther{{203, 0, 113, 200}, 65535};

void check_line(FtpSpeaker speaker, std::string_view line) {
    const auto found = dataplane::nat::read_ftp_line(speaker, line);
    if (!found) {
        return;
    }
    fuzz::check(found->begin < found->end && found->end <= line.size(), "it lies in its line");
    std::string again(line);
    const dataplane::nat::FtpEndpointText other(*found, kOther);
    again.replace(found->begin, found->end - found->begin, other.view());
    const auto written = dataplane::nat::read_ftp_line(speaker, again);
    fuzz::check(written && written->named.port == kOther.port, "what was written is read again");
    fuzz::check(dataplane::nat::may_name_ftp_endpoint(speaker, line),
                "every beginning of a line that names one may come to name one");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const FtpSpeaker speaker = (data[0] & 1U) != 0 ? FtpSpeaker::Server : FtpSpeaker::Client;
    check_line(speaker, input.substr(1));

    FtpStream stream(speaker);
    FtpText text;
    std::uint32_t next = 0xffff'ff00U;
    static_cast<void>(stream.outbound({next++, {.syn = true}, {}}, std::nullopt, text));
    std::size_t at = 1;
    while (at + 4 <= size) {
        const auto step = static_cast<std::uint32_t>(static_cast<std::int8_t>(data[at]));
        const auto known = static_cast<std::uint32_t>(data[at + 1]);
        const bool is_last = (data[at + 2] & 0xfU) == 0xf;
        const std::size_t length = std::min<std::size_t>(data[at + 3], size - at - 4);
        const std::string_view bytes = input.substr(at + 4, length);
        at += 4 + length;
        const FtpStream::Segment segment{next + step, {.fin = is_last, .ack = true}, bytes};
        auto result = stream.outbound(segment, std::nullopt, text);
        if (result.fate == Fate::Ask) {
            result = stream.outbound(segment, FtpStream::Answer{kOther}, text);
            fuzz::check(result.fate != Fate::Ask, "an answer is enough");
        }
        if (result.fate == Fate::Replace) {
            fuzz::check(text.view().size() <= std::max<std::size_t>(bytes.size(), 512) + 152,
                        "what is repeated is no longer than a patch more");
        }
        if (result.fate == Fate::Hold) {
            next = stream.held_until();
        } else if (result.fate != Fate::Wait) {
            next = segment.sequence + static_cast<std::uint32_t>(length);
        }
        static_cast<void>(stream.acknowledged(result.sequence + known));
        const auto left = stream.sack_edge(result.sequence, FtpStream::Edge::Left);
        const auto right = stream.sack_edge(result.sequence, FtpStream::Edge::Right);
        fuzz::check(static_cast<std::int32_t>(left - right) >= 0, "edges move out of a patch");
    }
    return 0;
}
