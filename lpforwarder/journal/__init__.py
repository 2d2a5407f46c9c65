"""② Journal: the durable middle, the only state."""
