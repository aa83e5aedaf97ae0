"""The batch optimizer's benchmark: instances, peers, figures."""
