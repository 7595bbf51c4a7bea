// The FTP gateway in the translator: whose lines become what, who may come in then, and how long.
#include "tests/unit/dataplane/nat/nat_fixture.hpp"

namespace godwit::dataplane::nat::testing {
namespace {

constexpr Endpoint kClient{{10, 0, 0, 5}, 40000};
constexpr Endpoint kServer{{198, 51, 100, 1}, 21};
constexpr Endpoint kServersData{{198, 51, 100, 1}, 20};
const std::string kPort = "PORT 10,0,0,5,195,80\r\n";  // port 50000

class FtpTest : public NatTest {
protected:
    FtpTest() { settings_.ftp = true; }

    // A control connection, established; its session.
    std::uint32_t connect(Endpoint client = kClient, Endpoint server = kServer) {
        const Decision decision = tcp_out(kSyn, client, server, 1000);
        EXPECT_EQ(decision.verdict, Verdict::Translate);
        if (decision.is_followed) {
            static_cast<void>(say(decision.session, 1000, "", {.syn = true}));
        }
        tcp_in(kSynAck, server, decision.rewrite.endpoint, 0, 1001);
        tcp_out(kAck, client, server, 1001);
        return decision.session;
    }
    Translator::Followed say(std::uint32_t session, std::uint32_t sequence, const std::string& line,
                             net::TcpFlags flags = kAck) {
        return nat().follow_outbound(session, {sequence, flags, line}, std::nullopt, kWan, now_,
                                     text_);
    }
    std::string said(std::uint32_t session, std::uint32_t sequence, const std::string& line) {
        return say(session, sequence, line).fate == FtpStream::Fate::Replace
                   ? std::string(text_.view())
                   : line;
    }

    FtpText text_;
};

// rfc4787: REQ-10
// rfc5382: REQ-6
TEST_F(FtpTest, Without_being_asked_for_it_nothing_is_followed) {
    settings_.ftp = false;
    EXPECT_FALSE(tcp_out(kSyn, kClient, kServer).is_followed);
    settings_.ftp = true;
    nat_.reset();
    EXPECT_TRUE(tcp_out(kSyn, kClient, kServer).is_followed);
    EXPECT_FALSE(tcp_out(kSyn, kClient, kRemote).is_followed) << "another port";
    EXPECT_FALSE(udp_out(kClient, kServer).is_followed);
}

TEST_F(FtpTest, The_port_that_a_client_names_is_opened_to_the_server_alone_and_once) {
    const std::uint32_t session = connect();
    EXPECT_EQ(said(session, 1001, kPort), "PORT 192,0,2,1,195,80\r\n");
    const Endpoint outside{kOutside, 50000};
    EXPECT_EQ(tcp_in(kSyn, {{198, 51, 100, 2}, 20}, outside).verdict, Verdict::Unsolicited);
    EXPECT_TRANSLATED(tcp_in(kSyn, kServersData, outside), (Endpoint{kClient.address, 50000}));
    EXPECT_TRANSLATED(tcp_out(kSynAck, {kClient.address, 50000}, kServersData), outside);
    EXPECT_EQ(tcp_in(kSyn, {kServer.address, 4444}, outside).verdict, Verdict::Unsolicited)
        << "one data connection for each line";
    EXPECT_EQ(nat().counters().ftp_translated, 1U);
}

TEST_F(FtpTest, The_strictest_filter_lets_in_who_is_expected) {
    settings_.filtering = Filtering::AddressAndPortDependent;
    const std::uint32_t session = connect();
    EXPECT_EQ(said(session, 1001, kPort), "PORT 192,0,2,1,195,80\r\n");
    EXPECT_TRANSLATED(tcp_in(kSyn, kServersData, {kOutside, 50000}),
                      (Endpoint{kClient.address, 50000}));
}

TEST_F(FtpTest, A_port_in_use_becomes_another_of_the_same_address) {
    tcp_out(kSyn, {{10, 0, 0, 6}, 50000}, kRemote);
    const std::uint32_t session = connect();
    const std::string line = said(session, 1001, kPort);
    const auto named = read_ftp_line(FtpSpeaker::Client, line.substr(0, line.size() - 1));
    ASSERT_TRUE(named) << line;
    EXPECT_EQ(named->named.address, kOutside);
    EXPECT_NE(named->named.port, 50000);
    EXPECT_TRANSLATED(tcp_in(kSyn, kServersData, named->named), (Endpoint{kClient.address, 50000}));
}

TEST_F(FtpTest, Another_hosts_address_or_a_low_port_is_left_and_counted) {
    const std::uint32_t session = connect();
    const std::string bounce = "PORT 10,0,0,6,195,80\r\n";
    EXPECT_EQ(said(session, 1001, bounce), bounce);
    const std::string low = "PORT 10,0,0,5,0,80\r\n";
    EXPECT_EQ(said(session, 1001 + static_cast<std::uint32_t>(bounce.size()), low), low);
    EXPECT_EQ(nat().counters().ftp_refused, 2U);
    EXPECT_EQ(nat().mapping_count(), 1U) << "of the control connection";
}

TEST_F(FtpTest, Who_is_expected_and_does_not_come_is_forgotten_with_the_port) {
    const std::uint32_t session = connect();
    said(session, 1001, kPort);
    EXPECT_EQ(nat().mapping_count(), 2U);
    EXPECT_EQ(nat().ports_out(kOutside, IpProtocol::Tcp), 2U);
    pass_time(119);
    EXPECT_EQ(nat().mapping_count(), 2U);
    pass_time(1);
    EXPECT_EQ(nat().mapping_count(), 1U);
    EXPECT_EQ(nat().ports_out(kOutside, IpProtocol::Tcp), 1U);
    EXPECT_EQ(tcp_in(kSyn, kServersData, {kOutside, 50000}).verdict, Verdict::Unsolicited);
}

TEST_F(FtpTest, A_line_said_again_keeps_its_port_and_expects_anew) {
    const std::uint32_t session = connect();
    said(session, 1001, kPort);
    wait(100);
    const auto next = static_cast<std::uint32_t>(1001 + kPort.size());
    EXPECT_EQ(said(session, next, kPort), "PORT 192,0,2,1,195,80\r\n");
    pass_time(100);
    EXPECT_TRANSLATED(tcp_in(kSyn, kServersData, {kOutside, 50000}),
                      (Endpoint{kClient.address, 50000}));
}

TEST_F(FtpTest, A_server_behind_a_forwarded_port_names_its_outside_endpoint) {
    ForwardRule forward;
    forward.id = RuleId{2};
    forward.name = "ftp";
    forward.outside = kOutside;
    forward.ports = {21, 21};
    forward.inside = Ipv4Address(10, 0, 0, 9);
    forward.first_inside_port = 21;
    forward.out = kWan;
    set_.forward = {forward};
    settings_.filtering = Filtering::AddressAndPortDependent;
    const Endpoint client{{198, 51, 100, 7}, 33000};
    const Endpoint server{forward.inside, 21};
    const Decision opened = tcp_in(kSyn, client, {kOutside, 21}, 500);
    ASSERT_TRUE(opened.is_followed);
    EXPECT_EQ(say(opened.session, 700, "", kSynAck).fate, FtpStream::Fate::Forward);
    EXPECT_EQ(said(opened.session, 701, "227 Entering Passive Mode (10,0,0,9,195,80).\r\n"),
              "227 Entering Passive Mode (192,0,2,1,195,80).\r\n");
    EXPECT_EQ(tcp_in(kSyn, {{198, 51, 100, 8}, 1}, {kOutside, 50000}).verdict,
              Verdict::Unsolicited);
    EXPECT_TRANSLATED(tcp_in(kSyn, {client.address, 33001}, {kOutside, 50000}),
                      (Endpoint{server.address, 50000}));
}

TEST_F(FtpTest, More_lines_in_a_second_than_anybody_needs_are_left_alone) {
    const std::uint32_t session = connect();
    std::uint32_t sequence = 1001;
    const auto again = [&] {
        const bool is_translated = said(session, sequence, kPort) != kPort;
        sequence += static_cast<std::uint32_t>(kPort.size());
        const auto known = nat().follow_inbound(session, say(session, sequence, "").sequence, 1000);
        EXPECT_EQ(known.acknowledgment, sequence);
        return is_translated;
    };
    for (unsigned count = 0; count < FtpGateway::kAskedASecond; ++count) {
        EXPECT_TRUE(again());
    }
    EXPECT_FALSE(again());
    EXPECT_EQ(nat().counters().ftp_limited, 1U);
    wait(1);
    EXPECT_TRUE(again());
}

TEST_F(FtpTest, Connections_beyond_the_limit_are_translated_and_not_followed) {
    for (std::uint16_t count = 0; count < FtpGateway::room_for(1024); ++count) {
        EXPECT_TRUE(
            tcp_out(kSyn, {kClient.address, static_cast<std::uint16_t>(30000 + count)}, kServer)
                .is_followed);
    }
    const Decision more = tcp_out(kSyn, kClient, kServer);
    EXPECT_EQ(more.verdict, Verdict::Translate);
    EXPECT_FALSE(more.is_followed);
    EXPECT_EQ(nat().counters().ftp_limited, 1U);
    pass_time(late(240));
    EXPECT_TRUE(tcp_out(kSyn, kClient, kServer).is_followed) << "the others have ended";
}

TEST_F(FtpTest, What_is_expected_counts_against_the_ports_of_its_host) {
    settings_.limits.ports = 1;
    const std::uint32_t session = connect();
    EXPECT_EQ(said(session, 1001, kPort), kPort);
    EXPECT_EQ(nat().counters().ftp_limited, 1U);
}

TEST_F(FtpTest, The_owner_of_the_port_is_asked_where_that_is_another_worker) {
    settings_.place = {0, 2};
    auto made = Translator::create(settings_, compiled(set_));
    Settings other = settings_;
    other.place = {1, 2};
    auto neighbor = Translator::create(other, compiled(set_));
    ASSERT_TRUE(made && neighbor);
    nat_ = std::move(*made);
    const std::uint32_t session = connect();
    const std::string line = "PORT 10,0,0,5,195,82\r\n";  // port 50002, of pair 25001
    const auto asked = say(session, 1001, line);
    ASSERT_EQ(asked.fate, FtpStream::Fate::Ask);
    EXPECT_EQ(asked.worker, 1U);
    EXPECT_EQ(asked.port, 50002);
    const std::uint16_t port =
        (*neighbor)->expect({kClient.address, asked.port}, kServer, kWan, now_);
    EXPECT_EQ(port, 50002);
    const auto answered =
        nat().follow_outbound(session, {1001, kAck, line}, port, kWan, now_, text_);
    EXPECT_EQ(answered.fate, FtpStream::Fate::Replace);
    EXPECT_EQ(text_.view(), "PORT 192,0,2,1,195,82\r\n");
    const Packet syn{{IpProtocol::Tcp, kServersData, {kOutside, port}}, {kSyn, 0, 0}};
    EXPECT_TRANSLATED((*neighbor)->inbound(syn, now_), (Endpoint{kClient.address, 50002}));
}

TEST_F(FtpTest, Turned_off_it_goes_on_counting_and_opens_nothing) {
    const std::uint32_t session = connect();
    said(session, 1001, "PORT 10,0,0,5,4,1\r\n");  // shorter than what it becomes
    Settings off = settings_;
    off.ftp = false;
    ASSERT_TRUE(Translator::can_retune(settings_, off));
    nat().retune(off);
    const auto next = say(session, 1001 + 19, kPort);
    EXPECT_EQ(next.fate, FtpStream::Fate::Forward);
    EXPECT_EQ(next.sequence, 1001U + 19 + 1) << "192,0,2,1 is one longer than 10,0,0,5";
}

}  // namespace
}  // namespace godwit::dataplane::nat::testing
