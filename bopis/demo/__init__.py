"""The demo: a day replayed over gRPC by client processes, checked and scored independently."""
