"""`flask doctor`: look at everything an installation needs, and say what to mend. Changes nothing."""
