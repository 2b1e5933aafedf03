"""Training: devices, optimizers, the loop, and what it saves and restores."""
