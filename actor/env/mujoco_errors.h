// What becomes of MuJoCo's warnings and errors in a process that shall run for days. Thread-safe.
#pragma once

#include "mujoco/mujoco.h"

namespace pmoe {

// Routes both to stderr, the first few of each; by default they would go to a MUJOCO_LOG.TXT. An
// error outside CallMujoco ends the process. The first call counts.
void InstallMujocoHandlers();

// `function(model, data)`, one of MuJoCo's that computes. Where MuJoCo gives up in the midst of it
// (a Hessian that it cannot factorise), the data is reset and counted as a break-down
// (mjWARN_BADQACC), which is what MuJoCo itself does about an acceleration that is no number.
void CallMujoco(void (*function)(const mjModel*, mjData*), const mjModel& model, mjData* data);

}  // namespace pmoe
