#include "cli/doctor/report.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/build_info.h"
#include "common/base/package.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

using Json = nlohmann::ordered_json;

std::string Line(const std::string& name, const std::string& text) {
  return absl::StrFormat("  %-16s %s\n", name, text);
}

std::string GpusText(const Machine& machine) {
  if (machine.gpus.empty()) return "none that NVIDIA's driver lists";
  std::vector<std::string> names;
  for (const GpuUsage& gpu : machine.gpus) {
    names.push_back(absl::StrCat(gpu.name(), " with ",
                                 Gigabytes(static_cast<double>(gpu.memory_total_bytes()))));
  }
  return absl::StrCat(absl::StrJoin(names, ", "), "; driver ", machine.gpu_driver);
}

std::string CoresText(const Machine& machine) {
  return absl::StrFormat("%d of %d may be used; %.1f are busy now", machine.cores_usable,
                         machine.cores_online, machine.load);
}

std::string MemoryText(const Machine& machine) {
  return absl::StrCat(Gigabytes(static_cast<double>(machine.memory_free_bytes)), " free of ",
                      Gigabytes(static_cast<double>(machine.memory_bytes)), "; at most ",
                      Gigabytes(static_cast<double>(machine.memory_limit_bytes)), " for pmoe");
}

std::string Installed() {
  return PackageFolder().empty() ? "built in a checkout, wheels in " + SitePackages()
                                 : "installed in " + PackageFolder();
}

std::string MachineText(const Machine& machine) {
  return absl::StrCat(
      "pmoe ", BuildId(), ", ", Installed(), "\n", Line("system", machine.system),
      Line("CPU",
           absl::StrCat(machine.cpu.empty() ? "unknown" : machine.cpu, ", ", machine.vectors)),
      Line("cores", CoresText(machine)), Line("memory", MemoryText(machine)),
      Line("GPU", GpusText(machine)),
      Line("LibTorch", machine.torch.empty()
                           ? "none"
                           : absl::StrCat(machine.torch, " (", machine.torch_flavour, ")")),
      Line("disk",
           absl::StrCat(Gigabytes(static_cast<double>(machine.here.free_bytes)), " free here, ",
                        Gigabytes(static_cast<double>(machine.temporary.free_bytes)), " in ",
                        TemporaryFolder())),
      Line("descriptors", absl::StrCat(machine.descriptors_max)));
}

std::string PartText(const Part& part) {
  std::string text =
      Line(part.name, absl::StrCat(part.ok() ? "can work" : "does not work", ": ", part.does));
  if (part.trial.has_value() && part.trial->ok) {
    text = Line(part.name,
                absl::StrFormat("works: %s in %.1f s", part.trial->said, part.trial->seconds));
  }
  for (const Need& need : part.needs) {
    if (!need.ok) {
      absl::StrAppend(&text, "    ", need.name, ": ", need.found, "\n      fix: ", need.fix, "\n");
    }
  }
  if (part.trial.has_value() && !part.trial->ok) {
    absl::StrAppend(&text, "    tried: ", part.trial->said, "\n");
  }
  return text;
}

std::string Verdict(const Examination& examination) {
  std::vector<std::string> works, fails;
  for (const Part& part : examination.parts) {
    if (part.asked) (part.ok() ? works : fails).push_back(part.name);
  }
  if (fails.empty()) return absl::StrCat("asked for and fine: ", absl::StrJoin(works, ", "), "\n");
  return absl::StrCat("asked for and not working here: ", absl::StrJoin(fails, ", "), "\n");
}

Json MachineJson(const Machine& machine) {
  Json gpus = Json::array();
  for (const GpuUsage& gpu : machine.gpus) {
    gpus.push_back({{"name", gpu.name()}, {"memory_bytes", gpu.memory_total_bytes()}});
  }
  return {{"system", machine.system},
          {"cpu", machine.cpu},
          {"vectors", machine.vectors},
          {"cores_online", machine.cores_online},
          {"cores_usable", machine.cores_usable},
          {"load", machine.load},
          {"memory_bytes", machine.memory_bytes},
          {"memory_limit_bytes", machine.memory_limit_bytes},
          {"memory_free_bytes", machine.memory_free_bytes},
          {"descriptors_max", machine.descriptors_max},
          {"gpus", std::move(gpus)},
          {"gpu_driver", machine.gpu_driver},
          {"torch", machine.torch},
          {"torch_flavour", machine.torch_flavour},
          {"free_here_bytes", machine.here.free_bytes},
          {"free_temporary_bytes", machine.temporary.free_bytes}};
}

Json PartJson(const Part& part) {
  Json needs = Json::array();
  for (const Need& need : part.needs) {
    needs.push_back(
        {{"name", need.name}, {"ok", need.ok}, {"found", need.found}, {"fix", need.fix}});
  }
  Json trial = nullptr;
  if (part.trial.has_value()) {
    trial = {{"ok", part.trial->ok}, {"said", part.trial->said}, {"seconds", part.trial->seconds}};
  }
  return {{"name", part.name},  {"does", part.does},         {"asked", part.asked},
          {"works", part.ok()}, {"needs", std::move(needs)}, {"trial", std::move(trial)}};
}

}  // namespace

std::string ReportText(const Examination& examination) {
  std::string text = MachineText(examination.machine);
  absl::StrAppend(&text, "parts\n");
  for (const Part& part : examination.parts) absl::StrAppend(&text, PartText(part));
  return text + Verdict(examination);
}

std::string ReportJson(const Examination& examination) {
  Json json = {{"pmoe", BuildId()},
               {"installed", PackageFolder()},
               {"site_packages", SitePackages()},
               {"machine", MachineJson(examination.machine)},
               {"parts", Json::array()},
               {"works", examination.ok()}};
  for (const Part& part : examination.parts) json["parts"].push_back(PartJson(part));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pmoe
