"""What bopis is measured against, in the same run."""
