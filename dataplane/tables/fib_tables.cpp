#include "dataplane/tables/fib_tables.hpp"

#include <algorithm>
#include <utility>

namespace godwit::dataplane {

namespace {

constexpr std::uint32_t slot_of(std::uint32_t address) {
    return address >> 8;
}

constexpr bool is_long(std::uint8_t length) {
    return length > 24;
}

}  // namespace

FibTables::FibTables(Reclaimer& reclaimer, std::size_t max_routes, FibWay way)
    : reclaimer_(reclaimer),
      routes_(max_routes),
      front_(std::make_unique<FibFront>(FibFront::Form{})),
      chunk_of_memory_(kFibChunks * sizeof(std::uint16_t)),
      chunk_use_memory_(kFibChunks * sizeof(ChunkUse)),
      chunk_memory_(kFibChunks * kFibChunkEntries * sizeof(std::uint32_t)),
      group_memory_(max_groups(max_routes) * kFibGroupEntries * sizeof(std::uint32_t)),
      chunk_of_(chunk_of_memory_.as<std::uint16_t>()),
      chunk_use_(chunk_use_memory_.as<ChunkUse>()),
      chunks_(chunk_memory_.as<std::uint32_t>()),
      groups_(group_memory_.as<std::uint32_t>()),
      max_groups_(max_groups(max_routes)) {
    view_.front.store(front_->tagged(), std::memory_order_relaxed);
    view_.next_hops = codes_.next_hops();
    view_.chunk_of = chunk_of_;
    view_.chunks = chunks_;
    view_.groups = groups_;
    view_.gathers = way == FibWay::Gathers;
}

std::size_t FibTables::max_groups(std::size_t max_routes) {
    return std::clamp<std::size_t>(max_routes, 1, kMostGroups);
}

// ---- changes

FibRoutes::Found FibTables::find(const net::Ipv4Prefix& prefix) const {
    front_->prefetch(slot_of(prefix.address().value()));
    return routes_.find(prefix);
}

bool FibTables::set(const FibRoute& route, const FibRoutes::Found& found) {
    const net::Ipv4Prefix prefix = route.prefix();
    const std::uint32_t next_hop = route.next_hop();
    const auto& known = found.route;
    if (prefix.length() == 0) {
        routes_.put(route, found);
        set_default(next_hop);
        return true;
    }
    Value value{0, next_hop};
    if (!is_long(prefix.length())) {
        const auto code = acquire_code(next_hop);
        if (!code) {
            return false;
        }
        value.code = *code;
    } else if (!known) {
        const std::uint32_t slot = slot_of(prefix.address().value());
        if (!has_group(slot) && !make_group(slot)) {
            return false;
        }
        ++long_routes_[chunk_entry(slot)];
    }
    fill_gaps(prefix, routes_.put(route, found), value);
    if (known && !is_long(prefix.length())) {
        release_code(known->next_hop());
    }
    if (!large_ && routes_.size() >= kLargeTableRoutes) {
        grow();
    }
    return true;
}

void FibTables::remove(const FibRoutes::Found& found) {
    const FibRoute known = *found.route;
    const net::Ipv4Prefix prefix = known.prefix();
    const auto cover = routes_.cover(found, known.first());
    const FibRoutes::Cursor inside = routes_.erase(found);
    if (prefix.length() == 0) {
        set_default(0);
        return;
    }
    const Value value = value_of(cover);
    fill_gaps(prefix, inside, value);
    if (!is_long(prefix.length())) {
        release_code(known.next_hop());
        return;
    }
    const std::uint32_t slot = slot_of(prefix.address().value());
    if (--long_routes_[chunk_entry(slot)] == 0) {
        leave_group(slot, value);  // what is around the last one is around the /24
    }
}

FibTables::Value FibTables::value_of(const std::optional<FibRoute>& route) const {
    if (!route) {
        return {};
    }
    const std::uint32_t next_hop = route->next_hop();
    return {is_long(route->length()) ? 0 : codes_.code_of(next_hop), next_hop};
}

void FibTables::set_default(std::uint32_t next_hop) {
    const std::uint64_t version = (view_.load_default() >> 32) + 1;
    view_.default_route.store(version << 32 | next_hop, std::memory_order_release);
}

// Ranges end where routes do: inside a /24 only where it has a group.
void FibTables::fill(std::uint32_t first, std::uint32_t last, const Value& value) {
    const auto fill_part = [&](std::uint32_t slot, std::uint32_t from, std::uint32_t to) {
        std::uint32_t* group = group_of(slot);
        for (std::uint32_t i = from; i <= to; ++i) {
            store_entry(group[i], value.entry);
        }
    };
    std::uint32_t first_slot = slot_of(first);
    std::uint32_t last_slot = slot_of(last);
    const std::uint32_t head = first & 0xffU;
    const std::uint32_t tail = last & 0xffU;
    if (first_slot == last_slot && (head != 0 || tail != 0xffU)) {
        fill_part(first_slot, head, tail);
        return;
    }
    if (head != 0) {
        fill_part(first_slot++, head, 0xff);
    }
    if (tail != 0xffU) {
        fill_part(last_slot--, 0, tail);
    }
    if (first_slot <= last_slot) {
        front_->fill(first_slot, last_slot, value.code);
    }
}

void FibTables::fill_gaps(const net::Ipv4Prefix& around, FibRoutes::Cursor inside,
                          const Value& value) {
    constexpr int kSteps = 8;  // then a search is cheaper than walking out of a deep route
    std::uint64_t at = around.address().value();
    const std::uint64_t end = std::uint64_t{around.last_address().value()} + 1;
    while (at < end && !inside.at_end() && inside.route().first() < end) {
        const FibRoute route = inside.route();
        if (route.first() > at) {
            fill(static_cast<std::uint32_t>(at), route.first() - 1, value);
        }
        at = std::uint64_t{route.last()} + 1;
        if (at >= end) {
            return;
        }
        inside.next();
        for (int step = 0; !inside.at_end() && inside.route().first() < at; ++step) {
            if (step < kSteps) {
                inside.next();
            } else {
                inside = routes_.not_before(at << (32U - FibRoute::kKeyShift));
            }
        }
    }
    if (at < end) {
        fill(static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end - 1), value);
    }
}

// ---- filling in order

void FibTables::begin(std::size_t expected_routes) {
    if (expected_routes >= kLargeTableRoutes) {
        grow();
    }
}

bool FibTables::append(const FibRoute& route) {
    Value value{0, route.next_hop()};
    if (route.length() == 0) {
        set_default(route.next_hop());
        routes_.append(route);
        return true;
    }
    if (!is_long(route.length())) {
        const auto code = acquire_code(route.next_hop());
        if (!code) {
            return false;
        }
        value.code = *code;
    }
    if (is_long(route.length())) {
        const std::uint32_t slot = slot_of(route.first());
        close_until(std::uint64_t{slot} << 8);
        if (!has_group(slot)) {
            // What is open now is around the whole /24, and the group begins with it.
            if (!open_.empty()) {
                front_->fill(slot, slot, open_.back().value.code);
            }
            if (!make_group(slot)) {
                return false;
            }
        }
        ++long_routes_[chunk_entry(slot)];
    }
    close_until(route.first());
    routes_.append(route);
    open_.push_back({route.last(), value});
    return true;
}

// Writes what the open routes have up to an address, and closes those that end before it.
void FibTables::close_until(std::uint64_t address) {
    while (!open_.empty()) {
        const Open& innermost = open_.back();
        const std::uint64_t end = std::min(address, std::uint64_t{innermost.last} + 1);
        if (end > appended_) {
            // The rest of a /24 with a group is written with the group.
            fill(static_cast<std::uint32_t>(appended_), static_cast<std::uint32_t>(end - 1),
                 innermost.value);
            appended_ = end;
        }
        if (innermost.last >= address) {
            return;
        }
        open_.pop_back();
    }
    appended_ = std::max(appended_, address);
}

void FibTables::finish() {
    close_until(std::uint64_t{1} << 32);
    open_ = {};
}

// ---- codes

std::optional<std::uint32_t> FibTables::acquire_code(std::uint32_t next_hop) {
    auto code = codes_.acquire(next_hop);
    if (!code) {
        reclaimer_.poll();
        code = codes_.acquire(next_hop);
    }
    if (!code && extend_codes_for(next_hop)) {
        code = codes_.acquire(next_hop);
    }
    return code;
}

void FibTables::release_code(std::uint32_t next_hop) {
    if (const auto retired = codes_.release(next_hop)) {
        // Small enough to be kept in the function itself.
        reclaimer_.defer([codes = &codes_, of = *retired] { codes->retire(of); });
    }
}

bool FibTables::extend_codes_for(std::uint32_t next_hop) {
    if (!codes_.extend_for(next_hop)) {
        return false;
    }
    const bool wider = !front_->is_wide();
    replace_front();
    if (wider) {
        name_groups();
    }
    return true;
}

// Narrow codes could name few of them.
void FibTables::name_groups() {
    for (std::uint32_t chunk = 0; chunk < kFibChunks && groups_made_ > 0; ++chunk) {
        if (chunk_use_[chunk].groups == 0) {
            continue;
        }
        const std::uint32_t first = chunk << 8;
        for (std::uint32_t slot = first; slot < first + kFibChunkEntries; ++slot) {
            if (has_group(slot)) {
                front_->fill(slot, slot, front_->code_of_group(chunk_entry(slot)));
            }
        }
    }
}

void FibTables::replace_front() {
    reclaimer_.poll();  // the one before may wait there
    auto next = std::make_unique<FibFront>(
        FibFront::Form{.wide = codes_.is_wide(), .mapped = codes_.is_mapped(), .large = large_});
    next->copy_from(*front_);
    view_.front.store(next->tagged(), std::memory_order_release);
    reclaimer_.defer([before = std::shared_ptr<FibFront>(std::move(front_))] {});
    front_ = std::move(next);
}

// ---- groups and chunks

std::uint32_t& FibTables::chunk_entry(std::uint32_t slot) {
    return chunks_[std::size_t{chunk_of_[slot >> 8]} * kFibChunkEntries + (slot & 0xffU)];
}

std::uint32_t* FibTables::group_of(std::uint32_t slot) {
    return &groups_[std::size_t{chunk_entry(slot)} * kFibGroupEntries];
}

bool FibTables::has_group(std::uint32_t slot) const {
    return front_->names_group(front_->code(slot));
}

bool FibTables::make_group(std::uint32_t slot) {
    if (free_groups_.empty()) {
        reclaimer_.poll();
    }
    std::uint32_t number = 0;
    if (!free_groups_.empty()) {
        number = free_groups_.back();
        free_groups_.pop_back();
    } else if (groups_made_ < max_groups_) {
        number = groups_made_++;
        long_routes_.push_back(0);
    } else {
        return false;
    }
    const std::uint32_t code = front_->code(slot);
    const std::uint32_t entry = code == 0 ? kFibDefault : codes_.next_hop_of(code);
    std::uint32_t* group = &groups_[std::size_t{number} * kFibGroupEntries];
    for (std::size_t i = 0; i < kFibGroupEntries; ++i) {
        store_entry(group[i], entry);
    }
    make_chunk(slot >> 8);
    store_entry(chunk_entry(slot), number);
    front_->fill(slot, slot, front_->code_of_group(number));
    return true;
}

void FibTables::leave_group(std::uint32_t slot, const Value& value) {
    const std::uint32_t number = chunk_entry(slot);
    front_->fill(slot, slot, value.code);
    reclaimer_.defer([this, number] { free_groups_.push_back(number); });
    leave_chunk(slot >> 8);
}

void FibTables::make_chunk(std::uint32_t number) {
    ChunkUse& use = chunk_use_[number];
    ++use.groups;
    if (use.exists) {
        return;
    }
    use.exists = true;
    std::uint16_t chunk = 0;
    if (!free_chunks_.empty()) {
        chunk = free_chunks_.back();
        free_chunks_.pop_back();
    } else {
        chunk = static_cast<std::uint16_t>(chunks_made_++);  // there is one for every /16
    }
    store_entry(chunk_of_[number], chunk);
}

void FibTables::leave_chunk(std::uint32_t number) {
    ChunkUse& use = chunk_use_[number];
    if (--use.groups > 0) {
        return;
    }
    // Who found an exception before it went away may still come here; when they are through, and no
    // group was made here since, nobody does.
    const std::uint32_t epoch = ++use.epoch;
    reclaimer_.defer([this, number, epoch] {
        ChunkUse& later = chunk_use_[number];
        if (later.groups == 0 && later.epoch == epoch) {
            later.exists = false;
            free_chunks_.push_back(chunk_of_[number]);
        }
    });
}

// ---- memory

void FibTables::grow() {
    large_ = true;
    replace_front();
    chunk_memory_.use_huge_pages(chunks_made_ * kFibChunkEntries * sizeof(std::uint32_t));
    group_memory_.use_huge_pages(groups_made_ * kFibGroupEntries * sizeof(std::uint32_t));
    routes_.use_huge_pages();
}

std::size_t FibTables::memory_bytes() const {
    return sizeof *this + routes_.memory_bytes() + codes_.memory_bytes() + front_->memory_bytes() +
           chunk_memory_.backed(chunks_made_ * kFibChunkEntries * sizeof(std::uint32_t)) +
           group_memory_.backed(groups_made_ * kFibGroupEntries * sizeof(std::uint32_t)) +
           chunks_made_ * (sizeof(std::uint16_t) + sizeof(ChunkUse)) +
           free_groups_.capacity() * sizeof(std::uint32_t) +
           (free_chunks_.capacity() + long_routes_.capacity()) * sizeof(std::uint16_t);
}

std::size_t FibTables::memory_bound(std::size_t max_routes) {
    const std::size_t groups = max_groups(max_routes);
    const std::size_t chunks = std::min(groups, kFibChunks);
    constexpr std::size_t kEntry = sizeof(std::uint32_t);
    // Two fronts while one takes the other's place; lists grow by doubling.
    return sizeof(FibTables) + 2 * sizeof(FibFront) + FibRoutes::memory_bound(max_routes) +
           FibCodes::memory_bound() + 2 * FibFront::memory_bytes_of(true) +
           LazyMemory::backed_bound(chunks * kFibChunkEntries * kEntry) +
           LazyMemory::backed_bound(groups * kFibGroupEntries * kEntry) +
           kFibChunks * (sizeof(std::uint16_t) + sizeof(ChunkUse)) + 2 * groups * kEntry +
           2 * (chunks + groups) * sizeof(std::uint16_t);
}

}  // namespace godwit::dataplane
