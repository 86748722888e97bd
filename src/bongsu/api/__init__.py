"""The ASGI edge: keys, limits, and each API's own envelope; the only code that knows HTTP."""
