// Ctrl-C and SIGTERM: the first asks the run to stop at the next barrier, a second ends the process
// now.
#pragma once

#include <atomic>

namespace pmoe {

// Installs the handlers and returns the flag that the first signal sets. Once per process.
const std::atomic<bool>& InstallInterruptHandler();

}  // namespace pmoe
