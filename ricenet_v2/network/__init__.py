"""From a plan to a torch module, and what it costs."""
