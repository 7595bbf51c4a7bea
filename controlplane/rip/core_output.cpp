// What is told to whom: targets, jobs and entries (RFC 2453 3.10, 3.4.3, 4.4).
#include <algorithm>
#include <iterator>
#include <utility>

#include "controlplane/rip/classful.hpp"
#include "controlplane/rip/core.hpp"
#include "controlplane/rip/key_ring.hpp"

namespace godwit::control::rip {

namespace {

constexpr std::size_t kPacketsARun = 32;  // of all jobs together
constexpr Duration kRunInterval = std::chrono::milliseconds(10);
constexpr Duration kLeastQuiet = std::chrono::seconds(1);  // RFC 2453 3.10.1
constexpr std::uint64_t kQuietSpreadMs = 4000;
constexpr std::uint8_t kSecureTtl = 255;  // RFC 5082 3

std::uint32_t calendar_seconds(WallTime now) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
}

bool learned_through(const DatabaseEntry& entry, net::InterfaceId interface) {
    return std::any_of(entry.paths.begin(), entry.paths.end(),
                       [&](const Path& path) { return path.neighbor.interface == interface; });
}

// RFC 2453 3.4.3: not told where it was learned; a network of ours is known to all who are on it.
bool comes_from(const DatabaseEntry& entry, net::InterfaceId interface) {
    if (entry.local) {
        return entry.local->own_network && entry.local->interface == interface;
    }
    return learned_through(entry, interface);
}

}  // namespace

std::vector<Core::Target> Core::targets_of(const Interface& interface) const {
    std::vector<Target> targets;
    const std::uint8_t version = interface.settings.send == SendForm::Version1 ? 1 : 2;
    std::vector<net::Ipv4Prefix> done;
    for (const net::Ipv4InterfaceAddress& own : interface.link.addresses) {
        // One update a subnet, from an address in it: neighbours take none from elsewhere.
        if (interface.state != InterfaceState::Speaking ||
            std::find(done.begin(), done.end(), own.subnet()) != done.end()) {
            continue;
        }
        done.push_back(own.subnet());
        Target target{own.address, own.subnet(), kAllRouters, kPort, version};
        if (interface.settings.send != SendForm::Multicast) {
            target.destination =
                own.broadcast().value_or(net::Ipv4Address(0xffffffffU));  // RFC 3021 2.2
        }
        targets.push_back(target);
    }
    for (const net::Ipv4Address neighbor : interface.settings.neighbors) {
        for (const net::Ipv4InterfaceAddress& own : interface.link.addresses) {
            if (own.subnet().contains(neighbor) && own.address != neighbor) {
                targets.push_back({own.address, own.subnet(), neighbor, kPort, version});
                break;
            }
        }
    }
    return targets;
}

void Core::start_jobs(Interface& interface, Job::Kind kind, std::uint64_t changed_after) {
    if (interface.state == InterfaceState::Down) {
        return;
    }
    const std::vector<Target> targets = targets_of(interface);
    // A new telling of everything has what an older job still had to say to the same.
    std::erase_if(jobs_, [&](const Job& job) {
        return kind != Job::Kind::Triggered && job.interface == interface.name &&
               std::find(targets.begin(), targets.end(), job.target) != targets.end();
    });
    for (const Target& target : targets) {
        const bool told_anyway = std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& job) {
            return job.kind == Job::Kind::Regular && !job.behind && job.target == target &&
                   job.interface == interface.name;
        });
        if (!told_anyway) {
            jobs_.push_back({interface.name, target, kind, changed_after, {}, false});
        }
    }
}

void Core::start_regular(Instant now) {
    refused_.forget_until(now - settings_.timeout);
    for (auto& [name, interface] : interfaces_) {
        start_jobs(interface, Job::Kind::Regular, 0);
    }
    told_ = database_.last_change();
    trigger_at_.reset();  // all of it is told now
    update_at_ = now + jittered(settings_.update);
}

void Core::start_triggered(Instant now) {
    trigger_at_.reset();
    const std::uint64_t after = std::exchange(told_, database_.last_change());
    const std::uint64_t spread = (std::uint64_t{surroundings_.random()} * kQuietSpreadMs) >> 32U;
    quiet_until_ = now + kLeastQuiet + std::chrono::milliseconds(spread);
    if (*update_at_ <= now) {
        return;  // RFC 2453 3.10.1: suppressed, as a regular update is due
    }
    for (auto& [name, interface] : interfaces_) {
        start_jobs(interface, Job::Kind::Triggered, after);
    }
}

void Core::run_jobs(Actions& actions, Instant now) {
    std::size_t budget = kPacketsARun;
    // Each job a packet or more in turn, so that a slow one holds up no other interface.
    std::vector<Job> left;
    std::vector<Job> jobs = std::exchange(jobs_, {});
    std::size_t waiting = jobs.size();
    for (Job& job : jobs) {
        std::size_t share = std::max<std::size_t>(1, budget / waiting);
        const std::size_t given = share;
        if (budget == 0 || !run_job(job, share, actions, now)) {
            left.push_back(std::move(job));
        }
        budget -= std::min(budget, given - share);
        --waiting;
    }
    jobs_ = std::move(left);
    // Those that have waited are first next time.
    if (!jobs_.empty()) {
        std::rotate(jobs_.begin(), jobs_.begin() + 1, jobs_.end());
        jobs_at_ = now + kRunInterval;
    } else {
        jobs_at_.reset();
    }
}

// Writes packets while there is a budget; true at the end of the job.
bool Core::run_job(Job& job, std::size_t& budget, Actions& actions, Instant now) {
    Interface& interface = interfaces_.at(job.interface);
    const std::size_t most = entries_a_packet(interface);
    const Database::Entries& entries = database_.entries();
    Message message{Command::Response, job.target.version, {}};
    const auto flush = [&] {
        if (message.entries.empty()) {
            return;
        }
        send(interface, job.target, message, actions);
        message.entries.clear();
        --budget;
        job.any_sent = true;
    };
    auto at = job.behind ? entries.upper_bound(*job.behind) : entries.begin();
    while (at != entries.end()) {
        if (budget == 0) {
            return false;
        }
        const Portion portion = portion_at(interface, job.target, at);
        at = portion.last;
        job.behind = std::prev(at)->first;
        const bool changed = std::any_of(portion.first, portion.last, [&](const auto& part) {
            return part.second.changed > job.changed_after;
        });
        if (!portion.readable || !changed) {
            continue;
        }
        const auto entry = entry_for(interface, job, portion, Asking::Passing, now);
        if (!entry) {
            continue;
        }
        message.entries.push_back(*entry);
        if (message.entries.size() == most) {
            flush();
        }
    }
    flush();
    if (job.kind == Job::Kind::Regular) {
        ++interface.counters.regular_updates;
    } else if (job.kind == Job::Kind::Triggered && job.any_sent) {
        ++interface.counters.triggered_updates;
    }
    return true;
}

Core::Portion Core::portion_at(const Interface& interface, const Target& target,
                               Database::Entries::const_iterator at) const {
    Portion portion{at, std::next(at), at->first, false, true};
    if (target.version != 1 && interface.settings.send != SendForm::Compatible) {
        return portion;
    }
    const auto seen = told_without_mask(at->first, target.subnet);
    portion.readable = seen.has_value();
    const net::Ipv4Prefix natural = natural_network(at->first.address());
    if (seen == natural && !natural.contains(target.subnet)) {
        portion.told = natural;
        portion.whole = true;
        portion.first = database_.entries().lower_bound(natural);
        portion.last =
            database_.entries().upper_bound(net::Ipv4Prefix::covering(natural.last_address(), 32));
    }
    return portion;
}

// As it is written for this target: of several parts the nearest. Nothing when none is told.
std::optional<Entry> Core::entry_for(const Interface& interface, const Job& job,
                                     const Portion& portion, Asking asking, Instant now) const {
    std::optional<Entry> best;
    for (auto part = portion.first; part != portion.last; ++part) {
        const auto entry = telling_of(interface, job, part->first, part->second, asking, now).entry;
        if (entry && (!best || entry->metric < best->metric)) {
            best = entry;
        }
    }
    if (best) {
        best->address = portion.told.address();
        best->mask = net::Ipv4Address(portion.told.mask());
        if (job.target.version == 1) {
            best->tag = 0;
            best->mask = {};
            best->next_hop = {};
        }
    }
    return best;
}

Core::Telling Core::telling_of(const Interface& interface, const Job& job,
                               const net::Ipv4Prefix& prefix, const DatabaseEntry& entry,
                               Asking asking, Instant now) const {
    Telling telling;
    if (entry.deleting_since) {
        telling.reason = TellingReason::Deleted;
    }
    Entry told;
    told.tag = entry.tag();
    told.metric = entry.metric().value();
    const net::InterfaceId id = interface.link.id;
    const SplitHorizon split = interface.settings.split_horizon;
    const bool keeps_back_by_unreachable = interface.poison_until && now < *interface.poison_until;
    if (split != SplitHorizon::Off && comes_from(entry, id)) {
        if (entry.local) {
            telling.reason = TellingReason::OwnNetwork;
            return telling;
        }
        if (split == SplitHorizon::Simple && !keeps_back_by_unreachable) {
            telling.reason = TellingReason::SplitHorizon;
            return telling;
        }
        telling.reason =
            split == SplitHorizon::Simple ? TellingReason::Ending : TellingReason::Poisoned;
        told.metric = Metric::kInfinity;
    }
    if (job.kind == Job::Kind::Farewell) {
        told.metric = Metric::kInfinity;
    }
    // Where it leads; RFC 2453 4.4: who is on the same subnet may as well go there directly.
    const Path* const path = entry.paths.empty() ? nullptr : &entry.paths.front();
    net::InterfaceId leads_by;
    std::optional<net::Ipv4Address> leads_to;
    if (entry.local) {
        leads_by = entry.local->interface;
        leads_to = entry.local->next_hop;
    } else if (path != nullptr) {
        leads_by = path->neighbor.interface;
        leads_to = path->next_hop;
    }
    if (leads_to && leads_by == id && job.target.subnet.contains(*leads_to) &&
        *leads_to != job.target.source && told.metric < Metric::kInfinity) {
        told.next_hop = *leads_to;
    }
    const RouteSource source = entry.local ? entry.local->source : RouteSource::Rip;
    telling.asked = {prefix, source, told.metric, told.tag, leads_by, leads_to};
    const auto passed = interface.settings.exported.apply(*telling.asked, asking);
    if (passed) {
        if (told.metric < Metric::kInfinity) {
            told.metric = Metric::of(passed->metric).value();
        }
        if (passed->tag <= 0xffff) {
            told.tag = static_cast<std::uint16_t>(passed->tag);
        }
    } else if (keeps_back_by_unreachable || job.kind == Job::Kind::Farewell) {
        telling.reason = TellingReason::Ending;
        told.metric = Metric::kInfinity;
    } else {
        telling.reason = TellingReason::Policy;
        return telling;
    }
    telling.entry = told;
    return telling;
}

// ---- packets

std::size_t Core::entries_a_packet(const Interface& interface) const {
    const Authentication& authentication = interface.settings.authentication;
    if (std::holds_alternative<Password>(authentication)) {
        return kEntriesWithPassword;
    }
    std::size_t most = kMostEntries;
    if (const auto* keys = std::get_if<Keys>(&authentication)) {
        for (const Key& key : keys->keys) {
            most = std::min(most, entries_with(key.algorithm));
        }
    }
    return most;
}

// Once, or once for each key that is needed.
void Core::send(Interface& interface, const Target& target, const Message& message,
                Actions& actions) {
    Transmit out{interface.link.id, target.source, target.destination, target.port, 1, {}};
    if (interface.settings.ttl_security) {
        out.ttl = kSecureTtl;
    }
    const auto add = [&](std::vector<std::uint8_t> payload) {
        out.payload = std::move(payload);
        actions.transmit.push_back(out);
        ++interface.counters.packets_sent;
    };
    const Authentication& authentication = interface.settings.authentication;
    // Version 1 has no authentication; who asked for both speaks it in the clear (RFC 2453 5.2).
    if (std::holds_alternative<std::monostate>(authentication) || message.version == 1) {
        add(encode(message));
        return;
    }
    if (const auto* password = std::get_if<Password>(&authentication)) {
        add(encode_with_password(message, password->text));
        return;
    }
    const auto* const keys = std::get_if<Keys>(&authentication);
    const WallTime wall = surroundings_.wall_clock();
    std::vector<const Key*> sending;
    if (keys != nullptr) {
        const KeyRing ring(*keys);
        sending = ring.to_send(neighbors_.keys_in_use(interface.link.id), wall);
        if (const Key* const overdue = ring.overdue(wall);
            overdue != nullptr && !std::exchange(interface.key_problem_told, true)) {
            actions.events.push_back({keys->fail_secure ? EventKind::NoKey : EventKind::KeyOverdue,
                                      interface.link.id,
                                      {},
                                      overdue->id,
                                      {},
                                      {}});
        }
    }
    if (sending.empty()) {
        ++interface.counters.packets_unsigned;
        return;
    }
    // RFC 4822 2.2: non-decreasing, also over a restart; the calendar has that property.
    interface.last_sequence = std::max(interface.last_sequence, calendar_seconds(wall));
    for (const Key* const key : sending) {
        add(encode_sealed(message,
                          {key->algorithm, key->id, interface.last_sequence, keys->data_length},
                          key->secret));
    }
}

}  // namespace godwit::control::rip
