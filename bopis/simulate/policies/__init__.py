"""The policies that a day can be played under, one a file."""
