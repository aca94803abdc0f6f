"""`pmoe paper NAME`: the tables and figures of arXiv 2104.09122, trained anew. docs/paper.md.

    command.py     the flags, from their parsing to the exit code
    items.py       a table or figure as its file in experiments/paper says it
    sweeps.py      the trainings of an edition, as `pmoe sweep` plans and runs them
    settings.py    a configuration as flat names and values; what of it makes two runs comparable
    library.py     runs that exist: run directories, and copies of metrics.csv with their runs.json
    rates.py       how long trainings take
    cells.py       which of them belong to a row and column, which do not, and why
    statistics.py  areas; rliable's IQM, stratified bootstrap and probability of improvement
    areas.py, curves.py, played.py, finals.py, arena.py, clusters.py, gait.py
                   a kind of table or figure each: its numbers, its table, its picture
    play.py        episodes of a run's policy, by `pmoe eval`
    plot.py        matplotlib, without a screen
    page.py        the CSV, the picture and the page

Planning needs nothing but Python; collecting NumPy and matplotlib, the clusters scikit-learn.
"""
