// How many descriptors (files, sockets) this process may have open, and how many of them each kind
// of port may take, so that connections never take what files need. Free functions, thread-safe.
#pragma once

namespace pmoe {

// Raises the process's limit to the hard one, at most to 65,536: some systems allow a thousand
// million, and programs that we start may walk over all of them. First in main; one that is higher
// already stays.
void RaiseDescriptorLimit();

// The kernel gives the lowest free number, so that a new descriptor of at least this number says
// that all below are taken. The control page and /metrics must answer when RPC connections have
// taken their share, so that theirs is greater.
int RpcDescriptorsMax();
int HttpDescriptorsMax();

}  // namespace pmoe
