"""Who hears of what: from an incident's event to the deliveries that tell it."""
