// What no key can say alone: references, overlaps, things that exist twice.
//
// Pure, over the Model. A finding names its place by a path; the loader knows the line of it. The
// model may come from a file of which parts were refused before (see from_value), so a check keeps
// silent about what is empty: the loader has already spoken about it.
#pragma once

#include <string>
#include <vector>

#include "config/model/model.hpp"

namespace godwit::config {

// One step of a path: a key, or the item of a list that has this text; the first of them, or, with
// `repeat` 1, 2, …, a later one.
struct Step {
    std::string text;
    bool item = false;
    std::size_t repeat = 0;
};
using Path = std::vector<Step>;

struct Finding {
    bool warning = false;
    std::string id;
    Path path;
    std::string what;
    std::string suggestion = {};
    std::string help = {};
};

// No more than these are looked for: a hostile file may hold a mistake in each of a million lines.
constexpr std::size_t kMostFindings = 1000;

std::vector<Finding> check(const Model& model);

// The parts of `check`, by section.
void check_workers(const Model& model, std::vector<Finding>& findings);
void check_interfaces(const Model& model, std::vector<Finding>& findings);
void check_addresses(const Model& model, std::vector<Finding>& findings);
void check_static(const Model& model, std::vector<Finding>& findings);
void check_rip(const Model& model, std::vector<Finding>& findings);
void check_policy(const Model& model, std::vector<Finding>& findings);
void check_nat(const Model& model, std::vector<Finding>& findings);
void check_pcp(const Model& model, std::vector<Finding>& findings);
void check_telemetry(const Model& model, std::vector<Finding>& findings);
void check_management(const Model& model, std::vector<Finding>& findings);

}  // namespace godwit::config
