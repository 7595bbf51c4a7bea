#include "tests/unit/controlplane/rip/case_runner.hpp"

#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "controlplane/rip/core.hpp"
#include "tests/support/hex.hpp"
#include "tests/unit/controlplane/rip/message_text.hpp"

namespace godwit::control::rip {

namespace {

const Instant kStart = Instant(std::chrono::hours(1));

using Options = std::map<std::string, std::string>;

std::uint32_t number(const std::string& text) {
    return static_cast<std::uint32_t>(std::stoul(text));
}

[[noreturn]] void complain(const std::string& what) {
    throw std::invalid_argument("not understood: " + what);
}

template <class Enum>
Enum choose(const std::string& word, const std::vector<std::pair<std::string, Enum>>& words) {
    for (const auto& [name, value] : words) {
        if (name == word) {
            return value;
        }
    }
    complain(word);
}

net::Ipv4Address address_of(const std::string& text) {
    const auto address = net::Ipv4Address::parse(text);
    return address ? *address : (complain(text), net::Ipv4Address());
}

net::Ipv4Prefix prefix_of(const std::string& text) {
    const auto prefix = net::Ipv4Prefix::parse(text);
    return prefix ? *prefix : (complain(text), net::Ipv4Prefix());
}

WallTime wall(const std::string& seconds) {
    return WallTime(std::chrono::seconds(1'000'000'000 + std::stol(seconds)));
}

// md5=ID:SECRET[:from:until], times in seconds of the case.
Key key_of(const std::string& algorithm, const std::string& text) {
    static const std::vector<std::pair<std::string, Algorithm>> kAlgorithms{
        {"md5", Algorithm::KeyedMd5},
        {"hmac-sha-1", Algorithm::HmacSha1},
        {"hmac-sha-256", Algorithm::HmacSha256},
        {"hmac-sha-384", Algorithm::HmacSha384},
        {"hmac-sha-512", Algorithm::HmacSha512}};
    Key key;
    key.algorithm = choose(algorithm, kAlgorithms);
    std::istringstream parts(text);
    std::string part;
    std::getline(parts, part, ':');
    key.id = static_cast<std::uint8_t>(number(part));
    std::getline(parts, key.secret, ':');
    if (std::getline(parts, part, ':') && !part.empty()) {
        key.send_from = wall(part);
        key.accept_from = wall(part);
    }
    if (std::getline(parts, part, ':')) {
        key.send_until = wall(part);
        key.accept_until = wall(part);
    }
    return key;
}

bool is_algorithm(const std::string& word) {
    return word == "md5" || word.rfind("hmac-sha-", 0) == 0;
}

// "default=reject 10.0.0.0/8=+2": a small policy of the case's own.
RoutePolicy policy_of(const std::string& text) {
    if (text == "none") {
        return {};
    }
    RoutePolicy policy{text, 1, nullptr};
    policy.evaluate = [text](const PolicyInput& input, Asking) -> std::optional<PolicyOutput> {
        const bool not_these = text[0] == '!';
        const auto colon = text.find(':');
        const auto prefix = net::Ipv4Prefix::parse(text.substr(not_these, colon - not_these));
        const bool inside = prefix && prefix->contains(input.prefix);
        if (not_these) {
            return inside ? std::nullopt : std::optional(PolicyOutput{input.metric, input.tag});
        }
        if (!inside) {
            return std::nullopt;
        }
        const std::uint32_t more =
            colon == std::string::npos
                ? 0
                : static_cast<std::uint32_t>(std::stoul(text.substr(colon + 1)));
        return PolicyOutput{input.metric + more, input.tag};
    };
    return policy;
}

void read(InterfaceSettings& settings, const std::string& name, const std::string& value) {
    if (name == "cost") {
        settings.cost = static_cast<Cost>(number(value));
    } else if (name == "passive") {
        settings.passive = value == "yes";
    } else if (name == "ttl-security") {
        settings.ttl_security = value == "yes";
    } else if (name == "send") {
        settings.send = choose<SendForm>(value, {{"multicast", SendForm::Multicast},
                                                 {"broadcast", SendForm::Broadcast},
                                                 {"compatible", SendForm::Compatible},
                                                 {"version-1", SendForm::Version1}});
    } else if (name == "receive") {
        settings.receive = choose<ReceiveForm>(value, {{"version-2", ReceiveForm::Version2},
                                                       {"version-1", ReceiveForm::Version1},
                                                       {"both", ReceiveForm::Both},
                                                       {"none", ReceiveForm::None}});
    } else if (name == "split-horizon") {
        settings.split_horizon =
            choose<SplitHorizon>(value, {{"off", SplitHorizon::Off},
                                         {"simple", SplitHorizon::Simple},
                                         {"poison-reverse", SplitHorizon::PoisonReverse}});
    } else if (name == "neighbor") {
        settings.neighbors.push_back(address_of(value));
    } else if (name == "max-routes") {
        settings.max_routes = number(value);
    } else if (name == "import") {
        settings.import = policy_of(value);
    } else if (name == "export") {
        settings.exported = policy_of(value);
    } else if (name == "password") {
        settings.authentication = Password{value};
    } else if (name == "data-length") {
        std::get<Keys>(settings.authentication).data_length = DataLength::DigestAndTrailer;
    } else if (name == "fail-secure") {
        std::get<Keys>(settings.authentication).fail_secure = true;
    } else if (is_algorithm(name)) {
        if (!std::holds_alternative<Keys>(settings.authentication)) {
            settings.authentication = Keys{};
        }
        std::get<Keys>(settings.authentication).keys.push_back(key_of(name, value));
    } else {
        complain(name);
    }
}

void read(Settings& settings, const std::string& name, const std::string& value) {
    if (name == "update") {
        settings.update = std::chrono::seconds(number(value));
    } else if (name == "timeout") {
        settings.timeout = std::chrono::seconds(number(value));
    } else if (name == "garbage-collect") {
        settings.garbage_collect = std::chrono::seconds(number(value));
    } else if (name == "max-paths") {
        settings.max_paths = number(value);
    } else if (name == "max-routes") {
        settings.max_routes = number(value);
    } else if (name == "distance") {
        settings.distance = static_cast<std::uint8_t>(number(value));
    } else if (name == "default-metric") {
        settings.default_metric = Metric::of(number(value));
    } else if (name == "originate-default") {
        settings.originate_default = value == "yes";
    } else {
        complain(name);
    }
}

template <class What>
void read_options(What& what, std::istringstream& words) {
    std::string word;
    while (words >> word) {
        const auto equals = word.find('=');
        read(what, word.substr(0, equals),
             equals == std::string::npos ? "yes" : word.substr(equals + 1));
    }
}

class Case {
public:
    void line(const std::string& text) {
        std::istringstream words(text);
        std::string word;
        words >> word;
        if (word == "until") {
            words >> word;
            run_until(seconds(word));
            return;
        }
        if (word == "at") {
            words >> word;
            run_until(seconds(word));
            words >> word;
        }
        command(word, words);
    }

    [[nodiscard]] std::string output() const { return output_; }

private:
    static Instant seconds(const std::string& text) {
        return kStart + std::chrono::milliseconds(std::lround(std::stod(text) * 1000));
    }

    void start() {
        core_ = std::make_unique<Core>(
            Surroundings{[] { return 0x80000000U; },
                         [this] {
                             return WallTime(std::chrono::seconds(1'000'000'000)) +
                                    std::chrono::duration_cast<WallTime::duration>(now_ - kStart);
                         }},
            settings_, now_);
        done(core_->set_links(links_, now_));
        advance();
    }

    void run_until(Instant end) {
        if (core_ == nullptr) {
            start();
        }
        while (true) {
            const auto next = core_->next_deadline();
            if (!next || *next > end) {
                break;
            }
            now_ = std::max(now_, *next);
            advance();
        }
        now_ = std::max(now_, end);
    }

    void advance() { done(core_->advance(now_)); }

    void command(const std::string& word, std::istringstream& words) {
        if (word == "settings") {
            read_options(settings_, words);
            reconfigure();
        } else if (word == "interface") {
            std::string name;
            words >> name;
            std::string rest;
            std::getline(words, rest);
            if (rest.find("removed") != std::string::npos) {
                settings_.interfaces.erase(name);
            } else {
                std::istringstream options(rest);
                InterfaceSettings& interface = settings_.interfaces[name];
                if (core_ != nullptr) {
                    interface = InterfaceSettings();
                }
                read_options(interface, options);
            }
            reconfigure();
        } else if (word == "link") {
            link(words);
        } else if (word == "receive" || word == "raw") {
            receive(word, words);
        } else if (word == "redistribute") {
            redistribute(words);
        } else if (word == "withdraw") {
            words >> name_;
            act(core_->withdraw({prefix_of(name_)}, now_));
        } else if (word == "clear") {
            act(core_->clear(std::nullopt, now_));
        } else if (word == "retire") {
            act(core_->retire(now_));
        } else if (word == "show") {
            show();
        } else {
            complain(word);
        }
    }

    void reconfigure() {
        if (core_ != nullptr) {
            act(core_->configure(settings_, now_));
        }
    }

    void link(std::istringstream& words) {
        Link link;
        words >> link.name;
        link.up = true;
        for (const Link& known : links_) {
            if (known.name == link.name) {
                link.id = known.id;
            }
        }
        std::string word;
        while (words >> word) {
            if (word == "down") {
                link.up = false;
            } else if (word.rfind("id=", 0) == 0) {
                link.id = net::InterfaceId(static_cast<std::uint16_t>(number(word.substr(3))));
            } else {
                link.addresses.push_back(net::Ipv4InterfaceAddress::parse(word).value());
            }
        }
        std::erase_if(links_, [&](const Link& known) { return known.name == link.name; });
        links_.push_back(link);
        if (core_ != nullptr) {
            act(core_->set_links(links_, now_));
        }
    }

    void receive(const std::string& how, std::istringstream& words) {
        Datagram datagram;
        std::string interface;
        std::string source;
        words >> interface >> source;
        for (const Link& known : links_) {
            if (known.name == interface) {
                datagram.interface = known.id;
            }
        }
        const auto colon = source.find(':');
        datagram.source = address_of(source.substr(0, colon));
        if (colon != std::string::npos) {
            datagram.source_port = static_cast<std::uint16_t>(number(source.substr(colon + 1)));
        }
        datagram.destination = kAllRouters;
        std::string rest;
        std::getline(words, rest);
        std::vector<std::uint8_t> payload;
        if (how == "raw") {
            payload = testing::from_hex(rest);
        } else {
            payload = packet_of(rest, datagram);
        }
        datagram.payload = payload;
        act(core_->receive(datagram, now_));
    }

    // "[password=P] [md5=ID:SECRET sequence=N] [ttl=N] response 2: ..."
    static std::vector<std::uint8_t> packet_of(std::string text, Datagram& datagram) {
        std::optional<std::string> password;
        std::optional<Key> key;
        Seal seal;
        std::istringstream words(text);
        std::string word;
        while (words >> word && word.find('=') != std::string::npos) {
            const auto equals = word.find('=');
            const std::string name = word.substr(0, equals);
            const std::string value = word.substr(equals + 1);
            if (name == "password") {
                password = value;
            } else if (name == "sequence") {
                seal.sequence = number(value);
            } else if (name == "ttl") {
                datagram.ttl = static_cast<std::uint8_t>(number(value));
            } else if (name == "data-length") {
                seal.data_length = DataLength::DigestAndTrailer;
            } else {
                key = key_of(name, value);
            }
        }
        std::string rest;
        std::getline(words, rest);
        const Message message = message_of(word + rest);
        if (password) {
            return encode_with_password(message, *password);
        }
        if (key) {
            seal.algorithm = key->algorithm;
            seal.key_id = key->id;
            return encode_sealed(message, seal, key->secret);
        }
        return encode(message);
    }

    void redistribute(std::istringstream& words) {
        Redistributed route;
        std::string word;
        words >> word;
        route.prefix = prefix_of(word);
        while (words >> word) {
            const auto equals = word.find('=');
            const std::string name = word.substr(0, equals);
            const std::string value = word.substr(equals + 1);
            if (name == "metric") {
                route.metric = Metric::of(number(value));
            } else if (name == "tag") {
                route.tag = number(value);
            } else if (name == "distance") {
                route.distance = static_cast<std::uint8_t>(number(value));
            } else if (name == "via") {
                route.next_hop = address_of(value);
            } else if (name == "interface") {
                for (const Link& known : links_) {
                    if (known.name == value) {
                        route.interface = known.id;
                    }
                }
            } else {
                complain(name);
            }
        }
        act(core_->redistribute({route}, now_));
    }

    void act(const Actions& actions) {
        done(actions);
        run_until(now_);
    }

    std::string name_of_interface(net::InterfaceId id) {
        for (const Link& known : links_) {
            if (known.id == id) {
                return known.name;
            }
        }
        return "interface " + std::to_string(id.value());
    }

    void print(const std::string& text) {
        const auto milliseconds =
            std::chrono::duration_cast<std::chrono::milliseconds>(now_ - kStart).count();
        char time[32];
        std::snprintf(time, sizeof time, "%8.3f  ", static_cast<double>(milliseconds) / 1000);
        output_ += time + text + "\n";
    }

    void done(const Actions& actions) {
        for (const RouteUpdate& update : actions.routes) {
            if (!update.route) {
                print("rib withdraw " + update.prefix.to_string());
                continue;
            }
            std::string text = "rib set " + update.prefix.to_string() + " distance " +
                               std::to_string(update.route->distance) + " metric " +
                               std::to_string(update.route->metric);
            if (update.route->tag != 0) {
                text += " tag " + std::to_string(update.route->tag);
            }
            for (const RibNextHop& hop : update.route->next_hops) {
                text += " via " + hop.via->to_string() + " " + name_of_interface(hop.interface);
            }
            print(text);
        }
        for (const Event& event : actions.events) {
            std::string text = "event " + std::string(rip::name_of(event.kind));
            if (!event.interface.is_none()) {
                text += " " + name_of_interface(event.interface);
            }
            if (!event.neighbor.is_unspecified()) {
                text += " " + event.neighbor.to_string();
            }
            if (event.packet_fault) {
                text += " " + std::string(rip::name_of(*event.packet_fault));
            }
            if (event.route_fault) {
                text += " " + std::string(rip::name_of(*event.route_fault));
            }
            if (event.number != 0) {
                text += " " + std::to_string(event.number);
            }
            print(text);
        }
        for (const Transmit& packet : actions.transmit) {
            std::string text = "send " + name_of_interface(packet.interface) + " " +
                               packet.source.to_string() + " > " + packet.destination.to_string();
            if (packet.port != kPort) {
                text += ":" + std::to_string(packet.port);
            }
            if (packet.ttl != 1) {
                text += " ttl " + std::to_string(packet.ttl);
            }
            print(text + " " + text_of_packet(packet.payload));
        }
    }

    // Faults that were counted, by interface and by neighbour.
    void show() {
        for (const auto& [name, interface] : core_->interfaces()) {
            print("interface " + name + " " + std::string(rip::name_of(interface.state)) +
                  " received " + std::to_string(interface.counters.packets_received) + " own " +
                  std::to_string(interface.counters.own_packets) +
                  faults(interface.counters.faults));
        }
        for (const auto& [id, neighbor] : core_->neighbors().entries()) {
            print("neighbor " + name_of_interface(id.interface) + " " + id.address.to_string() +
                  (neighbor.up ? " up" : " lost") + " received " +
                  std::to_string(neighbor.packets) + " routes " +
                  std::to_string(core_->database().paths_of(id)) + faults(neighbor.faults));
        }
        for (const auto& [prefix, entry] : core_->database().entries()) {
            std::string text =
                "route " + prefix.to_string() + " metric " + std::to_string(entry.metric().value());
            for (const Path& path : entry.paths) {
                text += " via " + path.next_hop.to_string();
            }
            print(text + (entry.local ? " local" : "") +
                  (entry.deleting_since ? " being deleted" : ""));
        }
    }

    static std::string faults(const FaultCounters& faults) {
        std::string text;
        for (std::size_t i = 0; i < kPacketFaultCount; ++i) {
            if (faults.packets[i] != 0) {
                text += " " + std::string(kPacketFaultNames[i]) + "=" +
                        std::to_string(faults.packets[i]);
            }
        }
        for (std::size_t i = 0; i < kRouteFaultCount; ++i) {
            if (faults.routes[i] != 0) {
                text +=
                    " " + std::string(kRouteFaultNames[i]) + "=" + std::to_string(faults.routes[i]);
            }
        }
        return text;
    }

    Settings settings_ = [] {
        Settings settings;
        settings.max_paths = 1;
        return settings;
    }();
    std::vector<Link> links_;
    std::unique_ptr<Core> core_;
    Instant now_ = kStart;
    std::string output_;
    std::string name_;
};

}  // namespace

std::string run_case(const std::string& text) {
    Case running;
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
        if (line.empty() || line[0] == '#' || line.rfind("title ", 0) == 0) {
            continue;
        }
        running.line(line);
    }
    return running.output();
}

}  // namespace godwit::control::rip
