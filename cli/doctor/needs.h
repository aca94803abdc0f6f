// Looks whether this machine has what a part needs. Each function is one look; some start a program
// for a moment.
#pragma once

#include <atomic>
#include <string>

#include "cli/doctor/machine.h"
#include "cli/doctor/part.h"

namespace pmoe {

// A program of ours is whole and finds its libraries.
Need ProgramStarts(const std::string& binary, const std::atomic<bool>& interrupted);
// A wheel is installed, in the version that this program was built with.
Need HasWheel(const std::string& name);
// Gymnasium's models.
Need HasModels();
Need HasMemory(const Machine& machine);
// A run can be written into the current folder, and scratch files into the temporary one.
Need HasDisk(const std::string& name, const std::string& folder);
Need HasDescriptors(const Machine& machine);
// A private folder for unix sockets.
Need HasSocketFolder();
// One of the ports from 6006 on, on this machine's own address.
Need HasPort();
// Python with MuJoCo's wheel and something that draws without a screen.
Need CanDraw(const std::atomic<bool>& interrupted);
Need HasFfmpeg(const std::atomic<bool>& interrupted);
Need HasGpu(const Machine& machine);
Need HasCudaTorch(const Machine& machine);
Need HasDocker(const std::atomic<bool>& interrupted);
Need HasCompose(const std::atomic<bool>& interrupted);

}  // namespace pmoe
