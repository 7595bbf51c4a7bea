// The wire forms of PCP: what is read, what a request earns, and what the answers look like.
#include "controlplane/pcp/message.hpp"

#include <gtest/gtest.h>

#include "tests/unit/controlplane/pcp/requests.hpp"

namespace godwit::control::pcp {
namespace {

using test::announce_request;
using test::Bytes;
using test::filter;
using test::from_hex;
using test::kClient;
using test::kClientBytes;
using test::kIpv6Address;
using test::kNoAddress;
using test::kNonceBytes;
using test::kOutsideBytes;
using test::kPreferFailure;
using test::map_request;
using test::MapText;
using test::to_hex;

// Success when it is understood.
ResultCode code_for(const Bytes& bytes) {
    const auto request = decode(bytes, kClient);
    return request ? ResultCode::Success : request.error();
}

MapRequest map_of(const MapText& text) {
    const auto request = decode(map_request(text), kClient);
    EXPECT_TRUE(request.has_value());
    return request ? request->map : MapRequest{};
}

ResultCode code_with(const std::string& options) {
    return code_for(map_request({.options = options}));
}

const std::string kAnyRemote = "00000000000000000000ffffcb007100";  // 203.0.113.0

// ---- 8.2: what is no request

TEST(PcpMessage, less_than_two_octets_are_met_with_silence) {
    EXPECT_EQ(silence_on(Bytes{}), Silence::TooShort);
    EXPECT_EQ(silence_on(Bytes{2}), Silence::TooShort);
}

TEST(PcpMessage, a_response_is_met_with_silence_whatever_its_version) {
    EXPECT_EQ(silence_on(from_hex("0281")), Silence::IsResponse);
    EXPECT_EQ(silence_on(from_hex("0080")), Silence::IsResponse);
    EXPECT_EQ(silence_on(from_hex("0281" + std::string(46, '0'))), Silence::IsResponse);
}

TEST(PcpMessage, of_our_version_less_than_a_header_is_met_with_silence) {
    EXPECT_EQ(silence_on(from_hex("02010000")), Silence::TooShort);
    EXPECT_EQ(silence_on(from_hex("0201" + std::string(42, '0'))), Silence::TooShort);
    EXPECT_EQ(silence_on(announce_request()), std::nullopt);
}

TEST(PcpMessage, of_another_version_two_octets_are_enough_to_be_told) {
    EXPECT_EQ(silence_on(from_hex("0000")), std::nullopt);
    EXPECT_EQ(silence_on(from_hex("0301")), std::nullopt);
}

// ---- what is understood

// rfc6888: REQ-9
TEST(PcpMessage, a_request_for_a_mapping_is_read_as_RFC_6887_11_1_draws_it) {
    const auto request = decode(from_hex("02010000 00000e10 00000000 00000000 0000ffff 0a000009"
                                         "a0a1a2a3 a4a5a6a7 a8a9aaab 11000000 1f909c40"
                                         "00000000 00000000 0000ffff c0000201"),
                                kClient);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->opcode, Opcode::Map);
    EXPECT_EQ(request->lifetime_seconds, 3600U);
    EXPECT_EQ(request->map.nonce, test::kNonce);
    EXPECT_EQ(request->map.protocol, net::IpProtocol::Udp);
    EXPECT_EQ(request->map.internal_port, 8080);
    EXPECT_EQ(request->map.suggested, test::kOutside);
    EXPECT_FALSE(request->map.exactly);
    EXPECT_FALSE(request->map.clears_filters);
    EXPECT_TRUE(request->map.filters.empty());
    EXPECT_TRUE(request->map.options.empty());
}

TEST(PcpMessage, an_announce_request_is_a_header) {
    const auto request = decode(announce_request(), kClient);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->opcode, Opcode::Announce);
}

TEST(PcpMessage, reserved_octets_are_not_looked_at) {
    Bytes bytes = map_request();
    for (const std::size_t at : {2U, 3U, 37U, 38U, 39U}) {
        bytes[at] = 0xff;
    }
    EXPECT_EQ(code_for(bytes), ResultCode::Success);
}

// ---- 9, 8.2: what is refused as a whole

TEST(PcpMessage, of_another_version_is_refused_before_all_else) {
    EXPECT_EQ(code_for(from_hex("0000")), ResultCode::UnsuppVersion);
    EXPECT_EQ(code_for(from_hex("0102")), ResultCode::UnsuppVersion);
    Bytes bytes = map_request();
    bytes[0] = 3;
    bytes.resize(2000);
    EXPECT_EQ(code_for(bytes), ResultCode::UnsuppVersion);
}

TEST(PcpMessage, of_a_wrong_length_is_malformed) {
    Bytes bytes = map_request();
    bytes.push_back(0);
    EXPECT_EQ(code_for(bytes), ResultCode::MalformedRequest);  // no multiple of 4
    EXPECT_EQ(code_for(map_request({.options = "80000000"
                                               "8000"})),
              ResultCode::MalformedRequest);
    bytes = map_request();
    bytes.resize(1104);
    EXPECT_EQ(code_for(bytes), ResultCode::MalformedRequest);  // too long
    bytes = map_request();
    bytes.resize(56);
    EXPECT_EQ(code_for(bytes), ResultCode::MalformedRequest);  // too short for the opcode
    bytes.resize(24);
    EXPECT_EQ(code_for(bytes), ResultCode::MalformedRequest);
}

TEST(PcpMessage, of_the_most_octets_is_read) {
    std::string options = "ff00040c";  // 1036 octets that nobody knows
    options.append(1036UL * 2, '0');
    const Bytes bytes = map_request({.options = options});
    ASSERT_EQ(bytes.size(), 1100U);
    EXPECT_EQ(code_for(bytes), ResultCode::Success);
}

TEST(PcpMessage, opcodes_but_announce_and_map_are_refused) {
    for (const std::uint8_t opcode : Bytes{2, 3, 63, 96, 127}) {
        Bytes bytes = map_request();
        bytes[1] = opcode;
        EXPECT_EQ(code_for(bytes), ResultCode::UnsuppOpcode) << int{opcode};
    }
}

TEST(PcpMessage, from_another_address_than_it_says_is_refused) {
    const auto request = decode(map_request(), net::Ipv4Address(10, 0, 0, 8));
    EXPECT_EQ(request.error(), ResultCode::AddressMismatch);
    // The same four octets, but no address of IPv4.
    EXPECT_EQ(code_for(map_request({.client = "000000000000000000000000"
                                              "0a000009"})),
              ResultCode::AddressMismatch);
    EXPECT_EQ(code_for(map_request({.client = "000000010000000000000000ffff0a00"})),
              ResultCode::AddressMismatch);
    const auto announce = decode(announce_request(), net::Ipv4Address(10, 0, 0, 8));
    EXPECT_EQ(announce.error(), ResultCode::AddressMismatch);
}

// ---- 11: what can be mapped

TEST(PcpMessage, all_protocols_with_a_port_are_malformed) {
    EXPECT_EQ(code_for(map_request({.protocol = "00"})), ResultCode::MalformedRequest);
}

TEST(PcpMessage, all_ports_and_all_protocols_are_not_offered) {
    EXPECT_EQ(code_for(map_request({.protocol = "00", .internal_port = "0000"})),
              ResultCode::UnsuppProtocol);
    EXPECT_EQ(code_for(map_request({.internal_port = "0000"})), ResultCode::UnsuppProtocol);
}

TEST(PcpMessage, only_tcp_and_udp_can_be_mapped) {
    EXPECT_EQ(code_for(map_request({.protocol = "06"})), ResultCode::Success);
    EXPECT_EQ(code_for(map_request({.protocol = "11"})), ResultCode::Success);
    for (const char* const other : {"01", "21", "84", "ff"}) {
        EXPECT_EQ(code_for(map_request({.protocol = other})), ResultCode::UnsuppProtocol) << other;
    }
}

TEST(PcpMessage, the_ports_of_PCP_itself_cannot_be_mapped) {
    for (const char* const port : {"14e6", "14e7"}) {  // 5350, 5351
        EXPECT_EQ(code_for(map_request({.protocol = "11", .internal_port = port})),
                  ResultCode::NotAuthorized);
        EXPECT_EQ(code_for(map_request({.protocol = "06", .internal_port = port})),
                  ResultCode::Success);
    }
}

TEST(PcpMessage, without_a_wish_for_an_outside_address_any_will_do) {
    EXPECT_EQ(map_of({.suggested_address = std::string(kNoAddress)}).suggested, Endpoint{});
    EXPECT_EQ(map_of({}).suggested, Endpoint{});
    EXPECT_EQ(map_of({.suggested_port = "9c40"}).suggested, (Endpoint{{}, 40000}));
    // Not one that a NAT of IPv4 could have.
    EXPECT_EQ(map_of({.suggested_port = "9c40", .suggested_address = std::string(kIpv6Address)})
                  .suggested,
              (Endpoint{{}, 40000}));
}

// ---- 7.3: options

TEST(PcpMessage, options_that_must_be_processed_and_are_unknown_are_refused) {
    for (const char* const option : {"00000000", "04000000", "7f000000"}) {
        EXPECT_EQ(code_with(option), ResultCode::UnsuppOption) << option;
        EXPECT_EQ(code_for(announce_request(option)), ResultCode::UnsuppOption) << option;
    }
}

TEST(PcpMessage, a_third_party_is_never_spoken_for) {
    const std::string third_party = "01000010" + std::string(kClientBytes);
    EXPECT_EQ(code_with(third_party), ResultCode::UnsuppOption);
    EXPECT_EQ(code_for(announce_request(third_party)), ResultCode::UnsuppOption);
}

TEST(PcpMessage, options_of_mappings_do_not_belong_to_an_announce) {
    EXPECT_EQ(code_for(announce_request(kPreferFailure)), ResultCode::UnsuppOption);
    EXPECT_EQ(code_for(announce_request(filter("78", "0000", kAnyRemote))),
              ResultCode::UnsuppOption);
}

TEST(PcpMessage, optional_options_are_passed_over_and_not_answered) {
    // Of no length, and of 5 octets padded to 8.
    const std::string unknown =
        "80000000"
        "ff000005"
        "0102030405000000";
    EXPECT_EQ(code_for(announce_request(unknown)), ResultCode::Success);
    const MapRequest map =
        map_of({.suggested_port = "9c40", .options = unknown + kPreferFailure + unknown});
    EXPECT_TRUE(map.exactly);
    EXPECT_EQ(to_hex(map.options), to_hex(from_hex(kPreferFailure)));
}

TEST(PcpMessage, an_option_that_goes_beyond_the_message_is_malformed) {
    EXPECT_EQ(code_with("80000001"), ResultCode::MalformedOption);
    EXPECT_EQ(code_with("80000005"
                        "00000000"),
              ResultCode::MalformedOption);
    EXPECT_EQ(code_with("0300ffff"
                        "00000000"),
              ResultCode::MalformedOption);
    EXPECT_EQ(code_for(announce_request("80000004")), ResultCode::MalformedOption);
}

TEST(PcpMessage, the_first_option_that_is_wrong_decides) {
    EXPECT_EQ(code_with("04000000"
                        "80000001"),
              ResultCode::UnsuppOption);
    EXPECT_EQ(code_with("03000000"
                        "04000000"),
              ResultCode::MalformedOption);
}

// ---- 13.2: PREFER_FAILURE

TEST(PcpMessage, prefer_failure_asks_for_exactly_what_is_suggested) {
    EXPECT_TRUE(map_of({.suggested_port = "9c40", .options = kPreferFailure}).exactly);
    EXPECT_TRUE(map_of({.suggested_address = std::string(kOutsideBytes), .options = kPreferFailure})
                    .exactly);
}

TEST(PcpMessage, prefer_failure_has_no_data_and_comes_once) {
    EXPECT_EQ(code_for(map_request({.suggested_port = "9c40",
                                    .options = "02000004"
                                               "00000000"})),
              ResultCode::MalformedOption);
    EXPECT_EQ(code_for(map_request(
                  {.suggested_port = "9c40", .options = kPreferFailure + kPreferFailure})),
              ResultCode::MalformedOption);
}

TEST(PcpMessage, prefer_failure_without_anything_suggested_is_malformed) {
    EXPECT_EQ(code_with(kPreferFailure), ResultCode::MalformedOption);
    EXPECT_EQ(code_for(map_request(
                  {.suggested_address = std::string(kNoAddress), .options = kPreferFailure})),
              ResultCode::MalformedOption);
}

TEST(PcpMessage, prefer_failure_about_a_mapping_to_be_ended_is_malformed) {
    EXPECT_EQ(code_for(map_request(
                  {.lifetime = "00000000", .suggested_port = "9c40", .options = kPreferFailure})),
              ResultCode::MalformedOption);
}

TEST(PcpMessage, an_outside_address_of_ipv6_cannot_be_provided) {
    for (const char* const port : {"0000", "9c40"}) {
        EXPECT_EQ(code_for(map_request({.suggested_port = port,
                                        .suggested_address = std::string(kIpv6Address),
                                        .options = kPreferFailure})),
                  ResultCode::CannotProvideExternal);
    }
}

// ---- 13.3: FILTER

TEST(PcpMessage, filters_are_read_with_their_host_bits_masked) {
    const std::string options =
        filter("78", "0035", "00000000000000000000ffffcb007163") +  // 203.0.113.99/24, port 53
        filter("80", "0000", "00000000000000000000ffffc6336401") +  // 198.51.100.1
        filter("60", "0050", "00000000000000000000ffff00000000");   // anybody's port 80
    const MapRequest map = map_of({.options = options});
    EXPECT_EQ(map.filters, (std::vector<Filter>{{*net::Ipv4Prefix::parse("203.0.113.0/24"), 53},
                                                {*net::Ipv4Prefix::parse("198.51.100.1/32"), 0},
                                                {*net::Ipv4Prefix::parse("0.0.0.0/0"), 80}}));
    EXPECT_FALSE(map.clears_filters);
    EXPECT_EQ(to_hex(map.options), to_hex(from_hex(options)));  // as they came
}

TEST(PcpMessage, a_filter_of_no_length_clears_those_before_it) {
    const MapRequest map = map_of({.options = filter("78", "0035", kAnyRemote) +
                                              filter("00", "0000", std::string(kNoAddress)) +
                                              filter("80", "0000", kAnyRemote)});
    EXPECT_TRUE(map.clears_filters);
    EXPECT_EQ(map.filters, (std::vector<Filter>{{*net::Ipv4Prefix::parse("203.0.113.0/32"), 0}}));
    EXPECT_TRUE(map_of({.options = filter("00", "0000", kAnyRemote)}).filters.empty());
}

TEST(PcpMessage, a_filter_of_a_wrong_length_is_malformed) {
    for (const char* const length : {"01", "18", "5f", "81", "ff"}) {
        EXPECT_EQ(code_with(filter(length, "0000", kAnyRemote)), ResultCode::MalformedOption)
            << length;
    }
    EXPECT_EQ(code_with(filter("60", "0000", kAnyRemote)), ResultCode::Success);
    EXPECT_EQ(code_with(filter("80", "0000", kAnyRemote)), ResultCode::Success);
    EXPECT_EQ(code_with("03000010"
                        "00780000"
                        "000000000000000000000000"),
              ResultCode::MalformedOption);
    EXPECT_EQ(code_with("03000018"
                        "00780000" +
                        kAnyRemote + "00000000"),
              ResultCode::MalformedOption);
}

TEST(PcpMessage, a_filter_for_ipv6_is_malformed) {
    EXPECT_EQ(code_with(filter("80", "0000", std::string(kIpv6Address))),
              ResultCode::MalformedOption);
}

TEST(PcpMessage, of_more_filters_than_a_mapping_has_none_are_taken) {
    std::string options;
    for (const char* const port : {"0001", "0002", "0003", "0004"}) {
        options += filter("80", port, kAnyRemote);
    }
    EXPECT_EQ(map_of({.options = options}).filters.size(), kMaxFilters);
    EXPECT_EQ(code_with(options + filter("80", "0001", kAnyRemote)), ResultCode::Success);  // again
    EXPECT_EQ(code_with(options + filter("80", "0005", kAnyRemote)),
              ResultCode::ExcessiveRemotePeers);
    EXPECT_EQ(code_with(options + filter("80", "0005", kAnyRemote) +
                        filter("00", "0000", std::string(kNoAddress))),
              ResultCode::Success);
}

TEST(PcpMessage, filters_of_a_mapping_to_be_ended_are_checked_and_no_more) {
    const MapRequest map =
        map_of({.lifetime = "00000000",
                .options = filter("00", "0000", kAnyRemote) + filter("78", "0000", kAnyRemote)});
    EXPECT_TRUE(map.filters.empty());
    EXPECT_FALSE(map.clears_filters);
    EXPECT_TRUE(map.options.empty());
    EXPECT_EQ(code_for(map_request(
                  {.lifetime = "00000000", .options = filter("10", "0000", kAnyRemote)})),
              ResultCode::MalformedOption);
}

// ---- answers

// rfc6888: REQ-9
TEST(PcpMessage, a_success_has_what_was_assigned_and_the_options_that_were_processed) {
    const auto request = decode(
        map_request({.suggested_port = "0050", .options = "80000000" + kPreferFailure}), kClient);
    EXPECT_EQ(to_hex(encode_mapping(request->map, test::kOutside, 7200, 0x01020304)),
              to_hex(from_hex("02810000 00001c20 01020304 00000000 00000000 00000000"
                              "a0a1a2a3 a4a5a6a7 a8a9aaab 06000000 1f909c40"
                              "00000000 00000000 0000ffff c0000201 02000000")));
}

TEST(PcpMessage, an_announcement_is_a_header) {
    EXPECT_EQ(to_hex(encode_announcement(0x01020304)),
              to_hex(from_hex("02800000 00000000 01020304 00000000 00000000 00000000")));
}

TEST(PcpMessage, an_error_has_the_request_again) {
    // 1800 s; the 96 bits behind the epoch are zero.
    EXPECT_EQ(to_hex(encode_error(map_request({.suggested_port = "9c40", .options = "05000000"}),
                                  ResultCode::UnsuppOption, 9)),
              to_hex(from_hex("02810005 00000708 00000009 00000000 00000000 00000000" +
                              std::string(kNonceBytes) +
                              "06000000 1f909c40 00000000 00000000 0000ffff 00000000 05000000")));
}

TEST(PcpMessage, an_error_about_what_could_not_be_parsed_has_the_end_of_the_clients_address) {
    Bytes bytes = map_request();
    bytes.push_back(7);
    const Bytes answer = encode_error(bytes, ResultCode::MalformedRequest, 9);
    EXPECT_EQ(to_hex(Bytes(answer.begin(), answer.begin() + 24)),
              to_hex(from_hex("02810003 00000708 00000009 00000000 0000ffff 0a000009")));
    EXPECT_EQ(to_hex(Bytes(answer.begin() + 60, answer.end())), to_hex(from_hex("07000000")));
}

TEST(PcpMessage, an_error_is_a_multiple_of_four_from_a_header_to_the_most) {
    EXPECT_EQ(to_hex(encode_error(from_hex("0001"), ResultCode::UnsuppVersion, 9)),
              to_hex(from_hex("02810001 00000708 00000009 00000000 00000000 00000000")));
    EXPECT_EQ(encode_error(Bytes(25, 1), ResultCode::UnsuppVersion, 9).size(), 28U);
    EXPECT_EQ(encode_error(Bytes(1099, 1), ResultCode::UnsuppVersion, 9).size(), 1100U);
    const Bytes longest = encode_error(Bytes(1400, 1), ResultCode::UnsuppVersion, 9);
    EXPECT_EQ(longest.size(), 1100U);
    EXPECT_EQ(longest.back(), 1);
}

// What an error of NAT-PMP is read from (RFC 6886 3.5): the opcode with its high bit, and the
// result in the third and fourth octet.
TEST(PcpMessage, a_client_of_NAT_PMP_can_read_that_it_is_not_spoken) {
    const Bytes answer = encode_error(from_hex("0000"), ResultCode::UnsuppVersion, 9);
    EXPECT_EQ(answer[1], 0x80);
    EXPECT_EQ(answer[2], 0);
    EXPECT_EQ(answer[3], 1);
}

TEST(PcpMessage, errors_that_pass_soon_say_so) {
    for (const ResultCode code : {ResultCode::NetworkFailure, ResultCode::NoResources,
                                  ResultCode::UserExQuota, ResultCode::CannotProvideExternal}) {
        EXPECT_EQ(error_lifetime_seconds(code), 30U);
    }
    for (const ResultCode code :
         {ResultCode::UnsuppVersion, ResultCode::NotAuthorized, ResultCode::MalformedRequest,
          ResultCode::UnsuppOpcode, ResultCode::UnsuppOption, ResultCode::MalformedOption,
          ResultCode::UnsuppProtocol, ResultCode::AddressMismatch,
          ResultCode::ExcessiveRemotePeers}) {
        EXPECT_EQ(error_lifetime_seconds(code), 1800U);
    }
}

}  // namespace
}  // namespace godwit::control::pcp
