"""The verbs: what a command of the command line, or a line of Python, sets off."""
