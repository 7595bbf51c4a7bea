// Reading the plain tree into fields, and writing enums as words: the tools of every section's
// binding.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/model/value.hpp"

namespace godwit::config {

template <class Enum, std::size_t N>
Value word_of(Enum value, const std::array<std::string_view, N>& words) {
    return {std::string(words[static_cast<std::size_t>(value)])};
}

// Reads the keys of one map into fields. A key that is absent leaves its field alone.
class Reader {
public:
    explicit Reader(const Value* map) : map_(map) {}

    [[nodiscard]] Reader section(std::string_view key) const { return Reader(find(key)); }
    [[nodiscard]] const Value* find(std::string_view key) const {
        return map_ == nullptr ? nullptr : map_->find(key);
    }
    [[nodiscard]] const Value::Map& entries() const {
        static const Value::Map none;
        const auto* map = map_ == nullptr ? nullptr : std::get_if<Value::Map>(&map_->data);
        return map == nullptr ? none : *map;
    }

    void text(std::string_view key, std::string& field) const {
        if (const auto* value = get<std::string>(find(key))) {
            field = *value;
        }
    }
    void flag(std::string_view key, bool& field) const {
        if (const auto* value = get<bool>(find(key))) {
            field = *value;
        }
    }
    template <class Integer>
    void number(std::string_view key, Integer& field) const {
        if (const auto* value = get<std::uint64_t>(find(key))) {
            field = static_cast<Integer>(*value);
        }
    }
    template <class Enum, std::size_t N>
    void choice(std::string_view key, const std::array<std::string_view, N>& words,
                Enum& field) const {
        const auto* value = get<std::string>(find(key));
        for (std::size_t i = 0; value != nullptr && i < N; ++i) {
            if (words[i] == *value) {
                field = static_cast<Enum>(i);
            }
        }
    }
    // The tree holds milliseconds; the schema keeps what a field cannot hold out of it.
    template <class Duration>
    void duration(std::string_view key, Duration& field) const {
        if (const auto* value = get<std::uint64_t>(find(key))) {
            field = std::chrono::duration_cast<Duration>(std::chrono::milliseconds(*value));
        }
    }
    // An address, prefix or MAC: anything with a parse().
    template <class Parsed, class Field>
    void parsed(std::string_view key, Field& field) const {
        if (const auto* value = get<std::string>(find(key))) {
            if (const auto result = Parsed::parse(*value)) {
                field = *result;
            }
        }
    }
    [[nodiscard]] Value::List list(std::string_view key) const {
        const auto* value = get<Value::List>(find(key));
        return value == nullptr ? Value::List() : *value;
    }

    template <class Kind>
    static const Kind* get(const Value* value) {
        return value == nullptr ? nullptr : std::get_if<Kind>(&value->data);
    }

private:
    const Value* map_;
};

inline Value number_value(std::uint64_t number) {
    return Value(number);
}

inline Value duration_value(std::chrono::milliseconds duration) {
    return Value(static_cast<std::uint64_t>(duration.count()));
}

}  // namespace godwit::config
