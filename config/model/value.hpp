// A configuration as a plain tree: what stands between the YAML and the Model.
//
// The loader makes one of a file (only what is valid, defaults filled in), the diff makes one of
// each of two models. Its keys are the keys of the file, in the order of the schema and then of the
// names. Values only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace godwit::config {

struct Entry;

struct Value {
    using List = std::vector<Value>;
    using Map = std::vector<Entry>;

    std::variant<Map, List, bool, std::uint64_t, std::string> data;

    Value() = default;
    Value(Map map);
    Value(List list);
    Value(std::string text);
    explicit Value(bool flag);
    explicit Value(std::uint64_t number);

    [[nodiscard]] const Map& map() const { return std::get<Map>(data); }
    [[nodiscard]] const List& list() const { return std::get<List>(data); }
    // The entry of a map by its key; nothing when this is no map or has no such key.
    [[nodiscard]] const Value* find(std::string_view key) const;
    // Appends; the caller keeps keys unique and in order.
    void add(std::string key, Value value);

    friend bool operator==(const Value&, const Value&) = default;
};

struct Entry {
    std::string key;
    Value value;
    friend bool operator==(const Entry&, const Entry&) = default;
};

inline Value::Value(Map map) : data(std::move(map)) {}
inline Value::Value(List list) : data(std::move(list)) {}
inline Value::Value(std::string text) : data(std::move(text)) {}
inline Value::Value(bool flag) : data(flag) {}
inline Value::Value(std::uint64_t number) : data(number) {}

inline const Value* Value::find(std::string_view key) const {
    const Map* entries = std::get_if<Map>(&data);
    if (entries == nullptr) {
        return nullptr;
    }
    for (const Entry& entry : *entries) {
        if (entry.key == key) {
            return &entry.value;
        }
    }
    return nullptr;
}

inline void Value::add(std::string key, Value value) {
    std::get<Map>(data).push_back(Entry{std::move(key), std::move(value)});
}

}  // namespace godwit::config
