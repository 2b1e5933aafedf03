"""Studies: claims put to the test over several seeds."""
