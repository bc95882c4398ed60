"""FINN's input generator, with the cycles that its RTL takes for windows of a depthwise layer that do not overlap."""

from __future__ import annotations

from functools import lru_cache

from finn.custom_op.fpgadataflow.rtl.convolutioninputgenerator_rtl import ConvolutionInputGenerator_rtl as OfFinn

_SHORT_KERNEL = 2
"""Pixels of a kernel up to which FINN's formula is at most 3 % too high."""


class ConvolutionInputGenerator_rtl(OfFinn):  # noqa: N801 - takes the place of FINN's
    """FINN's layer. Its formula is up to a fifth too low where a kernel is no longer than the stride."""

    def get_exp_cycles(self) -> int:
        """Cycles from one frame to the next."""
        sizes = {name: self.get_nodeattr(name) for name in ("ConvKernelDim", "Stride", "IFMDim", "OFMDim", "Dilation")}
        kernel, stride, pixels, windows, dilation = map(max, sizes.values())
        side_by_side = min(sizes["IFMDim"]) == 1 and dilation == 1 and _SHORT_KERNEL < kernel <= stride
        if not (side_by_side and self.get_nodeattr("depthwise") and self.select_impl_style() == "default"):
            return int(super().get_exp_cycles())
        groups = self.get_nodeattr("IFMChannels") // self.get_nodeattr("SIMD")
        return cycles_of_windows(windows, kernel, stride, pixels, groups, self.get_buffer_depth())


@lru_cache(maxsize=4096)
def cycles_of_windows(windows: int, kernel: int, stride: int, pixels: int, groups: int, depth: int) -> int:
    """Cycles from a frame's end to the next frame's, of the control logic in FINN 1.6.1's swg_template_default.sv.

    The input always has a word, and the output is always taken. A word holds one of `groups` groups of channels of a
    pixel. A window leaves group by group, so a word is overwritten late, and the next window waits for its last pixels.

    Args:
        windows: windows of a frame.
        kernel: pixels of a window.
        stride: pixels from one window to the next.
        pixels: pixels of a frame.
        groups: words of a pixel.
        depth: words of the buffer.
    """
    last_word, last_turn = pixels * groups - 1, windows * groups - 1
    frame_ends = []
    cycle = 0
    for _ in range(2):
        newest, free_to, turn, pixel = -1, 0, 0, 0
        fetched_all = written_all = holds = ended = False
        while not ended:
            word = (turn // groups * stride + pixel) * groups + turn % groups
            fetches = not fetched_all and word <= newest
            oldest = newest - (depth - 1)
            reads = newest < last_word and (fetched_all or oldest < min(free_to, word))
            complete = newest + reads == last_word
            if holds and fetched_all:
                ended, written_all = complete, not complete
            elif written_all and complete and reads:
                ended = True
            if fetches:
                if pixel == 0:
                    following = turn + 1
                    free_to = following // groups * stride * groups + following % groups
                fetched_all = turn == last_turn and pixel == kernel - 1
                pixel = (pixel + 1) % kernel
                turn += pixel == 0 and not fetched_all
            holds = fetches
            newest += reads
            cycle += 1
        frame_ends.append(cycle)
    return frame_ends[1] - frame_ends[0]
