"""The vocabulary of RadioML 2018.01A: class names, SNR grid and frame shape, in the order of the file; and the goal.

Source: the data set's own file order; the `classes.txt` distributed beside it is wrong (checked by others against
the labels). The SNR label is in dB.
"""

from __future__ import annotations

CLASSES: tuple[str, ...] = (
    "OOK", "4ASK", "8ASK", "BPSK", "QPSK", "8PSK", "16PSK", "32PSK", "16APSK", "32APSK", "64APSK", "128APSK",
    "16QAM", "32QAM", "64QAM", "128QAM", "256QAM", "AM-SSB-WC", "AM-SSB-SC", "AM-DSB-WC", "AM-DSB-SC", "FM",
    "GMSK", "OQPSK",
)  # fmt: skip
SNRS_DB: tuple[int, ...] = tuple(range(-20, 31, 2))
FRAME_LENGTH = 1024
"""Complex samples a frame."""
FULL_FRAMES_PER_CELL = 4096
"""Frames of one class at one SNR in the published file (2,555,904 in all)."""
REQUIRED_ACCURACY = 0.56
"""What the challenge ITU-ML5G-PS-007 asks for, over all classes and SNRs of the real test part."""
