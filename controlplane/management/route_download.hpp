// Carries the RIB's download into the route ring, and the acknowledgements back.
//
// A session begins with SyncBegin, then everything, then SyncEnd at the first moment at which the
// RIB has nothing more to tell; from then on changes go as they come (dataplane/api/messages.hpp).
// While protocols still learn again what the dataplane has from the program before, the end is
// held back (convergence.hpp): changes go as they come then too, and nothing is swept.
// Each operation is one record. A full ring stops the download where it is; what has been taken
// from the RIB and found no room waits here, at most kBatch operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "controlplane/channel/route_writer.hpp"
#include "controlplane/rib/rib.hpp"

namespace godwit::control {

class RouteDownload {
public:
    RouteDownload(Rib& rib, RouteWriter& writer) : rib_(rib), writer_(writer) {}

    // A new session: the dataplane is told everything anew.
    void begin(std::uint64_t generation);
    void session_lost() { phase_ = Phase::Idle; }
    // Whether the end of the synchronisation has to wait; run() goes on when it need not any more.
    void hold_end(bool held) { end_held_ = held; }

    // Writes what there is to write, at most kBatch records; true: there is more, and room for it.
    bool run();
    // The dataplane has carried out every record up to `sequence`.
    void acknowledged(std::uint64_t sequence);
    // The dataplane has not carried out record `sequence`.
    void rejected(std::uint64_t sequence, const net::Ipv4Prefix& prefix, std::uint32_t number,
                  Refusal refusal);
    // Everything that the RIB wants has been written.
    [[nodiscard]] bool steady() const { return phase_ == Phase::Steady; }
    [[nodiscard]] bool quiet() const {
        return steady() && waiting_.empty() && !rib_.has_download() && !rib_.is_settling() &&
               writer_.acknowledged() == writer_.last_sequence();
    }

    static constexpr std::size_t kBatch = 1024;

private:
    enum class Phase : std::uint8_t { Idle, Begin, Everything, Steady };
    // How many of the RIB's operations there are up to a record behind SyncBegin.
    [[nodiscard]] std::uint64_t operations_until(std::uint64_t sequence) const;
    RouteWriter::Written write(const DownloadOp& operation);

    Rib& rib_;
    RouteWriter& writer_;
    Phase phase_ = Phase::Idle;
    bool end_held_ = false;
    std::uint64_t generation_ = 0;
    std::uint64_t begin_sequence_ = 0;
    std::optional<std::uint64_t> end_sequence_;
    std::deque<DownloadOp> waiting_;
};

}  // namespace godwit::control
