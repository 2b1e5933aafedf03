"""Edits of pictures by moving their codes: directions in the space of codes, and what they are learnt from."""
