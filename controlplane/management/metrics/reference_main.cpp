// metrics-reference: prints docs/metrics.md from the registry of metrics.
#include <cstdio>

#include "controlplane/management/metrics/family.hpp"

int main() {
    std::fputs(godwit::control::metrics_reference().c_str(), stdout);
    return std::ferror(stdout) == 0 ? 0 : 1;
}
