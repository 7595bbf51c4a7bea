// Extensions of ICMP errors: found behind the quoted packet, walked, interfaces read and written
// again.
#include "net/icmp_extensions.hpp"
#include "tests/fuzz/net_fuzz.hpp"

using namespace godwit;

namespace {

void check_interface(const net::wire::IcmpExtensionObject& object) {
    const auto interface = net::wire::parse_interface_information(object);
    if (!interface) {
        fuzz::check(!interface.error().to_string().empty(), "an error has words");
        return;
    }
    std::vector<std::uint8_t> bytes(net::encoded_extensions_size(*interface));
    net::ByteWriter writer(bytes);
    net::encode_extensions(writer, *interface);
    fuzz::check(writer.ok() && writer.remaining() == 0, "the size is what is written");
    const auto again = net::wire::IcmpExtensionsView::parse(bytes);
    fuzz::check(again.has_value() && again->has_valid_checksum(), "what is written is valid");
    again->for_each([&interface](const net::wire::IcmpExtensionObject& written) {
        const auto read = net::wire::parse_interface_information(written);
        fuzz::check(read && *read == *interface, "parse(encode(x)) == x");
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto message = net::wire::IcmpView::parse({data, size});
    if (!message) {
        return 0;
    }
    const auto extensions = net::wire::IcmpExtensionsView::of(*message);
    if (!extensions) {
        fuzz::check(extensions.error().offset <= size, "an error lies within the message");
        return 0;
    }
    if (!extensions->has_value()) {
        return 0;
    }
    fuzz::asked((*extensions)->has_valid_checksum());
    (*extensions)->for_each([](const net::wire::IcmpExtensionObject& object) {
        fuzz::touch(object.payload);
        if (object.object_class == net::IcmpExtensionClass::Interface) {
            check_interface(object);
        }
    });
    return 0;
}
