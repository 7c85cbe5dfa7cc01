"""Where alerts are told: a log, a webhook, a Slack-compatible webhook, e-mail."""
