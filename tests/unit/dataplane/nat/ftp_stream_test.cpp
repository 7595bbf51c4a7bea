// A control connection as its two ends see it: the inside sends bytes and is told what arrived, the
// outside collects bytes and says what it has. Between them segments are cut, lost, repeated and
// turned around; at the end the outside has every byte in its place, and the inside knows it.
#include "dataplane/nat/ftp_stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace godwit::dataplane::nat {
namespace {

using Fate = FtpStream::Fate;

constexpr Endpoint kOutside{{203, 0, 113, 200}, 50000};
constexpr std::uint32_t kFirst = 0xffff'ff80U;  // the numbers come round on the way
const std::string kPort = "PORT 10,0,0,7,195,80\r\n";
const std::string kPortOutside = "PORT 203,0,113,200,195,80\r\n";

// The receiver: what has arrived, by number.
class Outside {
public:
    void receive(std::uint32_t sequence, std::string_view bytes) {
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            const std::uint32_t place = sequence + static_cast<std::uint32_t>(at) - (kFirst + 1);
            const auto [old, is_new] = bytes_.emplace(place, bytes[at]);
            EXPECT_TRUE(is_new || old->second == bytes[at]) << "byte " << place << " has changed";
        }
    }
    [[nodiscard]] std::string text() const {
        std::string text;
        for (std::uint32_t at = 0; bytes_.contains(at); ++at) {
            text += bytes_.at(at);
        }
        return text;
    }
    [[nodiscard]] std::uint32_t acknowledgment() const {
        return kFirst + 1 + static_cast<std::uint32_t>(text().size());
    }

private:
    std::map<std::uint32_t, char> bytes_;
};

class FtpStreamTest : public ::testing::Test {
protected:
    FtpStreamTest() {
        static_cast<void>(stream_.outbound({kFirst, {.syn = true}, {}}, std::nullopt, text_));
    }

    // A segment that begins behind `sent` bytes; what becomes of it.
    Fate send(std::size_t sent, std::string_view bytes, bool arrives = true, bool fin = false) {
        const std::uint32_t sequence = kFirst + 1 + static_cast<std::uint32_t>(sent);
        const FtpStream::Segment segment{sequence, {.fin = fin, .ack = true}, bytes};
        auto result = stream_.outbound(segment, std::nullopt, text_);
        if (result.fate == Fate::Ask) {
            ++asked_;
            result = stream_.outbound(segment, FtpStream::Answer{answer_}, text_);
        }
        if (result.fate == Fate::Forward && arrives) {
            outside_.receive(result.sequence, bytes);
        }
        if (result.fate == Fate::Replace && arrives) {
            outside_.receive(result.sequence, text_.view());
        }
        has_fin_ = fin && result.keeps_fin;
        return result.fate;
    }
    // How many bytes the inside is told have arrived.
    std::size_t acknowledge() {
        return stream_.acknowledged(outside_.acknowledgment()) - (kFirst + 1);
    }

    FtpStream stream_{FtpSpeaker::Client};
    FtpText text_;
    Outside outside_;
    std::optional<Endpoint> answer_ = kOutside;
    unsigned asked_ = 0;
    bool has_fin_ = false;
};

TEST_F(FtpStreamTest, A_replaced_line_moves_all_that_follows) {
    EXPECT_EQ(send(0, "USER a\r\n"), Fate::Forward);
    EXPECT_EQ(acknowledge(), 8U);
    EXPECT_EQ(send(8, kPort), Fate::Replace);
    EXPECT_EQ(acknowledge(), 8 + kPort.size());
    EXPECT_EQ(send(8 + kPort.size(), "RETR a\r\n"), Fate::Forward);
    EXPECT_EQ(outside_.text(), "USER a\r\n" + kPortOutside + "RETR a\r\n");
    EXPECT_EQ(acknowledge(), 8 + kPort.size() + 8);
}

TEST_F(FtpStreamTest, An_endpoint_that_stays_changes_nothing) {
    answer_ = std::nullopt;
    EXPECT_EQ(send(0, kPort), Fate::Forward);
    EXPECT_EQ(outside_.text(), kPort);
}

TEST_F(FtpStreamTest, A_repetition_has_the_same_bytes_and_asks_nobody) {
    EXPECT_EQ(send(0, kPort, false), Fate::Replace);
    EXPECT_EQ(send(kPort.size(), "RETR a\r\n"), Fate::Forward);
    EXPECT_EQ(acknowledge(), 0U) << "the line is lost";
    answer_ = Endpoint{{1, 2, 3, 4}, 5};
    EXPECT_EQ(send(0, kPort), Fate::Replace);
    EXPECT_EQ(asked_, 1U);
    EXPECT_EQ(outside_.text(), kPortOutside + "RETR a\r\n");
    EXPECT_EQ(send(0, kPort + "RETR a\r\n"), Fate::Replace) << "both at once";
    EXPECT_EQ(send(5, kPort.substr(5)), Fate::Replace) << "from the middle of what was replaced";
    EXPECT_EQ(outside_.text(), kPortOutside + "RETR a\r\n");
}

TEST_F(FtpStreamTest, An_acknowledgment_inside_what_was_replaced_is_of_nothing_of_it) {
    send(0, "NOOP\r\n");
    send(6, kPort, false);
    const std::uint32_t begin = kFirst + 1 + 6;
    EXPECT_EQ(stream_.acknowledged(begin + 10) - begin, 0U);
    EXPECT_EQ(stream_.acknowledged(begin + 25) - begin, kPort.size() - 2) << "all of it";
}

TEST_F(FtpStreamTest, Sack_blocks_are_counted_back) {
    send(0, kPort, false);
    send(kPort.size(), "RETR a\r\n");
    const std::uint32_t begin = kFirst + 1;
    const auto outside = static_cast<std::uint32_t>(kPortOutside.size());
    EXPECT_EQ(stream_.sack_edge(begin + outside, FtpStream::Edge::Left) - begin, kPort.size());
    EXPECT_EQ(stream_.sack_edge(begin + outside + 8, FtpStream::Edge::Right) - begin,
              kPort.size() + 8);
}

TEST_F(FtpStreamTest, A_line_in_pieces_is_held_until_it_is_whole) {
    std::size_t sent = 0;
    for (const char letter : kPort.substr(0, kPort.size() - 1)) {
        EXPECT_EQ(send(sent++, std::string(1, letter)), Fate::Hold);
        EXPECT_EQ(acknowledge(), sent) << "its sender may go on";
        EXPECT_EQ(outside_.text(), "");
    }
    EXPECT_EQ(send(sent, "\n"), Fate::Replace);
    EXPECT_EQ(outside_.text(), kPortOutside);
    EXPECT_EQ(acknowledge(), kPort.size());
}

TEST_F(FtpStreamTest, What_was_held_and_is_lost_comes_again_with_what_is_repeated) {
    EXPECT_EQ(send(0, "PORT 10,0,0,"), Fate::Hold);
    EXPECT_EQ(send(12, "7,195,80\r\n", false), Fate::Replace);
    EXPECT_EQ(send(0, "PORT 10,0,0,"), Fate::Replace) << "the whole line, for its beginning";
    EXPECT_EQ(send(12, "7,195,80\r\n"), Fate::Replace);
    EXPECT_EQ(outside_.text(), kPortOutside);
}

TEST_F(FtpStreamTest, A_piece_that_becomes_another_line_goes_on_as_it_was) {
    EXPECT_EQ(send(0, "P"), Fate::Hold);
    EXPECT_EQ(send(1, "ASV\r\n", false), Fate::Replace);
    EXPECT_EQ(send(1, "ASV\r\n"), Fate::Replace) << "with the letter that only we have";
    EXPECT_EQ(outside_.text(), "PASV\r\n");
    EXPECT_EQ(acknowledge(), 6U);
}

TEST_F(FtpStreamTest, A_piece_is_not_held_before_all_in_front_of_it_has_arrived) {
    EXPECT_EQ(send(0, "NOOP\r\nPOR"), Fate::Replace) << "cut before the piece";
    EXPECT_EQ(outside_.text(), "NOOP\r\n");
    EXPECT_EQ(send(6, "POR"), Fate::Wait);
    EXPECT_EQ(acknowledge(), 6U);
    EXPECT_EQ(send(6, "POR"), Fate::Hold);
    EXPECT_EQ(acknowledge(), 9U);
    EXPECT_EQ(send(9, kPort.substr(3)), Fate::Replace);
    EXPECT_EQ(outside_.text(), "NOOP\r\n" + kPortOutside);
}

TEST_F(FtpStreamTest, A_line_behind_others_is_looked_at_alone) {
    EXPECT_EQ(send(0, "TYPE I\r\n" + kPort + "RETR a\r\n"), Fate::Replace);
    EXPECT_EQ(outside_.text(), "TYPE I\r\n");
    EXPECT_EQ(acknowledge(), 8U);
    EXPECT_EQ(send(8, kPort + "RETR a\r\n"), Fate::Replace);
    EXPECT_EQ(outside_.text(), "TYPE I\r\n" + kPortOutside + "RETR a\r\n");
}

TEST_F(FtpStreamTest, What_comes_before_its_turn_waits) {
    EXPECT_EQ(send(kPort.size(), "RETR a\r\n"), Fate::Wait);
    EXPECT_EQ(send(0, kPort), Fate::Replace);
    EXPECT_EQ(send(kPort.size(), "RETR a\r\n"), Fate::Forward);
    EXPECT_EQ(outside_.text(), kPortOutside + "RETR a\r\n");
}

TEST_F(FtpStreamTest, The_end_takes_what_was_held_with_it) {
    EXPECT_EQ(send(0, "PORT 10,"), Fate::Hold);
    EXPECT_EQ(send(8, "", true, true), Fate::Replace);
    EXPECT_TRUE(has_fin_);
    EXPECT_EQ(outside_.text(), "PORT 10,");
    // The FIN counts one.
    EXPECT_EQ(stream_.acknowledged(outside_.acknowledgment() + 1) - (kFirst + 1), 9U);
}

TEST_F(FtpStreamTest, A_cut_segment_has_no_end) {
    EXPECT_EQ(send(0, "NOOP\r\nPORT 10,0,0,7,195,80\r\n", true, true), Fate::Replace);
    EXPECT_FALSE(has_fin_);
    EXPECT_EQ(outside_.text(), "NOOP\r\n");
}

TEST_F(FtpStreamTest, A_long_line_is_nobodys_business) {
    const std::string line = "PORT " + std::string(200, '1') + "\r\n";
    EXPECT_EQ(send(0, line), Fate::Forward);
    EXPECT_EQ(send(line.size(), kPort), Fate::Replace);
    EXPECT_EQ(outside_.text(), line + kPortOutside);
}

TEST_F(FtpStreamTest, A_segment_never_grows_beyond_what_fitted) {
    const std::string full = kPort + std::string(1460 - kPort.size() - 2, 'x') + "\r\n";
    EXPECT_EQ(send(0, full), Fate::Replace);
    EXPECT_LE(text_.view().size(), full.size());
    const std::size_t arrived = acknowledge();
    EXPECT_EQ(send(arrived, full.substr(arrived)), Fate::Forward);
    EXPECT_EQ(outside_.text(), kPortOutside + full.substr(kPort.size()));
}

TEST_F(FtpStreamTest, A_reset_passes_where_the_outside_expects_it) {
    send(0, kPort);
    const auto reset =
        stream_.outbound({kFirst + 1 + static_cast<std::uint32_t>(kPort.size()), {.rst = true}, {}},
                         std::nullopt, text_);
    EXPECT_EQ(reset.fate, Fate::Forward);
    EXPECT_EQ(reset.sequence, outside_.acknowledgment());
}

// A sender that repeats from its oldest unacknowledged byte, in pieces as they come.
TEST(FtpStreamProperty, Whatever_is_lost_or_cut_every_byte_arrives_in_its_place) {
    const std::vector<std::string> lines{"USER anonymous\r\n",
                                         kPort,
                                         "NOOP\r\n",
                                         "EPRT |1|10.0.0.7|50000|\r\n",
                                         "P\r\n",
                                         "PORT 10,0,0,9,4,1\r\n",
                                         "RETR a\r\n",
                                         "PORTX\r\n",
                                         "E\n"};
    const std::map<std::string, std::string> becomes{
        {kPort, kPortOutside},
        {"EPRT |1|10.0.0.7|50000|\r\n", "EPRT |1|203.0.113.200|50000|\r\n"},
        {"PORT 10,0,0,9,4,1\r\n", kPortOutside}};
    for (std::uint32_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        const auto chance = [&random](unsigned percent) { return random() % 100 < percent; };
        std::string sent;
        std::string wanted;
        for (unsigned count = 0; count < 30; ++count) {
            const std::string& line = lines[random() % lines.size()];
            sent += line;
            const auto other = becomes.find(line);
            wanted += other == becomes.end() ? line : other->second;
        }
        FtpStream stream(FtpSpeaker::Client);
        FtpText text;
        Outside outside;
        static_cast<void>(stream.outbound({kFirst, {.syn = true}, {}}, std::nullopt, text));
        std::size_t known = 0;  // that the sender knows have arrived
        for (unsigned turn = 0; turn < 20'000 && known < sent.size(); ++turn) {
            const std::size_t from = chance(70) ? known : known + random() % (sent.size() - known);
            const std::size_t length = std::min<std::size_t>(1 + random() % 60, sent.size() - from);
            const std::string_view bytes = std::string_view(sent).substr(from, length);
            const FtpStream::Segment segment{
                kFirst + 1 + static_cast<std::uint32_t>(from), {.ack = true}, bytes};
            auto result = stream.outbound(segment, std::nullopt, text);
            if (result.fate == Fate::Ask) {
                result = stream.outbound(segment, FtpStream::Answer{kOutside}, text);
            }
            if (chance(80) && result.fate == Fate::Forward) {
                outside.receive(result.sequence, bytes);
            } else if (chance(80) && result.fate == Fate::Replace) {
                outside.receive(result.sequence, text.view());
            }
            if (chance(80)) {
                const std::size_t now =
                    stream.acknowledged(outside.acknowledgment()) - (kFirst + 1);
                known = std::max(known, std::min(now, sent.size()));
            }
        }
        ASSERT_EQ(outside.text(), wanted);
    }
}

}  // namespace
}  // namespace godwit::dataplane::nat
