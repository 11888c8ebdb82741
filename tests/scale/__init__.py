"""Many hosts, two tiers of collectors and Kafka between them, on one machine."""
