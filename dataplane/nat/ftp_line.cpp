#include "dataplane/nat/ftp_line.hpp"

#include <algorithm>

namespace godwit::dataplane::nat {
namespace {

constexpr std::array<std::string_view, 2> kCommands{"PORT ", "EPRT "};
constexpr std::array<std::string_view, 2> kReplies{"227 ", "229 "};

bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}

char upper(char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
}

bool begins_with(std::string_view text, std::string_view word) {
    return text.size() >= word.size() &&
           std::equal(word.begin(), word.end(), text.begin(),
                      [](char wanted, char letter) { return wanted == upper(letter); });
}

// Reads what it is asked for from the front of a text, or nothing at all.
class Cursor {
public:
    Cursor(std::string_view text, std::size_t at) : text_(text), at_(at) {}

    [[nodiscard]] std::size_t place() const { return at_; }
    // In decimal, at most `most`.
    std::optional<unsigned> number(unsigned most) {
        constexpr std::size_t kMostDigits = 5;
        const std::size_t begin = at_;
        unsigned value = 0;
        while (at_ < text_.size() && is_digit(text_[at_]) && at_ - begin < kMostDigits) {
            value = value * 10U + static_cast<unsigned>(text_[at_++] - '0');
        }
        const bool goes_on = at_ < text_.size() && is_digit(text_[at_]);
        return at_ == begin || goes_on || value > most ? std::nullopt : std::optional(value);
    }
    bool letter(char wanted) {
        const bool is_there = at_ < text_.size() && text_[at_] == wanted;
        at_ += is_there ? 1U : 0U;
        return is_there;
    }
    // RFC 2428 2: 33 to 126, and no digit, or nobody could tell it from what it divides.
    std::optional<char> delimiter() {
        if (at_ >= text_.size() || text_[at_] < 33 || text_[at_] > 126 || is_digit(text_[at_])) {
            return std::nullopt;
        }
        return text_[at_++];
    }
    [[nodiscard]] bool is_at_end() const {
        return text_.find_first_not_of(" \r", at_) == std::string_view::npos;
    }

private:
    std::string_view text_;
    std::size_t at_;
};

std::optional<net::Ipv4Address> read_address(Cursor& cursor, char between) {
    std::uint32_t address = 0;
    for (unsigned octet = 0; octet < 4; ++octet) {
        const auto value = octet == 0 || cursor.letter(between) ? cursor.number(255) : std::nullopt;
        if (!value) {
            return std::nullopt;
        }
        address = address << 8U | *value;
    }
    return net::Ipv4Address(address);
}

// h1,h2,h3,h4,p1,p2 at this place.
std::optional<FtpEndpoint> read_commas(std::string_view line, std::size_t at) {
    Cursor cursor(line, at);
    const auto address = read_address(cursor, ',');
    const auto high = address && cursor.letter(',') ? cursor.number(255) : std::nullopt;
    const auto low = high && cursor.letter(',') ? cursor.number(255) : std::nullopt;
    if (!low) {
        return std::nullopt;
    }
    return FtpEndpoint{FtpEndpoint::Form::Commas,
                       ',',
                       {*address, static_cast<std::uint16_t>(*high << 8U | *low)},
                       at,
                       cursor.place()};
}

std::optional<FtpEndpoint> read_extended(std::string_view line, std::size_t at) {
    Cursor cursor(line, at);
    const auto mark = cursor.delimiter();
    if (!mark || cursor.number(65535) != 1U || !cursor.letter(*mark)) {
        return std::nullopt;
    }
    const auto address = read_address(cursor, '.');
    const auto port = address && cursor.letter(*mark) ? cursor.number(65535) : std::nullopt;
    if (!port || !cursor.letter(*mark) || !cursor.is_at_end()) {
        return std::nullopt;
    }
    return FtpEndpoint{FtpEndpoint::Form::Extended,
                       *mark,
                       {*address, static_cast<std::uint16_t>(*port)},
                       at,
                       cursor.place()};
}

std::optional<FtpEndpoint> read_port_only(std::string_view line, std::size_t at) {
    Cursor cursor(line, at);
    const auto mark = cursor.delimiter();
    if (!mark || !cursor.letter(*mark) || !cursor.letter(*mark)) {
        return std::nullopt;
    }
    const auto port = cursor.number(65535);
    const bool is_closed = port && cursor.letter(*mark);
    const std::size_t end = cursor.place();
    if (!is_closed || !cursor.letter(')')) {
        return std::nullopt;
    }
    return FtpEndpoint{
        FtpEndpoint::Form::PortOnly, *mark, {{}, static_cast<std::uint16_t>(*port)}, at, end};
}

std::optional<FtpEndpoint> read_command(std::string_view line) {
    const std::size_t at = kCommands[0].size();
    if (begins_with(line, kCommands[1])) {
        return read_extended(line, at);
    }
    if (!begins_with(line, kCommands[0])) {
        return std::nullopt;
    }
    const auto found = read_commas(line, at);
    return found && Cursor(line, found->end).is_at_end() ? found : std::nullopt;
}

std::optional<FtpEndpoint> read_reply(std::string_view line) {
    const std::size_t at = kReplies[0].size();
    if (begins_with(line, kReplies[1])) {
        const std::size_t open = line.find('(', at);
        return open == std::string_view::npos ? std::nullopt : read_port_only(line, open + 1);
    }
    if (!begins_with(line, kReplies[0])) {
        return std::nullopt;
    }
    for (std::size_t place = at; place < line.size(); ++place) {
        if (is_digit(line[place]) && !is_digit(line[place - 1])) {
            if (const auto found = read_commas(line, place)) {
                return found;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<FtpEndpoint> read_ftp_line(FtpSpeaker speaker, std::string_view line) {
    return speaker == FtpSpeaker::Client ? read_command(line) : read_reply(line);
}

bool may_name_ftp_endpoint(FtpSpeaker speaker, std::string_view beginning) {
    return std::ranges::any_of(
        speaker == FtpSpeaker::Client ? kCommands : kReplies, [beginning](std::string_view word) {
            return beginning.size() < word.size()
                       ? begins_with(beginning, word.substr(0, beginning.size()))
                       : begins_with(beginning, word);
        });
}

FtpEndpointText::FtpEndpointText(const FtpEndpoint& like, Endpoint endpoint) {
    const std::uint32_t address = endpoint.address.value();
    const auto add_address = [&](char between) {
        for (unsigned octet = 0; octet < 4; ++octet) {
            if (octet != 0) {
                add(between);
            }
            add_number(address >> (24U - 8U * octet) & 0xffU);
        }
    };
    switch (like.form) {
        case FtpEndpoint::Form::Commas:
            add_address(',');
            add(',');
            add_number(endpoint.port >> 8U);
            add(',');
            add_number(endpoint.port & 0xffU);
            return;
        case FtpEndpoint::Form::Extended:
            add(like.delimiter);
            add('1');
            add(like.delimiter);
            add_address('.');
            add(like.delimiter);
            add_number(endpoint.port);
            add(like.delimiter);
            return;
        case FtpEndpoint::Form::PortOnly:
            for (unsigned count = 0; count < 3; ++count) {
                add(like.delimiter);
            }
            add_number(endpoint.port);
            add(like.delimiter);
            return;
    }
}

void FtpEndpointText::add_number(unsigned number) {
    std::array<char, 5> digits{};
    std::size_t count = 0;
    do {
        digits[count++] = static_cast<char>('0' + number % 10U);
        number /= 10U;
    } while (number != 0);
    while (count > 0) {
        add(digits[--count]);
    }
}

}  // namespace godwit::dataplane::nat
