"""Public cohorts: their tables and layout -> a manifest of cases, labelled by a documented rule."""
