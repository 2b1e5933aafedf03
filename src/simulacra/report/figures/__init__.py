"""Arrays -> matplotlib figures. Nothing here knows of runs, pages or files."""
