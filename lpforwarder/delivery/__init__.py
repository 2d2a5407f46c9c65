"""③ Delivery: from the journal to collectors."""
