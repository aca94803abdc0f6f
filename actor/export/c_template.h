// The fixed part of the C edition. NAME_, name_ stand for the policy's own prefix, upper and lower.
#pragma once

namespace pmoe {

// Types, and the functions that layers and heads are made of.
extern const char kCFunctions[];
// From the heads' raw numbers to an action, and what a user calls.
extern const char kCCalls[];
// The golden trajectory's replay.
extern const char kCSelftest[];

}  // namespace pmoe
