// `show` of the tables that the dataplane has: page by page, each asked for when the part before
// has gone out, so that none is held here as a whole.
#include <boost/json.hpp>
#include <utility>

#include "controlplane/management/record_text.hpp"
#include "controlplane/management/show.hpp"

namespace godwit::control {

namespace json = boost::json;

struct Show::Table {
    api::QueryBody query;
    std::shared_ptr<Answer> answer;  // shared with the connection that asked
    std::function<json::array(const QueryAnswer&)> view;
};

void Show::table(api::QueryKind kind, const std::shared_ptr<Answer>& answer,
                 std::function<json::array(const QueryAnswer&)> view) {
    if (!reachable(answer)) {
        return;
    }
    auto table = std::make_shared<Table>();
    table->query.kind = kind;
    table->answer = answer;
    table->view = std::move(view);
    answer->begin_list();
    next_page(table);
}

void Show::next_page(const std::shared_ptr<Table>& table) {
    if (table->answer->gone()) {
        return;
    }
    router_.channel().query_page(
        table->query, [this, table](const net::Result<QueryAnswer, std::string>& page) {
            if (!page) {
                table->answer->break_list(AnswerCode::Unavailable, page.error());
                return;
            }
            table->query.cursor = page->next_cursor;
            table->answer->add(table->view(*page), [this, table] {
                if (table->query.cursor == 0) {
                    table->answer->end_list();
                } else {
                    next_page(table);
                }
            });
        });
}

struct Show::FibTable {
    api::QueryBody query;
    std::shared_ptr<Answer> answer;
    std::optional<net::Ipv4Prefix> prefix;
    NextHopRecords next_hops;
};

void Show::fib(const std::optional<net::Ipv4Prefix>& prefix,
               const std::shared_ptr<Answer>& answer) {
    if (!reachable(answer)) {
        return;
    }
    auto table = std::make_shared<FibTable>();
    table->query.kind = api::QueryKind::NextHops;
    table->answer = answer;
    table->prefix = prefix;
    next_hops_of(table);
}

// The next hops first, a page a turn: they say what a group has in it, and what is resolved.
void Show::next_hops_of(const std::shared_ptr<FibTable>& fib) {
    if (fib->answer->gone()) {
        return;
    }
    router_.channel().query_page(
        fib->query, [this, fib](const net::Result<QueryAnswer, std::string>& reply) {
            if (!reply) {
                fib->answer->fail(AnswerCode::Unavailable, reply.error());
                return;
            }
            for (const auto& record : reply->rows<api::NextHopRecord>()) {
                fib->next_hops.emplace(record.next_hop, record);
            }
            fib->query.cursor = reply->next_cursor;
            if (fib->query.cursor != 0) {
                next_hops_of(fib);
                return;
            }
            const InterfaceNames& names = router_.interfaces().names();
            table(api::QueryKind::Fib, fib->answer, [fib, &names](const QueryAnswer& page) {
                json::array items;
                for (const auto& record : page.rows<api::FibRecord>()) {
                    if (!fib->prefix || prefix_of(record.prefix, record.length) == *fib->prefix) {
                        items.push_back(fib_json(record, fib->next_hops, names));
                    }
                }
                return items;
            });
        });
}

}  // namespace godwit::control
