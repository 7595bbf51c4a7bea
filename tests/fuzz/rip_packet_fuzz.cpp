// RIP packets: whatever is read is written again as it was, and authentication covers all of it.
#include <vector>

#include "controlplane/rip/packet/seal.hpp"
#include "tests/fuzz/fuzz_check.hpp"

using namespace godwit;
using namespace godwit::control::rip;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> bytes(data, size);
    const auto view = wire::MessageView::parse(bytes);
    if (!view) {
        fuzz::check(view.error().fault < PacketFault::kCount, "an error has a name");
        return 0;
    }
    fuzz::check(view->entry_count() <= kMostEntries, "no more entries than a packet may have");
    const Message message = view->message();
    if (!view->authentication_type()) {
        const auto again = encode(message);
        const auto read = wire::MessageView::parse(again);
        // An entry that looks like an authentication is one when it is the first of version 2.
        fuzz::check(read.has_value(), "what was read can be written");
        fuzz::check(read->message() == message, "and is the same");
    } else if (*view->authentication_type() ==
               static_cast<std::uint16_t>(AuthenticationType::Cryptographic)) {
        fuzz::check(view->trailer().sealed.size() + view->trailer().digest.size() == size,
                    "every byte is sealed, or the digest");
    }
    const auto sealed = encode_sealed(message, {Algorithm::HmacSha256, 3, 9, {}}, "secret");
    const auto read = wire::MessageView::parse(sealed);
    if (message.version >= 2 && message.entries.size() < kMostEntries) {
        fuzz::check(read && read->message() == message, "a sealed packet reads as it was written");
        fuzz::check(
            same_bytes(read->trailer().digest,
                       digest_of(Algorithm::HmacSha256, "secret", read->trailer().sealed).span()),
            "its digest holds");
    }
    return 0;
}
