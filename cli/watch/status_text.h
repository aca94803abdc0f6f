// What `pmoe status` prints for people. Pure function.
#pragma once

#include <string>

#include "proto/run.pb.h"

namespace pmoe {

std::string StatusText(const RunStatus& status);

// "actor 3", "evaluator", "replay 0".
std::string MemberName(const MemberStatus& member);
// "12.3 of 100.0 GB free"; empty where the volume does not say.
std::string DiskText(const DiskSpaceMessage& disk);

}  // namespace pmoe
