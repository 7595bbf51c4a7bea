// Packets of the control connection; see control_socket.hpp.
#include "dataplane/api/control_socket.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace godwit::api {

namespace {

constexpr std::size_t kMaxDescriptors = static_cast<std::size_t>(WelcomeFd::kCount);

}  // namespace

std::vector<std::byte> encode_control(ControlType type, std::uint32_t request,
                                      std::span<const std::byte> body,
                                      std::span<const std::byte> more) {
    ControlHeader header;
    header.type = type;
    header.request = request;
    header.body_bytes = static_cast<std::uint32_t>(body.size() + more.size());
    std::vector<std::byte> message;
    message.reserve(sizeof(header) + header.body_bytes);
    const auto front = std::as_bytes(std::span(&header, 1));
    message.insert(message.end(), front.begin(), front.end());
    message.insert(message.end(), body.begin(), body.end());
    message.insert(message.end(), more.begin(), more.end());
    return message;
}

SendOutcome send_control(int socket, std::span<const std::byte> message,
                         std::span<const int> descriptors) {
    iovec part{const_cast<std::byte*>(message.data()), message.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
    if (!descriptors.empty()) {
        if (descriptors.size() > kMaxDescriptors) {
            return SendOutcome::Failed;
        }
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    }
    for (;;) {
        if (sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
            return SendOutcome::Sent;
        }
        if (errno == EINTR) {
            continue;
        }
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? SendOutcome::WouldBlock
                                                                           : SendOutcome::Failed;
    }
}

ReceiveOutcome receive_control(int socket, std::span<std::byte> buffer, ReceivedControl& received) {
    received.descriptors.clear();
    received.message = {};
    iovec part{buffer.data(), buffer.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t count = 0;
    do {
        count = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? ReceiveOutcome::Nothing
                                                       : ReceiveOutcome::Closed;
    }
    for (cmsghdr* part_of = CMSG_FIRSTHDR(&header); part_of != nullptr;
         part_of = CMSG_NXTHDR(&header, part_of)) {
        if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t number = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < number; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(part_of) + i * sizeof(int), sizeof(int));
            received.descriptors.emplace_back(descriptor);
        }
    }
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        received.descriptors.clear();
        return ReceiveOutcome::Malformed;
    }
    if (count == 0) {
        received.descriptors.clear();
        return ReceiveOutcome::Closed;  // no message of ours is empty
    }
    received.message = buffer.first(static_cast<std::size_t>(count));
    return ReceiveOutcome::Message;
}

}  // namespace godwit::api
