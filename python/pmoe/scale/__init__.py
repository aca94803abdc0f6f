"""`pmoe scale`: how fast a training is with so many actors, and how many are worth it.
docs/scaling.md.

    command.py   the flags, from their parsing to the exit code
    plan.py      which trainings, in which folder; what a folder holds of an earlier call
    clusters.py  how one of them is started and ended: here, on Ray, on Slurm, by Compose
    trial.py     one of them from its start to its rates, by its metrics.csv
    fit.py       the law of a curve: Amdahl's, or a line with a ceiling
    study.py     all of them together: a row per size, the limit, the recommended size
    report.py    scale.csv, scale.html and what the terminal shows
    draw.py      scale.png, by matplotlib

Needs nothing but Python; with matplotlib there are pictures.
"""
