"""Puts trained policies into zoo/: of each group of seeds the one whose last evaluations are the
median, as a small run directory that `pmoe eval --zoo NAME` and `pmoe play --zoo NAME` take.

A GROUP is a folder that `pmoe train --seeds` wrote, with seed_1, seed_2, …. The policy is the
snapshot of the seed's best evaluation; what the table says of it are 20 new episodes.

    python experiments/make_zoo.py runs/HalfCheetah-v5-ppo runs/Hopper-v5-ppo
    python experiments/make_zoo.py --table       # zoo/README.md anew, of what is there
"""
import argparse
import json
import pathlib
import shutil
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "python"))

from pmoe import command, textproto  # noqa: E402
from pmoe.config import REPEATED  # noqa: E402
from pmoe.errors import CommandError  # noqa: E402
from pmoe.metrics import RETURN, evaluations, read_metrics  # noqa: E402
from pmoe.run import Run  # noqa: E402

ZOO = ROOT / "zoo"
LAST = 5         # evaluations that a seed is ranked by
ALIKE = 1.02     # env steps of the seeds of a group: one may have been trained a little longer
EPISODES = 20    # that the table is of
SEED = 1000      # of their starts, which no training used
KEPT = ("config.textproto", "manifest.json", "env/identity.textproto", "snapshots/best.pmoe")
FRAMES = 250     # of the video
UNREAD = ("seed", "observe.video", "learner.threads")  # stand in the command, or change no bit
HEAD = f"""# Trained policies
```sh
./pmoe eval --zoo Walker2d-v5-ppo --episodes 10
./pmoe play --zoo Walker2d-v5-ppo --video walk.mp4
./pmoe export --zoo Walker2d-v5-ppo --out walk.onnx
./pmoe dashboard zoo
```
Of each group of seeds the one whose last {LAST} evaluations are the median; its snapshot of its
best evaluation. "Seeds ended at": the least and the greatest of those means. "{EPISODES} episodes":
of that snapshot, with starts that no training used
(`./pmoe eval --zoo NAME --episodes {EPISODES} --seed {SEED}`). Each folder is a small run
directory: configuration, the rows of metrics.csv that have an evaluation, the policy, what
identifies its task, and where pictures could be drawn a video. This page and the folders are
written by `experiments/make_zoo.py`.

| name | env steps | seeds | seeds ended at | seed | {EPISODES} episodes | trained by |
|---|---:|---:|---|---:|---:|---|
"""


def pmoe(*words):
    """What pmoe says on standard output; its error ends the script."""
    try:
        return command.run(["pmoe", *map(str, words)])
    except CommandError as error:
        sys.exit(f"pmoe {' '.join(map(str, words))}: {error}")


def last_return(seed):
    """Mean of the last evaluations of a run, and its env steps."""
    steps, returns = evaluations(*read_metrics(seed / "metrics.csv"))
    return statistics.fmean(returns[-LAST:]), steps[-1]


def median_seed(group):
    """(folder, env steps, {seed: mean of its last evaluations}) of the group's median."""
    seeds = sorted(group.glob("seed_*"), key=lambda folder: int(folder.name.split("_")[1]))
    if not seeds:
        sys.exit(f"{group} has no seed_1, seed_2, …: name a folder that `pmoe train --seeds` wrote")
    returns = {seed: last_return(seed) for seed in seeds}
    steps = {value[1] for value in returns.values()}
    if max(steps) > ALIKE * min(steps):
        sys.exit(f"{group}: its seeds ended at {sorted(steps)} env steps; finish them first: "
                 f"./pmoe train --resume {group}")
    ranked = sorted(seeds, key=lambda seed: returns[seed][0])
    chosen = ranked[(len(ranked) - 1) // 2]
    return chosen, returns[chosen][1], {seed.name.split("_")[1]: returns[seed][0] for seed in seeds}


def thin_metrics(source, target):
    """The rows with an evaluation, and the last one."""
    lines = source.read_text(encoding="utf-8").splitlines()
    at = lines[0].split(",").index(RETURN)
    kept = [line for line in lines[1:-1] if line.split(",")[at]]
    target.write_text("\n".join([lines[0], *kept, lines[-1]]) + "\n", encoding="utf-8")


def command_of(run, seeds, extra):
    """The command whose configuration is the run's; another one ends the script."""
    config = run.config
    if seeds != list(range(seeds[0], seeds[-1] + 1)):
        sys.exit(f"{run.path.parent}: seeds {seeds} have a gap")
    words = ["./pmoe train", f"--env {config['env']['id']}", f"--algo {config['algorithm']}",
             f"--preset {config['preset']}", f"--steps {config['schedule']['total_steps']}",
             f"--seeds {seeds[0]}..{seeds[-1]}" if len(seeds) > 1 else f"--seed {seeds[0]}"]
    words += [f"--set {setting}" for setting in extra]
    printed = pmoe("config", "print", *" ".join(words[1:-1 - len(extra)] + words[-len(extra):]
                                                if extra else words[1:-1]).split())
    said = textproto.parse(printed, "pmoe config print", REPEATED)
    for group, values in config.items():
        other = said.get(group)
        if isinstance(values, dict):
            apart = [field for field, value in values.items()
                     if (other or {}).get(field) != value and f"{group}.{field}" not in UNREAD]
        else:
            apart = [""] if other != values and group not in UNREAD else []
        if apart:
            sys.exit(f"{run.path}: {group} {' '.join(apart)} is not what {' '.join(words)} says; "
                     "name what was set by --set FIELD=VALUE")
    return " ".join(words)


def add(zoo, group, name, extra, video):
    chosen, steps, returns = median_seed(group)
    run = Run(chosen)
    config = run.config
    name = name or f"{config['env']['id']}-{config['algorithm']}"
    target = zoo / f".{name}.new"  # what fails on the way leaves the old one
    shutil.rmtree(target, ignore_errors=True)
    for kept in KEPT:
        (target / kept).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(chosen / kept, target / kept)
    thin_metrics(chosen / "metrics.csv", target / "metrics.csv")
    said = pmoe("eval", "--run", target, "--snapshot", "best", "--episodes", EPISODES, "--seed",
                SEED)
    mean, std = next(line for line in said.splitlines() if line.startswith("return")
                     ).removeprefix("return").split("±")
    seeds = sorted(map(int, returns))
    entry = {"env": config["env"]["id"], "algorithm": config["algorithm"], "steps": steps,
             "seed": int(chosen.name.split("_")[1]), "returns": returns,
             "eval_mean": float(mean), "eval_std": float(std),
             "command": command_of(run, seeds, extra)}
    (target / "zoo.json").write_text(json.dumps(entry, indent=1) + "\n", encoding="utf-8")
    if video:
        (target / "videos").mkdir()
        pmoe("play", "--run", target, "--snapshot", "best", "--video",
             target / "videos" / "best.mp4", "--frames", FRAMES, "--width", 320, "--height", 240)
    shutil.rmtree(zoo / name, ignore_errors=True)
    target.rename(zoo / name)
    print(f"{name}: seed {entry['seed']} of {seeds}, {mean.strip()} ± {std.strip()}")


def table(zoo):
    """README.md from the zoo.json of every folder."""
    rows = []
    for file in sorted(zoo.glob("*/zoo.json")):
        entry = json.loads(file.read_text(encoding="utf-8"))
        spread = sorted(entry["returns"].values())
        cells = (file.parent.name, f"{entry['steps']:,}", len(spread),
                 f"{spread[0]:,.0f} to {spread[-1]:,.0f}", entry["seed"],
                 f"{entry['eval_mean']:,.0f} ± {entry['eval_std']:,.0f}", f"`{entry['command']}`")
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    (zoo / "README.md").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", type=pathlib.Path, metavar="GROUP")
    parser.add_argument("--name", help="of the policy; default: ENV-ALGORITHM (one GROUP)")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE",
                        help="what the training was told beside, for the table's command")
    parser.add_argument("--zoo", type=pathlib.Path, default=ZOO, help="the folder; default: zoo/")
    parser.add_argument("--no-video", action="store_true")
    parser.add_argument("--table", action="store_true", help="only zoo/README.md")
    args = parser.parse_args()
    if args.name and len(args.groups) != 1:
        parser.error("--name goes with one GROUP")
    if not args.groups and not args.table:
        parser.error("name a GROUP, or --table")
    for group in args.groups:
        add(args.zoo, group, args.name, args.set, not args.no_video)
    table(args.zoo)


if __name__ == "__main__":
    main()
