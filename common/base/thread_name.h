// Names the calling thread, for `top -H` and for benchmarks that count a part's CPU time. Threads
// that it starts afterwards have the same name until they give themselves another.
#pragma once

#include <sys/prctl.h>

namespace pmoe {

// At most 15 letters; the kernel cuts the rest.
inline void NameThread(const char* name) { prctl(PR_SET_NAME, name); }

}  // namespace pmoe
