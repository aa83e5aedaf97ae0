"""The checks behind tests/tidy: functions from text to a list of problems, so that each can be
shown to fail on a planted violation.
"""
