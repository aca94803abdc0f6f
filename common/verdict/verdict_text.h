// A verdict in one or two sentences, for people. Pure function.
#pragma once

#include <string>

#include "common/verdict/verdict.h"

namespace pmoe {

// "The learner is the bottleneck: actors wait 62 % of the time. More actors will not help; a second
// learner thread would give up to 1.8×."
std::string VerdictText(const RunVerdict& verdict);

}  // namespace pmoe
