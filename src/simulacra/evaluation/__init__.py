"""What can be measured and drawn of a run, chosen by what its objective can do."""
