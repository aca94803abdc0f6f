"""The class of docs/python_envs.md works as the page says."""
import re

from conftest import PYTHON, ROOT, SMALL, metrics, needs, pmoe, weights

pytestmark = needs("gymnasium")
PAGE = (ROOT / "docs" / "python_envs.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_class_trains_resumes_and_is_evaluated(tmp_path):
    (tmp_path / "point_env.py").write_text(blocks("python")[0])
    words = ("train", "--env", "gym:point_env:Point-v0", "--env-arg", "push=2", "--python", PYTHON)
    pmoe(*words, "--steps", 250, "--out", "point", *SMALL, cwd=tmp_path)
    said = pmoe("train", "--resume", "point", "--steps", 400, cwd=tmp_path)
    assert "cannot be saved" in said
    assert metrics(tmp_path / "point")["eval_success_rate"]
    pmoe("eval", "--run", "point", cwd=tmp_path)


def test_with_its_two_methods_it_resumes_bit_for_bit(tmp_path):
    own, saved = blocks("python")
    before, register = own.split("\ngym.register")
    (tmp_path / "point_env.py").write_text(before + "\n" + saved + "\ngym.register" + register)
    words = ("train", "--env", "gym:point_env:Point-v0", "--python", PYTHON, *SMALL)
    pmoe(*words, "--steps", 400, "--out", "whole", cwd=tmp_path)
    pmoe(*words, "--steps", 250, "--out", "parts", cwd=tmp_path)
    pmoe("train", "--resume", "parts", "--steps", 400, cwd=tmp_path)
    assert weights(tmp_path / "whole") == weights(tmp_path / "parts")
