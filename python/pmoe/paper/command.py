"""`pmoe paper`: its flags, and a call from its start to the exit code."""

from __future__ import annotations

import argparse
import os
import pathlib
import shlex
import shutil
import sys

from pmoe.errors import CommandError, Error
from pmoe.paper import items, library, plot
from pmoe.paper.cells import Gathered, gather
from pmoe.paper.items import EDITIONS, Edition, Item
from pmoe.paper.library import Found, Library
from pmoe.paper.rates import Rates
from pmoe.paper.settings import TOTAL, Settings, differences, falls, satisfies
from pmoe.paper.sweeps import Overrides, Planned, Sweep

FINISHED, SOME_FAILED, WRONG, STOPPED = 0, 1, 2, 3  # exit codes, of `pmoe sweep` too
ALL = "all"
ABOUT = "Trains what a table or figure of arXiv 2104.09122 shows, and puts ours beside the paper's."
MORE = """\
Without NAME it lists what there is, what each trains, how long that takes on one core, and what
exists. The same command resumes; what any table trained is never trained again.

Examples:
  pmoe paper                                       the list
  pmoe paper table2 --plan                         what would be trained, what is finished
  pmoe paper table2 --jobs 2                       trains what is missing, then makes the page
  pmoe paper table2 --collect                      the page of what there is
  pmoe paper all --collect --from docs/results/paper   without training anything
  pmoe paper table2 --collect --from runs/Walker2d-v5-ppo --save docs/results/paper/table2

Exit codes: 0 done, 1 some failed, 2 for what you can mend, 3 stopped before the end.
PMOE_PYTHON=/path/to/python3 names a Python with NumPy, matplotlib and scikit-learn."""


def parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(
        prog="pmoe paper", usage="pmoe paper [NAME…] [FLAGS]", description=ABOUT, epilog=MORE,
        allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = flags.add_argument
    add("names", nargs="*", metavar="NAME", help="table1 … table5, fig1 … fig11, band, or all")
    add("--edition", default="reduced", choices=EDITIONS, metavar="reduced|full",
        help="the tasks, seeds and env steps: for some days of one machine, or the paper's "
             "(default: reduced)")
    add("--out", default="runs/paper", metavar="DIR", type=pathlib.Path,
        help="runs and pages (default: runs/paper)")
    add("--from", default=[], nargs="+", action="extend", dest="sources", metavar="DIR",
        type=pathlib.Path, help="also runs that are here: run directories, or copies by --save")
    add("--jobs", default="", metavar="N", help="trainings at once (default: the cores)")
    add("--plan", action="store_true", help="say what would be trained and what is there")
    add("--collect", action="store_true", help="train nothing; use what is there")
    add("--save", metavar="DIR", type=pathlib.Path,
        help="copy the runs' evaluations and settings there, for --from")
    add("--tasks", default="", metavar="LIST", help="only these, like Hopper,Ant")
    add("--seeds", default="", metavar="LIST", help="in place of the edition's, like 1,2,3")
    add("--steps", default="", metavar="N", help="env steps in place of the edition's")
    return flags


def _number(flag: str, text: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most or value != int(value):
        raise Error(f"{flag} must be a whole number from {least:g} to {most:g}, got {text}")
    return value


def _seeds(text: str) -> tuple[str, ...]:
    seeds = []
    for part in text.split(","):
        if not part.isdecimal() or str(int(part)) in seeds:
            raise Error(f"--seeds {text}: {part!r} is no seed, or is there twice; like 1,2,3")
        seeds.append(str(int(part)))
    return tuple(seeds)


class Call:
    """One call of the command."""

    def __init__(self, flags: argparse.Namespace) -> None:
        self.flags, self.out = flags, flags.out
        self.jobs = int(_number("--jobs", flags.jobs, 1, 1024)) if flags.jobs else 0
        tasks = tuple(part for part in flags.tasks.split(",") if part)
        self.overrides = Overrides(
            _seeds(flags.seeds) if flags.seeds else (), tasks,
            _number("--steps", flags.steps, 1, 1e12) if flags.steps else 0.0)
        chosen = items.names() if not flags.names or ALL in flags.names else flags.names
        self.items = [items.read(name) for name in dict.fromkeys(chosen)]
        if ALL in flags.names:
            self.items = [item for item in self.items if flags.edition in item.editions]
        for source in flags.sources:
            if not source.is_dir():
                raise Error(f"--from {source} is no folder; give one that holds runs")
        self._sweeps: dict[tuple[str, str], Sweep] = {}
        self._plans: dict[tuple[str, str], list[Planned]] = {}

    def run(self) -> int:
        if not self.flags.names:
            return self.list()
        for item in self.items:
            self.edition(item)
        if self.overrides.tasks and not any(map(self.plan, self.items)):
            raise Error(f"--tasks {self.flags.tasks} leaves nothing of "
                        f"{', '.join(item.name for item in self.items)}; names are like Hopper")
        if self.flags.plan:
            return self.show_plan()
        self.need_packages()
        code = FINISHED if self.flags.collect else self.train()
        return code if code == STOPPED else max(code, self.collect())

    def need_packages(self) -> None:
        """Before hours of training."""
        plot.need("numpy", "numpy", "pmoe paper")
        plot.need("matplotlib", "matplotlib", "the picture")
        for item in self.items:
            if item.kind == "clusters":
                plot.need("sklearn", "scikit-learn", item.name)

    def edition(self, item: Item, name: str = "") -> Edition:
        name = name or self.flags.edition
        if name not in item.editions:
            raise Error(f"{item.name} has no edition {name}; it has {', '.join(item.editions)}")
        return item.editions[name]

    def sweep(self, edition: str, name: str) -> Sweep:
        key = (edition, name)
        if key not in self._sweeps:
            self._sweeps[key] = Sweep(edition, name, self.out, self.overrides)
        return self._sweeps[key]

    def plan(self, item: Item, edition: str = "") -> list[Planned]:
        chosen = self.edition(item, edition)
        planned = []
        for name in chosen.sweeps:
            key = (chosen.name, name)
            if key not in self._plans:
                self._plans[key] = self.sweep(*key).plan()
            planned += self._plans[key]
        return planned

    def library(self) -> Library:
        smoke = self.flags.edition == EDITIONS[-1]
        mine = [self.out / name for name in (EDITIONS[-1:] if smoke else EDITIONS[:-1])]
        return Library([folder for folder in mine if folder.is_dir()] + self.flags.sources)

    def list(self) -> int:
        rates, there = Rates(), self.library()
        print("NAME         REDUCED: RUNS  HOURS  THERE   FULL: RUNS  HOURS   (hours of one core)")
        for item in self.items:
            words = [f"{item.name:12}"]
            for edition in EDITIONS[:2]:
                if edition not in item.editions:
                    words.append(f"{'–':>13} {'–':>6}")
                    continue
                plan = needed(item, self.plan(item, edition))
                words.append(f"{len(plan):13,d} {rates.hours(plan):6,.1f}")
                if edition == EDITIONS[0]:
                    done = Done(there, plan)
                    words.append(f"{sum(planned in done for planned in plan):6,d}")
            print("  ".join(words) + f"   {item.title}", flush=True)
        print("Tables and figures share runs: fig1 is made of table1's, and so on. `pmoe paper "
              "NAME --plan` says more.")
        return FINISHED

    def show_plan(self) -> int:
        rates, there = Rates(), self.library()
        for item in self.items:
            plan = needed(item, self.plan(item))
            done = Done(there, plan)
            print(f"{item.name}, edition {self.flags.edition}: {item.title}")
            for name in self.edition(item).sweeps:
                mine = [planned for planned in plan if planned.sweep == name]
                left = [planned for planned in mine if planned not in done]
                print(f"  sweep {name}: {len(mine)} runs, {len(mine) - len(left)} finished, "
                      f"{rates.hours(left):,.1f} of {rates.hours(mine):,.1f} core hours left")
                for planned in left:
                    state = done.state(planned)
                    print(f"    {planned.name}: {planned.steps:,.0f} env steps, {state}")
            for place, why in sorted(there.damaged):
                print(f"  left out: {place}: {why}")
            print(f"  trains: {self.command(item)}", flush=True)
        return FINISHED

    def train(self) -> int:
        """Every sweep once, whichever items want it."""
        wanted = {(self.edition(item).name, name): [] for item in self.items
                  for name in self.edition(item).sweeps}
        for item in self.items:
            for planned in needed(item, self.plan(item)):
                wanted[(self.edition(item).name, planned.sweep)].append(planned.index)
        code = FINISHED
        for number, (key, indices) in enumerate(wanted.items(), start=1):
            plan = self._plans[key]
            done = Done(self.library(), plan)
            left = [one for one in plan if one.index in indices and one not in done]
            head = f"sweep {key[1]} ({number} of {len(wanted)})"
            if not left:
                print(f"{head}: all of its runs are there", flush=True)
                continue
            hours = Rates().hours(left)
            print(f"{head}: {len(left)} of {len(plan)} runs to train, about {hours:,.1f} core "
                  "hours", flush=True)
            self.refuse_longer(key, left)
            keep = {planned.index for planned in left}
            ended = self.sweep(*key).train(
                [one.index for one in plan if one.index not in keep], self.jobs)
            if ended == STOPPED:
                print(f"stopped; the same command goes on: {self.command(*self.items)}", flush=True)
                return STOPPED
            if ended == WRONG:
                raise Error(f"{head} was refused, as said above")
            code = max(code, FINISHED if ended == FINISHED else SOME_FAILED)
        return code

    def refuse_longer(self, key: tuple[str, str], left: list[Planned]) -> None:
        """Raises Error: going on would make runs that were trained to another end useless."""
        own = {run.place.absolute(): run for run in self.library().runs}
        for planned in left:
            run = own.get(self.sweep(*key).folder / planned.name)
            if run and falls(planned.settings) and float(run.settings[TOTAL]) != planned.steps:
                raise Error(f"{run.place} was trained to {run.settings[TOTAL]:,} env steps, where "
                            f"its step size falls to 0, and not to {planned.steps:,.0f}: take "
                            "another --out for these")

    def collect(self) -> int:
        there, code, saved = self.library(), FINISHED, []
        for item in self.items:
            try:
                saved += self.make(item, there)
            except Error as error:
                if len(self.items) == 1:
                    raise
                print(f"{item.name}: not made: {error}", flush=True)
                code = SOME_FAILED
        if self.flags.save is not None:
            runs = list({run.place: run for run in saved}.values())
            rows_set = {path for item in self.items for row in item.rows for path in row.sets}
            files = library.save(runs, self.flags.save, rows_set)
            print(f"saved: {len(files)} runs in {self.flags.save}, with {library.COPIES}")
            self.save_numbers()
        return code

    def save_numbers(self) -> None:
        """Of what cannot be made of evaluations alone."""
        from pmoe.paper import kinds
        for item in self.items:
            made = self.out / item.name / f"{item.name}.csv"
            if item.kind not in kinds.WITHOUT_POLICIES and made.is_file():
                shutil.copy(made, self.flags.save)
                print(f"saved: {self.flags.save / made.name}")

    def make(self, item: Item, there: Library) -> list[Found]:
        """CSV, picture and page; returns the runs that they are made of."""
        from pmoe.paper import kinds, page
        edition, kind = self.edition(item), kinds.of(item)
        folder = self.out / item.name
        gathered = gather(item, edition, self.plan(item), there, self.out / edition.name / "played",
                          lambda text: print(f"{item.name}: {text}", flush=True))
        for place, why in gathered.left_out:
            gathered.say(f"left out {place}: {why}")
        if gathered.missing:
            gathered.say(f"{len(gathered.missing)} runs are missing: "
                         f"{'; '.join(page.missing_lines(gathered)[:3])}"
                         f"{' …' if len(gathered.missing) > 3 else ''}")
        rows, source = kind.numbers(gathered) if kinds.has_what_it_needs(item, gathered) else [], ""
        if rows:
            source = f"{len(gathered.runs)} runs"
        else:
            rows, source = self.earlier(item)
        picture = kind.draw(gathered, rows)
        head, lines = kind.table(gathered, rows)
        folder.mkdir(parents=True, exist_ok=True)
        page.write_csv(folder / f"{item.name}.csv", rows)
        page.write_whole(folder / f"{item.name}.png", picture)
        page.write_whole(folder / f"{item.name}.html", page.page(
            gathered, head, lines, kind.notes(gathered), picture, self.command(item), source))
        print(page.terminal_table(head, lines))
        print(f"{item.name}: {folder}/{item.name}.html, .png and .csv, of {source}", flush=True)
        return gathered.runs

    def earlier(self, item: Item) -> tuple[page.Rows, str]:
        """The numbers that another machine made of runs that are not here."""
        from pmoe.paper import kinds, page
        for source in self.flags.sources:
            for file in sorted(source.rglob(f"{item.name}.csv")):
                rows, columns = page.read_csv(file), kinds.of(item).COLUMNS
                lacks = [name for name in columns if not rows or name not in rows[0]]
                if lacks:
                    raise Error(f"{file} has no rows or no column {lacks[0]}: it is no "
                                f"{item.name}.csv of this version; remove it, or make it anew")
                return rows, str(file)
        plan = needed(item, self.plan(item))
        raise Error(f"{item.name} has none of the {len(plan)} runs that it needs"
                    f"{' (with their policies)' if item.kind not in ('areas', 'curves') else ''}: "
                    f"`{self.command(item)}` trains them, about {Rates().hours(plan):,.1f} hours "
                    "of one core; or name a folder that holds them by --from")

    def command(self, *chosen: Item) -> str:
        names = [ALL] if ALL in self.flags.names else [item.name for item in chosen]
        words = ["pmoe", "paper", *names, "--edition", self.flags.edition]
        for flag in ("tasks", "seeds", "steps", "jobs"):
            if getattr(self.flags, flag):
                words += [f"--{flag}", getattr(self.flags, flag)]
        if str(self.out) != "runs/paper":
            words += ["--out", str(self.out)]
        return shlex.join(words)


class Done:
    """Which trainings of a plan have finished, wherever."""

    def __init__(self, there: Library, plan: list[Planned]) -> None:
        self._states = {}
        by_name: dict[tuple[str, ...], list[Found]] = {}
        for run in there.runs:
            by_name.setdefault(_name(run.settings, run.seed), []).append(run)
        for planned in plan:
            alike = [run for run in by_name.get(_name(planned.settings, planned.seed), []) if not
                     differences(run.settings, planned.settings, planned.defaults)]
            self._states[(planned.sweep, planned.index)] = max(
                (run.last_step for run in alike), default=-1)

    def __contains__(self, planned: Planned) -> bool:
        return self._states[(planned.sweep, planned.index)] >= planned.steps

    def state(self, planned: Planned) -> str:
        at = self._states[(planned.sweep, planned.index)]
        return "not begun" if at < 0 else f"at {at:,}"


def _name(settings: Settings, seed: str) -> tuple[str, ...]:
    return (str(settings.get("env.id")), str(settings.get("algorithm")), seed)


def needed(item: Item, plan: list[Planned]) -> list[Planned]:
    """Those of its sweeps' runs that are in a cell of it; a training that two sweeps hold, once."""
    wanted = [item.wanted(row, column) for row in item.rows for column in item.columns]
    kept: list[Planned] = []
    for planned in plan:
        if not any(satisfies(planned.settings, each) for each in wanted):
            continue
        if any(one.seed == planned.seed and one.sweep != planned.sweep and
               one.steps == planned.steps and
               not differences(one.settings, planned.settings, planned.defaults) for one in kept):
            continue
        kept.append(planned)
    return kept


def main(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # whatever the terminal's letters are
    try:
        return Call(parser().parse_intermixed_args(words)).run()
    except KeyboardInterrupt:
        print("pmoe: stopped; the same command goes on", file=sys.stderr, flush=True)
        return STOPPED
    except BrokenPipeError:  # as under `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
    except (Error, OSError) as error:
        print(f"pmoe: {error}", file=sys.stderr, flush=True)
        if isinstance(error, CommandError):
            return error.code if error.code > 0 else SOME_FAILED
        return WRONG if isinstance(error, Error) else SOME_FAILED
