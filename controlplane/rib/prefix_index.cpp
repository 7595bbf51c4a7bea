#include "controlplane/rib/prefix_index.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace godwit::control {

namespace {

template <class Array>
auto at(Array& array, std::size_t place) {
    return array.begin() + static_cast<std::ptrdiff_t>(place);
}

}  // namespace

std::size_t PrefixIndex::page_of(Key key) const {
    const auto behind = std::upper_bound(firsts_.begin(), firsts_.end(), key);
    return behind == firsts_.begin() ? 0 : static_cast<std::size_t>(behind - firsts_.begin()) - 1;
}

std::size_t PrefixIndex::place_of(const Page& page, Key key) {
    return static_cast<std::size_t>(
        std::lower_bound(page.keys.begin(), at(page.keys, page.count), key) - page.keys.begin());
}

PrefixIndex::Number PrefixIndex::find(const net::Ipv4Prefix& prefix) const {
    if (pages_.empty()) {
        return kNone;
    }
    const Key key = key_of(prefix);
    const Page& page = *pages_[page_of(key)];
    const std::size_t place = place_of(page, key);
    return place < page.count && page.keys[place] == key ? page.numbers[place] : kNone;
}

void PrefixIndex::add(const net::Ipv4Prefix& prefix, Number number) {
    const Key key = key_of(prefix);
    ++size_;
    if (pages_.empty()) {
        firsts_.push_back(key);
        pages_.push_back(std::make_unique<Page>());
    }
    std::size_t page_number = page_of(key);
    if (pages_[page_number]->count == kPage) {
        const bool behind_all =
            page_number + 1 == pages_.size() && key > pages_[page_number]->keys[kPage - 1];
        if (behind_all) {
            firsts_.push_back(key);
            pages_.push_back(std::make_unique<Page>());
        } else {
            split(page_number);
        }
        page_number = page_of(key);
    }
    Page& page = *pages_[page_number];
    const std::size_t place = place_of(page, key);
    std::move_backward(at(page.keys, place), at(page.keys, page.count),
                       at(page.keys, page.count + 1));
    std::move_backward(at(page.numbers, place), at(page.numbers, page.count),
                       at(page.numbers, page.count + 1));
    page.keys[place] = key;
    page.numbers[place] = number;
    ++page.count;
    firsts_[page_number] = page.keys[0];
}

void PrefixIndex::remove(const net::Ipv4Prefix& prefix) {
    const Key key = key_of(prefix);
    const std::size_t page_number = page_of(key);
    Page& page = *pages_[page_number];
    const std::size_t place = place_of(page, key);
    std::move(at(page.keys, place + 1), at(page.keys, page.count), at(page.keys, place));
    std::move(at(page.numbers, place + 1), at(page.numbers, page.count), at(page.numbers, place));
    --page.count;
    --size_;
    if (page.count > 0) {
        firsts_[page_number] = page.keys[0];
    }
    if (page.count < kPage / 4) {
        join(page_number);
    }
}

PrefixIndex::Number PrefixIndex::following(const std::optional<net::Ipv4Prefix>& prefix) const {
    if (pages_.empty()) {
        return kNone;
    }
    if (!prefix) {
        return pages_.front()->numbers[0];
    }
    const Key behind = key_of(*prefix) + 1;
    const std::size_t page_number = page_of(behind);
    const Page& page = *pages_[page_number];
    const std::size_t place = place_of(page, behind);
    if (place < page.count) {
        return page.numbers[place];
    }
    return page_number + 1 < pages_.size() ? pages_[page_number + 1]->numbers[0] : kNone;
}

void PrefixIndex::split(std::size_t page_number) {
    Page& page = *pages_[page_number];
    auto upper = std::make_unique<Page>();
    const std::size_t stay = page.count / 2;
    std::copy(at(page.keys, stay), at(page.keys, page.count), upper->keys.begin());
    std::copy(at(page.numbers, stay), at(page.numbers, page.count), upper->numbers.begin());
    upper->count = page.count - stay;
    page.count = stay;
    const auto behind = static_cast<std::ptrdiff_t>(page_number) + 1;
    firsts_.insert(firsts_.begin() + behind, upper->keys[0]);
    pages_.insert(pages_.begin() + behind, std::move(upper));
}

// With a neighbour, when both fit into one page with room to grow; an empty page goes.
void PrefixIndex::join(std::size_t page_number) {
    const auto erase = [this](std::size_t gone) {
        firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(gone));
        pages_.erase(pages_.begin() + static_cast<std::ptrdiff_t>(gone));
    };
    if (pages_[page_number]->count == 0) {
        erase(page_number);
        return;
    }
    if (pages_.size() == 1) {
        return;
    }
    const std::size_t left = page_number + 1 < pages_.size() ? page_number : page_number - 1;
    Page& to = *pages_[left];
    const Page& from = *pages_[left + 1];
    if (to.count + from.count > kPage * 3 / 4) {
        return;
    }
    std::copy(from.keys.begin(), at(from.keys, from.count), at(to.keys, to.count));
    std::copy(from.numbers.begin(), at(from.numbers, from.count), at(to.numbers, to.count));
    to.count += from.count;
    erase(left + 1);
}

std::size_t PrefixIndex::bytes() const {
    return pages_.size() * sizeof(Page) + firsts_.capacity() * sizeof(Key) +
           pages_.capacity() * sizeof(pages_[0]);
}

}  // namespace godwit::control
