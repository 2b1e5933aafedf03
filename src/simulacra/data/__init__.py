"""From pictures to a packed store, and from a store to batches."""
