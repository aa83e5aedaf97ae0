"""Use cases, one file per group of verbs: functions with their dependencies passed in."""
