"""Files that real collections hold and readers break on: made, altered, and read."""
