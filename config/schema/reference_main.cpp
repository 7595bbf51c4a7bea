// config-reference: prints docs/configuration.md.
#include <cstdio>

#include "config/schema/schema.hpp"

int main() {
    return std::fputs(godwit::config::configuration_reference().c_str(), stdout) < 0 ? 1 : 0;
}
