// How an operation of an Asio socket waits and ends.
//
// A handler is never called from within the function that began its operation, nor from within the
// stack: it is posted to the executor that it is associated with, or to the socket's. While it
// waits, the executor has work, and its cancellation slot can end it with operation_aborted.
#pragma once

#include <array>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <span>
#include <tuple>
#include <utility>

namespace godwit::control::io {

namespace asio = boost::asio;
using boost::system::error_code;

template <class... Results>
class Waiting {
public:
    using Handler = asio::any_completion_handler<void(error_code, Results...)>;

    // `cancelled` is called when the slot of the handler asks for it, until the end.
    template <class Cancelled>
    Waiting(Handler handler, const asio::any_io_executor& executor, Cancelled cancelled)
        : handler_(std::move(handler)),
          executor_(asio::prefer(executor, asio::execution::outstanding_work.tracked)) {
        if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected()) {
            slot.assign([cancelled = std::move(cancelled)](asio::cancellation_type type) {
                if (type != asio::cancellation_type::none) {
                    cancelled();
                }
            });
        }
    }
    // Once.
    void end(error_code error, Results... results) {
        if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected()) {
            slot.clear();
        }
        const auto executor = asio::get_associated_executor(handler_, executor_);
        asio::post(executor_, [executor, handler = std::move(handler_), error,
                               all = std::make_tuple(std::move(results)...),
                               work = executor_]() mutable {
            asio::dispatch(executor, [handler = std::move(handler), error,
                                      all = std::move(all)]() mutable {
                std::apply([&](Results&... each) { std::move(handler)(error, std::move(each)...); },
                           all);
            });
        });
    }

private:
    Handler handler_;
    asio::any_io_executor executor_;
};

// The first buffers of a sequence: an operation may always transfer less than was asked for.
template <class Buffer>
class Buffers {
public:
    static constexpr std::size_t kMost = 16;

    Buffers() = default;
    template <class Sequence>
    static Buffers of(const Sequence& sequence) {
        Buffers buffers;
        const auto end = asio::buffer_sequence_end(sequence);
        for (auto each = asio::buffer_sequence_begin(sequence); each != end; ++each) {
            const Buffer buffer(*each);
            if (buffer.size() == 0) {
                continue;
            }
            if (buffers.count_ == kMost) {
                break;
            }
            buffers.all_[buffers.count_++] = buffer;
        }
        return buffers;
    }
    [[nodiscard]] std::span<const Buffer> all() const { return std::span(all_).first(count_); }
    [[nodiscard]] bool empty() const { return count_ == 0; }

private:
    std::array<Buffer, kMost> all_{};
    std::size_t count_ = 0;
};

}  // namespace godwit::control::io
