"""The simulated demo cohort."""
