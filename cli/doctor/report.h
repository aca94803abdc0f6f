// An examination as people and as programs read it. Pure functions.
#pragma once

#include <string>

#include "cli/doctor/examination.h"

namespace pmoe {

// Lines: the machine, each part with what it lacks and the fix, the trials, the verdict.
std::string ReportText(const Examination& examination);
// One object: machine, parts (needs, trial), works.
std::string ReportJson(const Examination& examination);

}  // namespace pmoe
