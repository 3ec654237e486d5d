"""The benchmarks run and print their ratios."""

import re

from tests.runs import run_tool


def test_training_cost():
    done = run_tool(
        'benchmarks/training_cost.py',
        'configs/aimclr/stgcn_msr-action3d_xsub_joint.py',
        'configs/skeletonclr/stgcn_msr-action3d_xsub_joint.py',
        *('--batch-size', 4, '--rounds', 1),
    )
    assert done.returncode == 0, done.stderr
    time, memory = (float(n) for n in re.findall(r'([\d.]+) times as much', done.stdout))
    assert time > 0
    assert memory > 0
