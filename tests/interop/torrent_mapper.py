"""Has libtorrent, a stranger, map its ports, and says what became of it: one JSON line. It ends, and
takes its mappings back, with its standard input.

Usage: torrent_mapper.py ADDRESS PORT
"""

import json
import sys
import time

import libtorrent


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    categories = libtorrent.alert.category_t
    session = libtorrent.session(
        {
            "listen_interfaces": f"{address}:{port}",
            "enable_natpmp": True,  # it speaks PCP first
            "enable_upnp": False,
            "enable_lsd": False,
            "enable_dht": False,
            "alert_mask": categories.port_mapping_notification
            | categories.error_notification
            | categories.status_notification
            | categories.port_mapping_log_notification,
        }
    )
    mapped, said = {}, []
    end = time.monotonic() + 60
    while len(mapped) < 2 and time.monotonic() < end:
        session.wait_for_alert(500)
        for alert in session.pop_alerts():
            said.append(alert.message())
            if isinstance(alert, libtorrent.portmap_alert):
                is_tcp = alert.map_protocol == libtorrent.portmap_protocol.tcp
                mapped["tcp" if is_tcp else "udp"] = alert.external_port
    print(json.dumps({"mapped": mapped, "said": said}), flush=True)
    sys.stdin.read()  # as long as it is to keep them


if __name__ == "__main__":
    main()
