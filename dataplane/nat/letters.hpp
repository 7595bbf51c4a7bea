// What the owner of the tables asks of a worker's translator, and what it gets back.
//
// A letter is written by the owner, worked on by the worker a piece a loop, and read by the owner
// again; only one of them has it at a time. All its memory is the owner's: the worker neither takes
// nor frees any.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "dataplane/nat/translator.hpp"

namespace godwit::dataplane::nat {

// Of all pages: `room` is how many are wanted at most. The worker fills them in and counts them in
// `found`; in an answer there are so many.

// A page of sessions, from `cursor` on. It ends when `room` sessions were found, when all were
// looked at (`cursor` is kNone), or when so many were looked at that an answer is due.
struct SessionPage {
    SessionFilter filter;
    std::uint32_t cursor = 0;
    std::uint32_t room = 64;
    std::uint32_t found = 0;
    std::vector<SessionView> sessions{};
};

struct SubscriberPage {
    std::uint32_t cursor = 0;
    std::uint32_t room = 64;
    std::uint32_t found = 0;
    std::vector<Subscriber> subscribers{};
};

// Ports of an outside address that are in use, by TCP, UDP and ICMP.
struct PortUse {
    net::Ipv4Address outside;
    std::uint32_t tcp = 0;
    std::uint32_t udp = 0;
    std::uint32_t icmp = 0;
};

// `cursor` counts NatRules::outside_addresses().
struct PortPage {
    std::uint32_t cursor = 0;
    std::uint32_t room = 64;
    std::uint32_t found = 0;
    std::vector<PortUse> uses{};
};

// Ends all sessions that match, however many; or, of mappings that were asked for, the requests.
struct SessionClear {
    SessionFilter filter;
    bool of_requests = false;
    std::uint32_t cursor = 0;
    std::uint64_t cleared = 0;
};

// Mappings that were asked for.
struct MappingPage {
    std::uint32_t cursor = 0;
    std::uint32_t room = 64;
    std::uint32_t found = 0;
    std::vector<MappingView> mappings{};
};

// A host asks for one. NatTable::worker_of() says whose it is.
struct MappingAsk {
    MappingRequest request;
    MappingGrant grant{};
};

// What may be asked with NatTable::ask().
using Question =
    std::variant<SessionPage, SubscriberPage, PortPage, SessionClear, MappingPage, MappingAsk>;

struct Answer {
    unsigned worker = 0;
    std::uint64_t tag = 0;  // of who asked
    Question question;      // filled in; where there is no NAT any more, as at the end
};

// In the place of the old one, which comes back. Null: no NAT.
struct Installation {
    std::unique_ptr<Translator> translator;
};

struct Revised {
    std::unique_ptr<Revision> revision;  // then the old one
    Settings settings;
};

struct Letter {
    std::variant<Question, Installation, Revised> content;
    std::uint64_t tag = 0;
    std::uint32_t looked_at = 0;  // by the worker, for a page
};

}  // namespace godwit::dataplane::nat
