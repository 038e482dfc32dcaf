"""Settings of every test session: one thread per process, no silent floating-point exception, repeatable examples."""

import os

# BLAS reads these once, when NumPy is first imported; commands that tests start inherit them.
for _pool in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
    os.environ[f"{_pool}_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"

import hypothesis
import numpy as np

np.seterr(all="raise")

hypothesis.settings.register_profile("darkhorse", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("darkhorse")
