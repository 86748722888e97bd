"""
The only numba code: arrays in, arrays out.

Kernels allocate nothing that outlives them, raise nothing, write into a given output, and have a naive twin in
`tests/naive`. Nothing but this package imports numba; importing it costs half a second, so the CLI does not.
"""
