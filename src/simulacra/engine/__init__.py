"""Training: devices, optimisers, the loop, and what it saves and restores."""
