#!/usr/bin/env python3
"""The house rules as a test: on this repository, and each rule on a small text that breaks it.

    python3 tests/tidy/tidy_test.py            both
    python3 tests/tidy/tidy_test.py --list     only the repository's violations, one per line
"""
import pathlib
import sys
import unittest

from docs_rules import check_docs
from include_rules import check_includes
from source_text import cpp_functions, read_tree
from text_rules import check_text

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = "// What it is.\n#pragma once\n"


def violations(tree):
    found = [*check_includes(tree), *check_text(tree), *check_docs(tree)]
    return sorted(found, key=lambda violation: (violation.path, violation.line))


def rules_broken(tree):
    return sorted({violation.rule for violation in violations(tree)})


class RepositoryTest(unittest.TestCase):
    def test_follows_every_rule(self):
        found = violations(read_tree(ROOT))
        if found:
            self.fail(f"{len(found)} violations\n" + "\n".join(map(str, found)))


class RuleTestCase(unittest.TestCase):
    def assert_breaks(self, rule, path, text, **others):
        tree = {path: text, **{name.replace("__", "/") + ".h": HEADER + body
                               for name, body in others.items()}}
        self.assertEqual(rules_broken(tree), [rule])

    def assert_fine(self, path, text):
        self.assertEqual(rules_broken({path: text}), [])


class IncludeRulesTest(RuleTestCase):
    def test_actor_does_not_know_learner(self):
        self.assert_breaks("dependency", "actor/a.cc", '#include "run/learner.h"\n')

    def test_learner_does_not_know_actor(self):
        self.assert_breaks("dependency", "learner/a.cc", '#include "actor/env/env.h"\n')

    def test_actor_reaches_replay_through_the_client(self):
        self.assert_breaks("dependency", "actor/a.cc", '#include "replay/core/table.h"\n')
        self.assert_fine("actor/a.cc", '#include "replay/client/writer.h"\n')

    def test_learner_may_use_the_replay_core(self):
        self.assert_fine("learner/a.cc", '#include "replay/core/table.h"\n')

    def test_replay_core_knows_only_the_base(self):
        self.assert_breaks("dependency", "replay/core/a.cc", '#include "common/config/x.h"\n')
        self.assert_breaks("dependency", "replay/core/a.cc", '#include "proto/x.pb.h"\n')
        self.assert_fine("replay/core/a.cc", '#include "common/base/rng.h"\n')

    def test_base_knows_only_itself(self):
        self.assert_breaks("dependency", "common/base/a.cc", '#include "common/config/x.h"\n')

    def test_each_folder_reaches_its_own_circle_only(self):
        for folder, near, far in (("common/policy", "proto/x.pb.h", "common/config/x.h"),
                                  ("common/config", "common/base/x.h", "actor/x.h"),
                                  ("replay/service", "replay/core/x.h", "replay/client/x.h"),
                                  ("replay/client", "replay/core/x.h", "replay/service/x.h")):
            self.assert_fine(f"{folder}/a.cc", f'#include "{near}"\n')
            self.assert_breaks("dependency", f"{folder}/a.cc", f'#include "{far}"\n')

    def test_cli_and_tests_may_know_all(self):
        text = '#include "actor/actor.h"\n#include "run/learner.h"\n'
        self.assert_fine("cli/a.cc", text)
        self.assert_fine("tests/a_test.cc", text)

    def test_message_names_the_rule(self):
        found = violations({"actor/a.cc": '\n#include "run/learner.h"\n'})
        self.assertIn("actor/a.cc:2: [dependency] actor may include only actor, control/client, "
                      "control/wire, control/core, replay/client, replay/wire, common, proto; "
                      "run/learner.h is not one of them", str(found[0]))

    def test_pure_folders_do_not_know_grpc_or_torch(self):
        for header in ("grpcpp/server.h", "torch/torch.h", "ATen/ATen.h", "c10/core/Device.h"):
            self.assert_breaks("pure folder", "common/policy/a.cc", f"#include <{header}>\n")

    def test_pure_folders_do_not_know_torch_through_a_header(self):
        self.assert_breaks("pure folder", "common/base/a.cc", '#include "common/base/b.h"\n',
                           common__base__b="#include <ATen/ATen.h>\n")

    def test_torch_and_protobuf_do_not_meet(self):
        for header in ("proto/config.pb.h", "google/protobuf/message.h", "grpcpp/server.h"):
            self.assert_breaks("Torch or protobuf", "learner/a.cc",
                               f'#include <ATen/ATen.h>\n#include "{header}"\n')

    def test_torch_and_protobuf_do_not_meet_through_headers(self):
        tree = {"learner/a.cc": '#include "learner/t.h"\n#include "common/config/p.h"\n',
                "learner/t.h": HEADER + "#include <c10/core/Device.h>\n",
                "common/config/p.h": HEADER + '#include "proto/config.pb.h"\n'}
        self.assertEqual([found.path for found in violations(tree)], ["learner/a.cc"])

    def test_a_meeting_is_reported_where_it_happens(self):
        tree = {"learner/both.h": HEADER + '#include <ATen/ATen.h>\n#include "proto/x.pb.h"\n',
                "learner/a.cc": '#include "learner/both.h"\n'}
        self.assertEqual([found.path for found in violations(tree)], ["learner/both.h"])

    def test_headers_that_include_each_other_end(self):
        tree = {"learner/a.h": HEADER + '#include "learner/b.h"\n',
                "learner/b.h": HEADER + '#include "learner/a.h"\n'}
        self.assertEqual(rules_broken(tree), [])


def function_of(lines, opening="void F() {"):
    return opening + "\n" + "  int x;\n" * (lines - 2) + "}\n"


class LengthRulesTest(RuleTestCase):
    def test_function_of_60_lines_is_fine_and_61_are_not(self):
        self.assert_fine("actor/a.cc", function_of(60))
        self.assert_breaks("function length", "actor/a.cc", function_of(61))

    def test_functions_are_found_wherever_they_stand(self):
        for opening in ("int F(int a = 3, B b = {}) const noexcept {", "TEST(A, B) {",
                        "template <class T>\nT F(std::vector<T> x) {",
                        "A::A(int b) : b_(b), c_{b} {",
                        "bool operator==(const A& b) const {", "auto F() -> std::pair<int, int> {"):
            function = function_of(61, opening)
            nested = f"namespace a {{\nclass B : public C {{\n public:\n{function}}};\n}}\n"
            self.assert_breaks("function length", "actor/a.cc", function)
            self.assert_breaks("function length", "actor/a.cc", nested)

    def test_tables_classes_and_namespaces_are_no_functions(self):
        for opening in ("constexpr int kTable[] = {", "struct A {", "namespace a {", "enum A {",
                        "const std::map<int, int> kTable = Make(1) + {"):
            self.assertEqual(cpp_functions(opening + "\n" * 100 + "};\n"), [])

    def test_braces_in_literals_and_comments_do_not_count(self):
        text = "void F() {\n  char c = '}'; // }\n  Use(\"}\", R\"x(})x\", 1'000);\n}\nint x;\n"
        self.assertEqual(cpp_functions(text), [(1, 4)])

    def test_python_and_shell_functions_count_too(self):
        self.assert_breaks("function length", "experiments/a.py",
                           "def f():\n" + "    x = 1\n" * 60)
        self.assert_breaks("function length", "deploy/a.sh", "f() {\n" + "  x=1\n" * 59 + "}\n")

    def test_a_long_one_may_say_why(self):
        why = "  // tidy: long because it is one table\n"
        self.assert_fine("actor/a.cc", function_of(61).replace("{\n", "{\n" + why))
        self.assert_fine("actor/a.h", "// tidy: long because of tables\n" + HEADER + "\n" * 200)
        self.assert_breaks("function length", "actor/a.cc",
                           function_of(61).replace("{\n", "{\n  // tidy: long because\n"))

    def test_headers_end_at_150_lines_and_files_at_400(self):
        self.assert_breaks("file length", "actor/a.h", HEADER + "\n" * 149)
        self.assert_fine("actor/a.cc", "\n" * 400)
        self.assert_breaks("file length", "actor/a.cc", "\n" * 401)


class BannedRulesTest(RuleTestCase):
    def test_banned_names(self):
        for code in ("std::random_device d;", "int i = rand();", "srand(3);", "std::time(0);",
                     "seed(time(nullptr));", "throw 1;", "std::mutex m;", "std::lock_guard l(m);",
                     "absl::Mutex m;"):
            self.assert_breaks("banned", "actor/a.cc", code + "\n")

    def test_alike_names_are_fine(self):
        for code in ("d->time = 0;", "clock.time();", "Operand(3);", "// throw", 'Log("throw");',
                     "noexcept(true);", "wall_time();"):
            self.assert_fine("actor/a.cc", code + "\n")

    def test_std_mutex_lives_in_one_header(self):
        self.assert_fine("common/base/mutex.h", HEADER + "std::mutex m;\n")

    def test_headers_open_no_namespace(self):
        self.assert_breaks("banned", "actor/a.h", HEADER + "using namespace std;\n")
        self.assert_fine("actor/a.cc", "using namespace std;\n")

    def test_tests_do_not_sleep(self):
        code = "std::this_thread::sl" + "eep_for(x);\n"
        self.assert_breaks("banned", "tests/actor/a_test.cc", code)
        self.assert_breaks("banned", "tests/a.py", "import time\ntime.sl" + "eep(1)\n")
        self.assert_fine("actor/a.cc", "Clock::Real()->Sl" + "eep(x);\n")

    def test_time_comes_from_a_clock(self):
        for code in ("auto t = std::chrono::steady" + "_clock::now();\n",
                     "std::this_thread::sl" + "eep_for(x);\n"):
            self.assert_breaks("banned", "actor/a.cc", code)
            self.assert_fine("common/base/clock.cc", code)

    def test_an_algorithms_name_means_its_row(self):
        for code in ('if (config.algorithm() == "dac") F();', 'if (name != "pmoe_sac") F();',
                     'return absl::EndsWith(algorithm, "ppo");', 'if (algorithm.name == "x") F();',
                     'absl::StartsWith(config.algorithm(), "gating")'):
            self.assert_breaks("algorithm name", "learner/a.cc", code + "\n")
            self.assert_fine("common/config/algorithms.cc", code + "\n")
            self.assert_fine("tests/a_test.cc", code + "\n")
        for code in ('if (field == "algorithm") F();', 'Use("pmoe_sac, sac, ppo");',
                     'AddField("algorithm", "ppo");'):
            self.assert_fine("learner/a.cc", code + "\n")

    def test_programs_speak_through_log(self):
        for code in ('std::fprintf(stderr, "%d", 3);', "std::fputs(text,\n           stderr);",
                     'std::cerr << "lost";', 'absl::FPrintF(stderr, "lost");', 'perror("open");'):
            self.assert_breaks("banned", "actor/a.cc", code + "\n")
            self.assert_fine("tests/a.cc", code + "\n")
        for code in ('std::fprintf(out, "%d", 3);', "std::fputs(text, stdout); Use(stderr);",
                     'Log(LogLevel::kInfo, "fprintf(stderr");'):
            self.assert_fine("actor/a.cc", code + "\n")

    def test_a_reason_lets_one_use_pass(self):
        reason = "// tidy: allowed because another library wants it\n"
        self.assert_fine("actor/a.cc", reason + "std::mutex m;\n")
        self.assert_breaks("banned", "actor/a.cc", reason + "\nstd::mutex m;\n")


class ShapeRulesTest(RuleTestCase):
    def test_lines_have_100_columns(self):
        self.assert_fine("actor/a.cc", "// " + "é" * 97 + "\n")
        self.assert_breaks("columns", "actor/a.cc", "// " + "é" * 98 + "\n")
        self.assert_fine("docs/a.md", "x" * 101 + "\n")

    def test_no_registry_is_named(self):
        for host in ("py" + "pi.org", "files.python" + "hosted.org", "deb.deb" + "ian.org"):
            self.assert_breaks("host name", "docs/a.md", f"from {host}\n")

    def test_a_task_has_an_owner(self):
        mark = "TO" + "DO"
        self.assert_breaks("task without owner", "actor/a.cc", f"// {mark}: later\n")
        self.assert_fine("actor/a.cc", f"// {mark}(ada): later\n")

    def test_lines_end_with_lf(self):
        self.assert_breaks("line ending", "docs/a.md", "a\r\n")
        self.assert_breaks("line ending", "docs/a.md", "a")

    def test_headers_have_pragma_once_and_an_opening_comment(self):
        self.assert_breaks("header", "actor/a.h", "// What it is.\n")
        self.assert_breaks("header", "actor/a.h", "#pragma once\n")
        self.assert_fine("actor/a.h", HEADER)


class DocsRulesTest(RuleTestCase):
    SOURCES = {
        "replay/core/table.h": HEADER + "class Table { void Take(); };\nconstexpr int kRows = 1;\n",
        "replay/core/queue.h": HEADER + "class Queue { void Give(int row_count); };\n",
        "pmoe": "#!/bin/sh\n",
        "tests/config_test.cc": 'Refuses("learner.alfa");\nTable table;\nint Pop;\n',
        "cli/flags.cc": 'Add("--dry-run");\nOpen("DIR/state.bin");\n',
        "proto/config.proto": "message LearnerConfig {\n  double alpha = 1;\n}\n"
                              "message ActorConfig {\n  int32 envs = 1;\n}\n",
    }

    def assert_found(self, text, *words):
        """What the rule finds in a page, which may refer to SOURCES: these words, in order."""
        for page in ("README.md", "docs/deep/er.md"):
            found = violations(self.SOURCES | {page: text})
            self.assertEqual([violation.rule for violation in found], ["docs"] * len(words))
            self.assertEqual([str(violation).split("`")[1] for violation in found], list(words))

    def test_a_path_exists(self):
        self.assert_found("`replay/core/table.h`, `replay/core`, `core/table.h`, `table.h`,\n"
                          "`replay/core/{table,queue}.h`, `replay/*/table.*`, `build/x`\n")
        for path in ("replay/core/tables.h", "replay/cores", "tables.h", "replay/core/{table,q}.h",
                     "replays/*/table.h"):
            self.assert_found(f"See `{path}`.\n", path)

    def test_a_link_leads_to_a_file(self):
        self.assert_found("[a](../replay/core/table.h), (replay/core/table.h), [b](#part)\n")
        self.assert_found("[a](../replay/core/tables.h#part)\n", "../replay/core/tables.h")

    def test_a_name_occurs(self):
        self.assert_found("`Table`, `Table::Take`, `Table::Take()`, `kRows`, `row_count`, `Tak…`\n")
        for name in ("TableFile", "Table::Pop", "Map::Take", "kColumns", "row_counts", "Tok*"):
            self.assert_found(f"`{name}` does it\n", name)

    def test_a_method_belongs_to_its_class(self):
        self.assert_found("`Queue::Take`\n", "Queue::Take")

    def test_a_flag_occurs(self):
        self.assert_found("`--dry-run`, `pmoe go --dry-run`, `tar --strip`\n")
        self.assert_found("`--dry-runs N`\n", "--dry-runs")
        self.assert_found("`./pmoe go --wet-run`\n", "--wet-run")

    def test_a_setting_is_in_its_section(self):
        self.assert_found("`learner.alpha=0.1`, `actor.envs`, `learner.*`\n")
        self.assert_found("`learner.envs`\n", "learner.envs")
        self.assert_found("`actor.alpha=0.1`\n", "actor.alpha=0.1")
        self.assert_found("`learner.alfa`, which tests may spell\n", "learner.alfa")

    def test_blocks_hold_programs_but_our_commands_are_checked(self):
        self.assert_found("```\nTableFile x = kColumns;\n./pmoe go --dry-run\n```\n")
        self.assert_found("```\nx\n  ```\n`a` `TableFile`\n", "TableFile")
        self.assert_found("```sh\n./pmoe go --wet-run tables.h\n```\n", "--wet-run", "tables.h")

    def test_a_page_is_named_with_its_line(self):
        found = violations({"docs/a.md": "a\n```\nb\n```\n`b\nc` d `TableFile`\n"})
        self.assertTrue(str(found[0]).startswith("docs/a.md:6: [docs] `TableFile` is in no source"))

    def test_history_may_name_what_is_gone(self):
        self.assertEqual(rules_broken({"CHANGELOG.md": "`TableFile`\n"}), [])


if __name__ == "__main__":
    if "--list" in sys.argv:
        sys.exit("\n".join(map(str, violations(read_tree(ROOT)))) or None)
    unittest.main()
