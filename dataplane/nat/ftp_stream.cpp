#include "dataplane/nat/ftp_stream.hpp"

#include <algorithm>

namespace godwit::dataplane::nat {
namespace {

// A segment grows by no more than this when an endpoint in it is replaced.
constexpr std::size_t kMostGrowth = 32;
// A segment that grows may have as much as any host takes (RFC 9293 3.7.1), or what it had before.
constexpr std::size_t kAlwaysFits = 512;

bool is_before(std::uint32_t one, std::uint32_t other) {
    return static_cast<std::int32_t>(one - other) < 0;
}

std::uint32_t length_of(std::string_view text) {
    return static_cast<std::uint32_t>(text.size());
}

// How the new part of a segment is taken: which of its bytes, and what becomes of the first line.
struct Taken {
    std::size_t bytes = 0;
    bool is_asked = false;
    bool is_held = false;
    bool in_line = false;
    std::optional<FtpEndpoint> named;  // by the first line
};

// Lines up to the first one that must be looked at alone.
Taken take_lines(FtpSpeaker speaker, std::string_view text, bool in_line, bool is_last) {
    Taken taken;
    taken.in_line = in_line;
    while (taken.bytes < text.size()) {
        const std::string_view rest = text.substr(taken.bytes);
        const std::size_t end = rest.find('\n');
        const bool is_whole = end != std::string_view::npos;
        if (!taken.in_line) {
            const std::string_view line = rest.substr(0, end);
            const bool is_short = line.size() <= FtpStream::kLongestLine;
            const auto named = is_whole && is_short ? read_ftp_line(speaker, line) : std::nullopt;
            const bool may_name =
                !is_whole && is_short && !is_last && may_name_ftp_endpoint(speaker, line);
            if ((named || may_name) && taken.bytes != 0) {
                return taken;
            }
            if (may_name) {
                taken.is_held = true;
                return taken;
            }
            if (named) {
                taken.named = named;
            }
        }
        taken.in_line = !is_whole;
        taken.bytes += is_whole ? end + 1 : rest.size();
    }
    return taken;
}

}  // namespace

std::size_t FtpText::append(std::string_view more) {
    const std::size_t length = std::min(more.size(), room());
    std::copy_n(more.begin(), length, letters_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += length;
    return length;
}

FtpStream::Result FtpStream::outbound(const Segment& segment, const std::optional<Answer>& answer,
                                      FtpText& text) {
    text.clear();
    const std::uint32_t sequence = segment.sequence;
    if (segment.flags.syn) {
        begin(sequence + 1);
        return {Fate::Forward, sequence};
    }
    if (!has_begun_) {  // a connection that is older than our state
        begin(sequence);
    }
    if (segment.flags.rst || (segment.payload.empty() && !segment.flags.fin)) {
        return {Fate::Forward, translated(sequence)};
    }
    if (is_before(next_, sequence)) {
        return {Fate::Wait};
    }
    if (is_before(sequence, settled())) {
        return again(segment, text);
    }
    const std::uint32_t end = sequence + length_of(segment.payload);
    if (holds() && (is_before(end, next_) || (end == next_ && !segment.flags.fin))) {
        return {Fate::Hold};
    }
    if (segment.payload.empty() && is_last_patch_missing()) {
        // An end that comes again, behind what its sender thinks has arrived.
        const Patch& last = patches_[patch_count_ - 1U];
        text.append(last.view());
        return {Fate::Replace, last.outside_begin()};
    }
    return fresh(segment, answer, text);
}

void FtpStream::begin(std::uint32_t sequence) {
    has_begun_ = true;
    in_line_ = false;
    patch_count_ = 0;
    held_count_ = 0;
    first_delta_ = 0;
    next_ = sequence;
    acknowledged_ = sequence;
}

// What was sent before, with the bytes that it was sent with.
FtpStream::Result FtpStream::again(const Segment& segment, FtpText& text) const {
    const std::uint32_t begin = segment.sequence;
    const std::uint32_t end = begin + length_of(segment.payload);
    const bool is_all_old = !is_before(settled(), end);
    if (is_all_old && !has_patch_in(begin, end)) {
        return {Fate::Forward, translated(begin)};
    }
    const std::uint32_t stop = is_all_old ? end : settled();
    const Patch* const first = patch_at(begin);
    Result result{Fate::Replace, first != nullptr ? first->outside_begin() : translated(begin)};
    std::uint32_t at = begin;
    while (is_before(at, stop)) {
        if (const Patch* patch = patch_at(at)) {
            if (text.room() < patch->text_length) {
                break;
            }
            text.append(patch->view());
            at = patch->end();
            continue;
        }
        std::uint32_t run_end = stop;
        for (const Patch& patch : patches()) {
            if (is_before(at, patch.begin) && is_before(patch.begin, run_end)) {
                run_end = patch.begin;
            }
        }
        const std::size_t added = text.append(segment.payload.substr(at - begin, run_end - at));
        at += static_cast<std::uint32_t>(added);
        if (is_before(at, run_end)) {
            break;
        }
    }
    result.keeps_fin = is_all_old && !is_before(at, end);
    return result;
}

FtpStream::Result FtpStream::fresh(const Segment& segment, const std::optional<Answer>& answer,
                                   FtpText& text) {
    if (!has_room_for_patch()) {
        return {Fate::Wait};
    }
    forget_distant();
    const std::string_view more = segment.payload.substr(next_ - segment.sequence);
    std::array<char, kLongestLine + FtpText::kMost> room;
    std::size_t size = 0;
    const auto put = [&room, &size](std::string_view piece, std::size_t most) {
        const std::size_t length = std::min(piece.size(), most);
        std::copy_n(piece.begin(), length, room.begin() + static_cast<std::ptrdiff_t>(size));
        size += length;
    };
    put({held_.data(), held_count_}, kLongestLine);
    // What may grow is cut so that it fits where it fitted before; the rest is repeated.
    const std::size_t most =
        std::min(std::max(segment.payload.size(), kAlwaysFits), FtpText::kMost);
    const bool may_grow = holds() || (!in_line_ && may_name_ftp_endpoint(speaker_, more));
    const std::size_t budget = may_grow ? most - kMostGrowth - held_count_ : most;
    put(more, budget);
    const std::string_view all(room.data(), size);
    const bool is_cut = more.size() > budget;

    const Taken taken = take_lines(speaker_, all, in_line_, segment.flags.fin && !is_cut);
    if (taken.is_held) {
        return hold(more);
    }
    if (taken.named && !answer) {
        return {Fate::Ask, 0, true, *taken.named};
    }
    const std::uint32_t from = settled();
    // How much of `all` the patch stands for: one byte more than what was held, so that who repeats
    // what follows it brings it along.
    std::size_t patched = holds() ? std::min(held_count_ + std::size_t{1}, taken.bytes) : 0;
    std::string_view replaced;  // and what in it is replaced by `other`
    std::optional<FtpEndpointText> other;
    if (taken.named && answer->outside) {
        other.emplace(*taken.named, *answer->outside);
        replaced = all.substr(taken.named->begin, taken.named->end - taken.named->begin);
        if (other->view() == replaced) {
            other.reset();
        } else {
            patched = std::max(patched, taken.named->end);
        }
    }
    Result result{Fate::Forward, translated(from)};
    if (patched != 0) {
        Patch& patch = add_patch(from);
        const auto write = [&patch](std::string_view piece) {
            std::copy(piece.begin(), piece.end(), patch.text.begin() + patch.text_length);
            patch.text_length = static_cast<std::uint16_t>(patch.text_length + piece.size());
        };
        patch.length = static_cast<std::uint16_t>(patched);
        if (other) {
            write(all.substr(0, taken.named->begin));
            write(other->view());
            write(all.substr(taken.named->end, patched - taken.named->end));
        } else {
            write(all.substr(0, patched));
        }
        text.append(patch.view());
        result.fate = Fate::Replace;
        result.sequence = patch.outside_begin();
    }
    result.keeps_fin = !is_cut && taken.bytes == all.size();
    if (patched != 0 || !result.keeps_fin) {
        result.fate = Fate::Replace;
        text.append(all.substr(patched, taken.bytes - patched));
    }
    next_ = from + static_cast<std::uint32_t>(taken.bytes);
    held_count_ = 0;
    in_line_ = taken.in_line;
    return result;
}

FtpStream::Result FtpStream::hold(std::string_view more) {
    if (is_before(acknowledged_, settled())) {
        return {Fate::Wait};
    }
    std::copy(more.begin(), more.end(), held_.begin() + held_count_);
    held_count_ = static_cast<std::uint8_t>(held_count_ + more.size());
    next_ += length_of(more);
    return {Fate::Hold};
}

std::uint32_t FtpStream::acknowledged(std::uint32_t outside) {
    if (!has_begun_) {
        return outside;
    }
    const std::uint32_t inside = counted_back(outside, Edge::Right);
    // A FIN counts one behind the last byte; what is further on was never sent.
    if (is_before(acknowledged_, inside) && !is_before(settled() + 1, inside)) {
        acknowledged_ = is_before(settled(), inside) ? settled() : inside;
    }
    return holds() && inside == settled() ? next_ : inside;
}

std::uint32_t FtpStream::sack_edge(std::uint32_t outside, Edge edge) const {
    return has_begun_ ? counted_back(outside, edge) : outside;
}

std::uint32_t FtpStream::translated(std::uint32_t sequence) const {
    // The outside knows nothing of what is held.
    if (holds() && is_before(settled(), sequence)) {
        sequence = settled();
    }
    for (std::size_t at = patch_count_; at > 0; --at) {
        const Patch& patch = patches_[at - 1];
        if (!is_before(sequence, patch.end())) {
            return sequence + static_cast<std::uint32_t>(patch.delta_after());
        }
        if (!is_before(sequence, patch.begin)) {
            return patch.outside_begin();
        }
    }
    return sequence + static_cast<std::uint32_t>(first_delta_);
}

// An edge inside a patch is moved out of it to where less is said to have arrived.
std::uint32_t FtpStream::counted_back(std::uint32_t outside, Edge edge) const {
    for (std::size_t at = patch_count_; at > 0; --at) {
        const Patch& patch = patches_[at - 1];
        if (!is_before(outside, patch.outside_end())) {
            return outside - static_cast<std::uint32_t>(patch.delta_after());
        }
        if (is_before(patch.outside_begin(), outside)) {
            return edge == Edge::Left ? patch.end() : patch.begin;
        }
    }
    return outside - static_cast<std::uint32_t>(first_delta_);
}

const FtpStream::Patch* FtpStream::patch_at(std::uint32_t sequence) const {
    const auto all = patches();
    const auto found = std::ranges::find_if(all, [sequence](const Patch& patch) {
        return !is_before(sequence, patch.begin) && is_before(sequence, patch.end());
    });
    return found == all.end() ? nullptr : &*found;
}

bool FtpStream::has_patch_in(std::uint32_t begin, std::uint32_t end) const {
    return std::ranges::any_of(patches(), [begin, end](const Patch& patch) {
        return is_before(begin, patch.end()) && is_before(patch.begin, end);
    });
}

bool FtpStream::is_last_patch_missing() const {
    const Patch* const last = patch_count_ == 0 ? nullptr : &patches_[patch_count_ - 1U];
    return last != nullptr && last->end() == next_ && is_before(acknowledged_, next_);
}

bool FtpStream::has_room_for_patch() const {
    return patch_count_ < kPatches || !is_before(acknowledged_, patches_[0].end());
}

void FtpStream::forget_oldest() {
    first_delta_ = patches_[0].delta_after();
    std::copy(patches_.begin() + 1, patches_.begin() + patch_count_, patches_.begin());
    --patch_count_;
}

// Sequence numbers come round; what lies half a round behind would seem to lie ahead.
void FtpStream::forget_distant() {
    constexpr std::uint32_t kDistant = 1U << 30U;
    while (patch_count_ > 0 && next_ - patches_[0].end() > kDistant) {
        forget_oldest();
    }
}

FtpStream::Patch& FtpStream::add_patch(std::uint32_t begin) {
    const std::int32_t delta =
        patch_count_ == 0 ? first_delta_ : patches_[patch_count_ - 1U].delta_after();
    if (patch_count_ == kPatches) {
        forget_oldest();
    }
    Patch& patch = patches_[patch_count_++];
    patch.begin = begin;
    patch.length = 0;
    patch.text_length = 0;
    patch.delta_before = delta;
    return patch;
}

}  // namespace godwit::dataplane::nat
