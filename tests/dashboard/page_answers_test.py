"""What the page says of whole files, of many runs, and of answers that fail or come late."""
import tempfile
import unittest
from pathlib import Path

from made_runs import make_run
from page_test import BIN, Browser, Served, chromium


@unittest.skipUnless(chromium(), "needs Debian's chromium and python3-websocket")
class AnswersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="pmoe-answers-test-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def value(self, script):
        return self.browser.evaluate(script)

    def serve(self, folder):
        served = Served([BIN / "pmoe", "dashboard", folder, "--dashboard", "127.0.0.1:0"],
                        folder / "dashboard.log")
        self.addCleanup(served.end)
        return served.url(self.browser)

    def test_the_aim_and_the_best_are_of_rows_not_of_the_curves_means(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        run = make_run(folder / "long", rows=10)
        (run / "metrics.csv").write_text("env_steps,wall_s,cpu_s,eval_return_mean\n" + "".join(
            f"{i},{i},{2 * i},{60 if i == 1500 else 10}\n" for i in range(1, 4001)))
        self.browser.open(self.serve(folder))
        self.browser.wait_for("document.querySelector('[data-metric=target_cost]')")
        tile = "document.querySelector('[data-metric={}]').parentNode.textContent"
        self.assertIn("1,500 steps", self.value(tile.format("target_cost")))
        self.assertIn("best 60", self.value(tile.format("eval_return_mean")))

    def test_a_resumed_run_of_an_older_version_has_no_cost(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        run = make_run(folder / "old")
        (run / "metrics.csv").write_text("env_steps,wall_s,cpu_s,gpu_s,eval_return_mean\n"
                                         "100,60,,,5\n200,3,70,,2\n")
        self.browser.open(self.serve(folder))
        self.browser.wait_for("document.querySelector('[data-metric=eval_return_mean]')"
                              ".parentNode.textContent.includes('best 5')")
        self.assertIsNone(self.value("document.querySelector('[data-metric=cost]')"))

    def test_a_task_that_is_a_file_is_called_by_the_files_name(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        config = make_run(folder / "a", rows=5) / "config.textproto"
        config.write_text(config.read_text().replace("Hopper-v5", "plugin:/home/me/point.so"))
        self.browser.open(self.serve(folder) + "?view=runs")
        self.browser.wait_for("document.querySelector('#table [data-label=Task]')")
        self.assertEqual(self.value("document.querySelector('#table [data-label=Task]')"
                                    ".textContent"), "point.so")
        names = self.value("import('/format.js').then(({taskName}) => ['gym:dm_control/cheetah',"
                           " 'plugin:point.so', 'mjcf:a/b.textproto', ''].map(taskName))")
        self.assertEqual(names, ["gym:dm_control/cheetah", "point.so", "b.textproto", ""])

    # A live lag of 0 gave way to the older one of metrics.csv.
    def test_a_lag_of_zero_is_one(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        make_run(folder / "a", rows=5)
        self.browser.open(self.serve(folder))
        lags = self.value("""import('/tiles.js').then((tiles) => [{policy_lag_versions: 0}, {}]
          .map((said) => tiles.tilesOf({latest: {policy_lag: 3}, columns: {}, summary: {},
            entry: {}, status: {members: [], ...said}}).find(({id}) => id === 'policy_lag').value))
          """)
        self.assertEqual(lags, [0, 3])

    def test_a_group_of_more_than_ten_can_be_chosen_and_left(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        for seed in range(1, 13):
            make_run(folder / f"s{seed}", seed=seed, rows=5)
        self.browser.open(self.serve(folder) + "?view=runs&group=1")
        box = "document.querySelector('#table tbody input')"
        self.browser.wait_for(box)
        if not self.value(f"{box}.checked"):
            self.value(f"{box}.click()")
        self.browser.wait_for(f"document.querySelectorAll('#chips > *').length === 10 && "
                              f"{box}.checked")
        self.value(f"{box}.click()")
        self.browser.wait_for(f"!{box}.checked && "
                              "document.querySelectorAll('#chips > *').length === 0")

    def test_what_failed_or_is_new_is_shown_after_the_next_list(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        make_run(folder / "a", rows=5)
        self.browser.open(self.serve(folder) + "?view=runs")
        self.browser.wait_for("document.getElementById('videos').textContent === 'No video yet.'")
        got = self.value("""(async () => {
          const {askAgain, showDetails} = await import('/run_details.js');
          const fetched = window.fetch;
          const shown = [];
          const see = async (answer) => {
            window.fetch = answer;
            askAgain();
            showDetails('x');
            await new Promise((done) => setTimeout(done, 20));
            shown.push(document.getElementById('command').textContent + ': ' +
                       document.getElementById('videos').textContent);
          };
          const of = (command) => async () => new Response(JSON.stringify(
            {command: [command], videos: [{name: command + '.mp4', bytes: 5e6}]}));
          await see(async () => new Response('gone', {status: 404}));
          await see(of('first'));
          const player = document.querySelector('#videos video');
          await see(of('first'));
          shown.push(player === document.querySelector('#videos video'));
          let late = null;
          window.fetch = () => new Promise((done) => { late = done; });
          askAgain();
          showDetails('x');
          await see(of('newer'));
          late(await of('older')());
          await new Promise((done) => setTimeout(done, 20));
          shown.push(document.getElementById('command').textContent);
          window.fetch = fetched;
          return shown;
        })()""")
        self.assertEqual(got, ["No answer: gone: ", "first: first.mp4, 5 MB",
                               "first: first.mp4, 5 MB", True, "newer: newer.mp4, 5 MB", "newer"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
