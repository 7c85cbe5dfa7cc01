"""Text: redaction of personal data and numeric signals."""
