"""Prints COUNT pairs of draws, uniform(-0.1, 0.1) then standard_normal(), as C hex floats: numpy_draws.py SEED COUNT"""

import sys

import numpy as np

seed, count = map(int, sys.argv[1:])
generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
for _ in range(count):
    print(generator.uniform(-0.1, 0.1).hex(), float(generator.standard_normal()).hex())
