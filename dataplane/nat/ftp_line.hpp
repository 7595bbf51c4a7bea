// The lines of FTP that name an endpoint for a data connection, and how one is written again.
//
//   PORT h1,h2,h3,h4,p1,p2              RFC 959 4.1.2, from the client
//   EPRT |1|h1.h2.h3.h4|port|           RFC 2428 2, from the client; any delimiter, 1 is IPv4
//   227 ... (h1,h2,h3,h4,p1,p2) ...     RFC 959 4.2, from the server
//   229 ... (|||port|) ...              RFC 2428 3, from the server: at its own address
//
// A server may write its 227 with or without parentheses and with any words (RFC 1123 4.1.2.6): the
// first six numbers with commas between them are meant. What is not one of these lines, to the
// letter, is nobody's business here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/nat/flow.hpp"

namespace godwit::dataplane::nat {

enum class FtpSpeaker : std::uint8_t { Client, Server };

struct FtpEndpoint {
    enum class Form : std::uint8_t { Commas, Extended, PortOnly };
    Form form = Form::Commas;
    char delimiter = '|';   // Extended, PortOnly
    Endpoint named;         // PortOnly has no address
    std::size_t begin = 0;  // where in the line that stands
    std::size_t end = 0;

    friend bool operator==(const FtpEndpoint&, const FtpEndpoint&) = default;
};

// A line without its end. Nothing: it names no endpoint.
std::optional<FtpEndpoint> read_ftp_line(FtpSpeaker speaker, std::string_view line);

// Whether a line that begins like this may come to name one.
bool may_name_ftp_endpoint(FtpSpeaker speaker, std::string_view beginning);

// What stands between `begin` and `end` when another endpoint is meant.
class FtpEndpointText {
public:
    FtpEndpointText(const FtpEndpoint& like, Endpoint endpoint);
    [[nodiscard]] std::string_view view() const { return {text_.data(), length_}; }

private:
    void add(char letter) { text_[length_++] = letter; }
    void add_number(unsigned number);

    std::array<char, 32> text_{};  // the longest is |1|255.255.255.255|65535|
    std::size_t length_ = 0;
};

}  // namespace godwit::dataplane::nat
