// docs/metrics.md and the list of metrics in the code say the same.
#include "common/metrics/metric_list.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "tests/testing/paths.h"

namespace pmoe {
namespace {

// Metric, kind and role of every row of the document's table.
std::set<std::string> Documented() {
  std::set<std::string> rows;
  const absl::StatusOr<std::string> text = ReadFile(SourceFile("docs/metrics.md"));
  EXPECT_TRUE(text.ok()) << text.status();
  if (!text.ok()) return rows;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (!absl::StartsWith(line, "| `pmoe_")) continue;
    const std::vector<std::string> cells = absl::StrSplit(line, '|');
    rows.insert(cells.at(1) + cells.at(2) + cells.at(3));
  }
  return rows;
}

TEST(MetricListTest, TheDocumentAndTheCodeNameTheSameMetrics) {
  std::set<std::string> listed;
  for (const MetricInfo& info : MetricList()) {
    const std::string kind = info.kind == MetricKind::kCounter     ? " counter "
                             : info.kind == MetricKind::kHistogram ? " histogram "
                                                                   : " gauge ";
    listed.insert(std::string(" `") + info.name + "` " + kind + " " + info.role + " ");
  }
  EXPECT_EQ(Documented(), listed);
}

TEST(MetricListTest, CountersAndOnlyCountersEndInTotal) {
  for (const MetricInfo& info : MetricList()) {
    EXPECT_EQ(absl::EndsWith(info.name, "_total"), info.kind == MetricKind::kCounter) << info.name;
  }
}

TEST(MetricListTest, NamesAreUnique) {
  std::set<std::string> names;
  for (const MetricInfo& info : MetricList()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
  }
}

}  // namespace
}  // namespace pmoe
