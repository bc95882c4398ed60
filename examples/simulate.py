"""Send frames through the RTL of a build, and compare every integer with the network in software.

python examples/simulate.py BUILD [FRAMES]      BUILD: a folder of `radioml build ... --until rtl`
"""

import sys
from pathlib import Path

from deploy.opening import opened
from finn_build.engine.paths import NETWORK
from radioml.data.synthetic import generate_spread

if __name__ == "__main__":
    build = Path(sys.argv[1])
    frames = generate_spread(int(sys.argv[2]) if len(sys.argv) > 2 else 24, seed=0)
    with opened(build, "simulation") as rtl, opened(build / NETWORK) as software:
        integers = rtl.manifest.quantiser(frames.iq)
        simulated = rtl.accelerator.infer(integers)
        expected = software.accelerator.infer(integers)
    equal = (simulated.logits == expected.logits).all(axis=1).sum()
    cycles = simulated.cycles / simulated.initiation_intervals
    print(f"{equal} of {len(frames)} frames integer-equal, {cycles:,.0f} cycles a frame")
    sys.exit(0 if equal == len(frames) else 1)
