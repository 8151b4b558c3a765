"""The packet path: `nogil` Cython, driven by a clock that is an argument. Read pipeline.pyx first."""
