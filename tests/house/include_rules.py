"""Who may include whom: the table of docs/architecture.md as data.

Each rule is (folder prefix, folders it may include, third-party families it may use). The first
prefix that fits a file applies, so the longer ones come first. A folder may always include itself.
An include may name a folder, or one file. "*" is everything except an app folder: nobody
includes app.
"""

DATAPLANE = [
    "dataplane/api", "dataplane/nat", "dataplane/tables", "dataplane/graph", "dataplane/nodes",
    "dataplane/worker", "dataplane/owner", "dataplane/channel",
]
CONTROLPLANE = [
    "controlplane/runtime", "controlplane/channel", "controlplane/rib", "controlplane/host",
    "controlplane/policy", "controlplane/rip", "controlplane/pcp",
    "controlplane/telemetry", "controlplane/management",
]

RULES = [
    ("net", [], []),
    ("config/model", ["net"], []),
    ("config/schema", ["net", "config/model"], []),
    ("config/load", ["net", "config"], ["yaml-cpp"]),
    ("config", ["net", "config"], []),
    ("drivers", ["net", "config/model"], ["dpdk"]),
    ("dataplane/api", ["net"], []),
    ("dataplane/nat", ["net", "dataplane/api"], []),
    ("dataplane/tables", ["net", "dataplane/api"], ["dpdk"]),
    ("dataplane/graph", ["net", "dataplane/api", "dataplane/tables"], ["dpdk"]),
    ("dataplane/nodes", ["net", "dataplane/api", "dataplane/nat", "dataplane/tables",
                         "dataplane/graph"], ["dpdk"]),
    ("dataplane/channel", ["net", "dataplane/api"], []),
    ("dataplane/app", ["net", "config", "drivers"] + DATAPLANE, ["dpdk"]),
    ("dataplane", ["net", "config", "drivers"] + DATAPLANE, ["dpdk"]),
    ("controlplane/runtime", ["net"], ["asio"]),
    ("controlplane/policy", ["net", "config/model", "controlplane/rib/route.hpp"], []),
    ("controlplane/rib", ["net", "config/model", "controlplane/policy"], []),
    ("controlplane/rip/packet", ["net"], []),
    ("controlplane/rip/io", ["net", "controlplane/rip", "controlplane/host", "controlplane/rib/route.hpp",
                             "controlplane/runtime"], []),
    ("controlplane/rip", ["net", "config/model", "controlplane/rib/route.hpp",
                          "controlplane/host/token_bucket.hpp"], []),
    ("controlplane/pcp/io", ["net", "controlplane/pcp", "controlplane/host", "controlplane/runtime"], []),
    ("controlplane/pcp", ["net", "controlplane/host/token_bucket.hpp"], []),
    ("controlplane/host/io", ["net", "config/model", "controlplane/runtime", "controlplane/host",
                              "controlplane/rib/route.hpp", "dataplane/api"], ["asio"]),
    ("controlplane/host", ["net", "config/model", "controlplane/rib/route.hpp"], []),
    ("controlplane/telemetry", ["net", "controlplane/runtime", "controlplane/host"], ["asio"]),
    ("controlplane/channel", ["net", "dataplane/api", "controlplane/runtime"], ["asio"]),
    ("controlplane/management", ["net", "config", "dataplane/api"] + CONTROLPLANE, ["asio"]),
    ("controlplane/ctl", ["net", "config"], []),
    ("controlplane/app", ["*"], ["asio"]),
    ("deploy", ["net", "config", "dataplane/api", "drivers/host*.hpp"], []),
    ("tests", ["*"], ["dpdk", "asio", "yaml-cpp"]),
]

# System headers that only some folders may name, by the beginning of the path between < and >.
FAMILIES = {
    "dpdk": ["rte_"],
    "asio": ["boost/asio"],
    "yaml-cpp": ["yaml-cpp/"],
}

# Where sources live; everything else in the checkout (docs, build directories) is not looked at.
ROOTS = ["net", "config", "drivers", "dataplane", "controlplane", "deploy", "tests"]
