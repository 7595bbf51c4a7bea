// From prefix to number, in order: sorted pages of keys under one sorted list of their first keys.
//
// A million prefixes are some ten thousand pages. A search halves the list, which stays in the
// cache, and then one page; a change moves half a page. A full page splits; one that empties joins
// its neighbour. What comes in order fills its pages: the last one never splits for a key behind
// all others.
//
//   firsts_   │ 10.0.0.0/8 │ 10.4.0.0/14 │ 10.7.128.0/24 │
//   pages_         │             │               │
//                  ▼             ▼               ▼
//             keys and numbers, at most kPage each
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "net/ipv4_address.hpp"

namespace godwit::control {

class PrefixIndex {
public:
    using Number = std::uint32_t;
    static constexpr Number kNone = 0;

    // kNone: it is not there.
    [[nodiscard]] Number find(const net::Ipv4Prefix& prefix) const;
    // Of a prefix that is not there yet.
    void add(const net::Ipv4Prefix& prefix, Number number);
    // Of one that is there.
    void remove(const net::Ipv4Prefix& prefix);
    // The number of the first prefix behind `prefix` (by address, then length), or of the first of
    // all; kNone behind the last.
    [[nodiscard]] Number following(const std::optional<net::Ipv4Prefix>& prefix) const;

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t bytes() const;

private:
    using Key = std::uint64_t;
    static constexpr std::size_t kPage = 128;
    struct Page {
        std::size_t count = 0;
        std::array<Key, kPage> keys;
        std::array<Number, kPage> numbers;
    };

    static Key key_of(const net::Ipv4Prefix& prefix) {
        return Key{prefix.address().value()} << 8U | prefix.length();
    }
    // The page in which `key` is, or would be. There is at least one.
    [[nodiscard]] std::size_t page_of(Key key) const;
    static std::size_t place_of(const Page& page, Key key);
    void split(std::size_t page);
    void join(std::size_t page);

    std::vector<Key> firsts_;  // of each page
    std::vector<std::unique_ptr<Page>> pages_;
    std::size_t size_ = 0;
};

}  // namespace godwit::control
