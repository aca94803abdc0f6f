"""The page over a thousand actors, ten viewers and ten million steps, made up."""
import json
import os
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from made_runs import make_run
from page_test import BIN, LIMIT_S, Browser, Served, chromium, dashboard_cpu_s

MANY = 1024


@unittest.skipUnless(chromium(), "needs Debian's chromium and python3-websocket")
class ActorsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="pmoe-actors-test-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.browser.problems.clear()
        self.browser.show_as(1280, 900)

    def tearDown(self):
        self.browser.open("about:blank")  # before its server ends: it would complain of that

    def value(self, script):
        return self.browser.evaluate(script)

    def many(self, actors):
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        make_run(folder / "run", rows=1000)
        served = Served([BIN / "pmoe-many-actors", folder, actors], folder / "many.log")
        self.addCleanup(served.process.wait)
        self.addCleanup(served.process.terminate)
        self.many_pid = served.process.pid
        return served.url(self.browser)

    def open_many(self, actors, heat):
        """Where the card of the actors is to be seen: the page asks for no other's past."""
        self.browser.open(self.many(actors) + "?heat=" + heat)
        self.browser.wait_for("!document.getElementById('actors-card').hidden")
        self.value("document.getElementById('actors-card').scrollIntoView()")

    def test_a_thousand_actors_are_shown_and_the_slow_ones_named(self):
        self.open_many(MANY, "steps_per_s")
        self.browser.wait_for("document.querySelector('#heat p').dataset.silent")
        slow = self.value("document.querySelector('#heat p').dataset.slow").split(",")
        self.assertEqual(slow, [str(i) for i in range(5, MANY, 10)])
        verdict = self.value("document.querySelector('.verdict .first').textContent")
        self.assertRegex(verdict, "^The learner is the bottleneck: actors idle 36 %. More actors "
                         "will not help. Actors 5, 15, 25, 35, 45, 55 and 96 more make [23][0-9] % "
                         "of the others' steps. Actor 3 is gone.$")
        states = self.value("Object.fromEntries([...document.querySelectorAll('#members tr')]"
                            ".map((row) => [row.dataset.member, row.cells[1].textContent]))")
        self.assertEqual(states.pop("actor 3"), "gone")
        self.assertEqual({state for who, state in states.items() if who.startswith("actor")},
                         {"slow"})
        self.assertIn("a second learner thread ×1.60",
                      self.value("document.querySelector('.gains').textContent"))
        self.assertLessEqual(self.value("document.querySelectorAll('#members tr').length"), 70)
        bars = json.loads(self.value("document.querySelector('[data-bar=learner]')"
                                     ".dataset.shares"))
        self.assertAlmostEqual(bars["update"], 0.9)
        self.assertEqual(self.value("document.querySelector('[data-latency=sample]').dataset.p50"),
                         "0.00035")
        self.assertEqual(self.value("document.querySelector('[data-metric=policy_lag]')"
                                    ".dataset.value"), "1.5")
        self.assertIn("over the last 10 s", self.value(
            "document.querySelector('[data-metric=samples_per_insert]').parentNode.textContent"))
        self.assertEqual(self.browser.problems, [])

    # Every draw of the page drew it, seen or not.
    def test_the_heatmap_is_drawn_when_it_is_new_and_seen(self):
        self.open_many(MANY, "steps_per_s")
        self.browser.wait_for("document.querySelector('#heat p').dataset.slow")
        self.value("""(() => {
          window.drawn = window.asked = 0;
          const canvas = document.querySelector('canvas.heat');
          const context = canvas.getContext.bind(canvas);
          canvas.getContext = (kind) => { ++window.drawn; return context(kind); };
          const fetched = window.fetch;
          window.fetch = (url) => {
            window.asked += url.includes('/api/actors');
            return fetched(url);
          };
        })()""")
        page = int(self.value("document.body.dataset.drawn"))
        self.browser.wait_for(f"Number(document.body.dataset.drawn) > {page + 6}")
        drawn, asked = self.value("[window.drawn, window.asked]")
        self.assertGreater(drawn, 0)
        self.assertLessEqual(drawn, asked + 1)
        self.value("scrollTo(0, 0)")
        self.browser.wait_for(f"Number(document.body.dataset.drawn) > {page + 9}")
        drawn = self.value("window.drawn")
        self.browser.wait_for(f"Number(document.body.dataset.drawn) > {page + 13}")
        self.assertEqual(self.value("window.drawn"), drawn)
        self.browser.evaluate("document.getElementById('theme').click()")
        self.value("document.getElementById('actors-card').scrollIntoView()")
        self.browser.wait_for(f"window.drawn > {drawn}")

    # The actors' past stood still for an hour.
    def test_a_computer_whose_clock_is_set_back_goes_on_asking(self):
        self.open_many(20, "steps_per_s")
        self.browser.wait_for("document.querySelector('#heat p').dataset.slow")
        self.value("""(() => {
          const now = Date.now.bind(Date), fetched = window.fetch;
          Date.now = () => now() - 3600e3;
          window.asked = 0;
          window.fetch = (url) => {
            window.asked += url.includes('/api/actors');
            return fetched(url);
          };
        })()""")
        self.browser.wait_for("window.asked > 2")

    def test_an_answer_that_goes_on_from_a_grid_that_is_gone_is_dropped(self):
        self.browser.open(self.many(1))
        self.browser.wait_for("document.querySelector('[data-metric=env_steps]')")
        got = self.value("""import('/heatmap.js').then(({joined}) => {
          const news = {merges: 0, from: 2, times: 3, actors: [0], rows: [[7]]};
          const old = {merges: 0, from: 0, times: 3, actors: [0], rows: [[1, 2, 3]]};
          return [joined(null, news), joined(old, news).rows]; })""")
        self.assertEqual(got, [None, [[1, 2, 7]]])

    def test_the_heatmaps_colours_are_the_values(self):
        self.open_many(20, "blocked")
        self.browser.wait_for("Number(document.getElementById('actors-card').dataset.times) >= 3")
        # Actor 5 is slow, and so never blocked; 3 is gone; the others are blocked for 40 %.
        ink = """(row) => { const canvas = document.querySelector('canvas.heat');
          const px = canvas.height / 20; return [...canvas.getContext('2d').getImageData(
          canvas.width - 3, Math.floor((row + 0.5) * px), 1, 1).data]; }"""
        busy, slow, gone = (self.value(f"({ink})({row})") for row in (4, 5, 3))
        self.assertAlmostEqual(busy[3] / 255, 0.06 + 0.94 * 0.4, delta=0.03)
        self.assertAlmostEqual(slow[3] / 255, 0.06, delta=0.03)
        self.assertEqual(gone[3], 255)
        self.browser.evaluate("document.querySelector('[data-heat=behind]').click()")
        self.browser.wait_for("document.querySelector('#heat p').dataset.slow === '5,15'")
        self.assertEqual(self.value("document.querySelector('#heat p').textContent"),
                         "Actors 5, 15 are slow. Actor 3 is silent.")

    def test_ten_viewers_of_256_actors_cost_little(self):
        url = self.many(256)
        streams = [urllib.request.urlopen(url + "api/events?run=run", timeout=LIMIT_S)
                   for _ in range(10)]
        for stream in streams:
            self.addCleanup(stream.close)
            while not stream.readline().startswith(b"event: status"):
                pass
        seconds = 10
        before = dashboard_cpu_s(self.many_pid)
        until = time.monotonic() + seconds
        asked = 0
        while time.monotonic() < until:
            for stream in streams:
                while not stream.readline().startswith(b"event: status"):
                    pass
                asked += 1
                if asked % 2 == 0:  # the heatmap's page asks every two seconds
                    with urllib.request.urlopen(url + "api/actors?run=run&value=blocked"
                                                f"&from={asked // 40}", timeout=LIMIT_S) as news:
                        json.load(news)
        cores = (dashboard_cpu_s(self.many_pid) - before) / seconds
        print(f"ten viewers of 256 actors: {100 * cores:.2f} % of a core")
        self.assertLess(cores, 0.03)

    def test_ten_million_steps_are_there_within_a_second(self):
        make_run(Path(self.folder.name) / "big" / "run", rows=10_000)
        served = Served([BIN / "pmoe", "dashboard", Path(self.folder.name) / "big", "--dashboard",
                         "127.0.0.1:0"], Path(self.folder.name) / "big.log")
        self.addCleanup(served.end)
        url = served.url(self.browser)
        begin = time.monotonic()
        with urllib.request.urlopen(url + "api/events?run=run", timeout=LIMIT_S) as stream:
            while not stream.readline().startswith(b"data: "):
                pass
        seconds = time.monotonic() - begin
        print(f"the data of 10,000,000 steps in 10,000 rows: {seconds:.3f} s")
        self.assertLess(seconds, 1.0 if os.cpu_count() > 4 else 3.0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
