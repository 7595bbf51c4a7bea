// The keys of one request, read with their types (docs/control-protocol.md).
//
// A verb reads what it knows, then asks finish(): what was of a wrong type, out of range, missing,
// or of no meaning to this verb is all reported at once. A wrong value reads as its default, so a
// verb may read everything first and ask once.
#pragma once

#include <array>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/ipv4_address.hpp"

namespace godwit::control {

class Request {
public:
    explicit Request(boost::json::object keys) : keys_(std::move(keys)) {}

    std::string text(std::string_view key, std::string_view otherwise = "");
    std::string required_text(std::string_view key);
    std::uint64_t number(std::string_view key, std::uint64_t otherwise, std::uint64_t least,
                         std::uint64_t most);
    std::optional<std::uint64_t> optional_number(std::string_view key);
    bool flag(std::string_view key);
    std::optional<net::Ipv4Prefix> optional_prefix(std::string_view key);
    // The place of the word among `words`.
    template <class Enum, std::size_t N>
    std::optional<Enum> optional_word(std::string_view key,
                                      const std::array<std::string_view, N>& words) {
        const std::size_t place = place_of_word(key, words);
        return place < N ? std::optional(static_cast<Enum>(place)) : std::nullopt;
    }
    std::optional<net::Ipv4Address> required_address(std::string_view key);
    std::optional<net::Ipv4Address> optional_address(std::string_view key);

    // What is wrong with the request; empty when all of it was read and understood.
    [[nodiscard]] std::vector<std::string> finish();

private:
    const boost::json::value* find(std::string_view key);
    void wrong(std::string_view key, std::string_view expected);
    // The number of words when there is none, or another one.
    std::size_t place_of_word(std::string_view key, std::span<const std::string_view> words);

    boost::json::object keys_;
    std::set<std::string, std::less<>> known_;
    std::vector<std::string> errors_;
};

}  // namespace godwit::control
