"""What the page offers beside a run's numbers, in headless Chromium with a real mouse: zoom, links,
files, the table of runs."""
import os
import shutil
import struct
import subprocess
import tempfile
import unittest
import urllib.parse
from pathlib import Path

from made_runs import make_run
from page_test import BIN, Browser, Served, chromium


@unittest.skipUnless(chromium(), "needs Debian's chromium and python3-websocket")
class PartsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="pmoe-parts-test-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.runs = Path(cls.folder.name) / "runs"
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        for seed in (1, 2, 3):
            make_run(cls.runs / f"one-s{seed}", seed=seed)
        make_run(cls.runs / "other", gamma=0.9, restart_at=50)
        make_run(cls.runs / 'a "quoted" <b>run', algorithm="sac", rows=20)
        (cls.runs / "damaged").mkdir()
        (cls.runs / "damaged" / "config.textproto").write_text("{{{")
        (cls.runs / "damaged" / "metrics.csv").write_bytes(b"\0\xff,,\n1,2\n")
        cls.served = Served([BIN / "pmoe", "dashboard", cls.runs, "--dashboard", "127.0.0.1:0"],
                            Path(cls.folder.name) / "dashboard.log")
        cls.addClassCleanup(cls.served.end)
        cls.url = cls.served.url(cls.browser)

    def setUp(self):
        self.browser.problems.clear()
        self.browser.show_as(1280, 900)

    def open(self, *runs, **state):
        query = [("run", run) for run in runs] + list(state.items())
        self.browser.open("about:blank")
        self.browser.open(self.url + "?" + urllib.parse.urlencode(query))
        part = "#table tbody tr" if state.get("view") == "runs" else "[data-metric=env_steps]"
        self.browser.wait_for("Number(document.body.dataset.drawn) > 1 && "
                              f"document.querySelector('{part}')")

    def value(self, script):
        return self.browser.evaluate(script)

    def chart(self, name, what):
        return self.value("((chart) => " + what + ")(Chart.getChart(document.querySelector("
                          f"'[data-chart={name}] canvas')))")

    def wait_chart(self, name, what):
        self.browser.wait_for("((chart) => " + what + ")(Chart.getChart(document.querySelector("
                              f"'[data-chart={name}] canvas')))")

    def mouse(self, kind, x, y, **more):
        self.browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, chart, begin, end):
        """From one share of the chart's width to another."""
        self.value(f"document.querySelector('[data-chart={chart}]').scrollIntoView()")
        box = self.chart(chart, "(() => { const box = chart.canvas.getBoundingClientRect();"
                         " const area = chart.chartArea; return [box.x + area.left,"
                         " area.right - area.left, box.y + 60]; })()")
        at = [box[0] + share * box[1] for share in (begin, end)]
        self.mouse("mouseMoved", at[0], box[2])
        self.mouse("mousePressed", at[0], box[2], button="left", buttons=1, clickCount=1)
        self.mouse("mouseMoved", at[1], box[2], button="left", buttons=1)
        self.mouse("mouseReleased", at[1], box[2], button="left", clickCount=1)
        return at[1], box[2]

    def test_dragging_zooms_all_charts_and_a_double_click_shows_all_again(self):
        self.open("one-s1")
        x, y = self.drag("replay_size", 0.25, 0.5)
        for name in ("replay_size", "return"):
            self.wait_chart(name, "Math.abs(chart.scales.x.min - 25000) < 1500 && "
                            "Math.abs(chart.scales.x.max - 50000) < 1500")
        for _ in range(2):
            self.mouse("mousePressed", x, y, button="left", clickCount=_ + 1)
            self.mouse("mouseReleased", x, y, button="left", clickCount=_ + 1)
        self.wait_chart("return", "chart.scales.x.max === 100000")
        self.assertEqual(self.browser.problems, [])

    def test_the_mouse_is_shown_at_the_same_place_of_every_chart(self):
        self.open("one-s1")
        self.drag("env_steps_per_s", 0.5, 0.5)
        self.browser.wait_for("document.querySelector('[data-chart=updates_per_s] .read')"
                              ".textContent !== ''")
        shown = float(self.value("document.querySelector('[data-chart=updates_per_s] .read')"
                                 ".textContent"))
        self.assertAlmostEqual(shown, 350, delta=11)

    def test_a_link_shows_the_same_again(self):
        self.open("one-s1", x="wall_s", **{"from": 10, "to": 40, "log": "critic_loss"})
        self.wait_chart("critic_loss", "chart.scales.y.type === 'logarithmic' && "
                        "chart.scales.x.min === 10 && chart.scales.x.max === 40")
        self.drag("replay_size", 0.0, 0.5)
        self.wait_chart("return", "chart.scales.x.max < 30")
        link = self.value("location.href")
        ends = self.chart("return", "[chart.scales.x.min, chart.scales.x.max]")
        self.browser.open("about:blank")
        self.browser.open(link)
        self.browser.wait_for("document.querySelector('[data-chart=return]')")
        self.wait_chart("return", f"chart.scales.x.max === {ends[1]}")
        self.assertEqual(self.value("document.getElementById('axis').value"), "wall_s")

    def test_a_warm_up_does_not_flatten_the_rest_and_can_be_shown(self):
        self.open("one-s1")
        self.assertLess(self.chart("env_steps_per_s", "chart.scales.y.max"), 800)
        self.value("document.querySelector('[data-chart=env_steps_per_s] [data-tool=all]')"
                   ".click()")
        self.wait_chart("env_steps_per_s", "chart.scales.y.max > 3600")
        self.assertIn("full=env_steps_per_s", self.value("location.search"))

    def test_wall_time_goes_on_over_a_restart(self):
        self.open("other", x="wall_s")
        # 49 s of the first process, 50.5 s of the second.
        self.wait_chart("return", "Math.abs(chart.scales.x.max - 99.5) < 0.01")
        places = self.chart("replay_size", "chart.data.datasets[0].data.map((p) => p.x)")
        self.assertEqual(places, sorted(places))

    def test_what_befell_the_run_stands_in_its_curves(self):
        self.open("one-s1")
        # The triangle of the actor that went, at 25,000 steps, in the colour of what is bad.
        ink = ("[...chart.ctx.getImageData(Math.round(chart.scales.x.getPixelForValue({})),"
               " Math.round(chart.chartArea.top) + 2, 1, 1).data]")
        self.assertEqual(self.chart("env_steps_per_s", ink.format(25000)), [192, 45, 45, 255])
        self.assertNotEqual(self.chart("env_steps_per_s", ink.format(30000)), [192, 45, 45, 255])
        self.value("document.getElementById('show-marks').click()")
        self.browser.wait_for("location.search.includes('marks=0')")
        self.wait_chart("env_steps_per_s", f"{ink.format(25000)}[0] !== 192")

    def test_a_file_of_an_older_version_shows_what_it_has(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        run = make_run(folder / "old")
        (run / "manifest.json").unlink()
        (run / "metrics.csv").write_text("env_steps,updates,eval_return_mean,time_env_s\n"
                                         "1000,0,,0.5\n2000,500,7,1\n3000,15")
        served = Served([BIN / "pmoe", "dashboard", folder, "--dashboard", "127.0.0.1:0"],
                        folder / "old.log")
        self.addCleanup(served.end)
        self.browser.open(served.url(self.browser))
        tile = "document.querySelector('[data-metric={}]')"
        self.browser.wait_for(f"{tile.format('env_steps')}.dataset.value === '2000'")
        self.assertEqual(self.value(tile.format("policy_lag") + ".textContent"), "–")
        self.assertIsNone(self.value(tile.format("cost")))
        self.assertTrue(self.value("document.getElementById('verdict').hidden"))
        self.assertTrue(self.value("document.getElementById('times').closest('section').hidden"))
        with (run / "metrics.csv").open("a") as file:  # the rest of the row that was cut
            file.write("00,8,1.5\n")
        self.browser.wait_for(f"{tile.format('env_steps')}.dataset.value === '3000'")
        self.assertEqual(self.browser.problems, [])

    def test_ticks_are_few_and_even(self):
        for width in (390, 1280, 2560):
            self.browser.show_as(width, 900)
            self.open("one-s1")
            for axis in ("x", "y"):
                ticks = self.chart("replay_size", f"chart.scales.{axis}.ticks.map((t) => t.value)")
                self.assertTrue(2 <= len(ticks) <= 9, (width, axis, ticks))
                steps = {round(b - a) for a, b in zip(ticks, ticks[1:])}
                self.assertEqual(len(steps), 1, (width, axis, ticks))

    # The smoothed column differed in its last bit, and steps of that size had no end.
    def test_a_column_that_does_not_change_has_an_axis(self):
        self.open("one-s1", smooth=0.6)
        ticks = self.chart("primitive_distance", "chart.scales.y.ticks.map((t) => t.value)")
        self.assertTrue(2 <= len(ticks) <= 7, ticks)
        got = self.value("import('/ticks.js').then((t) => ["
                         "t.evenTicks(0.2, 0.2 + 2.8e-17, 5).length <= 100, t.evenTicks(1, 1, 5),"
                         " t.logTicks(0, 1), t.evenTicks(-Infinity, 1, 5), t.logTicks(1, 1000)])")
        self.assertEqual(got, [True, [{"value": 1}], [], [],
                               [{"value": v} for v in (1, 3, 10, 30, 100, 300, 1000)]])

    def test_shares_of_time_are_the_columns_gains(self):
        self.open("other")
        label = "chart.data.datasets.map((line) => [line.label, line.data.at(-1).y])"
        shares = dict(self.chart("time_actors", label))
        # The part that waited is taken out of the writing: 0.5, 0.1, 0.4 - 0.3, 0.3 of 1.
        for part, share in (("environment", 0.5), ("policy", 0.1), ("write", 0.1),
                            ("blocked: no room", 0.3)):
            self.assertAlmostEqual(shares[part], share, places=4)
        shares = dict(self.chart("time_learner", label))
        self.assertAlmostEqual(shares["update"], 0.9, places=4)
        self.assertAlmostEqual(shares["other"], 0.05, places=4)

    def test_a_chart_can_be_saved_as_csv_and_png(self):
        self.open("one-s1", "one-s2")
        for ending in ("csv", "png"):
            path = self.download(f"[data-chart=critic_loss] [data-tool={ending.upper()}]",
                                 f"one-s1_critic_loss.{ending}")
            if ending == "csv":
                rows = [line.split(",") for line in path.read_text().splitlines()]
                self.assertEqual(rows[0], ["env_steps", "one-s1", "one-s2"])
                self.assertEqual(len(rows), 101)
                self.assertEqual(rows[5][0], "5000")
                self.assertAlmostEqual(float(rows[5][1]), 10.28366, places=4)
            else:
                data = path.read_bytes()
                self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
                width, height = struct.unpack(">II", data[16:24])
                self.assertGreater(width, 300)
                self.assertGreater(height, 200)
                self.assertGreater(len(data), 4000, "an empty picture")

    def download(self, button, name):
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        self.browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        self.value(f"document.querySelector('{button}').click()")
        for _ in range(200):
            if (folder / name).exists() and (folder / name).stat().st_size > 0:
                return folder / name
            self.browser.evaluate("new Promise((done) => setTimeout(done, 50))")
        self.fail(f"no {name}, but {os.listdir(folder)}")

    def test_seeds_become_a_mean_with_its_interval(self):
        self.open("one-s1", "one-s2", "one-s3", group=1)
        labels = self.chart("critic_loss", "chart.data.datasets.map((line) => line.label)")
        self.assertEqual(labels[0], "Hopper-v5 pmoe_sac, mean of 3 seeds")
        self.assertEqual(len(labels), 3)

    def test_series_are_what_they_say(self):
        got = self.value("""import('/series.js').then((s) => ({
          gains: s.gains([1, 3, null, 2, 7]),
          interval: s.meanInterval([1, 2, 3]),
          smooth: s.smooth([{x: 0, y: 2}, {x: 1, y: 4}], 0.5).map((p) => p.y),
          bulk: s.robustRange([...Array(20).keys(), 9999]),
          none: s.robustRange([...Array(20).keys()]),
          between: s.valueAt([{x: 0, y: 0}, {x: 4, y: 8}], 1),
        }))""")
        self.assertEqual(got["gains"], [1, 2, None, None, 5])
        self.assertAlmostEqual(got["interval"]["mean"], 2)
        self.assertAlmostEqual(got["interval"]["half"], 4.303 / 3 ** 0.5, places=3)  # t of 2, 95 %
        self.assertAlmostEqual(got["smooth"][1], (0.5 * 2 * 0.5 + 0.5 * 4) / 0.75)
        self.assertEqual(got["bulk"], {"low": 0, "high": 19, "outside": 1})
        self.assertIsNone(got["none"])
        self.assertEqual(got["between"], 2)

    def test_the_cost_is_that_of_the_columns(self):
        self.open("other")
        # 99.5 s of two cores at 100,000 steps; the aim of 50 was reached at 50,000 of them.
        tile = "Number(document.querySelector('[data-metric={}]').dataset.value)"
        self.browser.wait_for("document.querySelector('[data-metric=target_cost]')")
        self.assertAlmostEqual(self.value(tile.format("cost")), 10 * 2 * 99.5 / 3600, places=4)
        self.assertAlmostEqual(self.value(tile.format("target_cost")), 2 * 49.5 / 3600, places=4)

    def rows(self):
        return self.value("[...document.querySelectorAll('#table tbody tr')].map((row) => "
                          "row.dataset.run)")

    def test_the_table_sorts_filters_and_groups_by_seed(self):
        self.open("one-s1", view="runs")
        self.browser.wait_for("document.querySelectorAll('#table tbody tr').length === 6 && "
                              "document.getElementById('pending').textContent === ''")
        self.value("document.querySelector('[data-sort=steps] button').click()")
        self.browser.wait_for("document.querySelector('[data-sort=steps]').getAttribute("
                              "'aria-sort') === 'descending'")
        rows = self.rows()
        self.assertEqual(rows[-1], "damaged")  # what is not known comes last
        self.assertEqual(rows[-2], 'a "quoted" <b>run')
        self.value("document.querySelector('[data-sort=steps] button').click()")
        self.browser.wait_for("document.querySelector('[data-sort=steps]').getAttribute("
                              "'aria-sort') === 'ascending'")
        self.assertEqual(self.rows()[0], 'a "quoted" <b>run')
        self.value("document.getElementById('group-runs').click()")
        self.browser.wait_for("document.querySelectorAll('#table tbody tr').length === 4")
        seeds = self.value("[...document.querySelectorAll('#table tbody tr')].find((row) => "
                           "row.dataset.run.includes('one-s2')).children[4].textContent")
        self.assertEqual(seeds, "1, 2, 3")
        self.value("document.getElementById('filter').value = 'quoted'; "
                   "document.getElementById('filter').dispatchEvent(new Event('input'))")
        self.browser.wait_for("document.querySelectorAll('#table tbody tr').length === 1")
        self.assertEqual(self.value("document.querySelectorAll('main b').length"), 0)
        self.assertEqual(self.browser.problems, [])

    def test_the_table_says_in_what_chosen_runs_differ_and_how_to_begin_them(self):
        self.open("one-s1", "other", view="runs")
        self.browser.wait_for("document.querySelector('[data-setting=\"learner.gamma\"]')")
        self.assertEqual(self.value(
            "[...document.querySelectorAll('[data-setting]')].map((row) => "
            "[...row.children].map((cell) => cell.textContent))"),
            [["learner.gamma", "0.99", "0.9"]])
        self.browser.wait_for("document.getElementById('command').textContent.startsWith('pmoe')")
        self.assertIn("pmoe train --env Hopper-v5 --algo pmoe_sac --seed 1",
                      self.value("document.getElementById('command').textContent"))

    @unittest.skipUnless(shutil.which("ffmpeg"), "needs ffmpeg")
    def test_a_video_of_the_run_plays(self):
        folder = self.runs / "one-s1" / "videos"
        folder.mkdir(exist_ok=True)
        subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i",
                        "testsrc=size=320x240:rate=25:duration=2", "-pix_fmt", "yuv420p",
                        folder / "best.mp4"], check=True)
        self.open("one-s1", view="runs")
        self.browser.wait_for("document.querySelector('video').readyState >= 1")
        self.assertEqual(self.value("document.querySelector('video').videoWidth"), 320)
        self.value("document.querySelector('video').currentTime = 1.5")
        self.browser.wait_for("!document.querySelector('video').seeking && "
                              "document.querySelector('video').currentTime === 1.5")

    def test_nothing_is_clipped_at_any_width(self):
        for width in (390, 1400, 2560):
            for view in ("run", "runs"):
                self.browser.show_as(width, 900, mobile=width < 500)
                self.open("one-s1", "other", view=view)
                self.assertLessEqual(
                    self.value("document.documentElement.scrollWidth"), width, view)
        self.assertGreater(self.value("document.querySelector('main').clientWidth"), 2500)


if __name__ == "__main__":
    unittest.main(verbosity=2)
