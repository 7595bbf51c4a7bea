// Both stores are read only where a session is made or ends, or a packet has none.
#include "dataplane/nat/binding_store.hpp"

namespace godwit::dataplane::nat {

MappingStore::MappingStore(std::uint32_t capacity, net::SipKey key)
    : mappings_(capacity), table_(std::size_t{capacity} * 2U), key_(key) {}

std::uint32_t MappingStore::find_inside(net::IpProtocol protocol, Endpoint inside,
                                        RuleId rule) const {
    return table_.find(hash_inside(protocol, inside, rule), [&](std::uint32_t index) {
        const Mapping& mapping = mappings_[index];
        return mapping.inside() == inside && mapping.protocol == protocol && mapping.rule == rule;
    });
}

std::uint32_t MappingStore::find_outside(net::IpProtocol protocol, Endpoint outside) const {
    return table_.find(hash_outside(protocol, outside), [&](std::uint32_t index) {
        return mappings_[index].outside() == outside && mappings_[index].protocol == protocol;
    });
}

std::uint32_t MappingStore::add(const Mapping& mapping) {
    const std::uint32_t index = mappings_.take();
    mappings_[index] = mapping;
    table_.insert(hash_inside(mapping.protocol, mapping.inside(), mapping.rule), index);
    table_.insert(hash_outside(mapping.protocol, mapping.outside()), index);
    return index;
}

void MappingStore::detach(std::uint32_t index) {
    Mapping& mapping = mappings_[index];
    if (!mapping.is_detached) {
        table_.erase(hash_inside(mapping.protocol, mapping.inside(), mapping.rule), index);
        table_.erase(hash_outside(mapping.protocol, mapping.outside()), index);
        mapping.is_detached = true;
    }
}

void MappingStore::remove(std::uint32_t index) {
    detach(index);
    mappings_.give_back(index);
}

std::uint64_t MappingStore::hash_inside(net::IpProtocol protocol, Endpoint inside,
                                        RuleId rule) const {
    return hash_words(key_, inside.address.value(),
                      std::uint64_t{inside.port} << 32U |
                          std::uint64_t{static_cast<std::uint16_t>(rule)} << 16U |
                          static_cast<std::uint8_t>(protocol));
}

std::uint64_t MappingStore::hash_outside(net::IpProtocol protocol, Endpoint outside) const {
    return hash_words(
        key_, outside.address.value(),
        std::uint64_t{outside.port} << 32U | 1U << 8U | static_cast<std::uint8_t>(protocol));
}

SubscriberStore::SubscriberStore(std::uint32_t capacity, net::SipKey key)
    : subscribers_(capacity), table_(capacity), key_(key) {}

std::uint32_t SubscriberStore::find(net::Ipv4Address inside, net::Ipv4Address outside) const {
    return table_.find(hash(inside, outside), [&](std::uint32_t index) {
        return subscribers_[index].inside == inside && subscribers_[index].outside == outside;
    });
}

std::uint32_t SubscriberStore::find_or_add(net::Ipv4Address inside, net::Ipv4Address outside) {
    std::uint32_t index = find(inside, outside);
    if (index != kNone) {
        return index;
    }
    index = subscribers_.take();
    if (index != kNone) {
        subscribers_[index].inside = inside;
        subscribers_[index].outside = outside;
        subscribers_[index].is_used = true;
        table_.insert(hash(inside, outside), index);
    }
    return index;
}

void SubscriberStore::remove_if_idle(std::uint32_t index) {
    const Subscriber& subscriber = subscribers_[index];
    if (subscriber.ports == 0 && subscriber.sessions == 0) {
        table_.erase(hash(subscriber.inside, subscriber.outside), index);
        subscribers_.give_back(index);
    }
}

std::uint64_t SubscriberStore::hash(net::Ipv4Address inside, net::Ipv4Address outside) const {
    return hash_words(key_, inside.value(), outside.value());
}

}  // namespace godwit::dataplane::nat
