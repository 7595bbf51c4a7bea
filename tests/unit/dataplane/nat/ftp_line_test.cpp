// The four lines that name an endpoint, and what only looks like one.
#include "dataplane/nat/ftp_line.hpp"

#include <gtest/gtest.h>

#include <string>

namespace godwit::dataplane::nat {
namespace {

using Form = FtpEndpoint::Form;

std::string replaced(std::string line, FtpSpeaker speaker, Endpoint endpoint) {
    const auto found = read_ftp_line(speaker, line);
    if (!found) {
        return "nothing";
    }
    return line.replace(found->begin, found->end - found->begin,
                        FtpEndpointText(*found, endpoint).view());
}

constexpr Endpoint kNamed{{10, 0, 0, 7}, 50000};
constexpr Endpoint kOther{{203, 0, 113, 200}, 1025};

TEST(FtpLine, A_port_command_is_read_and_written_again) {
    for (const std::string line :
         {"PORT 10,0,0,7,195,80\r", "port 10,0,0,7,195,80", "PoRt 10,0,0,7,195,80  \r"}) {
        const auto found = read_ftp_line(FtpSpeaker::Client, line);
        ASSERT_TRUE(found) << line;
        EXPECT_EQ(found->named, kNamed);
    }
    EXPECT_EQ(replaced("PORT 10,0,0,7,195,80\r", FtpSpeaker::Client, kOther),
              "PORT 203,0,113,200,4,1\r");
}

TEST(FtpLine, An_extended_port_command_may_have_any_delimiter) {
    EXPECT_EQ(replaced("EPRT |1|10.0.0.7|50000|\r", FtpSpeaker::Client, kOther),
              "EPRT |1|203.0.113.200|1025|\r");
    EXPECT_EQ(replaced("eprt !1!10.0.0.7!50000!", FtpSpeaker::Client, kOther),
              "eprt !1!203.0.113.200!1025!");
    EXPECT_EQ(read_ftp_line(FtpSpeaker::Client, "EPRT |1|10.0.0.7|50000|")->named, kNamed);
}

TEST(FtpLine, A_passive_reply_is_found_in_any_words) {
    EXPECT_EQ(
        replaced("227 Entering Passive Mode (10,0,0,7,195,80).\r", FtpSpeaker::Server, kOther),
        "227 Entering Passive Mode (203,0,113,200,4,1).\r");
    EXPECT_EQ(replaced("227 in 3 seconds =10,0,0,7,195,80", FtpSpeaker::Server, kOther),
              "227 in 3 seconds =203,0,113,200,4,1");
}

TEST(FtpLine, An_extended_passive_reply_names_a_port_only) {
    const std::string line = "229 Entering Extended Passive Mode (|||50000|)\r";
    const auto found = read_ftp_line(FtpSpeaker::Server, line);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->form, Form::PortOnly);
    EXPECT_EQ(found->named.port, 50000);
    EXPECT_EQ(replaced(line, FtpSpeaker::Server, kOther),
              "229 Entering Extended Passive Mode (|||1025|)\r");
}

TEST(FtpLine, What_is_none_of_them_is_left_alone) {
    for (const char* line :
         {"", "PORT", "PORT ", "PORT 10,0,0,7,195", "PORT 10,0,0,7,195,80,1", "PORT 10,0,0,256,1,2",
          "PORT 10,0,0,7,195,80 x", "PORT 10.0.0.7,195,80", "PORT -10,0,0,7,195,80",
          "PORT 1000000,0,0,7,195,80", "EPRT |2|2001:db8::1|50000|", "EPRT |1|10.0.0.7|50000",
          "EPRT |1|10.0.0.7|65536|", "EPRT 1110.0.0.7150000", "EPRT |1|10.0.0.7!50000|",
          "LPRT 4,4,10,0,0,7,2,195,80", "RETR PORT 10,0,0,7,195,80"}) {
        EXPECT_FALSE(read_ftp_line(FtpSpeaker::Client, line)) << line;
    }
    for (const char* line : {"227", "227 ", "227 Entering", "227-(10,0,0,7,195,80)",
                             "226 (10,0,0,7,195,80)", "229 (|||50000|", "229 (||50000|)",
                             "229 |||50000|", "229 (|||70000|)", "PORT 10,0,0,7,195,80"}) {
        EXPECT_FALSE(read_ftp_line(FtpSpeaker::Server, line)) << line;
    }
}

TEST(FtpLine, A_beginning_says_whether_an_endpoint_may_follow) {
    for (const char* beginning : {"P", "p", "PO", "PORT", "PORT ", "PORT 10,0", "e", "EPRT |1|"}) {
        EXPECT_TRUE(may_name_ftp_endpoint(FtpSpeaker::Client, beginning)) << beginning;
    }
    for (const char* beginning : {"PA", "PORTX", "R", "EPSV", " PORT", "2"}) {
        EXPECT_FALSE(may_name_ftp_endpoint(FtpSpeaker::Client, beginning)) << beginning;
    }
    EXPECT_TRUE(may_name_ftp_endpoint(FtpSpeaker::Server, "22"));
    EXPECT_TRUE(may_name_ftp_endpoint(FtpSpeaker::Server, "229 Ent"));
    EXPECT_FALSE(may_name_ftp_endpoint(FtpSpeaker::Server, "220"));
}

}  // namespace
}  // namespace godwit::dataplane::nat
