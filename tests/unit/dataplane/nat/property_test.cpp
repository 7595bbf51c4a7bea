// Random packets in both directions, and requests for mappings, through one to three workers,
// against a plain model: maps, and the rules of the RFCs as one would say them. The model does not
// choose ports; it says which choices are wrong.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/support/seeds.hpp"
#include "tests/unit/dataplane/nat/nat_fixture.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

using Key = std::pair<IpProtocol, Endpoint>;
enum class ModelTcp { None, Syn, PickedUp, Established, Transitory };

struct ModelSession {
    std::uint32_t listed = 0;
    ModelTcp tcp = ModelTcp::None;
};
struct ModelRequest {
    std::uint32_t until = 0;
    bool is_released = false;
};

class Model {
public:
    explicit Model(Filtering filtering) : filtering_(filtering) {}

    static std::uint32_t lifetime(IpProtocol protocol, ModelTcp tcp) {
        if (protocol == IpProtocol::Tcp) {
            return tcp == ModelTcp::Established ? 7440 : 240;
        }
        return protocol == IpProtocol::Udp ? 300 : 60;
    }

    [[nodiscard]] const Endpoint* outside(const Key& inside) const {
        const auto found = mappings_.find(inside);
        return found == mappings_.end() ? nullptr : &found->second;
    }
    [[nodiscard]] std::optional<Endpoint> inside(const Key& outside) const {
        for (const auto& [key, other] : mappings_) {
            if (key.first == outside.first && other == outside.second) {
                return key.second;
            }
        }
        return std::nullopt;
    }
    // "" when a new mapping may be like this.
    std::string map(const Key& inside, Endpoint outside, std::uint32_t now, bool was_free) {
        if (this->inside({inside.first, outside})) {
            return "the outside endpoint belongs to another";
        }
        const auto rested = released_.find({inside.first, outside});
        if (rested != released_.end() && now - rested->second < 120) {
            return "the port has not rested";
        }
        const auto address = addresses_.emplace(inside.second.address, outside.address);
        if (address.first->second != outside.address) {
            return "the host has another outside address already";
        }
        if (inside.second.port % 2 != outside.port % 2) {
            return "the parity is lost";
        }
        if (was_free && outside.port != inside.second.port) {
            return "a free port was not preserved";
        }
        mappings_[inside] = outside;
        return "";
    }
    [[nodiscard]] bool is_free(const Key& outside) const {
        return !inside(outside) && !released_.contains(outside);
    }

    void sent(const Flow& flow, bool is_syn, std::uint32_t now) {
        const auto [at, is_new] = sessions_.try_emplace(flow);
        ModelSession& session = at->second;
        if (is_new) {
            closed_.erase({flow.protocol, flow.source});
            session.listed = now;
            session.tcp = flow.protocol != IpProtocol::Tcp ? ModelTcp::None
                          : is_syn                         ? ModelTcp::Syn
                                                           : ModelTcp::PickedUp;
            return;
        }
        if (session.tcp == ModelTcp::Transitory) {
            session = {now, is_syn ? ModelTcp::Syn : ModelTcp::Established};
        }
        refresh(flow.protocol, session, now);
    }
    void received(const Flow& answered, bool is_syn, std::uint32_t now) {
        const auto at = sessions_.find(answered);
        if (at == sessions_.end() || answered.protocol != IpProtocol::Tcp) {
            return;
        }
        ModelSession& session = at->second;
        const bool opens = (session.tcp == ModelTcp::Syn && is_syn) ||
                           session.tcp == ModelTcp::PickedUp ||
                           (session.tcp == ModelTcp::Transitory && !is_syn);
        if (opens) {
            session = {now, ModelTcp::Established};
        }
        refresh(answered.protocol, session, now);
    }
    void request(const Key& inside, std::uint32_t lifetime, std::uint32_t now) {
        if (lifetime != 0) {
            closed_.erase(inside);
            requests_[inside] = {now + lifetime, false};
        } else if (const auto at = requests_.find(inside);
                   at != requests_.end() && !at->second.is_released) {
            at->second = {now + 30, true};
            closed_.insert(inside);
        }
    }
    [[nodiscard]] bool lets_in(const Key& inside, Endpoint remote) const {
        const auto at = requests_.find(inside);
        if (sessions_.contains({inside.first, inside.second, remote}) ||
            (at != requests_.end() && !at->second.is_released)) {
            return true;
        }
        if (closed_.contains(inside)) {
            return false;
        }
        if (filtering_ == Filtering::EndpointIndependent) {
            return true;
        }
        for (const auto& [flow, session] : sessions_) {
            if (flow.protocol == inside.first && flow.source == inside.second &&
                flow.destination.address == remote.address &&
                (filtering_ == Filtering::AddressDependent || flow.destination == remote)) {
                return true;
            }
        }
        return false;
    }
    void age(std::uint32_t now) {
        for (auto at = sessions_.begin(); at != sessions_.end();) {
            ModelSession& session = at->second;
            const std::uint32_t life = lifetime(at->first.protocol, session.tcp);
            if (now - session.listed < life + life / 16) {
                ++at;
            } else if (session.tcp == ModelTcp::Established) {
                session = {now, ModelTcp::Transitory};
            } else {
                at = sessions_.erase(at);
            }
        }
        std::erase_if(requests_, [&](const auto& each) {
            if (each.second.until <= now) {
                closed_.insert(each.first);
            }
            return each.second.until <= now;
        });
        drop_unused(now);
    }
    void forbid(const Ipv4Prefix& allowed, std::uint32_t now) {
        std::erase_if(sessions_, [&](const auto& each) {
            return !allowed.contains(each.first.source.address);
        });
        std::erase_if(requests_, [&](const auto& each) {
            return !allowed.contains(each.first.second.address);
        });
        drop_unused(now);
    }
    [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
    [[nodiscard]] std::size_t mappings() const { return mappings_.size(); }
    [[nodiscard]] std::size_t requests() const {
        return static_cast<std::size_t>(std::ranges::count_if(
            requests_, [](const auto& each) { return !each.second.is_released; }));
    }
    // Every outside endpoint that is in use, and those that were.
    [[nodiscard]] std::vector<Key> targets(bool with_released) const {
        std::vector<Key> all;
        for (const auto& [inside, outside] : mappings_) {
            all.emplace_back(inside.first, outside);
        }
        if (with_released) {
            for (const auto& [outside, when] : released_) {
                all.push_back(outside);
            }
        }
        return all;
    }

private:
    static void refresh(IpProtocol protocol, ModelSession& session, std::uint32_t now) {
        if (now - session.listed >= lifetime(protocol, session.tcp) / 16) {
            session.listed = now;
        }
    }
    void drop_unused(std::uint32_t now) {
        std::set<Key> used;
        for (const auto& [flow, session] : sessions_) {
            used.emplace(flow.protocol, flow.source);
        }
        for (const auto& [inside, request] : requests_) {
            used.insert(inside);
        }
        for (auto at = mappings_.begin(); at != mappings_.end();) {
            if (used.contains(at->first)) {
                ++at;
            } else {
                released_[{at->first.first, at->second}] = now;
                closed_.erase(at->first);
                at = mappings_.erase(at);
            }
        }
    }

    Filtering filtering_;
    std::map<Flow, ModelSession> sessions_;
    std::map<Key, Endpoint> mappings_;
    std::map<Key, ModelRequest> requests_;
    std::set<Key> closed_;  // whose request is over
    std::map<Key, std::uint32_t> released_;
    std::map<Ipv4Address, Ipv4Address> addresses_;
};

class Scenario {
public:
    Scenario(std::uint64_t seed, unsigned workers)
        : random_(seed),
          filtering_(Filtering{static_cast<std::uint8_t>(draw(3))}),
          model_(filtering_) {
        set_.source = {source_rule("192.0.2.0/30")};
        set_.source[0].ports = {2000, 9999};
        rules_ = compiled(set_);
        for (unsigned worker = 0; worker < workers; ++worker) {
            Settings settings;
            settings.place = {worker, workers};
            settings.max_sessions = 4096;
            settings.filtering = filtering_;
            settings.key = {random_(), random_()};
            workers_.push_back(std::move(*Translator::create(settings, rules_)));
        }
    }

    void step() {
        const std::uint32_t kind = draw(100);
        if (kind < 40) {
            static_cast<void>(out(host(), remote()));
        } else if (kind < 50) {
            request();
        } else if (kind < 75) {
            const auto targets = model_.targets(draw(2) == 0);
            if (!targets.empty()) {
                const Key target = targets[draw(static_cast<std::uint32_t>(targets.size()))];
                Endpoint from = remote();
                from.port = target.first == IpProtocol::Icmp ? std::uint16_t{0} : from.port;
                in({target.first, from, target.second});
            }
        } else if (kind < 85) {
            hairpin();
        } else if (kind < 99) {
            pass_time(draw(20) == 0 ? draw(4000) : draw(40));
        } else {
            change_rules();
        }
    }
    void check_counts() {
        std::size_t sessions = 0;
        std::size_t mappings = 0;
        std::size_t requests = 0;
        for (const auto& worker : workers_) {
            while (!worker->sweep(1000, now())) {
            }
            sessions += worker->session_count();
            mappings += worker->mapping_count();
            requests += worker->statistics(now()).requested;
        }
        ASSERT_EQ(requests, model_.requests());
        ASSERT_EQ(sessions, model_.sessions());
        ASSERT_EQ(mappings, model_.mappings());
    }

private:
    std::uint32_t draw(std::uint32_t below) {
        return static_cast<std::uint32_t>(random_() % below);
    }
    [[nodiscard]] Instant now() const { return Instant{Seconds{seconds_}}; }
    Key host() {
        constexpr std::array kProtocols{IpProtocol::Udp, IpProtocol::Tcp, IpProtocol::Icmp};
        return {kProtocols[draw(3)],
                {Ipv4Address(0x0a000001U + draw(6)), static_cast<std::uint16_t>(5000 + draw(10))}};
    }
    Endpoint remote() {
        return {Ipv4Address(0xc6336401U + draw(3)), static_cast<std::uint16_t>(70 + draw(3))};
    }
    Translator& owner(Direction direction, const Flow& flow) {
        return *workers_[rules_->owner(direction, flow, static_cast<unsigned>(workers_.size()))];
    }

    // The outside endpoint that the packet leaves from, if it was translated.
    std::optional<Endpoint> out(const Key& from, Endpoint to) {
        to.port = from.first == IpProtocol::Icmp ? std::uint16_t{0} : to.port;
        const Flow flow{from.first, from.second, to};
        const bool is_syn = draw(2) == 0;
        const Endpoint* const known = model_.outside(from);
        const Ipv4Address address =
            rules_->share_of(*rules_->source_rule(RuleId{1}), from.second.address).outside;
        const bool was_free = model_.is_free({from.first, {address, from.second.port}});
        const Decision made = owner(Direction::Outbound, flow)
                                  .outbound({flow, {is_syn ? kSyn : kAck, 0, 0}}, kWan, now());
        if (!allowed_.contains(from.second.address)) {
            EXPECT_EQ(made.verdict, Verdict::Untouched);
            return std::nullopt;
        }
        EXPECT_EQ(made.verdict, Verdict::Translate);
        if (known != nullptr) {
            EXPECT_EQ(made.rewrite.endpoint, *known);
        } else {
            EXPECT_EQ(model_.map(from, made.rewrite.endpoint, seconds_, was_free), "");
        }
        model_.sent(flow, is_syn, seconds_);
        return made.rewrite.endpoint;
    }
    void request() {
        const Key from = host();
        if (from.first == IpProtocol::Icmp) {
            return;
        }
        MappingRequest wanted;
        wanted.protocol = from.first;
        wanted.inside = from.second;
        wanted.lifetime = Seconds{draw(3) == 0 ? 0 : 1 + draw(500)};
        const Endpoint* const known = model_.outside(from);
        const Ipv4Address address =
            rules_->share_of(*rules_->source_rule(RuleId{1}), from.second.address).outside;
        const bool was_free = model_.is_free({from.first, {address, from.second.port}});
        const MappingGrant given = owner(Direction::Outbound, {from.first, from.second, {}})
                                       .request_mapping(wanted, now());
        if (!allowed_.contains(from.second.address)) {
            EXPECT_EQ(given.outcome, wanted.lifetime == Seconds{0} ? MappingOutcome::Done
                                                                   : MappingOutcome::NotTranslated);
            return;
        }
        ASSERT_EQ(given.outcome, MappingOutcome::Done);
        ASSERT_EQ(given.lifetime, wanted.lifetime);
        if (wanted.lifetime != Seconds{0} && known != nullptr) {
            EXPECT_EQ(given.outside, *known);
        } else if (wanted.lifetime != Seconds{0}) {
            EXPECT_EQ(model_.map(from, given.outside, seconds_, was_free), "");
        }
        model_.request(from, wanted.lifetime.count(), seconds_);
    }
    void in(const Flow& flow) {
        const bool is_syn = draw(2) == 0;
        const auto inside = model_.inside({flow.protocol, flow.destination});
        const Decision made =
            owner(Direction::Inbound, flow).inbound({flow, {is_syn ? kSynAck : kAck, 0, 0}}, now());
        if (!inside) {
            ASSERT_EQ(made.verdict, Verdict::Unmapped);
        } else if (!model_.lets_in({flow.protocol, *inside}, flow.source)) {
            ASSERT_EQ(made.reason, Reason::Filtered);
        } else {
            ASSERT_EQ(made.verdict, Verdict::Translate);
            ASSERT_EQ(made.rewrite.endpoint, *inside);
            model_.received({flow.protocol, *inside, flow.source}, is_syn, seconds_);
        }
    }
    void hairpin() {
        const Key from = host();
        const auto targets = model_.targets(draw(2) == 0);
        if (targets.empty()) {
            return;
        }
        const Key target = targets[draw(static_cast<std::uint32_t>(targets.size()))];
        if (target.first != from.first || from.first == IpProtocol::Icmp) {
            return;
        }
        if (const auto source = out(from, target.second)) {
            in({from.first, *source, target.second});
        }
    }
    void pass_time(std::uint32_t seconds) {
        seconds_ += seconds;
        for (const auto& worker : workers_) {
            while (worker->expire(now(), 7) == 7) {
            }
        }
        model_.age(seconds_);
    }
    void change_rules() {
        allowed_ = draw(2) == 0 ? prefix("10.0.0.0/8") : prefix("10.0.0.0/30");
        set_.source[0].from = {allowed_};
        rules_ = compiled(set_);
        for (const auto& worker : workers_) {
            while (!worker->sweep(1000, now())) {
            }
            worker->apply(std::move(*worker->prepare(rules_)));
            worker->sweep(draw(3000), now());
        }
        model_.forbid(allowed_, seconds_);
    }

    std::mt19937_64 random_;
    Filtering filtering_;
    Model model_;
    RuleSet set_;
    Ipv4Prefix allowed_ = prefix("10.0.0.0/8");
    std::shared_ptr<const NatRules> rules_;
    std::vector<std::unique_ptr<Translator>> workers_;
    std::uint32_t seconds_ = 1000000;
};

// rfc4787: REQ-1, REQ-2, REQ-3, REQ-4, REQ-5, REQ-6, REQ-8, REQ-9
// rfc6888: REQ-8, REQ-9
// rfc4787: REQ-1, REQ-3, REQ-11, rfc5382: REQ-1, REQ-7
TEST(Property, Random_packets_are_translated_as_the_model_says) {
    for (const std::uint64_t seed : godwit::testing::seeds(60)) {
        Scenario scenario(seed, static_cast<unsigned>(seed % 3 + 1));
        for (int step = 0; step < 3000; ++step) {
            scenario.step();
            if (step % 100 == 99) {
                scenario.check_counts();
            }
            ASSERT_FALSE(::testing::Test::HasFailure())
                << "step " << step << ", GODWIT_SEED=" << seed;
        }
    }
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
