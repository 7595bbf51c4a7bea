// NAT44 of the whole dataplane, as the owner of the tables and the workers share it.
//
//   owner                                                       worker n
//   want(), ask()  ---> waiting letters ---> mailbox of one ---> Seat: a bounded piece a loop
//   poll(), take_answer() <------------------ the same letter <---
//   statistics(), uses() <------------------- published numbers
//   take_events() <-------------------------- ring of bindings
//
// Each worker has a translator of its own, which only it touches. The owner makes translators and
// revisions, and frees them when they come back; neither waits for the other. A worker that sleeps
// reads its mailbox when it wakes, a hundredth of a second later at most.
//
// The first want() takes the memory of all sessions (bytes_for() says before how much); later ones
// change rules and settings under the sessions, which stay where the new rules allow them.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/nat/letters.hpp"
#include "dataplane/nat/statistics.hpp"

namespace godwit::dataplane::nat {

// The worker's place. Everything but `mailbox` and the published numbers is the worker's alone.
class Seat {
public:
    // Null: no NAT.
    [[nodiscard]] Translator* translator() const { return translator_.get(); }
    // Another number when another translator was put in the place: tickets of held SYNs are void.
    [[nodiscard]] std::uint32_t installation() const { return installation_; }

    // A piece of what the owner asks, once a loop; true: there was something to do.
    bool serve(Instant now) {
        return (mailbox_.load(std::memory_order_acquire) != nullptr || is_sweeping_) && work(now);
    }
    // Publishes the numbers; about once a millisecond.
    void publish(Instant now);

private:
    friend class NatTable;

    bool work(Instant now);
    bool answer(Question& question, std::uint32_t& looked_at, Instant now);

    std::unique_ptr<Translator> translator_;
    std::uint32_t installation_ = 0;
    bool is_sweeping_ = false;
    alignas(64) std::atomic<Letter*> mailbox_ = nullptr;
    // What the owner may read beside: of the translator that is installed, null before.
    std::atomic<const RuleUses*> uses_ = nullptr;
    PublishedStatistics published_;
};

class NatTable {
public:
    // What the configuration comes to. In `settings`, max_sessions, max_subscribers, max_held_syns
    // and event_capacity are of all workers together, and place and key are not looked at.
    struct Wanted {
        Settings settings;
        std::shared_ptr<const NatRules> rules;
    };
    static constexpr std::size_t kMaxQuestions = 64;  // that wait at a worker
    static constexpr std::size_t kMaxRevisions = 4;   // under way

    NatTable(unsigned workers, const net::SipKey& key);
    // The workers have stopped.
    ~NatTable();
    NatTable(const NatTable&) = delete;
    NatTable& operator=(const NatTable&) = delete;

    // ---- the owner; one thread

    // What keeps `wanted` (nothing: no NAT) from being carried out now, or "".
    [[nodiscard]] std::string check(const std::optional<Wanted>& wanted) const;
    // It could be carried out by a new start only: the sizes of tables change.
    [[nodiscard]] bool needs_restart(const Wanted& wanted) const;
    // Carries it out: takes the memory now, and the workers take it over one by one. What is wrong,
    // or "".
    std::string want(std::optional<Wanted> wanted);
    // Moves letters on and frees what came back; once a turn. True: some are under way.
    bool poll();
    [[nodiscard]] bool is_changing() const;  // not all workers have what was wanted last
    [[nodiscard]] const std::optional<Wanted>& wanted() const { return wanted_; }

    // Who has the mappings of this inside endpoint, by what was wanted last.
    [[nodiscard]] unsigned worker_of(net::IpProtocol protocol, Endpoint inside) const;

    // False: too many wait.
    bool ask(unsigned worker, Question question, std::uint64_t tag);
    [[nodiscard]] std::optional<Answer> take_answer();

    [[nodiscard]] unsigned workers() const { return static_cast<unsigned>(seats_.size()); }
    [[nodiscard]] Statistics statistics(unsigned worker) const;
    [[nodiscard]] RuleUses::Use uses(unsigned worker, RuleId rule) const;
    // From the worker's ring, oldest first; how many. None get lost by a change of rules.
    std::size_t take_events(unsigned worker, std::span<BindingEvent> out);

    // The memory of all workers' sessions by these settings, of all workers, and of the ports of
    // `addresses` outside addresses.
    [[nodiscard]] static std::size_t bytes_for(const Settings& settings, unsigned workers,
                                               std::size_t addresses);

    // ---- worker n, for itself
    [[nodiscard]] Seat& seat(unsigned worker) { return *seats_[worker]; }

private:
    struct Post {
        std::deque<std::unique_ptr<Letter>> waiting;
        std::unique_ptr<Letter> sent;      // in the mailbox
        std::size_t changes = 0;           // of the letters that wait or were sent
        Translator* translator = nullptr;  // the last one that is known to be installed
        std::size_t questions = 0;
    };

    [[nodiscard]] Settings settings_of(const Settings& all, unsigned worker) const;
    void send(unsigned worker, std::unique_ptr<Letter> letter);
    void receive(unsigned worker, Letter& letter);

    net::SipKey key_;
    std::vector<std::unique_ptr<Seat>> seats_;
    std::vector<Post> posts_;
    std::deque<Answer> answers_;
    std::optional<Wanted> wanted_;
};

}  // namespace godwit::dataplane::nat
