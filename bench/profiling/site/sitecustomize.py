"""Read by every Python that the bench starts while it profiles: the workers among them take samples of themselves.

This is the only hook, and it stands outside the product, in a folder that only the bench puts on the path.
"""

from __future__ import annotations

import os
import sys

if "BENCH_SAMPLES" in os.environ and sys.orig_argv[2:4] == ["commands", "worker"]:
    from bench.profiling.sampler import begin

    begin()
