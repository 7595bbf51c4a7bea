"""Reads every #include of the tree and fails on a direction that include_rules.py does not allow.

    include_directions.py TREE       checks the tree
    include_directions.py --self-test feeds itself allowed and forbidden includes
"""

import fnmatch
import pathlib
import re
import sys

import include_rules

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def rule_for(path):
    for prefix, may_include, families in include_rules.RULES:
        if inside(path, prefix):
            return prefix, may_include, families
    return None


def is_app(path):
    return "app" in pathlib.PurePosixPath(path).parts[:-1]


def own_include_problem(path, target):
    rule = rule_for(path)
    if rule is None:
        return f"is in no folder of the table (tests/house/include_rules.py)"
    prefix, may_include, _ = rule
    if is_app(target) and not is_app(path) and not inside(path, "tests"):
        return f"includes {target}: nobody includes app"
    if inside(target, prefix) or "*" in may_include:
        return None
    for allowed in may_include:
        if inside(target, allowed) or fnmatch.fnmatchcase(target, allowed):
            return None
    return f"includes {target}: {prefix} may include only {', '.join(may_include) or 'itself'}"


def system_include_problem(path, target):
    rule = rule_for(path)
    if rule is None:
        return None
    for family, beginnings in include_rules.FAMILIES.items():
        if any(target.startswith(beginning) for beginning in beginnings):
            if family not in rule[2]:
                return f"includes <{target}>: {rule[0]} may not use {family}"
    return None


def problems_in(path, text):
    """What is wrong with the includes of one file; `path` is relative to the tree."""
    found = []
    for match in INCLUDE.finditer(text):
        bracket, target = match.groups()
        # Ours are written with quotes and the path from the root, whatever the bracket.
        ours = target.split("/")[0] in include_rules.ROOTS and "/" in target
        if ours:
            problem = own_include_problem(path, target)
        elif bracket == '"':
            problem = f'includes "{target}": write the path from the root of the tree'
        else:
            problem = system_include_problem(path, target)
        if problem:
            line = text.count("\n", 0, match.start(2)) + 1
            found.append(f"{path}:{line}: {problem}")
    return found


def sources(tree):
    for root in include_rules.ROOTS:
        for path in sorted((tree / root).rglob("*")):
            if path.suffix in (".hpp", ".cpp", ".h", ".c") and path.is_file():
                yield path


def check_tree(tree):
    found = []
    count = 0
    for path in sources(tree):
        count += 1
        found += problems_in(path.relative_to(tree).as_posix(), path.read_text(encoding="utf-8"))
    if count < 50:
        found.append(f"only {count} sources found under {tree}: is this the root of the tree?")
    for problem in found:
        print(problem)
    print(f"{count} files read, {len(found)} forbidden includes")
    return 1 if found else 0


def self_test():
    allowed = [
        ("net/udp.hpp", '#include "net/byte_order.hpp"'),
        ("net/udp.hpp", "#include <vector>"),
        ("config/load/load.cpp", "#include <yaml-cpp/yaml.h>"),
        ("config/check/check.cpp", '#include "config/load/finding.hpp"'),
        ("drivers/port.cpp", "#include <rte_ethdev.h>"),
        ("dataplane/graph/graph.hpp", '#include "dataplane/tables/fib.hpp"'),
        ("dataplane/worker/worker.cpp", '#include "drivers/port.hpp"'),
        ("dataplane/app/main.cpp", '#include "dataplane/owner/owner.hpp"'),
        ("controlplane/host/host.hpp", '#include "controlplane/rib/route.hpp"'),
        ("controlplane/management/answer.cpp", "#include <boost/asio.hpp>"),
        ("controlplane/management/answer.cpp", "#include <boost/json.hpp>"),
        ("controlplane/ctl/views.cpp", "#include <boost/json.hpp>"),
        ("deploy/supervisor/doctor.cpp", '#include "drivers/host_inspection.hpp"'),
        ("tests/unit/net/x.cpp", '#include "controlplane/management/answer.hpp"'),
    ]
    forbidden = [
        ("net/udp.hpp", '#include "config/model/model.hpp"'),
        ("net/udp.hpp", "#include <rte_ip.h>"),
        ("net/udp.hpp", '#include "byte_order.hpp"'),
        ("net/udp.hpp", '#  include  "drivers/port.hpp"'),
        ("net/udp.hpp", "#include <drivers/port.hpp>"),
        ("config/model/model.hpp", '#include "config/load/load.hpp"'),
        ("config/check/check.cpp", "#include <yaml-cpp/yaml.h>"),
        ("drivers/port.cpp", '#include "dataplane/api/messages.hpp"'),
        ("drivers/port.cpp", '#include "config/load/load.hpp"'),
        ("dataplane/api/ring.hpp", "#include <rte_ring.h>"),
        ("dataplane/tables/fib.cpp", '#include "dataplane/graph/packet.hpp"'),
        ("dataplane/nodes/ip4/lookup.cpp", '#include "dataplane/worker/worker.hpp"'),
        ("dataplane/nodes/ip4/lookup.cpp", '#include "drivers/port.hpp"'),
        ("dataplane/channel/server.cpp", "#include <rte_mbuf.h>"),
        ("dataplane/worker/worker.cpp", '#include "dataplane/app/options.hpp"'),
        ("dataplane/worker/worker.cpp", '#include "controlplane/rib/rib.hpp"'),
        ("controlplane/rib/rib.cpp", "#include <boost/asio.hpp>"),
        ("controlplane/rib/rib.cpp", '#include "controlplane/host/host.hpp"'),
        ("controlplane/rib/rib.cpp", '#include "dataplane/api/messages.hpp"'),
        ("controlplane/host/host.cpp", '#include "controlplane/rib/rib.hpp"'),
        ("controlplane/host/host.cpp", "#include <boost/asio/io_context.hpp>"),
        ("controlplane/channel/client.cpp", '#include "controlplane/rib/rib.hpp"'),
        ("controlplane/channel/client.cpp", '#include "dataplane/tables/fib.hpp"'),
        ("controlplane/management/answer.cpp", '#include "controlplane/app/options.hpp"'),
        ("controlplane/management/answer.cpp", '#include "dataplane/worker/worker.hpp"'),
        ("controlplane/ctl/views.cpp", '#include "controlplane/management/answer.hpp"'),
        ("deploy/supervisor/main.cpp", '#include "drivers/port.hpp"'),
        ("dataplane/newcomer/x.cpp", '#include "controlplane/rib/route.hpp"'),
        ("controlplane/newcomer/x.cpp", '#include "net/udp.hpp"'),
    ]
    wrong = [f"refused, but allowed: {case}" for case in allowed if problems_in(*case)]
    wrong += [f"allowed, but forbidden: {case}" for case in forbidden if not problems_in(*case)]
    for line in wrong:
        print(line)
    print(f"{len(allowed) + len(forbidden)} cases, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__)
        sys.exit(2)
    sys.exit(self_test() if sys.argv[1] == "--self-test" else check_tree(pathlib.Path(sys.argv[1])))
