// The owner's configuration: another model, live.
//
// The order of a commit: the translators and the devices first, because only they can refuse (then
// what was done is undone, and nothing else has happened); then the snapshot, as a whole; then what
// hangs on it.
// Nothing that did not change is touched: its packets meet the same adjacencies and ports before
// and after.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

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
    const Preparation preparation = prepare_all(next);
    text = lines(preparation.sentences);
    if (preparation.outcome != api::ConfigureOutcome::Done ||
        phase == api::ConfigurePhase::Prepare) {
        return preparation.outcome;
    }
    if (const std::string wrong = adopt_nat(next); !wrong.empty()) {
        spdlog::error("revision {} is not running: {}", revision, wrong);
        text = wrong;
        return api::ConfigureOutcome::Failed;
    }
    if (const auto refused = carry_out_steps(preparation.steps, parts_.ports)) {
        adopt_nat(model_);
        spdlog::error("revision {} is not running: {}", revision, *refused);
        text = *refused;
        return api::ConfigureOutcome::Failed;
    }
    adopt(next);
    config_sha256_ = config::sha256_hex(std::string(yaml));
    if (server_ != nullptr) {
        server_->set_config_sha256(config_sha256_);
    }
    ++statistics_.configurations;
    spdlog::info("revision {} is running", revision);
    return api::ConfigureOutcome::Done;
}

// What the devices and the translators have against it.
Preparation Owner::prepare_all(const config::Model& next) const {
    Preparation preparation = prepare(model_, next, interfaces_, parts_.ports, packet_bytes_);
    if (preparation.outcome != api::ConfigureOutcome::Done) {
        return preparation;
    }
    // A new interface gets its number when it is made; until then any will do that is nobody's.
    std::string wrong = nat_.problem_with(next, [this](const std::string& name) {
        return interfaces_.id_of(name).value_or(net::InterfaceId());
    });
    if (!wrong.empty()) {
        preparation.outcome = api::ConfigureOutcome::Refused;
        preparation.sentences = {std::move(wrong)};
    }
    return preparation;
}

std::string Owner::adopt_nat(const config::Model& next) {
    interfaces_.number_all(next);
    return nat_.adopt(next,
                      [this](const std::string& name) { return interfaces_.number_of(name); });
}

// Makes `next` what the workers see, and then what hangs on it. Also the first model, and the
// running one again when an address has become ours to use or is not any more.
void Owner::adopt(const config::Model& next) {
    claim_addresses(next);
    const auto usable = [this](net::InterfaceId id, net::Ipv4Address address) {
        return conflicts_.is_in_use({id, address});
    };
    apply_changes(interfaces_.publish(next, usable), next);
}

void Owner::claim_addresses(const config::Model& next) {
    interfaces_.number_all(next);
    for (const auto& [name, interface] : next.interfaces) {
        const net::InterfaceId id = interfaces_.number_of(name);
        if (std::holds_alternative<config::Loopback>(interface.kind)) {
            conflicts_.interface_removed(id);  // nobody else is on it
            continue;
        }
        conflicts_.configure(id, interface.addresses,
                             interface.conflict_detection == config::ConflictDetection::Probe,
                             interfaces_.link_is_up(id), now_);
    }
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
        conflicts_.interface_removed(id);
        announcements_.interface_removed(id);
        carry_out_actions();
        hops_.interface_removed(id);
        api::InterfaceRemovedRecord record;
        record.interface = id.value();
        emit(api::EventType::InterfaceRemoved, record);
    }
    for (const net::InterfaceId id : changes.moved) {
        neighbors_.interface_moved(id, now_, actions_);
        if (interfaces_.link_is_up(id)) {
            conflicts_.link_up(id, now_, conflict_actions_);
        }
        announce_addresses_of(id);
        carry_out_actions();
    }
    for (const net::InterfaceId id : changes.rewritten) {
        hops_.rebuild(id);
    }
    readdress(changes);
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

void Owner::readdress(const Interfaces::Changes& changes) {
    for (const auto* list : {&changes.added, &changes.changed}) {
        for (const net::InterfaceId id : *list) {
            neighbors_.set_limit(id, interfaces_.entry(id)->max_neighbors, now_, actions_);
        }
    }
    for (const net::InterfaceId id : changes.readdressed) {
        neighbors_.addresses_changed(*interfaces_.entry(id), now_, actions_);
        announcements_.keep_only(*interfaces_.entry(id));
    }
    for (const auto& [id, address] : changes.appeared) {
        if (interfaces_.entry(id)->type != api::InterfaceType::Loopback) {
            announcements_.start({id, address}, now_);
        }
    }
}

}  // namespace godwit::dataplane
