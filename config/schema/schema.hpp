// The description of the configuration file: one tree of descriptors, written once in schema.cpp.
//
// Everything that knows a key knows it from here: the loader (types, ranges, defaults, unknown
// keys, "did you mean"), its messages, the JSON Schema of `godwit schema`, the reference in
// docs/configuration.md, and the costs and effects in a plan. The tree is data without behaviour:
// it knows neither the YAML nor the Model. What crosses keys (references, overlaps) is in
// config/check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema/change_cost.hpp"

namespace godwit::config {

enum class Type : std::uint8_t {
    Section,           // a map with the fixed keys `children`
    NamedMap,          // a map from names (`key`) to values (`children[0]`)
    List,              // a list of `children[0]`
    NamedList,         // a list of sections in an order that matters, each with a `name` of its own
    OneOrList,         // a single `children[0]`, or a list of them
    Arguments,         // a map from words to scalars, handed on as they stand
    True,              // a mark: `true` or not written at all
    Boolean,           // true or false
    Integer,           // decimal, within `range`
    Size,              // a number with its unit: 512MiB; `range` is in bytes
    Duration,          // a number with its unit: 30s; `range` is in milliseconds
    Timestamp,         // 2026-12-01T00:00:00Z
    Text,              // one line of printable text, `range` is its length
    Hostname,          // RFC 1123 2.1
    Word,              // a name: letters, digits, '.', '-', '_'; `range` is its length
    SocketPath,        // an absolute path of a Unix socket
    Choice,            // one of `choices`
    Address,           // 192.0.2.1
    Prefix,            // 192.0.2.0/24, host bits zero
    InterfaceAddress,  // 192.0.2.1/24
    AddressOrPrefix,   // 192.0.2.1 or 192.0.2.0/24
    PrefixRange,       // 10.0.0.0/8, 10.0.0.0/8 le 24, 0.0.0.0/0 ge 25
    AddressRange,      // 192.0.2.1, 192.0.2.0/24 or 192.0.2.1-192.0.2.9, or a word of `choices`
    AddressAndPort,    // 192.0.2.1:443, or 192.0.2.1
    PortRange,         // 443 or 5000-5010
    ListenPlace,       // lan0:9111 or 192.0.2.1:9111
    Mac,               // 02:00:5e:10:00:01
    PciAddress,        // 0000:8a:00.0
    VirtualDevice      // net_tap0: one of virtual_drivers() and a number
};

struct Range {
    std::uint64_t least = 0;
    std::uint64_t most = 0;
};

struct Choice {
    std::string word;
    std::string doc;
};

// Sentences that say what a change does. Those of a map's entry are for the entry as a whole.
struct Effects {
    std::string changed = {};
    std::string added = {};    // empty = `changed`
    std::string removed = {};  // empty = `changed`
};

// What a value names. config/check proves that the name exists; here it is for the documentation
// and for completion.
enum class Reference : std::uint8_t { None, Interface, Port, PrefixSet, Policy };

// Rules on which keys of a section may stand together. Names are those of the children.
struct KeyRules {
    std::vector<std::string> exactly_one_of = {};
    std::vector<std::string> at_least_one_of = {};
};

struct Descriptor {
    std::string name;  // of a map's or a list's item: what stands for it, "<interface>"
    Type type = Type::Section;
    std::string doc;
    bool required = false;
    std::optional<std::string> default_text = std::nullopt;  // as a person would write it
    std::optional<Range> range = std::nullopt;
    bool power_of_two = false;
    std::string unit = {};     // of an Integer, for a person: "bytes"
    std::string example = {};  // as a person would write it; used in help
    std::vector<Choice> choices = {};
    Reference reference = Reference::None;
    ChangeCost cost = ChangeCost::Live;
    Effects effects = {};
    bool whole = false;  // a plan shows a change of any part as one change of the whole
    bool absent_unless_written = false;  // a Section that is a choice, and not a set of defaults

    std::vector<std::string> only_with = {};    // legal only beside one of these keys
    std::vector<std::string> excludes = {};     // illegal beside any of these keys
    std::vector<std::string> needs = {};        // illegal without all of these keys
    KeyRules rules = {};                        // of a Section
    Type key_type = Type::Word;                 // of a NamedMap
    std::optional<Range> key_range = {};        // of a NamedMap: the length of a Word
    std::optional<Range> count = std::nullopt;  // entries of a map or a list
    std::vector<Descriptor> children = {};

    // The child of a Section by its key, the item of a map or a list for any key; nothing when
    // there is none.
    [[nodiscard]] const Descriptor* child(std::string_view key) const;
};

// The whole file. Built once, immutable.
const Descriptor& schema();

// The DPDK drivers that `vdev` accepts, and what each is for.
const std::vector<Choice>& virtual_drivers();

// "a decimal number", "one of poll, adaptive", ...: what a value of this descriptor must be.
std::string expectation(const Descriptor& descriptor);

// Milliseconds in the largest unit that divides them: "2m", "90s", "50ms".
std::string duration_text(std::uint64_t milliseconds);

// The JSON Schema (draft 2020-12) of the file, indented, for editors and `godwit schema`.
std::string json_schema();

// docs/configuration.md.
std::string configuration_reference();

}  // namespace godwit::config
