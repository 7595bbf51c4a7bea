// Mappings, found from either side, and subscribers, found by their two addresses.
//
// A mapping whose rule is gone is detached: it is not found any more, and its record and its port
// stay until the last of its sessions has ended.
#pragma once

#include <cstdint>

#include "dataplane/nat/bucket_table.hpp"
#include "dataplane/nat/prefetch.hpp"
#include "dataplane/nat/records.hpp"

namespace godwit::dataplane::nat {

class MappingStore {
public:
    MappingStore(std::uint32_t capacity, net::SipKey key);

    // A host that leaves by two uplinks has a mapping by the rule of each.
    [[nodiscard]] std::uint32_t find_inside(net::IpProtocol protocol, Endpoint inside,
                                            RuleId rule) const;
    [[nodiscard]] std::uint32_t find_outside(net::IpProtocol protocol, Endpoint outside) const;
    void prefetch_inside(net::IpProtocol protocol, Endpoint inside, RuleId rule) const {
        table_.prefetch(hash_inside(protocol, inside, rule));
    }
    // The mapping that it very likely is, fetched; kNone: it seems that there is none.
    [[nodiscard]] std::uint32_t prefetch_mapping(net::IpProtocol protocol, Endpoint inside,
                                                 RuleId rule) const {
        return table_.probable(hash_inside(protocol, inside, rule),
                               [this](std::uint32_t index) { prefetch_line(&mappings_[index]); });
    }
    void prefetch_outside(net::IpProtocol protocol, Endpoint outside) const {
        table_.prefetch(hash_outside(protocol, outside));
    }
    std::uint32_t add(const Mapping& mapping);  // there must be room
    void detach(std::uint32_t index);
    void remove(std::uint32_t index);

    [[nodiscard]] Mapping& operator[](std::uint32_t index) { return mappings_[index]; }
    [[nodiscard]] const Mapping& operator[](std::uint32_t index) const { return mappings_[index]; }
    [[nodiscard]] std::uint32_t used() const { return mappings_.used(); }
    [[nodiscard]] std::size_t bytes() const { return mappings_.bytes() + table_.bytes(); }

private:
    [[nodiscard]] std::uint64_t hash_inside(net::IpProtocol protocol, Endpoint inside,
                                            RuleId rule) const;
    [[nodiscard]] std::uint64_t hash_outside(net::IpProtocol protocol, Endpoint outside) const;

    Slab<Mapping, &Mapping::sessions> mappings_;
    BucketTable table_;  // two entries a mapping
    net::SipKey key_;
};

class SubscriberStore {
public:
    SubscriberStore(std::uint32_t capacity, net::SipKey key);

    // The one that is there, or a new one; kNone when there is no room.
    [[nodiscard]] std::uint32_t find_or_add(net::Ipv4Address inside, net::Ipv4Address outside);
    [[nodiscard]] std::uint32_t find(net::Ipv4Address inside, net::Ipv4Address outside) const;
    void prefetch(net::Ipv4Address inside, net::Ipv4Address outside) const {
        table_.prefetch(hash(inside, outside));
    }
    void prefetch_subscriber(net::Ipv4Address inside, net::Ipv4Address outside) const {
        static_cast<void>(table_.probable(hash(inside, outside), [this](std::uint32_t index) {
            prefetch_line(&subscribers_[index]);
        }));
    }
    // When nothing of it is left.
    void remove_if_idle(std::uint32_t index);

    [[nodiscard]] Subscriber& operator[](std::uint32_t index) { return subscribers_[index]; }
    [[nodiscard]] const Subscriber& operator[](std::uint32_t index) const {
        return subscribers_[index];
    }
    [[nodiscard]] std::uint32_t capacity() const { return subscribers_.capacity(); }
    [[nodiscard]] std::uint32_t used() const { return subscribers_.used(); }
    [[nodiscard]] std::uint32_t touched() const { return subscribers_.touched(); }
    [[nodiscard]] std::size_t bytes() const { return subscribers_.bytes() + table_.bytes(); }

private:
    [[nodiscard]] std::uint64_t hash(net::Ipv4Address inside, net::Ipv4Address outside) const;

    Slab<Subscriber, &Subscriber::ports> subscribers_;
    BucketTable table_;
    net::SipKey key_;
};

}  // namespace godwit::dataplane::nat
