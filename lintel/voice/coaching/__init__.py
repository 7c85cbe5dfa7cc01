"""One useful card at the right moment: playbook, triggers, and rules against noise."""
