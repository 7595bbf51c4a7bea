#include "dataplane/nat/nat_table.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace godwit::dataplane::nat {
namespace {

// Records that a worker looks at in one loop for whoever asks: a few microseconds.
constexpr std::uint32_t kRecordsALoop = 128;
// After so many a page comes back as far as it is.
constexpr std::uint32_t kRecordsAPage = 1U << 16;

std::uint32_t share(std::uint32_t of_all, unsigned workers) {
    return (of_all + workers - 1U) / workers;
}

Settings share_of(const Settings& all, unsigned workers) {
    Settings settings = all;
    settings.max_sessions = share(all.max_sessions, workers);
    settings.max_subscribers = share(all.max_subscribers, workers);
    settings.max_held_syns = share(all.max_held_syns, workers);
    settings.event_capacity = share(all.event_capacity, workers);
    return settings;
}

}  // namespace

// ---- the worker

bool Seat::work(Instant now) {
    if (is_sweeping_) {
        is_sweeping_ = !translator_->sweep(kRecordsALoop, now);
    }
    Letter* const letter = mailbox_.load(std::memory_order_acquire);
    if (letter == nullptr) {
        return true;
    }
    if (auto* installation = std::get_if<Installation>(&letter->content)) {
        std::swap(translator_, installation->translator);
        uses_.store(translator_ ? &translator_->uses() : nullptr, std::memory_order_release);
        ++installation_;
        is_sweeping_ = false;
        publish(now);
    } else if (auto* revised = std::get_if<Revised>(&letter->content)) {
        if (is_sweeping_) {
            return true;  // one revision after the other
        }
        if (translator_) {
            revised->revision = translator_->apply(std::move(revised->revision));
            translator_->retune(revised->settings);
            is_sweeping_ = true;
        }
    } else if (!answer(std::get<Question>(letter->content), letter->looked_at, now)) {
        return true;
    }
    mailbox_.store(nullptr, std::memory_order_release);
    return true;
}

// True: it is answered.
bool Seat::answer(Question& question, std::uint32_t& looked_at, Instant now) {
    if (auto* asked = std::get_if<MappingAsk>(&question)) {
        asked->grant = translator_ ? translator_->request_mapping(asked->request, now)
                                   : MappingGrant{MappingOutcome::NotTranslated, {}, {}};
        return true;
    }
    if (!translator_) {
        std::visit(
            [](auto& page) {
                if constexpr (requires { page.cursor; }) {
                    page.cursor = kNone;
                }
            },
            question);
        return true;
    }
    const auto read = [&looked_at](auto& page, auto& into, auto&& read_some) {
        page.found += static_cast<std::uint32_t>(read_some(std::span(into).subspan(page.found)));
        looked_at += kRecordsALoop;
        return page.cursor == kNone || page.found == into.size() || looked_at >= kRecordsAPage;
    };
    if (auto* page = std::get_if<SessionPage>(&question)) {
        return read(*page, page->sessions, [&](std::span<SessionView> out) {
            return translator_->read_sessions(page->cursor, kRecordsALoop, page->filter, out);
        });
    }
    if (auto* page = std::get_if<SubscriberPage>(&question)) {
        return read(*page, page->subscribers, [&](std::span<Subscriber> out) {
            return translator_->read_subscribers(page->cursor, kRecordsALoop, out);
        });
    }
    if (auto* page = std::get_if<MappingPage>(&question)) {
        return read(*page, page->mappings, [&](std::span<MappingView> out) {
            return translator_->read_mappings(page->cursor, kRecordsALoop, out);
        });
    }
    if (auto* page = std::get_if<PortPage>(&question)) {
        const auto& addresses = translator_->rules().outside_addresses();
        return read(*page, page->uses, [&](std::span<PortUse> out) {
            std::size_t count = 0;
            for (; page->cursor < addresses.size() && count < out.size(); ++page->cursor) {
                const net::Ipv4Address outside = addresses[page->cursor];
                out[count++] = {outside, translator_->ports_out(outside, net::IpProtocol::Tcp),
                                translator_->ports_out(outside, net::IpProtocol::Udp),
                                translator_->ports_out(outside, net::IpProtocol::Icmp)};
            }
            page->cursor = page->cursor < addresses.size() ? page->cursor : kNone;
            return count;
        });
    }
    auto& clear = std::get<SessionClear>(question);
    clear.cleared +=
        clear.of_requests
            ? translator_->clear_requests(clear.cursor, kRecordsALoop, clear.filter, now)
            : translator_->clear_sessions(clear.cursor, kRecordsALoop, clear.filter, now);
    return clear.cursor == kNone;
}

void Seat::publish(Instant now) {
    published_.publish(translator_ ? translator_->statistics(now) : Statistics{});
}

// ---- the owner

NatTable::NatTable(unsigned workers, const net::SipKey& key) : key_(key), posts_(workers) {
    for (unsigned worker = 0; worker < workers; ++worker) {
        seats_.push_back(std::make_unique<Seat>());
    }
}

NatTable::~NatTable() = default;

Settings NatTable::settings_of(const Settings& all, unsigned worker) const {
    Settings settings = share_of(all, workers());
    settings.place = {worker, workers()};
    // A key of its own for each, so that what is learnt of one says nothing of another.
    settings.key = {key_.low + worker, key_.high};
    return settings;
}

bool NatTable::needs_restart(const Wanted& wanted) const {
    return wanted_ && !Translator::can_retune(settings_of(wanted_->settings, 0),
                                              settings_of(wanted.settings, 0));
}

std::string NatTable::check(const std::optional<Wanted>& wanted) const {
    if (std::ranges::any_of(posts_,
                            [](const Post& post) { return post.changes >= kMaxRevisions; })) {
        return "nat: earlier changes are still being carried out; apply this one again in a moment";
    }
    if (!wanted) {
        return "";
    }
    if (std::string wrong = nat::check(settings_of(wanted->settings, 0)); !wrong.empty()) {
        return wrong;
    }
    if (needs_restart(*wanted)) {
        return "nat: the sizes of its tables change (max-sessions, or filtering to or from "
               "address-dependent), and they are taken at the start; restart the dataplane for it";
    }
    const auto revision = Translator::prepare_for(
        settings_of(wanted->settings, 0), wanted_ ? wanted_->rules.get() : nullptr, wanted->rules);
    return revision ? "" : revision.error();
}

std::string NatTable::want(std::optional<Wanted> wanted) {
    if (std::string wrong = check(wanted); !wrong.empty()) {
        return wrong;
    }
    std::vector<std::unique_ptr<Letter>> letters;
    try {
        for (unsigned worker = 0; worker < workers(); ++worker) {
            auto letter = std::make_unique<Letter>();
            if (!wanted) {
                letter->content = Installation{};
            } else if (!wanted_) {
                auto made =
                    Translator::create(settings_of(wanted->settings, worker), wanted->rules);
                if (!made) {
                    return made.error();
                }
                letter->content = Installation{std::move(*made)};
            } else {
                const Settings settings = settings_of(wanted->settings, worker);
                auto revision =
                    Translator::prepare_for(settings, wanted_->rules.get(), wanted->rules);
                if (!revision) {
                    return revision.error();
                }
                letter->content = Revised{std::move(*revision), settings};
            }
            letters.push_back(std::move(letter));
        }
    } catch (const std::bad_alloc&) {
        return "nat: there is no memory for so many sessions or addresses; lower nat.max-sessions";
    }
    if (!wanted && !wanted_) {
        return "";
    }
    wanted_ = std::move(wanted);
    for (unsigned worker = 0; worker < workers(); ++worker) {
        ++posts_[worker].changes;
        send(worker, std::move(letters[worker]));
    }
    return "";
}

bool NatTable::ask(unsigned worker, Question question, std::uint64_t tag) {
    Post& post = posts_.at(worker);
    if (post.questions >= kMaxQuestions) {
        return false;
    }
    ++post.questions;
    if (auto* page = std::get_if<SessionPage>(&question)) {
        page->sessions.resize(page->room);
    } else if (auto* subscribers = std::get_if<SubscriberPage>(&question)) {
        subscribers->subscribers.resize(subscribers->room);
    } else if (auto* ports = std::get_if<PortPage>(&question)) {
        ports->uses.resize(ports->room);
    } else if (auto* mappings = std::get_if<MappingPage>(&question)) {
        mappings->mappings.resize(mappings->room);
    }
    auto letter = std::make_unique<Letter>();
    letter->content = std::move(question);
    letter->tag = tag;
    send(worker, std::move(letter));
    return true;
}

void NatTable::send(unsigned worker, std::unique_ptr<Letter> letter) {
    posts_[worker].waiting.push_back(std::move(letter));
    poll();
}

bool NatTable::poll() {
    bool is_under_way = false;
    for (unsigned worker = 0; worker < workers(); ++worker) {
        Post& post = posts_[worker];
        std::atomic<Letter*>& mailbox = seats_[worker]->mailbox_;
        if (post.sent && mailbox.load(std::memory_order_acquire) == nullptr) {
            receive(worker, *post.sent);
            post.sent.reset();
        }
        if (!post.sent && !post.waiting.empty()) {
            post.sent = std::move(post.waiting.front());
            post.waiting.pop_front();
            mailbox.store(post.sent.get(), std::memory_order_release);
        }
        is_under_way |= post.sent != nullptr;
    }
    return is_under_way;
}

void NatTable::receive(unsigned worker, Letter& letter) {
    Post& post = posts_[worker];
    auto* question = std::get_if<Question>(&letter.content);
    if (question == nullptr) {
        --post.changes;
        if (auto* installation = std::get_if<Installation>(&letter.content)) {
            // What the old one still had to tell goes with it: its sessions are gone as a whole.
            post.translator = seats_[worker]->translator();
            installation->translator.reset();
        }
        return;
    }
    --post.questions;
    if (auto* page = std::get_if<SessionPage>(question)) {
        page->sessions.resize(page->found);
    } else if (auto* subscribers = std::get_if<SubscriberPage>(question)) {
        subscribers->subscribers.resize(subscribers->found);
    } else if (auto* ports = std::get_if<PortPage>(question)) {
        ports->uses.resize(ports->found);
    } else if (auto* mappings = std::get_if<MappingPage>(question)) {
        mappings->mappings.resize(mappings->found);
    }
    answers_.push_back({worker, letter.tag, std::move(*question)});
}

bool NatTable::is_changing() const {
    return std::ranges::any_of(posts_, [](const Post& post) { return post.changes != 0; });
}

std::optional<Answer> NatTable::take_answer() {
    if (answers_.empty()) {
        return std::nullopt;
    }
    std::optional<Answer> answer(std::move(answers_.front()));
    answers_.pop_front();
    return answer;
}

unsigned NatTable::worker_of(net::IpProtocol protocol, Endpoint inside) const {
    return wanted_ ? wanted_->rules->owner(Direction::Outbound, {protocol, inside, {}}, workers())
                   : 0U;
}

Statistics NatTable::statistics(unsigned worker) const {
    return seats_.at(worker)->published_.read();
}

// The translator is freed only by receive(), so by this thread.
RuleUses::Use NatTable::uses(unsigned worker, RuleId rule) const {
    const RuleUses* uses = seats_.at(worker)->uses_.load(std::memory_order_acquire);
    return uses == nullptr ? RuleUses::Use{} : uses->of(rule);
}

std::size_t NatTable::take_events(unsigned worker, std::span<BindingEvent> out) {
    Translator* const translator = posts_.at(worker).translator;
    return translator == nullptr ? 0 : translator->take_events(out);
}

std::size_t NatTable::bytes_for(const Settings& settings, unsigned workers, std::size_t addresses) {
    const Settings each = share_of(settings, workers);
    // Six sets of pairs of ports in five bits each, of all workers together, and a little more.
    constexpr std::size_t kBytesAnAddress = 6 * 32768 * 5 / 8;
    return workers * Translator::bytes_for(each) + addresses * kBytesAnAddress;
}

}  // namespace godwit::dataplane::nat
