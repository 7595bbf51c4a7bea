// The supervisor over real processes: shell scripts in the place of the two programs, each of which
// ends or signals by itself, so that nothing waits for time to pass.
#include "deploy/supervisor/supervisor.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/supervisor/directories.hpp"
#include "tests/unit/deploy/temporary_directory.hpp"

namespace godwit::supervisor {
namespace {

using testing::HasSubstr;

class SupervisorTest : public testing::Test {
protected:
    TemporaryDirectory directory;

    std::string script(const std::string& name, const std::string& body) {
        const std::string path =
            directory.write(name, "#!/bin/sh\ncd " + directory.at("") + "\n" + body + "\n");
        ::chmod(path.c_str(), 0755);
        return path;
    }
    std::string read(const std::string& name) {
        return read_whole_file(directory.at(name)).value_or("");
    }

    // Runs the supervisor of these two programs in a process of its own; its exit code.
    int run(const std::string& dataplane, const std::string& controlplane) {
        const std::string file =
            directory.write("godwit.yaml", "version: 1\nmanagement: {control-socket: " +
                                               directory.at("sockets/control.sock") + "}\n");
        const pid_t pid = ::fork();
        if (pid == 0) {
            Boot boot(file, directory.at("state"), std::nullopt, [] { return std::int64_t{1}; });
            spdlog::logger log("test", std::make_shared<spdlog::sinks::stderr_sink_st>());
            if (!boot.check() || !boot.begin()) {
                ::_exit(99);
            }
            Supervisor supervisor({dataplane, controlplane, "/bin/false"}, file,
                                  directory.at("state"), std::nullopt, boot, log);
            const int code = supervisor.run();
            ::_exit(code);
        }
        int status = 0;
        ::waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
};

// A program that runs until it is told to stop, and writes down when it was.
constexpr const char* kStays =
    "trap 'echo $0 >> stopped; exit 0' TERM\n"
    "while :; do read -r line < fifo; done";

TEST_F(SupervisorTest, starts_both_with_the_running_configuration_and_stops_them_in_order) {
    ASSERT_EQ(::mkfifo(directory.at("fifo").c_str(), 0600), 0);
    const std::string dataplane =
        script("dataplane", "echo \"$@\" > dataplane-arguments\n" + std::string(kStays));
    const std::string controlplane =
        script("controlplane",
               "echo \"$@\" > controlplane-arguments\n"
               "while [ ! -s dataplane-arguments ]; do :; done\n"
               "trap 'echo controlplane >> stopped; exit 0' TERM\nkill -TERM $PPID\n"
               "while :; do read -r line < fifo; done");
    EXPECT_EQ(run(dataplane, controlplane), 0);
    const std::string running = directory.at("state/running.yaml");
    EXPECT_EQ(read("dataplane-arguments"), running + "\n");
    EXPECT_EQ(read("controlplane-arguments"),
              running + " --state-dir " + directory.at("state") + "\n");
    EXPECT_EQ(read("stopped"), "controlplane\n" + dataplane + "\n");
    EXPECT_TRUE(std::filesystem::is_directory(directory.at("sockets")));
}

TEST_F(SupervisorTest, a_start_up_mistake_ends_it) {
    ASSERT_EQ(::mkfifo(directory.at("fifo").c_str(), 0600), 0);
    testing::internal::CaptureStderr();
    EXPECT_EQ(run(script("dataplane", "exit 1"), script("controlplane", kStays)), 1);
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                HasSubstr("the dataplane could not start; nothing runs"));
}

TEST_F(SupervisorTest, a_program_that_is_not_there_ends_it) {
    EXPECT_EQ(run("/nonexistent/dataplane", script("controlplane", "exit 0")), 1);
}

// rfc1812: 10.3.2.2/b
TEST_F(SupervisorTest, restarts_what_was_killed_and_says_why) {
    ASSERT_EQ(::mkfifo(directory.at("fifo").c_str(), 0600), 0);
    testing::internal::CaptureStderr();
    EXPECT_EQ(run(script("dataplane", kStays), script("controlplane",
                                                      "echo run >> runs\n"
                                                      "case $(wc -l < runs) in\n"
                                                      "1) kill -KILL $$ ;;\n"
                                                      "2) exit 75 ;;\n"
                                                      "*) kill -TERM $PPID; exit 0 ;;\n"
                                                      "esac")),
              0);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_EQ(read("runs"), "run\nrun\nrun\n");
    EXPECT_THAT(log, HasSubstr("control plane ended: killed by signal 9 (Killed)"));
    EXPECT_THAT(log, HasSubstr("control plane asked for its restart"));
}

TEST_F(SupervisorTest, takes_up_an_edit_of_the_file_before_the_control_plane_starts_again) {
    ASSERT_EQ(::mkfifo(directory.at("fifo").c_str(), 0600), 0);
    EXPECT_EQ(run(script("dataplane", kStays),
                  script("controlplane",
                         "cat \"$1\" >> seen\n"
                         "if [ -e died ]; then kill -TERM $PPID; exit 0; fi\n"
                         "touch died\n"
                         "echo 'system: {hostname: edited}' >> godwit.yaml\n"
                         "kill -KILL $$")),
              0);
    EXPECT_THAT(read("seen"), HasSubstr("hostname: edited"));
}

TEST_F(SupervisorTest, leaves_no_child_behind_when_it_is_killed_itself) {
    ASSERT_EQ(::mkfifo(directory.at("fifo").c_str(), 0600), 0);
    // The children hold the write end of a pipe; the read end sees its end when all are gone.
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const int code = run(script("dataplane", "while :; do read -r line < fifo; done"),
                         script("controlplane",
                                "kill -KILL $PPID\n"
                                "while :; do read -r line < fifo; done"));
    ::close(ends[1]);
    char byte = 0;
    EXPECT_EQ(code, -SIGKILL);
    EXPECT_EQ(::read(ends[0], &byte, 1), 0);
    ::close(ends[0]);
}

TEST(Directories, a_second_supervisor_of_a_state_directory_is_told_of_the_first) {
    const TemporaryDirectory directory;
    const auto first = StateLock::take(directory.at(""), std::nullopt);
    ASSERT_TRUE(first.has_value()) << first.error();
    const auto second = StateLock::take(directory.at(""), std::nullopt);
    ASSERT_FALSE(second.has_value());
    EXPECT_THAT(second.error(), HasSubstr(fmt::format("(pid {})", ::getpid())));
}

TEST(Directories, the_socket_directory_is_made_once_and_an_existing_one_is_kept) {
    const TemporaryDirectory directory;
    const std::string socket = directory.at("sub/control.sock");
    EXPECT_EQ(prepare_socket_directory(socket, std::nullopt), true);
    EXPECT_EQ(prepare_socket_directory(socket, std::nullopt), false);
    EXPECT_FALSE(prepare_socket_directory("control.sock", std::nullopt).has_value());
    directory.write("plain", "");
    EXPECT_FALSE(prepare_socket_directory(directory.at("plain/c.sock"), std::nullopt).has_value());
}

TEST(Directories, as_root_they_belong_to_the_account_and_to_roots_group) {
    const auto account = control_plane_account();
    if (!account) {
        GTEST_SKIP() << "only root can give directories away";
    }
    const TemporaryDirectory directory;
    ASSERT_TRUE(prepare_state_directory(directory.at("state"), account).has_value());
    ASSERT_TRUE(prepare_socket_directory(directory.at("run/c.sock"), account).has_value());
    for (const char* name : {"state", "run"}) {
        struct stat status {};
        ASSERT_EQ(::stat(directory.at(name).c_str(), &status), 0);
        EXPECT_EQ(status.st_uid, account->uid);
        EXPECT_EQ(status.st_gid, 0U);
        EXPECT_EQ(status.st_mode & 0777U, 0775U);
    }
    // What another account left is taken over; what it linked to is not.
    const std::string victim = directory.write("victim", "root's");
    std::filesystem::create_directory(directory.at("state/revisions"));
    std::filesystem::create_symlink(victim, directory.at("state/revisions/1.yaml"));
    std::filesystem::create_hard_link(victim, directory.at("state/revisions/2.yaml"));
    directory.write("state/revisions/3.yaml", "a revision");
    ASSERT_EQ(::chown(directory.at("state").c_str(), 0, 0), 0);
    ASSERT_TRUE(prepare_state_directory(directory.at("state"), account).has_value());
    struct stat status {};
    ASSERT_EQ(::stat(victim.c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 0U);
    ASSERT_EQ(::stat(directory.at("state/revisions/3.yaml").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, account->uid);
    // A directory of somebody else's is left alone.
    std::filesystem::create_directory(directory.at("other"));
    directory.write("other/file", "");
    EXPECT_FALSE(prepare_state_directory(directory.at("other"), account).has_value());
}

TEST(StartChild, gives_up_roots_identity_and_every_capability) {
    const auto account = control_plane_account();
    if (!account) {
        GTEST_SKIP() << "only root can change its identity";
    }
    const TemporaryDirectory directory;
    std::filesystem::permissions(directory.at(""), std::filesystem::perms(0777));
    const gid_t roots_group = 0;
    ASSERT_EQ(::setgroups(1, &roots_group), 0);
    const auto pid = start_child(
        {"/bin/sh", {"-c", "cat /proc/self/status > " + directory.at("status")}, account});
    ASSERT_TRUE(pid.has_value()) << pid.error();
    int status = 0;
    ::waitpid(*pid, &status, 0);
    EXPECT_EQ(status, 0);
    const std::string text = *read_whole_file(directory.at("status"));
    EXPECT_THAT(text, HasSubstr(fmt::format("Uid:\t{0}\t{0}\t{0}\t{0}\n", account->uid)));
    EXPECT_THAT(text, HasSubstr("Groups:\t \n"));
    EXPECT_THAT(text, HasSubstr("CapEff:\t0000000000000000\n"));
    EXPECT_THAT(text, HasSubstr("CapPrm:\t0000000000000000\n"));
    EXPECT_THAT(text, HasSubstr("NoNewPrivs:\t1\n"));
}

TEST(StartChild, says_what_is_missing) {
    const auto pid = start_child({"/nonexistent/program", {}, std::nullopt});
    ASSERT_FALSE(pid.has_value());
    EXPECT_THAT(pid.error(), HasSubstr("there is no program /nonexistent/program"));
    const TemporaryDirectory directory;
    const auto closed = start_child({directory.write("data", "x"), {}, std::nullopt});
    EXPECT_FALSE(closed.has_value());
}

}  // namespace
}  // namespace godwit::supervisor
