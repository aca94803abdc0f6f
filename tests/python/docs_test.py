"""What the pages show in Python runs as it stands there."""

import ast
import contextlib
import os
import re

import numpy as np
import pytest
from conftest import ROOT, make_cluster

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_block(code, names):
    """Runs it statement by statement, so that a failure shows the line of the page."""
    for statement in ast.parse(code).body:
        line = ast.unparse(statement)
        try:
            exec(compile(line, "page", "exec"), names)
        except Exception as error:
            pytest.fail(f"{line}\n{type(error).__name__}: {error}")


def test_the_pages_blocks_run_one_after_the_other(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall((ROOT / "docs" / "python.md").read_text())
    assert len(blocks) >= 6
    names = {}
    for block in blocks:
        with contextlib.ExitStack() as stack:
            if "pmoe.Cluster(" in block:  # at work only while it is asked
                up, _ = stack.enter_context(contextlib.contextmanager(make_cluster)(
                    tmp_path_factory))
                os.symlink(up.directory, tmp_path / "runs" / "up")
            run_block(block, names)
    assert names["run"].metrics["env_steps"].max() == 2000
    assert len(names["batch"]) == 256 and (tmp_path / "run.mp4").stat().st_size > 500


def test_the_readmes_lines_run(short_runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    os.symlink(short_runs.of("pmoe_sac").path, tmp_path / "runs" / "my-run")
    (block,) = BLOCK.findall((ROOT / "README.md").read_text())
    assert block.startswith("import pmoe\n") and len(block.splitlines()) <= 5
    names = {"obs": np.zeros(11)}
    run_block(block, names)
    assert names["action"].shape == (3,)
