// pmoe-render: `pmoe play`. Apart from pmoe-actor, so that actors need no OpenGL.
#include <atomic>
#include <cstdio>
#include <optional>

#include "CLI/CLI.hpp"
#include "actor/render/command_play.h"
#include "common/base/command_line.h"
#include "common/base/exit_code.h"
#include "common/base/interrupt.h"

int main(int argc, char** argv) {
  CLI::App app("Draws.", "pmoe");
  app.require_subcommand(1);
  pmoe::PlayCommand play;
  play.AddTo(&app);
  if (const std::optional<int> code = pmoe::ParseCommandLine(&app, argc, argv)) return *code;
  const std::atomic<bool>& interrupted = pmoe::InstallInterruptHandler(
      "pmoe: ending the file; once more ends it now\n", /*grace_s=*/0);
  return pmoe::ReportError(play.Run(interrupted));
}
