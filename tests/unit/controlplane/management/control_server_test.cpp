// The control socket as clients of every kind see it: polite, hasty, slow, broken, gone.
#include "controlplane/management/control_server.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "tests/unit/controlplane/management/socket_client.hpp"

namespace godwit::control {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using test::SocketClient;

class ControlServerTest : public testing::Test {
protected:
    ControlServerTest() {
        std::string pattern = testing::TempDir() + "godwit-control-XXXXXX";
        directory = ::mkdtemp(pattern.data());
        path = directory + "/control.sock";
    }
    ~ControlServerTest() override {
        server.reset();
        executor.poll();
        std::filesystem::remove_all(directory);
    }

    void serve(ControlServer::Handler handler, const ControlServerLimits& limits = {}) {
        auto opened = ControlServer::open(executor.io_context(), path, std::move(handler), limits);
        ASSERT_TRUE(opened.has_value()) << opened.error();
        server = std::move(*opened);
    }
    // Answers each request with itself.
    static void echo(const json::object& request, const std::shared_ptr<Answer>& answer) {
        answer->done(request);
    }
    template <class Condition>
    bool turn_until(Condition condition) {
        const auto late = std::chrono::steady_clock::now() + 30s;
        while (!condition() && std::chrono::steady_clock::now() < late) {
            executor.run_for(1ms);
        }
        return condition();
    }

    Executor executor;
    std::string directory;
    std::string path;
    std::unique_ptr<ControlServer> server;
};

TEST_F(ControlServerTest, requests_of_one_connection_are_answered_in_order) {
    serve(echo);
    SocketClient client(executor, path);
    ASSERT_TRUE(client.send("{\"n\":1}\n{\"n\":2}\n{\"n\":"));
    ASSERT_TRUE(client.send("3}\n"));
    for (int n = 1; n <= 3; ++n) {
        const json::object answer = client.answer();
        EXPECT_TRUE(answer.at("ok").as_bool());
        EXPECT_EQ(answer.at("data").at("n").as_int64(), n);
    }
    EXPECT_EQ(server->counters().requests, 3U);
}

TEST_F(ControlServerTest, the_next_request_waits_for_an_answer_that_comes_later) {
    std::vector<std::shared_ptr<Answer>> held;
    serve([&](const json::object&, std::shared_ptr<Answer> answer) {
        held.push_back(std::move(answer));
    });
    SocketClient client(executor, path);
    ASSERT_TRUE(client.send("{}\n{}\n"));
    ASSERT_TRUE(turn_until([&] { return held.size() == 1; }));
    executor.run_for(5ms);
    EXPECT_EQ(held.size(), 1U);
    held[0]->done(json::value("first"));
    EXPECT_EQ(client.answer().at("data").as_string(), "first");
    ASSERT_TRUE(turn_until([&] { return held.size() == 2; }));
}

TEST_F(ControlServerTest, what_is_no_json_object_is_refused_and_the_connection_closes) {
    serve(echo);
    for (const char* line :
         {"nonsense", "[1,2]", "\"text\"", "", "{\"a\":1", "{} {}", "\x80\xff"}) {
        SocketClient client(executor, path);
        ASSERT_TRUE(client.send(std::string(line) + "\n"));
        const json::object answer = client.answer();
        EXPECT_FALSE(answer.at("ok").as_bool());
        EXPECT_EQ(answer.at("code").as_string(), "bad-request");
        EXPECT_EQ(client.line(), std::nullopt);
    }
    EXPECT_EQ(server->counters().bad_lines, 7U);
}

TEST_F(ControlServerTest, a_line_over_the_limit_is_refused_with_the_limit) {
    ControlServerLimits limits;
    limits.line_bytes = 1000;
    serve(echo, limits);
    SocketClient whole(executor, path);
    ASSERT_TRUE(whole.send("{\"a\":\"" + std::string(2000, 'x') + "\"}\n"));
    EXPECT_EQ(whole.answer().at("code").as_string(), "bad-request");
    SocketClient endless(executor, path);
    ASSERT_TRUE(endless.send(std::string(1500, 'x')));
    const json::object answer = endless.answer();
    EXPECT_NE(json::serialize(answer).find("1000 bytes"), std::string::npos);
    EXPECT_EQ(endless.line(), std::nullopt);
    SocketClient fitting(executor, path);
    EXPECT_TRUE(fitting.ask({{"a", std::string(900, 'x')}}).at("ok").as_bool());
}

TEST_F(ControlServerTest, one_connection_too_many_is_told_so) {
    ControlServerLimits limits;
    limits.connections = 2;
    serve(echo, limits);
    SocketClient first(executor, path);
    SocketClient second(executor, path);
    EXPECT_TRUE(first.ask({}).at("ok").as_bool());
    EXPECT_TRUE(second.ask({}).at("ok").as_bool());
    SocketClient third(executor, path);
    const json::object answer = third.answer();
    EXPECT_EQ(answer.at("code").as_string(), "refused");
    EXPECT_EQ(third.line(), std::nullopt);
    EXPECT_EQ(server->counters().connections_refused, 1U);
    first.close();
    ASSERT_TRUE(turn_until([&] { return server->connections() == 1; }));
    SocketClient fourth(executor, path);
    EXPECT_TRUE(fourth.ask({}).at("ok").as_bool());
}

TEST_F(ControlServerTest, a_list_is_made_part_by_part_as_it_is_read) {
    struct Maker {
        std::shared_ptr<Answer> answer;
        int parts = 0;
        void next(const std::shared_ptr<Maker>& self) {
            if (parts == 200) {
                answer->end_list();
                return;
            }
            json::array items;
            items.emplace_back(std::string(100'000, 'x'));
            ++parts;
            answer->add(items, [self] { self->next(self); });
        }
    };
    std::weak_ptr<Maker> watched;
    serve([&](const json::object&, std::shared_ptr<Answer> answer) {
        answer->begin_list();
        auto maker = std::make_shared<Maker>();
        maker->answer = std::move(answer);
        watched = maker;
        maker->next(maker);
    });
    SocketClient client(executor, path);
    ASSERT_TRUE(client.send("{}\n"));
    executor.run_for(50ms);
    // Nobody reads: what is made is what the socket holds, not the 20 MB.
    ASSERT_FALSE(watched.expired());
    EXPECT_LT(watched.lock()->parts, 50);
    const json::object answer = client.answer();
    EXPECT_EQ(answer.at("data").as_array().size(), 200U);
}

TEST_F(ControlServerTest, an_empty_list_is_a_list) {
    serve([](const json::object&, const std::shared_ptr<Answer>& answer) {
        answer->begin_list();
        answer->add({}, [answer] { answer->end_list(); });
    });
    SocketClient client(executor, path);
    EXPECT_TRUE(client.ask({}).at("data").as_array().empty());
}

TEST_F(ControlServerTest, a_list_that_breaks_before_its_first_item_is_an_error) {
    serve([](const json::object&, const std::shared_ptr<Answer>& answer) {
        answer->begin_list();
        answer->break_list(AnswerCode::Unavailable, "gone");
    });
    SocketClient client(executor, path);
    EXPECT_EQ(client.ask({}).at("code").as_string(), "unavailable");
}

TEST_F(ControlServerTest, a_list_that_breaks_in_the_middle_closes_the_connection) {
    serve([](const json::object&, const std::shared_ptr<Answer>& answer) {
        answer->begin_list();
        answer->add({1, 2}, [answer] { answer->break_list(AnswerCode::Failed, "gone"); });
    });
    SocketClient client(executor, path);
    ASSERT_TRUE(client.send("{}\n"));
    EXPECT_EQ(client.line(), std::nullopt);
}

// rfc1812: 10.3.1
TEST_F(ControlServerTest, a_reader_that_does_not_read_is_dropped) {
    ControlServerLimits limits;
    limits.write_patience = 20ms;
    serve(
        [](const json::object&, const std::shared_ptr<Answer>& answer) {
            answer->done(json::value(std::string(8'000'000, 'x')));
        },
        limits);
    SocketClient client(executor, path);
    ASSERT_TRUE(client.send("{}\n"));
    EXPECT_TRUE(turn_until([&] { return server->counters().slow_readers == 1; }));
    EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ControlServerTest, lines_that_pile_up_unread_drop_the_connection) {
    std::shared_ptr<Answer> held;
    serve([&](const json::object&, std::shared_ptr<Answer> answer) { held = std::move(answer); });
    SocketClient client(executor, path);
    ASSERT_TRUE(client.send("{}\n"));
    ASSERT_TRUE(turn_until([&] { return held != nullptr; }));
    for (int i = 0; i < 100 && !held->gone(); ++i) {
        held->more(json::value(std::string(100'000, 'x')));
        executor.poll();
    }
    EXPECT_TRUE(held->gone());
    EXPECT_EQ(server->counters().slow_readers, 1U);
}

TEST_F(ControlServerTest, a_client_that_leaves_is_noticed_while_its_answer_is_made) {
    std::shared_ptr<Answer> held;
    bool left = false;
    serve([&](const json::object&, std::shared_ptr<Answer> answer) {
        held = std::move(answer);
        held->when_gone([&] { left = true; });
    });
    SocketClient client(executor, path);
    ASSERT_TRUE(client.send("{}\n"));
    ASSERT_TRUE(turn_until([&] { return held != nullptr; }));
    client.close();
    EXPECT_TRUE(turn_until([&] { return left; }));
    EXPECT_TRUE(held->gone());
    held->done(json::value("nobody hears this"));
}

TEST_F(ControlServerTest, a_client_that_closed_only_its_way_out_gets_its_answer) {
    serve(echo);
    SocketClient client(executor, path);
    ASSERT_TRUE(client.send("{\"n\":1}\n"));
    client.close_way_out();
    EXPECT_TRUE(client.answer().at("ok").as_bool());
    EXPECT_EQ(client.line(), std::nullopt);
}

TEST_F(ControlServerTest, an_answer_that_is_forgotten_ends_as_failed) {
    serve([](const json::object&, const std::shared_ptr<Answer>&) {});
    SocketClient client(executor, path);
    EXPECT_EQ(client.ask({}).at("code").as_string(), "failed");
}

// rfc1812: 10.3.2/c, 10.3.2.7/h
TEST_F(ControlServerTest, the_socket_is_for_its_owner_and_group_only) {
    serve(echo);
    struct stat file {};
    ASSERT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 07777, 0660U);
    server.reset();
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ControlServerTest, a_socket_of_a_router_that_is_gone_is_replaced) {
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(dead);
    serve(echo);
    SocketClient client(executor, path);
    EXPECT_TRUE(client.ask({}).at("ok").as_bool());
}

TEST_F(ControlServerTest, a_socket_on_which_a_router_answers_is_not_stolen) {
    serve(echo);
    auto second = ControlServer::open(executor.io_context(), path, echo);
    ASSERT_FALSE(second.has_value());
    EXPECT_NE(second.error().find("already answers"), std::string::npos);
    SocketClient client(executor, path);
    EXPECT_TRUE(client.ask({}).at("ok").as_bool());
}

TEST_F(ControlServerTest, a_file_that_is_no_socket_is_left_alone) {
    std::ofstream(path) << "precious";
    auto opened = ControlServer::open(executor.io_context(), path, echo);
    ASSERT_FALSE(opened.has_value());
    EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

TEST_F(ControlServerTest, a_path_that_is_too_long_is_refused) {
    auto opened = ControlServer::open(executor.io_context(), "/" + std::string(200, 'x'), echo);
    ASSERT_FALSE(opened.has_value());
    EXPECT_NE(opened.error().find("1 to 107 bytes"), std::string::npos);
}

// Garbage of every shape: each connection ends or is answered, and the next client is served.
TEST_F(ControlServerTest, survives_garbage) {
    const char* const given = std::getenv("GODWIT_TEST_SEED");
    const unsigned seed = given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
                                           : std::random_device()();
    std::cout << "seed " << seed << '\n';
    std::mt19937 random(seed);
    serve(echo);
    const std::string shapes = "{}[]\",:\\\n\r\t 0123456789eE+-.truefalsn\x00\x7f\xff";
    for (int round = 0; round < 300; ++round) {
        SocketClient client(executor, path);
        std::string bytes(random() % 3000, '\0');
        for (char& byte : bytes) {
            byte = shapes[random() % shapes.size()];
        }
        client.send(bytes);
        if (random() % 2 == 0) {
            client.close_way_out();
        }
        executor.poll();
    }
    ASSERT_TRUE(turn_until([&] { return server->connections() == 0; }));
    SocketClient client(executor, path);
    EXPECT_TRUE(client.ask({{"n", 1}}).at("ok").as_bool());
}

}  // namespace
}  // namespace godwit::control
