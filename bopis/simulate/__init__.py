"""What-if days: a scenario's day under policies, in this process and on a simulated clock."""
