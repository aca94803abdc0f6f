"""The notebook is run from its first cell to its last; the followers' scripts are, where their
packages are installed (they are large, and not part of requirements.txt)."""

import importlib.util
import subprocess
import sys

import pytest
from conftest import ROOT, environment

EXAMPLES = ROOT / "python" / "examples"


def test_the_notebook_runs(tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="the notebook needs nbclient and ipykernel")
    import nbformat
    notebook = nbformat.read(EXAMPLES / "first_run.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3",
                                     resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=environment(MPLBACKEND="module://matplotlib_inline.backend_inline"))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert any("return" in output.get("text", "") for output in outputs)


@pytest.mark.parametrize("package, words, said", [
    ("wandb", ["wandb_run.py", "RUN"], "sent 4 rows"),
    ("mlflow", ["mlflow_run.py", "RUN", "--store", "sqlite:///mlflow.db"], "wrote 4 rows"),
    ("optuna", ["optuna_study.py", "--trials", "2", "--steps", "300"], "best: trial")])
def test_a_follower_follows(short_runs, tmp_path, package, words, said):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed here: pip install {package}")
    run = str(short_runs.of("pmoe_sac").path)
    done = subprocess.run([sys.executable, str(EXAMPLES / words[0]),
                           *(run if word == "RUN" else word for word in words[1:])],
                          cwd=tmp_path, env=environment(WANDB_MODE="offline"), text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
