// The owner's configuration: another model, live.
//
// The order of a commit: the devices first, because only they can refuse (then what was done is
// undone, and nothing else has happened); then the snapshot, as a whole; then what hangs on it.
// Nothing that did not change is touched: its packets meet the same adjacencies and ports before
// and after.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "config/load/load.hpp"
#include "config/store/store.hpp"
#include "dataplane/owner/owner.hpp"
#include "dataplane/owner/reconfigure.hpp"

namespace godwit::dataplane {

namespace {

std::string lines(const std::vector<std::string>& sentences) {
    std::string text;
    for (const std::string& sentence : sentences) {
        text += text.empty() ? "" : "\n";
        text += sentence;
    }
    return text;
}

}  // namespace

void set_log_level(config::LogLevel level) {
    switch (level) {
        case config::LogLevel::Error:
            return spdlog::set_level(spdlog::level::err);
        case config::LogLevel::Warning:
            return spdlog::set_level(spdlog::level::warn);
        case config::LogLevel::Info:
            return spdlog::set_level(spdlog::level::info);
        case config::LogLevel::Debug:
            return spdlog::set_level(spdlog::level::debug);
        case config::LogLevel::Trace:
            return spdlog::set_level(spdlog::level::trace);
    }
}

api::ConfigureOutcome Owner::configure(api::ConfigurePhase phase, std::uint64_t revision,
                                       std::string_view yaml, std::string& text) {
    const auto loaded = config::load_text(yaml, fmt::format("revision {}", revision));
    if (!loaded) {
        text = config::render(loaded.error());
        return api::ConfigureOutcome::Refused;
    }
    const config::Model& next = loaded->model;
    const Preparation preparation = prepare(model_, next, interfaces_, parts_.ports, packet_bytes_);
    text = lines(preparation.sentences);
    if (preparation.outcome != api::ConfigureOutcome::Done ||
        phase == api::ConfigurePhase::Prepare) {
        return preparation.outcome;
    }
    if (const auto refused = carry_out_steps(preparation.steps, parts_.ports)) {
        spdlog::error("revision {} is not running: {}", revision, *refused);
        text = *refused;
        return api::ConfigureOutcome::Failed;
    }
    apply_changes(interfaces_.publish(next), next);
    config_sha256_ = config::sha256_hex(std::string(yaml));
    if (server_ != nullptr) {
        server_->set_config_sha256(config_sha256_);
    }
    ++statistics_.configurations;
    spdlog::info("revision {} is running", revision);
    return api::ConfigureOutcome::Done;
}

// What hangs on the interfaces, after `next` became the snapshot. Also the first model's.
void Owner::apply_changes(const Interfaces::Changes& changes, const config::Model& next) {
    const StaticNeighborChanges fixed = static_neighbor_changes(model_, next);
    for (const config::StaticNeighbor& neighbor : fixed.removed) {
        if (const auto id = interfaces_.id_of(neighbor.interface)) {
            neighbors_.remove_permanent({*id, neighbor.address}, now_, actions_);
        }
    }
    for (const net::InterfaceId id : changes.removed) {
        neighbors_.interface_removed(id, now_, actions_);
        announcements_.interface_removed(id);
        carry_out_actions();
        hops_.interface_removed(id);
        api::InterfaceRemovedRecord record;
        record.interface = id.value();
        emit(api::EventType::InterfaceRemoved, record);
    }
    for (const net::InterfaceId id : changes.moved) {
        neighbors_.interface_moved(id, now_, actions_);
        announce_addresses_of(id);
        carry_out_actions();
    }
    for (const net::InterfaceId id : changes.rewritten) {
        hops_.rebuild(id);
    }
    for (const net::InterfaceId id : changes.readdressed) {
        const InterfaceEntry& interface = *interfaces_.entry(id);
        neighbors_.addresses_changed(interface, now_, actions_);
        announcements_.keep_only(interface);
        if (interface.type == api::InterfaceType::Loopback) {
            continue;
        }
        const auto before = model_.interfaces.find(interfaces_.name_of(id));
        for (const net::Ipv4InterfaceAddress& own : interface.addresses) {
            const bool is_new =
                before == model_.interfaces.end() ||
                std::find(before->second.addresses.begin(), before->second.addresses.end(), own) ==
                    before->second.addresses.end();
            if (is_new) {
                announcements_.start({id, own.address}, now_);
            }
        }
    }
    for (const net::InterfaceId id : changes.new_mac) {
        announce_addresses_of(id);
    }
    for (const net::InterfaceId id : changes.came_up) {
        link_came_up(id);
    }
    for (const config::StaticNeighbor& neighbor : fixed.set) {
        if (const auto id = interfaces_.id_of(neighbor.interface)) {
            neighbors_.set_permanent({*id, neighbor.address}, neighbor.mac, now_, actions_);
        }
    }
    carry_out_actions();

    if (next.system.log_level != model_.system.log_level) {
        set_log_level(next.system.log_level);
    }
    model_ = next;
    for (const auto* list : {&changes.added, &changes.changed}) {
        for (const net::InterfaceId id : *list) {
            report_interface(id);
        }
    }
}

}  // namespace godwit::dataplane
