#include "dataplane/owner/nat_control.hpp"

#include <utility>

namespace godwit::dataplane {

NatControl::Basis NatControl::basis_of(const config::Model& model) {
    Basis basis;
    basis.nat = model.nat;
    if (model.nat.is_used()) {
        for (const auto& [name, interface] : model.interfaces) {
            basis.addresses.emplace(name, interface.addresses);
        }
    }
    return basis;
}

std::string NatControl::problem_with(const config::Model& next, const NumberOf& number_of) const {
    if (table_ == nullptr || basis_of(next) == basis_) {
        return "";
    }
    NatRuleNumbers numbers = numbers_;
    const auto plan = nat_plan(next, numbers, number_of);
    return plan ? table_->check(plan->wanted) : plan.error();
}

std::string NatControl::adopt(const config::Model& next, const NumberOf& number_of) {
    Basis basis = basis_of(next);
    if (table_ == nullptr || basis == basis_) {
        return "";
    }
    NatRuleNumbers numbers = numbers_;
    auto plan = nat_plan(next, numbers, number_of);
    if (!plan) {
        return plan.error();
    }
    if (std::string wrong = table_->want(std::move(plan->wanted)); !wrong.empty()) {
        return wrong;
    }
    numbers.keep_only(plan->numbers);
    numbers_ = std::move(numbers);
    basis_ = std::move(basis);
    for (unsigned worker = 0; worker < table_->workers(); ++worker) {
        links_.wake_worker(worker);
    }
    return "";
}

bool NatControl::turn() {
    return table_ != nullptr && table_->poll();
}

}  // namespace godwit::dataplane
