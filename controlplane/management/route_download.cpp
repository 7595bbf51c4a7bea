#include "controlplane/management/route_download.hpp"

#include <iterator>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace godwit::control {

namespace {

api::NextHopKind kind_of(RibNextHop::Kind kind) {
    switch (kind) {
        case RibNextHop::Kind::Gateway:
            return api::NextHopKind::Gateway;
        case RibNextHop::Kind::Glean:
            return api::NextHopKind::Glean;
        case RibNextHop::Kind::Receive:
            return api::NextHopKind::Receive;
        case RibNextHop::Kind::Broadcast:
            return api::NextHopKind::Broadcast;
        case RibNextHop::Kind::Blackhole:
            return api::NextHopKind::Blackhole;
    }
    return api::NextHopKind::Blackhole;
}

}  // namespace

void RouteDownload::begin(std::uint64_t generation) {
    generation_ = generation;
    phase_ = Phase::Begin;
    begin_sequence_ = 0;
    end_sequence_.reset();
    waiting_.clear();
    rib_.begin_resync();
}

bool RouteDownload::run() {
    if (phase_ == Phase::Idle) {
        return false;
    }
    if (phase_ == Phase::Begin) {
        const auto sequence = writer_.sync_begin(generation_);
        if (!sequence) {
            return false;
        }
        begin_sequence_ = *sequence;
        phase_ = Phase::Everything;
    }
    for (std::size_t written = 0; written < kBatch; ++written) {
        if (waiting_.empty()) {
            std::vector<DownloadOp> more = rib_.take_download(kBatch);
            waiting_.assign(std::make_move_iterator(more.begin()),
                            std::make_move_iterator(more.end()));
        }
        if (waiting_.empty() && rib_.has_download()) {
            return true;  // it has not yet walked over all of its routes
        }
        if (waiting_.empty()) {
            // What the RIB has not chosen yet would be swept.
            if (phase_ == Phase::Everything && !end_held_ && !rib_.is_settling()) {
                end_sequence_ = writer_.sync_end(generation_);
                if (end_sequence_) {
                    phase_ = Phase::Steady;
                }
            }
            return false;
        }
        if (!write(waiting_.front())) {
            return false;  // full: the client says when there is room
        }
        waiting_.pop_front();
    }
    return true;
}

RouteWriter::Written RouteDownload::write(const DownloadOp& operation) {
    return std::visit(
        [this](const auto& op) -> RouteWriter::Written {
            using Op = std::decay_t<decltype(op)>;
            if constexpr (std::is_same_v<Op, SetNextHop>) {
                api::NextHopSetRecord record;
                record.number = op.number;
                record.kind = kind_of(op.next_hop.kind);
                record.interface = op.next_hop.interface.value();
                record.gateway = op.next_hop.via ? op.next_hop.via->value() : 0;
                return writer_.next_hop_set(record);
            } else if constexpr (std::is_same_v<Op, SetGroup>) {
                return writer_.group_set(op.number, op.members);
            } else if constexpr (std::is_same_v<Op, DeleteNextHop>) {
                return writer_.next_hop_delete(op.number);
            } else if constexpr (std::is_same_v<Op, SetRoute>) {
                api::RouteSetRecord record;
                record.prefix = op.prefix.address().value();
                record.length = op.prefix.length();
                record.number = op.number;
                return writer_.route_set(record);
            } else {
                static_assert(std::is_same_v<Op, DeleteRoute>);
                api::RouteDeleteRecord record;
                record.prefix = op.prefix.address().value();
                record.length = op.prefix.length();
                return writer_.route_delete(record);
            }
        },
        operation);
}

void RouteDownload::acknowledged(std::uint64_t sequence) {
    if (phase_ == Phase::Idle || begin_sequence_ == 0 || sequence <= begin_sequence_) {
        return;
    }
    rib_.acknowledged(operations_until(sequence));
}

void RouteDownload::rejected(std::uint64_t sequence, const net::Ipv4Prefix& prefix,
                             std::uint32_t number, Refusal refusal) {
    const bool no_operation = sequence <= begin_sequence_ || sequence == end_sequence_;
    if (phase_ != Phase::Idle && begin_sequence_ != 0 && !no_operation) {
        rib_.rejected(operations_until(sequence), prefix, number, std::move(refusal));
    }
}

std::uint64_t RouteDownload::operations_until(std::uint64_t sequence) const {
    // SyncBegin and SyncEnd are records, and no operations of the RIB.
    const bool past_end = end_sequence_ && sequence >= *end_sequence_;
    return sequence - begin_sequence_ - (past_end ? 1 : 0);
}

}  // namespace godwit::control
