// Two trees side by side along the schema. What a change costs and does is read from the
// descriptors; nothing here knows a key.
#include "config/diff/diff.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "config/diff/yaml_text.hpp"
#include "config/model/binding.hpp"

namespace godwit::config {

namespace {

std::string effect_of(const Effects& effects, ChangeKind kind) {
    if (kind == ChangeKind::Added && !effects.added.empty()) {
        return effects.added;
    }
    if (kind == ChangeKind::Removed && !effects.removed.empty()) {
        return effects.removed;
    }
    return effects.changed;
}

// The entry of a map as a whole costs what the dearest of its keys costs: so a port costs a restart
// and a VLAN does not.
ChangeCost cost_of(const Value& value, const Descriptor& descriptor) {
    ChangeCost cost = descriptor.cost;
    if (descriptor.type == Type::Section) {
        for (const Entry& entry : value.map()) {
            if (const Descriptor* child = descriptor.child(entry.key)) {
                cost = std::max(cost, cost_of(entry.value, *child));
            }
        }
    }
    return cost;
}

// What is shown as a whole costs what those of its keys cost that differ.
ChangeCost cost_of_change(const Value& before, const Value& after, const Descriptor& descriptor) {
    if (descriptor.type != Type::Section) {
        return std::max(cost_of(before, descriptor), cost_of(after, descriptor));
    }
    ChangeCost cost = descriptor.cost;
    for (const Descriptor& child : descriptor.children) {
        const Value* const old_value = before.find(child.name);
        const Value* const new_value = after.find(child.name);
        if (old_value != nullptr && new_value != nullptr && *old_value == *new_value) {
            continue;
        }
        for (const Value* value : {old_value, new_value}) {
            cost = value == nullptr ? cost : std::max(cost, cost_of(*value, child));
        }
    }
    return cost;
}

// What adding or removing an entry does: its own sentence, or that of the key which says what kind
// of thing it is.
std::string entry_effect(const Value& entry, const Descriptor& descriptor, ChangeKind kind) {
    for (const std::string& key : descriptor.rules.exactly_one_of) {
        if (entry.find(key) != nullptr) {
            return effect_of(descriptor.child(key)->effects, kind);
        }
    }
    return effect_of(descriptor.effects, kind);
}

// Addresses and prefixes are in the order of their numbers, names in that of their letters.
using SortKey = std::pair<std::uint64_t, std::string>;

SortKey sort_key(const std::string& key, Type type) {
    if (type == Type::Prefix) {
        const auto prefix = net::Ipv4Prefix::parse(key).value_or(net::Ipv4Prefix());
        return {std::uint64_t{prefix.address().value()} << 8U | prefix.length(), key};
    }
    if (type == Type::Address) {
        return {net::Ipv4Address::parse(key).value_or(net::Ipv4Address()).value(), key};
    }
    return {0, key};
}

std::string name_of(const Value& item) {
    const Value* name = item.find("name");
    return name == nullptr ? std::string() : std::get<std::string>(name->data);
}

const Value* find_named(const Value& list, const std::string& name) {
    for (const Value& item : list.list()) {
        if (name_of(item) == name) {
            return &item;
        }
    }
    return nullptr;
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return "[" + text + "]";
}

class Differ {
public:
    void compare(const Value& before, const Value& after, const Descriptor& descriptor,
                 const std::string& path) {
        if (before == after) {
            return;
        }
        if (descriptor.type == Type::Section && !descriptor.whole) {
            compare_section(before, after, descriptor, path);
        } else if (descriptor.type == Type::NamedMap) {
            compare_map(before, after, descriptor, path);
        } else if (descriptor.type == Type::NamedList) {
            compare_named_list(before, after, descriptor, path);
        } else {
            changes_.push_back({ChangeKind::Changed, path, flow_text(before, descriptor),
                                flow_text(after, descriptor),
                                cost_of_change(before, after, descriptor),
                                effect_of(descriptor.effects, ChangeKind::Changed)});
        }
    }

    [[nodiscard]] std::vector<Change> take() { return std::move(changes_); }

private:
    static std::string join(const std::string& path, const std::string& key) {
        return path.empty() ? key : path + "." + key;
    }

    void compare_section(const Value& before, const Value& after, const Descriptor& section,
                         const std::string& path) {
        for (const Descriptor& child : section.children) {
            const Value* old_value = before.find(child.name);
            const Value* new_value = after.find(child.name);
            const std::string child_path = join(path, child.name);
            if (old_value != nullptr && new_value != nullptr) {
                compare(*old_value, *new_value, child, child_path);
            } else if (old_value != nullptr && !is_default(*old_value, child)) {
                push(ChangeKind::Removed, child_path, *old_value, child, child.effects.changed);
            } else if (new_value != nullptr && !is_default(*new_value, child)) {
                push(ChangeKind::Added, child_path, *new_value, child, child.effects.changed);
            }
        }
    }

    void compare_map(const Value& before, const Value& after, const Descriptor& map,
                     const std::string& path) {
        struct Sides {
            const Value* before = nullptr;
            const Value* after = nullptr;
        };
        std::map<SortKey, Sides> sides;
        for (const Entry& entry : before.map()) {
            sides[sort_key(entry.key, map.key_type)].before = &entry.value;
        }
        for (const Entry& entry : after.map()) {
            sides[sort_key(entry.key, map.key_type)].after = &entry.value;
        }
        const Descriptor& item = map.children.front();
        for (const auto& [key, values] : sides) {
            const std::string entry_path = join(path, key.second);
            if (values.before == nullptr) {
                push_entry(ChangeKind::Added, entry_path, *values.after, item);
            } else if (values.after == nullptr) {
                push_entry(ChangeKind::Removed, entry_path, *values.before, item);
            } else {
                compare(*values.before, *values.after, item, entry_path);
            }
        }
    }

    // Items by their names; that those which stay change places is a change of the list itself.
    void compare_named_list(const Value& before, const Value& after, const Descriptor& list,
                            const std::string& path) {
        const Descriptor& item = list.children.front();
        std::vector<std::string> stayed_before;
        std::vector<std::string> stayed_after;
        for (const Value& old_item : before.list()) {
            const std::string name = name_of(old_item);
            if (const Value* new_item = find_named(after, name)) {
                stayed_before.push_back(name);
                compare(old_item, *new_item, item, join(path, name));
            } else {
                push_entry(ChangeKind::Removed, join(path, name), old_item, item);
            }
        }
        for (const Value& new_item : after.list()) {
            const std::string name = name_of(new_item);
            if (find_named(before, name) != nullptr) {
                stayed_after.push_back(name);
            } else {
                push_entry(ChangeKind::Added, join(path, name), new_item, item);
            }
        }
        if (stayed_before != stayed_after) {
            changes_.push_back({ChangeKind::Changed, path, joined(stayed_before),
                                joined(stayed_after), list.cost, list.effects.changed});
        }
    }

    void push_entry(ChangeKind kind, const std::string& path, const Value& value,
                    const Descriptor& descriptor) {
        push(kind, path, value, descriptor, entry_effect(value, descriptor, kind));
    }

    void push(ChangeKind kind, const std::string& path, const Value& value,
              const Descriptor& descriptor, std::string effect) {
        std::string text = flow_text(value, descriptor);
        const bool added = kind == ChangeKind::Added;
        changes_.push_back({kind, path, added ? "" : text, added ? text : "",
                            cost_of(value, descriptor), std::move(effect)});
    }

    std::vector<Change> changes_;
};

}  // namespace

std::vector<Change> diff(const Model& before, const Model& after) {
    if (before == after) {
        return {};
    }
    Differ differ;
    differ.compare(to_value(before), to_value(after), schema(), "");
    return differ.take();
}

ChangeCost dearest(const std::vector<Change>& changes) {
    ChangeCost cost = ChangeCost::Live;
    for (const Change& change : changes) {
        cost = std::max(cost, change.cost);
    }
    return cost;
}

}  // namespace godwit::config
