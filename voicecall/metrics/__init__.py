"""What Prometheus may ask: counted from the facts once they are durable, or read when it asks. No label is a person."""
