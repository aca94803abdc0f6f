// CLI11's names, for headers that only hand parsers on: its own header is 9,000 lines of code and
// costs each file that includes it seconds of compiling.
#pragma once

namespace CLI {
class App;
class Option;
}  // namespace CLI
