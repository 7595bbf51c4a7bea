#include "dataplane/nat/ftp_gateway.hpp"

namespace godwit::dataplane::nat {

bool FtpGateway::follow(std::uint32_t session, FtpSpeaker speaker) {
    const std::uint32_t index = controls_.take();
    if (index == kNone) {
        return false;
    }
    controls_[index].stream = FtpStream(speaker);
    controls_[index].session = session;
    by_session_.insert(hash(session), index);
    return true;
}

FtpControl* FtpGateway::find(std::uint32_t session) {
    const std::uint32_t index = find_control(session);
    return index == kNone ? nullptr : &controls_[index];
}

void FtpGateway::forget(std::uint32_t session) {
    const std::uint32_t index = find_control(session);
    if (index != kNone) {
        by_session_.erase(hash(session), index);
        controls_.give_back(index);
    }
}

bool FtpGateway::may_ask(FtpControl& control, Instant now) {
    const std::uint32_t second = now.time_since_epoch().count();
    if (control.second != second) {
        control.second = second;
        control.asked = 0;
    }
    if (control.asked >= kAskedASecond) {
        return false;
    }
    ++control.asked;
    return true;
}

bool FtpGateway::expect(std::uint32_t mapping, net::Ipv4Address remote, Instant now, bool& is_new) {
    std::uint32_t index = find_expectation(mapping);
    is_new = index == kNone;
    if (is_new) {
        index = expectations_.take();
        if (index == kNone) {
            return false;
        }
        expectations_[index].mapping = mapping;
        by_mapping_.insert(hash(mapping), index);
    } else {
        unlink(index);
    }
    expectations_[index].remote = remote;
    append(index, now);
    return true;
}

bool FtpGateway::is_expected(std::uint32_t mapping, net::Ipv4Address remote) const {
    const std::uint32_t index = find_expectation(mapping);
    return index != kNone && expectations_[index].remote == remote;
}

bool FtpGateway::end_expectation(std::uint32_t mapping) {
    const std::uint32_t index = find_expectation(mapping);
    if (index == kNone) {
        return false;
    }
    unlink(index);
    by_mapping_.erase(hash(mapping), index);
    expectations_.give_back(index);
    return true;
}

std::uint32_t FtpGateway::overdue(Instant now) const {
    return first_ != kNone &&
                   now.time_since_epoch().count() - expectations_[first_].since >= kExpected.count()
               ? expectations_[first_].mapping
               : kNone;
}

std::uint32_t FtpGateway::find_control(std::uint32_t session) const {
    return by_session_.find(
        hash(session), [&](std::uint32_t index) { return controls_[index].session == session; });
}

std::uint32_t FtpGateway::find_expectation(std::uint32_t mapping) const {
    if (first_ == kNone) [[likely]] {
        return kNone;
    }
    return by_mapping_.find(hash(mapping), [&](std::uint32_t index) {
        return expectations_[index].mapping == mapping;
    });
}

void FtpGateway::append(std::uint32_t index, Instant now) {
    FtpExpectation& expectation = expectations_[index];
    expectation.since = now.time_since_epoch().count();
    expectation.next = kNone;
    expectation.previous = last_;
    (last_ == kNone ? first_ : expectations_[last_].next) = index;
    last_ = index;
}

void FtpGateway::unlink(std::uint32_t index) {
    const FtpExpectation& expectation = expectations_[index];
    (expectation.previous == kNone ? first_ : expectations_[expectation.previous].next) =
        expectation.next;
    (expectation.next == kNone ? last_ : expectations_[expectation.next].previous) =
        expectation.previous;
}

}  // namespace godwit::dataplane::nat
