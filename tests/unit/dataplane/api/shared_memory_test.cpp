// What a peer can and cannot do to memory that it was given.
#include "dataplane/api/shared_memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dataplane/api/wake.hpp"

namespace godwit::api {
namespace {

constexpr std::size_t kBytes = 8192;

Descriptor unsealed(std::size_t bytes) {
    Descriptor descriptor(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(ftruncate(descriptor.get(), static_cast<off_t>(bytes)), 0);
    return descriptor;
}

TEST(SharedMemory, is_zero_and_shared_by_both_ends) {
    auto made = make_shared_memory("test", kBytes, PeerAccess::ReadWrite);
    ASSERT_TRUE(made) << made.error();
    EXPECT_EQ(made->mapping.bytes()[kBytes - 1], std::byte{0});
    auto peer = map_received(made->descriptor.get(), kBytes, PeerAccess::ReadWrite);
    ASSERT_TRUE(peer) << peer.error();
    peer->bytes()[17] = std::byte{0x5A};
    EXPECT_EQ(made->mapping.bytes()[17], std::byte{0x5A});
}

TEST(SharedMemory, cannot_be_truncated_grown_or_unsealed_by_the_peer) {
    auto made = make_shared_memory("test", kBytes, PeerAccess::ReadWrite);
    ASSERT_TRUE(made);
    EXPECT_EQ(ftruncate(made->descriptor.get(), 0), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(ftruncate(made->descriptor.get(), kBytes * 2), -1);
    EXPECT_EQ(fcntl(made->descriptor.get(), F_ADD_SEALS, F_SEAL_WRITE), -1);
    made->mapping.bytes()[kBytes - 1] = std::byte{1};  // still there
}

TEST(SharedMemory, that_is_read_only_cannot_be_mapped_writable_or_written_by_the_peer) {
    auto made = make_shared_memory("test", kBytes, PeerAccess::ReadOnly);
    ASSERT_TRUE(made) << made.error();
    const int peer = made->descriptor.get();
    EXPECT_EQ(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, peer, 0), MAP_FAILED);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(write(peer, "x", 1), -1);
    EXPECT_EQ(fallocate(peer, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
    EXPECT_EQ(ftruncate(peer, 0), -1);

    auto readable = map_received(peer, kBytes, PeerAccess::ReadOnly);
    ASSERT_TRUE(readable) << readable.error();
    EXPECT_EQ(mprotect(readable->address(), kBytes, PROT_READ | PROT_WRITE), -1);
    made->mapping.bytes()[3] = std::byte{9};  // ours stays writable
    EXPECT_EQ(readable->bytes()[3], std::byte{9});
}

TEST(SharedMemory, that_is_not_sealed_is_refused) {
    const Descriptor descriptor = unsealed(kBytes);
    EXPECT_FALSE(map_received(descriptor.get(), kBytes, PeerAccess::ReadWrite));
    ASSERT_EQ(fcntl(descriptor.get(), F_ADD_SEALS, F_SEAL_GROW), 0);
    EXPECT_FALSE(map_received(descriptor.get(), kBytes, PeerAccess::ReadWrite));
    ASSERT_EQ(fcntl(descriptor.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
    EXPECT_TRUE(map_received(descriptor.get(), kBytes, PeerAccess::ReadWrite));
}

TEST(SharedMemory, of_another_length_or_of_no_memory_is_refused) {
    auto made = make_shared_memory("test", kBytes, PeerAccess::ReadWrite);
    ASSERT_TRUE(made);
    EXPECT_FALSE(map_received(made->descriptor.get(), kBytes / 2, PeerAccess::ReadWrite));
    EXPECT_FALSE(map_received(made->descriptor.get(), kBytes * 2, PeerAccess::ReadWrite));
    EXPECT_FALSE(map_received(-1, kBytes, PeerAccess::ReadWrite));
    const Descriptor device(open("/dev/zero", O_RDWR | O_CLOEXEC));
    EXPECT_FALSE(map_received(device.get(), kBytes, PeerAccess::ReadWrite));
}

TEST(SealedText, arrives_whole_and_cannot_be_changed) {
    const std::string text(100000, 'y');
    auto made = make_sealed_text("test", text);
    ASSERT_TRUE(made) << made.error();
    EXPECT_EQ(pwrite(made->get(), "n", 1, 0), -1);
    EXPECT_EQ(ftruncate(made->get(), 0), -1);
    const auto read = read_sealed_text(made->get());
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, text);
    EXPECT_EQ(*read_sealed_text(make_sealed_text("test", "")->get()), "");
}

TEST(SealedText, that_is_not_sealed_or_too_long_is_refused) {
    const Descriptor open_text = unsealed(10);
    EXPECT_FALSE(read_sealed_text(open_text.get()));
    const Descriptor long_text = unsealed(kMaxSealedTextBytes + 1);
    ASSERT_EQ(fcntl(long_text.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
    EXPECT_FALSE(read_sealed_text(long_text.get()));
    EXPECT_FALSE(make_sealed_text("test", std::string(kMaxSealedTextBytes + 1, 'x')));
}

TEST(Wake, never_blocks_whatever_the_peer_does_to_its_end) {
    auto pair = make_wake_pair();
    ASSERT_TRUE(pair) << pair.error();
    ASSERT_EQ(fcntl(pair->sleeper.get(), F_SETFL, 0), 0);  // the peer's end, made blocking
    for (int i = 0; i < 10000; ++i) {
        wake(pair->waker.get());  // would hang here
    }
    drain_wakes(pair->sleeper.get());
    pair->sleeper.reset();
    wake(pair->waker.get());  // and no SIGPIPE
    EXPECT_EQ(write(pair->waker.get(), "12345678", 8), -1);
}

TEST(Wake, is_seen_until_it_is_drained) {
    auto pair = make_wake_pair();
    ASSERT_TRUE(pair);
    char byte = 0;
    EXPECT_EQ(recv(pair->sleeper.get(), &byte, 1, MSG_PEEK), -1);
    wake(pair->waker.get());
    wake(pair->waker.get());
    EXPECT_EQ(recv(pair->sleeper.get(), &byte, 1, MSG_PEEK), 1);
    drain_wakes(pair->sleeper.get());
    EXPECT_EQ(recv(pair->sleeper.get(), &byte, 1, MSG_PEEK), -1);
}

}  // namespace
}  // namespace godwit::api
