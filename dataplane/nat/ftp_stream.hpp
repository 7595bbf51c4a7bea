// What the inside says on one FTP control connection, while endpoints in it are replaced.
//
// Another endpoint is longer or shorter than the one that it replaces, so from there on the outside
// counts other bytes than the inside:
//
//   inside    ....|PORT 10,0,0,7,195,80|\r\nRETR a\r\n      sequence s
//   outside   ....|PORT 192,0,2,15,195,80|\r\nRETR a\r\n    sequence s + 2 behind the patch
//
// A patch is a piece of the stream of which the outside gets other bytes. It is sent whole or not
// at all: who repeats a part of it sends all of it, and an acknowledgment that ends inside it ends
// before it. Patches are kept until they are acknowledged, so each repetition has the same bytes.
//
// A line may come in pieces. A piece that ends where a line could still come to name an endpoint is
// held and acknowledged here (Fate::Hold), for its sender may wait for that before it goes on
// (RFC 1122 4.2.3.4); the whole line is then a patch. A piece is held only when the other side has
// acknowledged all before it: otherwise it would be said to have arrived what may still be lost.
// Its patch reaches one byte beyond it: its sender repeats that byte when the line is lost.
//
// Bytes are decided about in their order. What comes before its turn waits (Fate::Wait: it is
// dropped, and repeated by its sender), and so does what stands behind a line that must be looked
// at alone. Only the outbound direction is ever patched; inbound acknowledgments and SACK blocks
// (RFC 2018) are counted back. RFC 959, 1123, 2428, 9293 3.4.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/nat/ftp_line.hpp"
#include "net/tcp.hpp"

namespace godwit::dataplane::nat {

// The payload of a segment that is sent in another's place.
class FtpText {
public:
    static constexpr std::size_t kMost = 1536;

    void clear() { size_ = 0; }
    // As much as there is room for; how much.
    std::size_t append(std::string_view more);
    [[nodiscard]] std::string_view view() const { return {letters_.data(), size_}; }
    [[nodiscard]] std::size_t room() const { return kMost - size_; }

private:
    std::array<char, kMost> letters_;
    std::size_t size_ = 0;
};

class FtpStream {
public:
    // A line that names an endpoint is not longer; longer ones pass as they are.
    static constexpr std::size_t kLongestLine = 112;

    struct Segment {
        std::uint32_t sequence = 0;
        net::TcpFlags flags{};
        std::string_view payload{};
    };
    enum class Fate : std::uint8_t {
        Forward,  // its bytes are right
        Replace,  // by the text that was filled in
        Hold,     // it is kept here: acknowledge held_until() to its sender
        Wait,     // drop it; its sender repeats it
        Ask       // again, with an answer to what becomes of `asked`
    };
    struct Result {
        Fate fate = Fate::Forward;
        std::uint32_t sequence = 0;  // Forward, Replace: as the outside counts
        bool keeps_fin = true;       // all bytes before it are there
        FtpEndpoint asked{};
    };
    // What becomes of an endpoint; nothing: it stays as it is.
    struct Answer {
        std::optional<Endpoint> outside;
    };

    FtpStream() = default;
    explicit FtpStream(FtpSpeaker speaker) : speaker_(speaker) {}

    [[nodiscard]] Result outbound(const Segment& segment, const std::optional<Answer>& answer,
                                  FtpText& text);

    // An acknowledgment from outside, as the inside counts.
    [[nodiscard]] std::uint32_t acknowledged(std::uint32_t outside);
    enum class Edge : std::uint8_t { Left, Right };
    [[nodiscard]] std::uint32_t sack_edge(std::uint32_t outside, Edge edge) const;

    [[nodiscard]] std::uint32_t held_until() const { return next_; }
    [[nodiscard]] bool holds() const { return held_count_ != 0; }

private:
    static constexpr std::size_t kPatches = 3;  // that may be without acknowledgment

    struct Patch {
        std::uint32_t begin = 0;  // as the inside counts
        std::uint16_t length = 0;
        std::uint16_t text_length = 0;
        std::int32_t delta_before = 0;  // what the outside counts more, before it
        std::array<char, kLongestLine + sizeof(FtpEndpointText)> text;

        [[nodiscard]] std::uint32_t end() const { return begin + length; }
        [[nodiscard]] std::uint32_t outside_begin() const {
            return begin + static_cast<std::uint32_t>(delta_before);
        }
        [[nodiscard]] std::uint32_t outside_end() const { return outside_begin() + text_length; }
        [[nodiscard]] std::int32_t delta_after() const {
            return delta_before + text_length - length;
        }
        [[nodiscard]] std::string_view view() const { return {text.data(), text_length}; }
    };

    void begin(std::uint32_t sequence);
    [[nodiscard]] std::uint32_t settled() const {
        return next_ - static_cast<std::uint32_t>(held_count_);
    }
    [[nodiscard]] std::span<const Patch> patches() const {
        return std::span(patches_).first(patch_count_);
    }
    [[nodiscard]] std::uint32_t translated(std::uint32_t sequence) const;
    [[nodiscard]] std::uint32_t counted_back(std::uint32_t outside, Edge edge) const;
    [[nodiscard]] const Patch* patch_at(std::uint32_t sequence) const;
    [[nodiscard]] bool has_patch_in(std::uint32_t begin, std::uint32_t end) const;
    [[nodiscard]] bool is_last_patch_missing() const;
    [[nodiscard]] bool has_room_for_patch() const;
    Patch& add_patch(std::uint32_t begin);
    void forget_oldest();
    void forget_distant();

    Result again(const Segment& segment, FtpText& text) const;
    Result fresh(const Segment& segment, const std::optional<Answer>& answer, FtpText& text);
    Result hold(std::string_view more);

    FtpSpeaker speaker_ = FtpSpeaker::Client;
    bool has_begun_ = false;
    bool in_line_ = false;  // in the middle of one that is nobody's business
    std::uint8_t patch_count_ = 0;
    std::uint8_t held_count_ = 0;
    std::uint32_t next_ = 0;          // the first byte that nothing is decided about
    std::uint32_t acknowledged_ = 0;  // by the outside, as the inside counts
    std::int32_t first_delta_ = 0;    // before the oldest patch
    std::array<char, kLongestLine> held_;
    std::array<Patch, kPatches> patches_;  // the oldest first
};

}  // namespace godwit::dataplane::nat
