"""The driver: stream IQ frames through an accelerator, whatever it runs on, and measure what comes out."""
