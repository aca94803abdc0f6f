// Ctrl-C, SIGTERM and a closed terminal (SIGHUP, unless ignored as under nohup): the first asks the
// process to finish in order, a second Ctrl-C or SIGTERM ends it now.
#pragma once

#include <atomic>

namespace pmoe {

// Installs the handlers and returns the flag that the first signal sets. Once per process.
//   text     printed by the first signal, a line with its newline; static storage
//   grace_s  the process is ended (exit code 1) if it has not finished in order this many seconds
//            after the first signal; 0: it may take its time
const std::atomic<bool>& InstallInterruptHandler(const char* text, unsigned grace_s);

// Asks the kernel for SIGTERM when `parent`, the process that started this one, dies; ends the
// process if that has happened already.
void EndWithParent(int parent);

}  // namespace pmoe
