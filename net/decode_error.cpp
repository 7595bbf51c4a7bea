#include "net/decode_error.hpp"

namespace godwit::net {

namespace {

const char* words_for(DecodeFault fault) {
    switch (fault) {
        case DecodeFault::Truncated:
            return "too short";
        case DecodeFault::BadVersion:
            return "wrong version";
        case DecodeFault::BadHeaderLength:
            return "impossible header length";
        case DecodeFault::BadTotalLength:
            return "impossible total length";
        case DecodeFault::BadOptions:
            return "malformed option";
        case DecodeFault::BadHardwareType:
            return "unknown hardware type";
        case DecodeFault::BadProtocolType:
            return "unknown protocol type";
        case DecodeFault::BadAddressLength:
            return "wrong address length";
    }
    return "malformed";
}

}  // namespace

std::string DecodeError::to_string() const {
    if (fault == DecodeFault::Truncated) {
        return std::string(words_for(fault)) + ": ends after " + std::to_string(value) +
               " bytes, at byte " + std::to_string(offset);
    }
    return std::string(words_for(fault)) + " " + std::to_string(value) + " at byte " +
           std::to_string(offset);
}

}  // namespace godwit::net
