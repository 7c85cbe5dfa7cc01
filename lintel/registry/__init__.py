"""Model versions, traffic and their history; the only package that knows MLflow."""
