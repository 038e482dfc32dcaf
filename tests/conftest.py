"""Settings of every test session: one thread per process, no silent floating-point exception, repeatable examples."""

import os
import signal

# BLAS reads these once, when NumPy is first imported; commands that tests start inherit them.
for _pool in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
    os.environ[f"{_pool}_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"

# A shell without job control starts what it puts in the background deaf to Ctrl-C, and so would be our children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import hypothesis
import numpy as np

np.seterr(all="raise")

hypothesis.settings.register_profile("darkhorse", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("darkhorse")
